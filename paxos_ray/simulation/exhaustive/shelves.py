"""Where a search keeps what is many: the states of a level, and the digests of all that were met.

Both are flat arrays: a state is about 60 bytes while it waits, and then a digest of 16 bytes.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from paxos_ray.simulation.exhaustive.state import State

_WORD = (1 << 64) - 1
_FULL = 0.6
"""The part of a table's places that may be taken."""


GRAIN = 250
"""States between two that can be found at once."""


class Shelf:
    """States in order; slices of them are cut after every `GRAIN` states."""

    def __init__(self) -> None:
        self._words = array("Q")
        self._starts: list[int] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def grains(self) -> int:
        """How many times `GRAIN` states there are; the last may be fewer."""
        return len(self._starts)

    def add(self, state: State) -> None:
        """Put a state at the end."""
        if self._count % GRAIN == 0:
            self._starts.append(len(self._words))
        self._count += 1
        self._words.append(len(state))
        self._words.extend(state)

    def slice(self, first: int, after: int) -> Iterator[State]:
        """The states from one grain on, up to another."""
        words, at = self._words, self._starts[first]
        end = len(words) if after >= len(self._starts) else self._starts[after]
        while at < end:
            length = words[at]
            at += 1
            yield tuple(words[at : at + length])
            at += length


class Visited:
    """A set of numbers of 16 bytes, in a table that is searched from where the number says."""

    def __init__(self) -> None:
        self._count = 0
        self._make(1 << 12)

    def __len__(self) -> int:
        return self._count

    def _make(self, places: int) -> None:
        self._mask = places - 1
        self._low = array("Q", bytes(8 * places))
        self._high = array("Q", bytes(8 * places))

    def __contains__(self, digest: int, /) -> bool:
        low, high, mask = self._low, self._high, self._mask
        first, second = digest & _WORD or 1, digest >> 64
        place = first & mask
        while known := low[place]:
            if known == first and high[place] == second:
                return True
            place = place + 1 & mask
        return False

    def add(self, digest: int) -> bool:
        """Take it in; False when it was there."""
        low, high, mask = self._low, self._high, self._mask
        first, second = digest & _WORD or 1, digest >> 64
        place = first & mask
        while known := low[place]:
            if known == first and high[place] == second:
                return False
            place = place + 1 & mask
        low[place], high[place] = first, second
        self._count += 1
        if self._count > _FULL * mask:
            self._grow()
        return True

    def _grow(self) -> None:
        before = zip(self._low, self._high, strict=True)
        self._make(2 * (self._mask + 1))
        low, high, mask = self._low, self._high, self._mask
        for first, second in before:
            if first:
                place = first & mask
                while low[place]:
                    place = place + 1 & mask
                low[place], high[place] = first, second


class Roots:
    """How each state was come by: from which, by which of its moves."""

    def __init__(self) -> None:
        self._parents = array("L")
        self._moves = array("H")

    def add(self, parent: int, move: int) -> None:
        """The next state, by number."""
        self._parents.append(parent)
        self._moves.append(move)

    def way(self, state: int) -> list[int]:
        """The moves from the first state to this one."""
        way: list[int] = []
        while state:
            way.append(self._moves[state])
            state = self._parents[state]
        return way[::-1]
