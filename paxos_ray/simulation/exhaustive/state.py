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
ANYBODY = -1
NOTHING_COMES = -1

Slot = tuple[int, int]
"""A recipient, and a code: twice the number of the request on its way, that of the reply and one
more, or `NOTHING_COMES`."""
Carrier = tuple[int, int, tuple[Slot, ...]]
"""Sender, place of the pulse among those it waits for, and the slots."""
Stray = tuple[int, int]
"""Recipient, and the number of the request."""


class State(NamedTuple):
    """One state; see the module."""

    postures: tuple[int, ...]
    carriers: tuple[Carrier, ...]
    strays: tuple[Stray, ...]
    left: tuple[int, ...]
    court: int


class Move(NamedTuple):
    """What may happen: its kind, at whom, and places or citizens that it concerns."""

    kind: str
    who: int
    carrier: int = -1
    slot: int = -1


Way = tuple[Move, ...]
"""Moves made together: any number of silent ones, and one that is not."""


def is_quiet(state: State) -> bool:
    """Whether nothing is on its way."""
    return not state.carriers and not state.strays


def undelivered(slots: tuple[Slot, ...]) -> list[Stray]:
    """The requests in these slots that have not arrived."""
    return [(to, code // 2) for to, code in slots if code >= 0 and code % 2 == 0]


def answered(carriers: tuple[Carrier, ...], at: int, slot: int, code: int) -> tuple[Carrier, ...]:
    """The carriers when one of them has got this in a slot."""
    sender, place, slots = carriers[at]
    filled = (*slots[:slot], (slots[slot][0], code), *slots[slot + 1 :])
    return (*carriers[:at], (sender, place, filled), *carriers[at + 1 :])


def less(left: tuple[int, ...], index: int) -> tuple[int, ...]:
    """What is left when one of that kind is spent."""
    return (*left[:index], left[index] - 1, *left[index + 1 :])
