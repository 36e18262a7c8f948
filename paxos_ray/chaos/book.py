"""What clients have told of their calls, put together: the history that is checked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from paxos_ray.chaos.habits import owner
from paxos_ray.simulation.histories import Operation


class Told(NamedTuple):
    """What a client tells of one of its calls: first that it is about to make it, then what came of
    it. `number` tells its calls apart. `ended` is when it knew, or gave up waiting, None before."""

    number: int
    operation: Operation
    ended: int | None = None


class Trouble(NamedTuple):
    """An error that no fault explains."""

    client: str
    error: str


class Book:
    """The calls of all clients. Whatever is told twice counts once."""

    def __init__(self, run: str) -> None:
        self._run = run
        self._calls: dict[tuple[str, int], Told] = {}
        self.troubles: list[Trouble] = []
        self.answered = 0

    def add(self, told: Iterable[Told | Trouble]) -> None:
        """Take in what a client tells. A call that has ended is not under way again, though the
        news may come in any order."""
        for news in told:
            if isinstance(news, Trouble):
                self.troubles.append(news)
                continue
            key = (news.operation.client, news.number)
            known = self._calls.get(key)
            if known is None or known.ended is None:
                self._calls[key] = news
                if news.operation.returned is not None:
                    self.answered += 1

    def calls(self) -> list[Told]:
        """All of them, in the order in which they were made."""
        return sorted(self._calls.values(), key=lambda told: told.operation.invoked)

    def shared(self) -> list[Operation]:
        """The history of the objects that clients share."""
        return [o for o in self._operations() if owner(self._run, o.object) is None]

    def owned(self) -> list[Operation]:
        """The history of the counters that have one client each."""
        return [o for o in self._operations() if owner(self._run, o.object) is not None]

    def _operations(self) -> list[Operation]:
        return [told.operation for told in self.calls()]


def writes(operation: Operation) -> bool:
    """Whether a call may have changed anything."""
    return operation.method != "value"
