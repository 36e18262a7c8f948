"""Marking a user's class as one that can be replicated, and what there is to know of such a class.

@paxos_ray.replicated
class Inventory:
    def __init__(self) -> None:
        self.stock: dict[str, int] = {}

    def add(self, sku: str, n: int) -> int: ...

    @paxos_ray.query
    def left(self, sku: str) -> int: ...
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any, NamedTuple, TypeVar, overload

from paxos_ray.machines.errors import InvalidClass

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

ARGUMENT_BYTES = 1 << 20
"""What the arguments of one call may weigh, pickled, unless the class says otherwise."""

MOST_ARGUMENT_BYTES = 1 << 28

TOLD = frozenset(("arrive", "acclimated", "depart", "government"))
"""Hooks that are told of the island's governments."""

HOOKS = TOLD | {"bootstrap", "snapshot", "join", "session_ended", "due", "tick"}
"""Methods that the island calls, and nobody else."""

_MARK = "__paxos_replicated__"
_QUERY = "__paxos_query__"


class Terms(NamedTuple):
    """What a class has been marked with, see `replicated`."""

    argument_bytes: int
    checks_first: bool


@overload
def replicated(cls: type[T], /) -> type[T]: ...
@overload
def replicated(
    *, argument_bytes: int = ..., checks_first: bool = ...
) -> Callable[[type[T]], type[T]]: ...
def replicated(
    cls: type[T] | None = None,
    /,
    *,
    argument_bytes: int = ARGUMENT_BYTES,
    checks_first: bool = False,
) -> type[T] | Callable[[type[T]], type[T]]:
    """Mark a class, whose instances can then be deployed on an island. The class stays as it is.

    Its public methods are called through the log, on every citizen, but for those marked with
    `query`. They must come to the same on each: no clock, no chance, no order of a set, nothing
    from outside; `paxos_ray.context()` has what one needs instead.

    The arguments of one call may weigh `argument_bytes`, pickled. With `checks_first` the class
    promises that a method that raises has changed nothing: then no copy is kept to go back to,
    which is worth it for a state of many megabytes. Raises `InvalidClass`.
    """
    if type(argument_bytes) is not int or not 0 < argument_bytes <= MOST_ARGUMENT_BYTES:
        raise InvalidClass(
            f"argument_bytes is a whole number from 1 to {MOST_ARGUMENT_BYTES}, "
            f"not {argument_bytes!r}"
        )
    terms = Terms(argument_bytes, bool(checks_first))

    def mark(cls: type[T]) -> type[T]:
        check_class(cls)
        setattr(cls, _MARK, tuple(terms))
        return cls

    return mark if cls is None else mark(cls)


def query(method: F) -> F:
    """Mark a method that only reads: it is answered by the leader, and not put in the log."""
    if not isinstance(method, FunctionType):
        raise InvalidClass(f"query marks a method, not {type(method).__name__}")
    setattr(method, _QUERY, True)
    return method


def terms_of(cls: object) -> Terms:
    """What the class was marked with. Raises `InvalidClass` if it was not."""
    marked = vars(cls).get(_MARK) if isinstance(cls, type) else None
    if marked is None:
        name = cls.__qualname__ if isinstance(cls, type) else repr(cls)
        raise InvalidClass(f"{name} is no class marked with @paxos_ray.replicated")
    return Terms(*marked)


def methods_of(cls: type) -> dict[str, bool]:
    """The methods that may be called from outside, by name: whether each is a query."""
    found = {}
    for name in dir(cls):
        if name.startswith("_") or name in HOOKS:
            continue
        method = inspect.getattr_static(cls, name)
        if isinstance(method, FunctionType):
            found[name] = bool(getattr(method, _QUERY, False))
    return found


def hooks_of(cls: type) -> frozenset[str]:
    """The hooks that the class defines."""
    return frozenset(
        name for name in HOOKS if isinstance(inspect.getattr_static(cls, name, None), FunctionType)
    )


def check_class(cls: object) -> None:
    """Raises `InvalidClass` for a class that cannot be replicated, whatever its methods do."""
    if not isinstance(cls, type):
        raise InvalidClass(f"a class is marked as replicated, not {cls!r}")
    name = cls.__qualname__
    methods, hooks = methods_of(cls), hooks_of(cls)
    for each in sorted((*methods, *hooks)):
        method = inspect.getattr_static(cls, each)
        if inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method):
            raise InvalidClass(f"{name}.{each} is async: a replicated method cannot wait")
        if inspect.isgeneratorfunction(method):
            raise InvalidClass(f"{name}.{each} is a generator: it would run outside of the log")
    for one, other in (("snapshot", "join"), ("due", "tick")):
        if (one in hooks) != (other in hooks):
            raise InvalidClass(f"{name} has one of {one} and {other}: they come together")
    if not methods:
        raise InvalidClass(f"{name} has no public method")
