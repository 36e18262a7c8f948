"""Virtual time: what happens when, in one order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from typing import Any


class Agenda:
    """A queue of actions by virtual time, in integer ms; what is due together goes first come,
    first served, so that a run does not depend on how a heap breaks ties."""

    __slots__ = ("_order", "_queue", "now")

    def __init__(self) -> None:
        self._queue: list[tuple[int, int, Callable[..., object], tuple[Any, ...]]] = []
        self._order = 0
        self.now = 0

    def __len__(self) -> int:
        return len(self._queue)

    def at(self, at_ms: int, action: Callable[..., object], *arguments: Any) -> None:
        """Have `action(*arguments)` done at `at_ms`, or at once if that is past."""
        self._order += 1
        now = self.now
        heappush(self._queue, (at_ms if at_ms > now else now, self._order, action, arguments))

    def after(self, delay_ms: int, action: Callable[..., object], *arguments: Any) -> None:
        """Have `action(*arguments)` done in `delay_ms`."""
        self._order += 1
        heappush(self._queue, (self.now + delay_ms, self._order, action, arguments))

    def run(self, until_ms: int) -> None:
        """Do everything that is due up to `until_ms`, and stand at that time."""
        queue = self._queue
        while queue and queue[0][0] <= until_ms:
            self.now, _, action, arguments = heappop(queue)
            action(*arguments)
        self.now = max(self.now, until_ms)

    def upcoming(self) -> Iterator[tuple[Callable[..., object], tuple[Any, ...]]]:
        """The actions to come with their arguments, in no order of meaning."""
        return ((action, arguments) for _, _, action, arguments in self._queue)
