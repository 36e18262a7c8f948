"""Observing an election: who leads, and then each time who does from then on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Self

from paxos_ray.actors.errors import EventsGone, IslandShutDown
from paxos_ray.actors.feed import OWN, Own, limit_of
from paxos_ray.actors.standard.deeds import Deed, News, ask, wait, wait_async
from paxos_ray.actors.watch import Watch, watch
from paxos_ray.machines.objects import RETIRED

if TYPE_CHECKING:
    from paxos_ray.actors.standard.election import Election


class Leader(NamedTuple):
    """Who leads: the term, and the value that was told with it."""

    term: int
    value: Any


class Observation:
    """Who leads an election, and each change of that: a `Leader`, or None while there is none.

    An iterator, also for `async for`, which ends by `close`; made by `Election.observe`. First it
    tells who leads. Changes are told in the order of the log; of those just before it began some
    may be told, too. Who is so slow that changes are not held any more is told who leads by then.
    `timeout_s` is for each: raises `TimedOut`, after which one may go on; and `IslandShutDown`.
    """

    def __init__(self, election: Election, timeout_s: float | None) -> None:
        self._election = election
        self._timeout_s = limit_of(timeout_s)
        self._watch: Watch | None = None
        self._leader: Leader | None = None
        self._closed = False

    def next(self, timeout_s: float | Own | None = OWN) -> Leader | None:
        """Who leads next, the first time who does now; waited for as long as each is, or at most
        `timeout_s` seconds if that is given (None: for ever). Raises `TimedOut`,
        `InvalidArgument`, `IslandShutDown`."""
        return wait(self._advance(), self._limit(timeout_s))

    async def anext(self, timeout_s: float | Own | None = OWN) -> Leader | None:
        """The same in a coroutine."""
        return await wait_async(self._advance(), self._limit(timeout_s))

    def _limit(self, timeout_s: float | Own | None) -> float | None:
        return self._timeout_s if timeout_s is OWN else limit_of(timeout_s)

    def close(self) -> None:
        """Observe no more; again does nothing."""
        self._closed = True
        self._end()

    def _end(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.close()

    def _advance(self) -> Deed[Leader | None]:
        while True:
            watch, before = self._watch, self._leader
            if watch is None:
                yield from self._begin()
                return self._leader
            try:
                change = yield News(watch)
            except EventsGone:
                self._end()
                continue
            self._leader = _after(before, change.key, change.event)
            if self._leader != before:
                return self._leader

    def _begin(self) -> Deed[None]:
        """Watch from what this process has heard of last on, and ask who leads after that."""
        client = self._election.client
        if client.seen is None:
            yield from ask(self._election.leader)
        began = watch(client, self._election.name, after=client.seen)
        try:
            told = yield from ask(self._election.leader)
        except BaseException:
            began.close()
            raise
        self._watch = began
        self._leader = None if told is None else Leader(told[0], told[1])

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Leader | None:
        try:
            if not self._closed:
                return self.next()
        except IslandShutDown:
            if not self._closed:
                raise
        raise StopIteration

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Leader | None:
        try:
            if not self._closed:
                return await self.anext()
        except IslandShutDown:
            if not self._closed:
                raise
        raise StopAsyncIteration

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()


def _after(leader: Leader | None, key: Any, event: Any) -> Leader | None:
    """Who leads after an event, if this one led before. Events that are older than what was told
    of the leader are passed over: terms rise."""
    if key is None:
        return None if event == RETIRED else leader
    what, term, value = event
    if leader is not None and term < leader.term:
        return leader
    if what in ("elected", "proclaimed"):
        return Leader(term, value)
    return None if leader is not None and term == leader.term else leader
