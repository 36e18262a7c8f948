"""What a state of the search is made of, how much may happen, and what may happen next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

CHANGES = ("emigrate", "embark")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of each may happen. Raises `ValueError` for what cannot be searched.

    `entries` proposed and `reads` asked, each of whoever believes to lead; `changes` of government
    asked for, of the kind `change`: that a citizen emigrates, or that a newcomer embarks;
    `elections` begun by telling somebody, truly or not, that another is dead; `crashes` for good;
    `faults`: a request or a reply that is lost or late, or a request delivered twice; `alarms` that
    ring, each moving the clock of one citizen.
    """

    citizens: int = 3
    entries: int = 2
    reads: int = 0
    changes: int = 1
    elections: int = 1
    crashes: int = 1
    faults: int = 1
    alarms: int = 0
    change: str = "emigrate"

    def __post_init__(self) -> None:
        if self.citizens not in (1, 3, 5):
            raise ValueError("an island to search has 1, 3 or 5 citizens")
        if self.change not in CHANGES:
            raise ValueError(f"a change is one of {', '.join(CHANGES)}, not {self.change!r}")
        if any(not 0 <= amount <= 100 for amount in self.amounts):
            raise ValueError("a bound is a number from 0 to 100")

    @property
    def amounts(self) -> tuple[int, ...]:
        """What a state has left of each at first; see `Left`."""
        return (
            self.entries, self.reads, self.changes, self.elections, self.crashes, self.faults,
            self.alarms,
        )  # fmt: skip


ENTRIES, READS, CHANGES_LEFT, ELECTIONS, CRASHES, FAULTS, ALARMS = range(7)

DEAD = -1
NOTHING_COMES = -1

Slot = tuple[int, int]
"""A recipient, and a code: twice the number of the request on its way, that of the reply and one
more, or `NOTHING_COMES`."""
Slots = tuple[Slot, ...]
Bundle = tuple[tuple[int, Slots], ...]
"""The carriers of one citizen, in order: the place of the pulse among those that it waits for, and
the slots. A pulse that was given again has two."""

State = tuple[int, ...]
"""One state, flat: the cell of each citizen, the annal of the checkers, what is left (`Left`), and
any number of strays (see `stray`)."""

# What is left is one number: seven bits for each bound, and above them a bit for who is dead.
_BITS = 7
_MOST = (1 << _BITS) - 1
DEAD_SHIFT = _BITS * 7


def left_of(amounts: tuple[int, ...]) -> int:
    """What is left at first, nobody being dead."""
    return sum(amount << _BITS * index for index, amount in enumerate(amounts))


def is_left(left: int, index: int) -> int:
    """How much of that kind is left."""
    return left >> _BITS * index & _MOST


def less(left: int, index: int) -> int:
    """What is left when one of that kind is spent."""
    return left - (1 << _BITS * index)


STRAY_SHIFT = 3
STRAY_MASK = (1 << STRAY_SHIFT) - 1


def stray(to: int, request: int) -> int:
    """A request that nobody waits for: the recipient, and the number of the request."""
    return request << STRAY_SHIFT | to


class Move(NamedTuple):
    """What may happen: its kind, at whom, whom else it concerns (the sender of what arrives, who
    is asked about), and the places of a carrier and a slot, or of a stray."""

    kind: str
    who: int
    other: int = -1
    place: int = -1
    slot: int = -1


Way = tuple[Move, ...]
"""Moves made together: any number of silent ones, and one that is not."""


def undelivered(slots: Slots) -> list[int]:
    """The strays that the requests in these slots become which have not arrived."""
    return [stray(to, code >> 1) for to, code in slots if code >= 0 and code % 2 == 0]
