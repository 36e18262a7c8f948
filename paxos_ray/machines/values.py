"""What the arguments of standard objects must be: checks that say what is wrong, and equality."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from paxos_ray.machines.digest import canonical

DEPTH = 50
"""How deep a value may be nested, so that comparing it stays well below recursion's limit."""

PARTS = 1_000_000
"""How many parts a value may have. Bodies share equal parts, so a small body can say a huge value,
even an endless one: a part counts each time that it is met."""

BYTES = 64 << 20
"""How many bytes of text, bytes and large integers the parts of a value may have, each counted
likewise. A text or bytes alone is as large as its body says, and may be of any size."""

_ATOMS = frozenset((bool, int, float, str, bytes, bytearray, type(None)))
_LONG = frozenset((str, bytes, bytearray))
_SEQUENCES = frozenset((list, tuple, set, frozenset))


Size = tuple[int, int, int]
"""What a value unfolds to: how many parts and bytes, and how deep it is nested."""


class Kind(NamedTuple):
    """A kind of argument: how one calls it, and whether a value is of it."""

    says: str
    fits: Callable[[Any], bool]


def is_plain(value: Any, depth: int = DEPTH) -> bool:
    """Whether it is a plain value (see `Machine`), neither too deep nor too large."""
    return type(value) in _ATOMS or _size(value, depth, {}) is not None


def same(one: Any, other: Any) -> bool:
    """Equal, and of the same types throughout: not as True is equal to 1."""
    kind = type(one)
    if kind is not type(other):
        return False
    if kind is int or kind is str or kind is bytes:
        return bool(one == other)
    return canonical(one) == canonical(other)


def shown(number: int | None) -> str:
    """A number in an error's text: short, and the same in every process, though decimal text is
    limited in length as each is set."""
    if number is None or abs(number) < 10**18:
        return str(number)
    return f"an integer of {number.bit_length()} bits"


def maybe(kind: Kind) -> Kind:
    """The same, or None."""
    fits = kind.fits
    return Kind(f"{kind.says} or None", lambda value: value is None or fits(value))


TEXT = Kind("text", lambda value: type(value) is str)
INTEGER = Kind("an integer", lambda value: type(value) is int)
POSITIVE = Kind("a positive integer", lambda value: type(value) is int and value > 0)
NATURAL = Kind("an integer, not below 0", lambda value: type(value) is int and value >= 0)
FLAG = Kind("True or False", lambda value: type(value) is bool)
PLAIN = Kind(
    f"a plain value, nested at most {DEPTH} deep, of at most {PARTS:,} parts and {BYTES >> 20} MiB",
    is_plain,
)


def _size(value: Any, depth: int, known: dict[int, Size]) -> Size | None:
    """What a nested value unfolds to; None if it is not plain, deeper than `depth`, or too large.

    `known` is by identity what has been looked at, so that what is shared is looked at once."""
    kind = type(value)
    each: Any
    inner: Iterable[Any]
    if kind in _SEQUENCES:
        inner = value
    elif kind is dict:
        inner = (each for item in value.items() for each in item)
    else:
        return None
    if depth <= 0:
        return None
    parts, size, deepest = 1, 0, 0
    for each in inner:
        kind = type(each)
        if kind in _LONG:
            parts += 1
            size += len(each)
        elif kind is int:
            parts += 1
            size += each.bit_length() >> 3
        elif kind in _ATOMS:
            parts += 1
        else:
            found = known.get(id(each)) or _size(each, depth - 1, known)
            if found is None or found[2] >= depth:
                return None
            parts += found[0]
            size += found[1]
            if found[2] > deepest:
                deepest = found[2]
        if parts > PARTS or size > BYTES:
            return None
    known[id(value)] = unfolded = (parts, size, deepest + 1)
    return unfolded
