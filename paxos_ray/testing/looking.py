"""Looking into a value, part by part, to find where two of them differ.

The two values are in processes of their own, and may be large: what is compared are the digests of
the parts of one part at a time. A part is found by its *route*, the places of the parts that it is
in.
"""

from __future__ import annotations

import copyreg
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from paxos_ray.machines.likeness import likeness

Route = tuple[int, ...]

DEEP = 64
"""How far to look into a value; one that contains itself has no end."""

_MOST_TEXT = 300


class Part(NamedTuple):
    """One part of a value: how it is called, the digest of its key, that of itself."""

    label: str
    key: bytes
    value: bytes


class View(NamedTuple):
    """What is seen at a route: as text, and its parts in order."""

    text: str
    parts: list[Part]


def view(value: Any, route: Route) -> View:
    """What there is at that route."""
    for place in route:
        value = _parts(value)[place][2]
    return View(
        _text(value),
        [Part(label, digest(key), digest(part)) for label, key, part in _parts(value)],
    )


def difference(
    first: Callable[[Route], View], second: Callable[[Route], View]
) -> tuple[str, str, str]:
    """The path to the least part in which two values differ, and that part of each as text."""
    path = ""
    route: Route = ()
    while True:
        one, other = first(route), second(route)
        place = _differing(one.parts, other.parts) if len(route) < DEEP else None
        if place is None:
            return path, one.text, other.text
        path += one.parts[place].label
        route = (*route, place)


def _differing(one: Sequence[Part], other: Sequence[Part]) -> int | None:
    """The place of the first part that differs, if the parts are called alike."""
    if [part.key for part in one] != [part.key for part in other]:
        return None
    differing = (n for n, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1])
    return next(differing, None)


def _parts(value: Any) -> list[tuple[str, Any, Any]]:
    """The label, the key and the value of each; none of what is looked at as a whole."""
    kind = type(value)
    if kind in (list, tuple):
        return [(f"[{n}]", n, part) for n, part in enumerate(value)]
    if kind is dict:
        return [(f"[{_text(key)}]", key, part) for key, part in value.items()]
    if kind in _WHOLE or isinstance(value, type):
        return []
    try:
        reduce = copyreg.dispatch_table.get(kind)
        reduced = value.__reduce_ex__(4) if reduce is None else reduce(value)
        if isinstance(reduced, str):
            return []
        _, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
        found = [(f"({n})", n, each) for n, each in enumerate(arguments)]
        found += _attributes(state)
        found += [(f"[{n}]", n, each) for n, each in enumerate(items or ())]
        found += [(f"[{_text(key)}]", key, part) for key, part in pairs or ()]
    except Exception:  # noqa: BLE001 - a user's class: it is looked at as a whole, then
        return []
    return found


def _attributes(state: Any) -> list[tuple[str, Any, Any]]:
    if type(state) is tuple and len(state) == 2 and type(state[1]) is dict:
        return _attributes(state[0]) + _attributes(state[1])
    if type(state) is dict and all(type(name) is str for name in state):
        return [(f".{name}", name, state[name]) for name in sorted(state)]
    return [] if state is None else [("(state)", "", state)]


_WHOLE = frozenset((type(None), bool, int, float, complex, str, bytes, bytearray, set, frozenset))


def digest(value: Any) -> bytes:
    """That of any value; of what cannot be taken apart it is empty."""
    try:
        return likeness(value)
    except Exception:  # noqa: BLE001 - a user's class
        return b""


def _text(value: Any) -> str:
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001 - a user's class
        text = f"<{type(value).__qualname__}, whose repr raises {type(error).__name__}>"
    return text if len(text) <= _MOST_TEXT else text[: _MOST_TEXT - 1] + "…"
