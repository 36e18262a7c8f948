"""Whose a module is: the user's own travels with what refers to it, what is installed by name."""

from __future__ import annotations

import dis
import sys
import sysconfig
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from types import CodeType

_OURS = ("paxos_ray", "ray", "cloudpickle")
_GLOBAL = frozenset(("LOAD_GLOBAL", "STORE_GLOBAL", "DELETE_GLOBAL", "LOAD_NAME"))


def of_user(module: str | None) -> bool:
    """Whether that module is one that the user works in: neither of Python, nor installed into
    its site-packages, nor this package. So is the program itself, and what is not a file here."""
    return module is None or _of_user(module)


@lru_cache(maxsize=4096)
def _of_user(module: str) -> bool:
    top = module.partition(".")[0]
    if module == "__main__":
        return True
    if top in _OURS or top in sys.stdlib_module_names:
        return False
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None:
        try:
            spec = find_spec(top)
        except (ImportError, ValueError, AttributeError):
            spec = None
        if spec is None:
            return True
        file = spec.origin or next(iter(spec.submodule_search_locations or ()), None)
        if file is None or file in ("built-in", "frozen"):
            return file is None
    return not any(Path(file).is_relative_to(place) for place in _installed())


@lru_cache(maxsize=1)
def _installed() -> tuple[Path, ...]:
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    places = {sysconfig.get_path(name) for name in names}
    sites = {path for path in sys.path if path.endswith(("site-packages", "dist-packages"))}
    return tuple(Path(path) for path in sorted(places | sites))


@lru_cache(maxsize=4096)
def global_names(code: CodeType) -> tuple[str, ...]:
    """The global names that this code uses, that of its inner functions included, sorted."""
    names = {each.argval for each in dis.get_instructions(code) if each.opname in _GLOBAL}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names.update(global_names(constant))
    return tuple(sorted(names))
