"""Plain values: numbers, text, bytes, None; tuples, lists, dicts and sets of them."""

from __future__ import annotations

from typing import Any

_ATOMS = frozenset((bool, int, float, str, bytes, bytearray, type(None)))
_SEQUENCES = frozenset((list, tuple, set, frozenset))


def check_plain(value: Any, depth: int = 100) -> None:
    """Raises `TypeError` that names what is not plain, or nested deeper than `depth`."""
    kind = type(value)
    if kind in _ATOMS:
        return
    if not depth:
        raise TypeError("it is nested too deeply")
    if kind in _SEQUENCES:
        for each in value:
            check_plain(each, depth - 1)
    elif kind is dict:
        for key, each in value.items():
            check_plain(key, depth - 1)
            check_plain(each, depth - 1)
    else:
        raise TypeError(f"{kind.__name__} is not a plain value")
