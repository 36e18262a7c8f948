"""What may lie between one government and the next, written down a second time.

The core has its own functions that make governments; these here judge them, and share nothing
with them, so that a mistake must be made twice to go unseen.
"""

from __future__ import annotations

from collections.abc import Callable

from paxos_ray.core.government import Government

Seats = tuple[str, ...]


class InvalidChange(Exception):
    """No change of government leads from the one to the other."""


def change_between(before: Government, after: Government, size: int, floor: int) -> str:
    """The name of the change; `size` and `floor` are the parliament's, in seats.

    Raises `InvalidChange`.
    """
    if after.number <= before.number:
        raise InvalidChange(f"number {after.number} does not exceed {before.number}")
    if len(after.majority) != after.quorum:
        raise InvalidChange(f"{after.majority} is no smallest strict majority")
    if is_election(before, after):
        return "election"
    if after.number != before.number + 1:
        raise InvalidChange(f"a change of {before.number} has not the next number")
    for name, is_change in CHANGES.items():
        if is_change(before, after, size, floor):
            return name
    raise InvalidChange("more than one change, or none")


def is_election(before: Government, after: Government) -> bool:
    """Same citizens and seats in parliament; any smallest majority of it."""
    return (
        _same_citizens(before, after)
        and before.acclimated == after.acclimated
        and before.constituents == after.constituents
        and sorted(before.parliament) == sorted(after.parliament)
        and not is_exchange(before, after)
    )


def is_exchange(before: Government, after: Government) -> bool:
    """A member of the majority changed seats with one of the minority; the next in line leads."""
    gone = _without(before.majority, after.majority)
    come = _without(after.majority, before.majority)
    if len(gone) != 1 or len(come) != 1 or before.constituents != after.constituents:
        return False
    leader = before.majority[1:2] if gone == before.majority[:1] else before.majority[:1]
    return (
        after.number == before.number + 1
        and _same_citizens(before, after)
        and before.acclimated == after.acclimated
        and sorted(after.minority) == sorted(_without(before.minority, come) + gone)
        and after.majority[:1] == (leader or come)
    )


def _exchange(before: Government, after: Government, size: int, floor: int) -> bool:
    return is_exchange(before, after)


def _arrive(before: Government, after: Government, size: int, floor: int) -> bool:
    come = _without(tuple(after.citizens), tuple(before.citizens))
    return (
        len(come) == 1
        and set(before.citizens) < set(after.citizens)
        and _same_parliament(before, after)
        and after.constituents == before.constituents + come
        and after.acclimated in (before.acclimated, before.acclimated + come)
    )


def _depart(before: Government, after: Government, size: int, floor: int) -> bool:
    gone = _without(tuple(before.citizens), tuple(after.citizens))
    seats = len(before.parliament)
    return (
        len(gone) == 1
        and set(after.citizens) < set(before.citizens)
        and after.majority == before.majority
        and after.minority == _without(before.minority, gone)
        and after.constituents == _without(before.constituents, gone)
        and after.acclimated == _without(before.acclimated, gone)
        and (gone[0] in before.constituents or (seats % 2 == 1 and seats > floor))
    )


def _acclimate(before: Government, after: Government, size: int, floor: int) -> bool:
    return (
        _same_citizens(before, after)
        and _same_parliament(before, after)
        and before.constituents == after.constituents
        and after.acclimated[:-1] == before.acclimated
        and len(after.acclimated) == len(before.acclimated) + 1
    )


def _replace(before: Government, after: Government, size: int, floor: int) -> bool:
    if len(before.minority) != len(after.minority) or before.majority != after.majority:
        return False
    passed = [
        pair for pair in zip(before.minority, after.minority, strict=True) if len(set(pair)) > 1
    ]
    if len(passed) != 1 or not _same_but_seats(before, after):
        return False
    member, substitute = passed[0]
    return (
        substitute in before.constituents
        and substitute in before.acclimated
        and sorted(after.constituents)
        == sorted((*_without(before.constituents, (substitute,)), member))
    )


def _contract(before: Government, after: Government, size: int, floor: int) -> bool:
    seats = len(before.parliament)
    minority = (before.majority[-1], *before.minority)
    leaving = _without(minority, after.minority)
    return (
        seats % 2 == 0
        and seats > floor
        and _same_but_seats(before, after)
        and after.majority == before.majority[:-1]
        and len(leaving) == 1
        and after.minority == _without(minority, leaving)
        and after.constituents == leaving + before.constituents
    )


def _promote(before: Government, after: Government, size: int, floor: int) -> bool:
    pair = _without(before.constituents, after.constituents)
    mover = after.majority[-1:]
    return (
        len(pair) == 2
        and len(before.parliament) <= size - 2
        and _same_but_seats(before, after)
        and all(id in before.acclimated for id in pair)
        and after.majority == before.majority + mover
        and sorted(after.minority) == sorted(_without((*before.minority, *pair), mover))
        and after.constituents == _without(before.constituents, pair)
    )


CHANGES: dict[str, Callable[[Government, Government, int, int], bool]] = {
    "exchange": _exchange,
    "arrive": _arrive,
    "depart": _depart,
    "acclimate": _acclimate,
    "replace": _replace,
    "contract": _contract,
    "promote": _promote,
}
"""The changes that are no elections, by name: from one government to the next, with the size and
floor of the parliament."""


def _same_citizens(before: Government, after: Government) -> bool:
    return list(before.citizens.items()) == list(after.citizens.items())


def _same_parliament(before: Government, after: Government) -> bool:
    return before.majority == after.majority and before.minority == after.minority


def _same_but_seats(before: Government, after: Government) -> bool:
    return _same_citizens(before, after) and before.acclimated == after.acclimated


def _without(ids: Seats, gone: Seats) -> Seats:
    return tuple(id for id in ids if id not in gone)
