"""The replicated sequence: numbers that nobody else gets, one or a range at a time."""

from __future__ import annotations

from typing import Any

from paxos_ray.machines.context import Context
from paxos_ray.machines.standard import Standard, change, natural, query
from paxos_ray.machines.values import NATURAL, POSITIVE


class Sequence(Standard):
    """Integers from 1 on, each given out once. It has no events: nobody waits for it."""

    __slots__ = ("_next",)

    kind = "sequence"

    def __init__(self) -> None:
        self._next = 1

    @change(count=POSITIVE)
    def reserve(self, context: Context, count: int = 1) -> int:
        """Take the numbers `first` … `first + count - 1`; `first`. A client that takes many at
        once asks seldom; what it does not use is left out."""
        first = self._next
        self._next += count
        return first

    @change(least=NATURAL)
    def advance(self, context: Context, least: int) -> int:
        """Give out no number below `least` from now on; the number that is next. It never goes
        back, so that numbers stay unique."""
        self._next = max(self._next, least)
        return self._next

    @query()
    def next(self) -> int:
        """The number that is given out next."""
        return self._next

    def snapshot(self) -> Any:
        """The next number."""
        return self._next

    def load(self, snapshot: Any) -> None:
        """See `Standard.load`."""
        self._next = natural(snapshot)
        if not self._next:
            raise ValueError
