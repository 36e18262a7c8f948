"""What is asked of the leader: in order, until there is a result, of whoever leads."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from paxos_ray.actors import wire
from paxos_ray.actors.errors import TimedOut
from paxos_ray.actors.wire import Call, Result, seal

CALLS_A_ROUND = 256

_OF_CLIENTS = (wire.WRITE, wire.READ)


@dataclass(slots=True, eq=False)
class Pending:
    """Something asked of the leader, until there is a result. Kept in the order of `number`."""

    number: int
    kind: str
    matter: Any
    future: asyncio.Future[Any]
    asked_at: float
    given_to: str = ""  # the leader that has it
    given_at: float = 0.0
    note: str = ""  # what it waits for, if the leader said so


class Asking:
    """What waits to be given to the leader, and what it has been given."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._numbers = 0
        self._waiting: deque[Pending] = deque()
        self._open: dict[int, Pending] = {}
        self.asked_at = self._loop.time()  # when a client last did
        self.settled = 0  # how many have had a result

    def add(self, kind: str, matter: Any) -> asyncio.Future[Any]:
        """One more: the future of its result."""
        now = self._loop.time()
        self._numbers += 1
        pending = Pending(self._numbers, kind, matter, self._loop.create_future(), now)
        self._waiting.append(pending)
        if kind in _OF_CLIENTS:
            self.asked_at = now
        return pending.future

    @property
    def waits(self) -> bool:
        """Whether there is something to give."""
        return bool(self._waiting)

    @property
    def any(self) -> bool:
        """Whether anything has no result yet."""
        return bool(self._waiting or self._open)

    @property
    def clients_wait(self) -> bool:
        """Whether a client waits for what the leader has been given."""
        return any(pending.kind in _OF_CLIENTS for pending in self._open.values())

    def take(self, leader: str) -> bytes | None:
        """What waits, as bytes for that leader; None when nothing does."""
        waiting = self._waiting
        if not waiting:
            return None
        now = self._loop.time()
        calls: list[Call] = []
        while waiting and len(calls) < CALLS_A_ROUND:
            pending = waiting.popleft()
            if not pending.future.done():
                pending.given_to, pending.given_at = leader, now
                self._open[pending.number] = pending
                calls.append(Call(pending.number, pending.kind, pending.matter))
        return seal(calls)

    def again(self, age_s: float = 0.0) -> None:
        """All that the leader was given (so long ago) is to be given again, before what is new."""
        older_than = self._loop.time() - age_s
        late = [p for p in self._open.values() if p.given_at <= older_than]
        if late:
            self._open = {n: p for n, p in self._open.items() if p.given_at > older_than}
            every = sorted((*late, *self._waiting), key=lambda pending: pending.number)
            self._waiting = deque(every)

    def settle(self, results: Iterable[Result], leader: str) -> bool:
        """Results from that leader; False when it wants to be asked no more."""
        leads = True
        for number, status, value in results:
            pending = self._open.get(number)
            if pending is None:
                continue
            if status == wire.WAITS:
                pending.note = str(value)
            elif status == wire.RETRY:
                leads = leads and pending.given_to != leader
            else:
                self._finish(pending, status, value)
        return leads

    def _finish(self, pending: Pending, status: str, value: bytes | str) -> None:
        del self._open[pending.number]
        self.settled += 1
        if pending.future.done():
            return
        if status == wire.REFUSED:
            pending.future.set_exception(ValueError(value))
        else:
            pending.future.set_result(value)

    def expire(self, age_s: float, why: Exception | None = None) -> None:
        """Give up what clients asked for so long ago: they ask again if they still wait."""
        older_than = self._loop.time() - age_s
        for pending in [*self._waiting, *self._open.values()]:
            late = pending.kind in _OF_CLIENTS and pending.asked_at < older_than
            if late and not pending.future.done():
                pending.future.set_exception(why or TimedOut("the leader has not answered"))
        self._waiting = deque(p for p in self._waiting if not p.future.done())
        self._open = {number: p for number, p in self._open.items() if not p.future.done()}

    def notes(self) -> list[str]:
        """What the leader said that wishes wait for."""
        return [p.note for p in (*self._waiting, *self._open.values()) if p.note]
