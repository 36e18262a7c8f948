"""What the arguments of standard objects must be: checks that say what is wrong, and equality."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from paxos_ray.machines.digest import canonical

DEPTH = 50
"""How deep a value may be nested, so that comparing it stays well below recursion's limit."""

PARTS = 1_000_000
"""How many parts a value may have. Bodies share equal parts, so a small body can say a huge value,
even an endless one."""

_ATOMS = frozenset((bool, int, float, str, bytes, bytearray, type(None)))
_SEQUENCES = frozenset((list, tuple, set, frozenset))


class Kind(NamedTuple):
    """A kind of argument: how one calls it, and whether a value is of it."""

    says: str
    fits: Callable[[Any], bool]


def is_plain(value: Any) -> bool:
    """Whether it is a plain value (see `Machine`), neither too deep nor too large."""
    return type(value) in _ATOMS or _left(value, DEPTH, PARTS) >= 0


def same(one: Any, other: Any) -> bool:
    """Equal, and of the same types throughout: not as True is equal to 1."""
    kind = type(one)
    if kind is not type(other):
        return False
    if kind is int or kind is str or kind is bytes:
        return bool(one == other)
    return canonical(one) == canonical(other)


def maybe(kind: Kind) -> Kind:
    """The same, or None."""
    fits = kind.fits
    return Kind(f"{kind.says} or None", lambda value: value is None or fits(value))


TEXT = Kind("text", lambda value: type(value) is str)
INTEGER = Kind("an integer", lambda value: type(value) is int)
POSITIVE = Kind("a positive integer", lambda value: type(value) is int and value > 0)
NATURAL = Kind("an integer, not below 0", lambda value: type(value) is int and value >= 0)
FLAG = Kind("True or False", lambda value: type(value) is bool)
PLAIN = Kind(f"a plain value, nested at most {DEPTH} deep", is_plain)


def _left(value: Any, depth: int, parts: int) -> int:
    """How many parts more there may be after this value; below 0 if it is not plain."""
    kind = type(value)
    if kind in _ATOMS:
        return parts - 1
    if not depth or parts <= 0:
        return -1
    each: Any
    inner: Iterable[Any]
    if kind in _SEQUENCES:
        inner = value
    elif kind is dict:
        inner = (each for item in value.items() for each in item)
    else:
        return -1
    parts -= 1
    for each in inner:
        parts = _left(each, depth - 1, parts)
        if parts < 0:
            return -1
    return parts
