"""Handles of replicated queues."""

from __future__ import annotations

from typing import Any, NamedTuple

from paxos_ray.actors.standard.base import Change, Query, StandardObject
from paxos_ray.actors.standard.deeds import Deed, Holding, ask, wait, wait_async
from paxos_ray.actors.standard.line import Line, obtain, until
from paxos_ray.machines.errors import QueueFull
from paxos_ray.machines.queue import Queue as Machine


class Taken(NamedTuple):
    """An item that was taken: by which delivery, and how often it was, this time included."""

    delivery: int
    id: int
    value: Any
    priority: int
    attempts: int


class Queue(StandardObject):
    """A replicated queue: items by priority, each taken by one at a time, until it acknowledges;
    see `paxos_ray.machines.Queue`.

    `offer` is the machine's `put`, which raises `QueueFull` when there is no room; `ask` is its
    `take`. Both wait for nothing: `ask` answers with an item, or with a ticket for the line."""

    __slots__ = ()

    machine = Machine

    configure = Change(Machine.configure)
    resize = Change(Machine.resize)
    offer = Change(Machine.put)
    ask = Change(Machine.take)
    acknowledge = Change(Machine.acknowledge)
    release = Change(Machine.release)
    renew = Change(Machine.renew)
    cancel = Change(Machine.cancel)
    clear = Change(Machine.clear)

    limit = Query(Machine.limit)
    size = Query(Machine.size)
    ready = Query(Machine.ready)
    taken = Query(Machine.taken)
    peek = Query(Machine.peek)
    item = Query(Machine.item)
    deliveries = Query(Machine.deliveries)
    waiters = Query(Machine.waiters)
    state = Query(Machine.state)

    def put(self, value: Any, priority: int = 0, *, timeout_s: float | None = None) -> int:
        """Put an item, which waits for room, at most `timeout_s` seconds if that is given; its id.
        Who gives up while the call is under way may have put it. Raises `TimedOut`, `NoQuorum`,
        `InvalidArguments`."""
        return wait(self._put(value, priority), timeout_s)

    async def put_async(
        self, value: Any, priority: int = 0, *, timeout_s: float | None = None
    ) -> int:
        """The same in a coroutine."""
        return await wait_async(self._put(value, priority), timeout_s)

    def take(self, *, timeout_s: float | None = None, lease_ms: int | None = None) -> Taken:
        """Wait for an item, at most `timeout_s` seconds if that is given. It comes back to the
        queue unless `acknowledge(taken.delivery)` is called while this process's session lasts;
        with `lease_ms` also within that time, unless renewed.

        Whoever gives up, by time, `KeyboardInterrupt` or being cancelled, has taken none. Raises
        `TimedOut`, `NoQuorum`, `InvalidArguments`; `NotHeld` if an item was delivered and lost at
        once, or the queue was retired."""
        return wait(self._take(lease_ms), timeout_s)

    async def take_async(
        self, *, timeout_s: float | None = None, lease_ms: int | None = None
    ) -> Taken:
        """The same in a coroutine."""
        return await wait_async(self._take(lease_ms), timeout_s)

    def taking(
        self, *, timeout_s: float | None = None, lease_ms: int | None = None
    ) -> Holding[Taken]:
        """`with queue.taking() as taken:`, or `async with`: taken, and acknowledged at the end, or
        released if an exception was raised. Raises as `take`; and `NotHeld` at the end, if it was
        lost meanwhile."""
        return Holding(
            lambda: self._take(lease_ms),
            timeout_s,
            lambda taken: taken.delivery,
            self.acknowledge,
            self.release,
        )

    def join(self, *, timeout_s: float | None = None) -> None:
        """Wait until nothing is left in the queue, taken or not. Raises `TimedOut`, `NoQuorum`."""
        wait(self._join(), timeout_s)

    async def join_async(self, *, timeout_s: float | None = None) -> None:
        """The same in a coroutine."""
        await wait_async(self._join(), timeout_s)

    def _put(self, value: Any, priority: int) -> Deed[int]:
        def attempt() -> Deed[int | None]:
            try:
                id: int = yield from ask(self.offer, value, priority)
                return id
            except QueueFull:
                return None

        full = "there was no room in time; nothing was put"
        sent = "no answer in time; the item is put if there is room"
        return (yield from until(self, "room", attempt, full, sent))

    def _take(self, lease_ms: int | None) -> Deed[Taken]:
        line = Line(
            self,
            self.ask,
            (lease_ms, True),
            state=self.state,
            cancel=self.cancel,
            give_back=self.release,
            held="taken",
        )
        answer, item = yield from obtain(line)
        return Taken(answer[1], *item)

    def _join(self) -> Deed[bool]:
        def attempt() -> Deed[bool | None]:
            return (yield from ask(self.size)) == 0 or None

        return (yield from until(self, "empty", attempt, "not found empty in time"))
