"""What is asked of the leader: in order, until there is a result, of whoever leads."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from paxos_ray.actors import wire
from paxos_ray.actors.errors import NotAdmitted, Overloaded, TimedOut
from paxos_ray.actors.settings import Limits
from paxos_ray.actors.wire import Call, Result, seal

CALLS_A_ROUND = 256
BYTES_A_ROUND = 4 << 20
"""What a leader is given to write at once, beyond one call: it writes no more in a pulse."""

CALL_BYTES = 1_024
"""What a call costs beside what it carries: its future, and Ray's part of it."""

FULL_S = 0.03
"""How soon a leader that takes no more entries is asked again, with one."""

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

    @property
    def weight(self) -> int:
        """What it costs, in bytes."""
        return CALL_BYTES + (len(self.matter) if isinstance(self.matter, bytes) else 0)


class Asking:
    """What waits to be given to the leader, and what it has been given.

    Of clients it takes no more while what they have asked for weighs `limit` bytes.
    """

    def __init__(self, limit: int = Limits().coordinator_bytes) -> None:
        self._loop = asyncio.get_running_loop()
        self._limit = limit
        self._numbers = 0
        # Entries wait by themselves: what else there is does not wait for a leader that is full.
        self._writes: deque[Pending] = deque()
        self._others: deque[Pending] = deque()
        self._open: dict[int, Pending] = {}
        self._full = False  # the leader has taken none of the last entries
        self._full_until = 0.0
        self._room = 0  # bytes of entries that may still be given in this round
        self.weight = 0  # bytes, of what clients asked for
        self.refused = 0  # calls of clients, so far
        self.asked_at = self._loop.time()  # when a client last did
        self.settled = 0  # how many have had a result

    def add(self, kind: str, matter: Any) -> asyncio.Future[Any]:
        """One more: the future of its result. Raises `Overloaded`."""
        now = self._loop.time()
        of_client = kind in _OF_CLIENTS
        if of_client:
            self.asked_at = now
            if self.weight >= self._limit:
                self.refused += 1
                raise Overloaded(f"{self.weight} bytes wait for the leader, {self._limit} may")
        self._numbers += 1
        pending = Pending(self._numbers, kind, matter, self._loop.create_future(), now)
        if of_client:
            self.weight += pending.weight
            pending.future.add_done_callback(lambda _: self._lighter(pending.weight))
        (self._writes if kind == wire.WRITE else self._others).append(pending)
        return pending.future

    def _lighter(self, weight: int) -> None:
        self.weight -= weight

    @property
    def waits(self) -> bool:
        """Whether there is something to give."""
        return bool(self._others or (self._writes and self._loop.time() >= self._full_until))

    @property
    def any(self) -> bool:
        """Whether anything has no result yet."""
        return bool(self._writes or self._others or self._open)

    @property
    def calls(self) -> int:
        """How many things have no result yet."""
        return len(self._writes) + len(self._others) + len(self._open)

    @property
    def clients_wait(self) -> bool:
        """Whether a client waits for what the leader has been given."""
        return any(pending.kind in _OF_CLIENTS for pending in self._open.values())

    @property
    def waited_s(self) -> float:
        """For how long the client has waited that has waited longest, in s."""
        pendings = (*self._writes, *self._others, *self._open.values())
        asked = [p.asked_at for p in pendings if p.kind in _OF_CLIENTS and not p.future.done()]
        return self._loop.time() - min(asked) if asked else 0.0

    def take(self, leader: str) -> bytes | None:
        """What waits, as bytes for that leader; None when nothing does."""
        if not self.waits:
            return None
        now = self._loop.time()
        calls: list[Call] = []
        self._room = 1 if self._full else BYTES_A_ROUND
        while len(calls) < CALLS_A_ROUND and (pending := self._next(now)) is not None:
            if not pending.future.done():
                pending.given_to, pending.given_at, pending.note = leader, now, ""
                self._open[pending.number] = pending
                calls.append(Call(pending.number, pending.kind, pending.matter))
        return seal(calls)

    def _next(self, now: float) -> Pending | None:
        """What has waited longest of what may be given now."""
        writes, others = self._writes, self._others
        may = writes and now >= self._full_until and self._room > 0
        if others and not (may and writes[0].number < others[0].number):
            return others.popleft()
        if not may:
            return None
        self._room -= writes[0].weight
        return writes.popleft()

    def again(self, age_s: float = 0.0) -> None:
        """All that the leader was given is to be given again, before what is new; or only what it
        was given so long ago, and has not said that it waits."""
        older_than = self._loop.time() - age_s
        given = [p for p in self._open.values() if p.given_at <= older_than]
        self._back([p for p in given if not (age_s and p.note)])

    def _back(self, pendings: Iterable[Pending]) -> None:
        """These wait again, each in its place."""
        for pending in pendings:
            del self._open[pending.number]
            (self._writes if pending.kind == wire.WRITE else self._others).append(pending)
        self._writes = deque(sorted(self._writes, key=_number))
        self._others = deque(sorted(self._others, key=_number))

    def settle(self, results: Iterable[Result], leader: str) -> bool:
        """Results from that leader; False when it wants to be asked no more."""
        leads = True
        full: list[Pending] = []
        for number, status, value in results:
            pending = self._open.get(number)
            if pending is None:
                continue
            if status == wire.WAITS:
                pending.note = str(value)
            elif status == wire.RETRY:
                leads = leads and pending.given_to != leader
            elif status == wire.FULL:
                pending.note = str(value)
                full.append(pending)
            else:
                self._full = self._full and pending.kind != wire.WRITE
                self._finish(pending, status, value)
        if full:
            self._full, self._full_until = True, self._loop.time() + FULL_S
            self._back(full)
        return leads

    @property
    def full(self) -> bool:
        """Whether the leader takes no more entries, as far as is known."""
        return self._full

    def _finish(self, pending: Pending, status: str, value: bytes | str | NotAdmitted) -> None:
        del self._open[pending.number]
        self.settled += 1
        if pending.future.done():
            return
        if isinstance(value, NotAdmitted):
            pending.future.set_exception(value)
        elif status == wire.REFUSED:
            pending.future.set_exception(ValueError(value))
        else:
            pending.future.set_result(value)

    def expire(self, age_s: float, why: Exception | None = None) -> None:
        """Give up what clients asked for so long ago: they ask again if they still wait."""
        older_than = self._loop.time() - age_s
        for pending in [*self._writes, *self._others, *self._open.values()]:
            late = pending.kind in _OF_CLIENTS and pending.asked_at < older_than
            if late and not pending.future.done():
                pending.future.set_exception(why or TimedOut("the leader has not answered"))
        self._writes = deque(p for p in self._writes if not p.future.done())
        self._others = deque(p for p in self._others if not p.future.done())
        self._open = {number: p for number, p in self._open.items() if not p.future.done()}

    def notes(self) -> list[str]:
        """What the leader said that wishes wait for."""
        pendings = (*self._writes, *self._others, *self._open.values())
        return list(dict.fromkeys(p.note for p in pendings if p.note))


def _number(pending: Pending) -> int:
    return pending.number
