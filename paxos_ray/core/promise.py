"""The two orders of the protocol: promises number the log, ballots the attempts to lead it."""

from __future__ import annotations

from typing import NamedTuple


class Promise(NamedTuple):
    """A place in the log, ordered, printed `7/0`.

    Entry 0 of a government is the government itself; 1, 2, … are the entries it wrote.
    Python integers: there is no upper bound.
    """

    government: int
    entry: int

    def __str__(self) -> str:
        return f"{self.government}/{self.entry}"


class Ballot(NamedTuple):
    """An attempt to lead: a number, then the id of who attempts it. Ordered, printed `(7,a)`.

    A committed government's ballot is its number and its leader. (Lamport, "The Part-Time
    Parliament", section 2: ballot numbers are made unique by the name of who holds them.)
    """

    number: int
    id: str

    def __str__(self) -> str:
        return f"({self.number},{self.id})"


NO_BALLOT = Ballot(0, "")
