"""A queue that makes those wait who would make it too heavy; for several threads and loops."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from paxos_ray.procession.errors import Ended, ProcessionError, TimedOut
from paxos_ray.procession.heft import Heft
from paxos_ray.procession.node import EMPTY, END, Absent
from paxos_ray.procession.queue import BITS, Procession
from paxos_ray.procession.shifter import Shifter
from paxos_ray.procession.waiting import wake

T = TypeVar("T")


class Entrant(Generic[T]):
    """Somebody who waits, with a value of that weight. Once `settled`, the value is in, or has been
    refused with `error`."""

    __slots__ = ("call", "error", "settled", "value", "weight")

    def __init__(self, value: T, weight: float, call: Callable[[], object]) -> None:
        self.value, self.weight, self.call = value, weight, call
        self.settled = False
        self.error: Exception | None = None


class Throttle(Generic[T]):
    """A procession whose `enqueue` waits while what is held weighs as much as it may.

    A value comes in when the `limit` is kept with it, or when nothing is held; first come, first
    served, whether by threads or by tasks: who weighs little does not pass who weighs much. Values
    are held until all consumers (`shifter`) have shifted them; before there is a first consumer,
    they are kept for it, and so they are when the last has gone. Safe for any number of threads and
    event loops. `weigh`, `limit`, `bits` and `InvalidSetting` are those of `Heft` and `Procession`.
    """

    def __init__(
        self, weigh: Callable[[T], float], limit: float, *, bits: int | None = BITS
    ) -> None:
        self._lock = threading.RLock()
        self._queue: Procession[T] = Procession(bits=bits)
        self._keeper = self._queue.shifter()  # goes with the first consumer
        self._heft = Heft(self._queue, weigh, limit)
        self._waiting: deque[Entrant[T]] = deque()

    def enqueue(self, value: T, timeout_s: float | None = None) -> None:
        """Append a value, waiting for room at most so long; never in an event loop's thread.

        Raises `TimedOut`, the value not being in, and `Ended`, also when it is while this waits.
        """
        called: SimpleQueue[None] = SimpleQueue()  # into which the garbage collector may put
        entrant = self._come(value, lambda: called.put(None))
        if entrant is not None:
            with contextlib.suppress(Empty):
                called.get(timeout=None if timeout_s is None else max(0.0, timeout_s))
            self._conclude(entrant, timeout_s)

    async def enqueue_async(self, value: T, timeout_s: float | None = None) -> None:
        """The same, while the event loop goes on. Who is cancelled while it waits has not got in;
        only if its turn had come in that very moment, it has."""
        import asyncio  # who has threads only does without

        future = asyncio.get_running_loop().create_future()
        entrant = self._come(value, lambda: wake(future))
        if entrant is not None:
            try:
                await asyncio.wait([future], timeout=timeout_s)
            except asyncio.CancelledError:
                self._withdraw(entrant)
                raise
            self._conclude(entrant, timeout_s)

    def shifter(self) -> Outlet[T]:
        """A consumer. The first starts with what is kept for it, others after what is there."""
        with self._lock:
            if self._keeper.destroyed:
                return Outlet(self, self._queue.shifter())
            outlet = Outlet(self, self._keeper.shifter())
            self._keeper.destroy()
            return outlet

    def end(self) -> None:
        """The end of the stream: who waits to come in is refused, what is there can be shifted."""
        with self._lock:
            self._queue.end()
            waiting = list(self._waiting)
            self._waiting.clear()
            for entrant in waiting:
                self._settle(entrant, Ended("the stream ended before there was room"))

    @property
    def heft(self) -> float:
        """What the values held weigh."""
        return self._heft.current

    @property
    def heft_peak(self) -> float:
        """What they weighed at most."""
        return self._heft.peak

    @property
    def limit(self) -> float:
        """What they may weigh."""
        return self._heft.limit

    @property
    def waiting(self) -> int:
        """How many wait to come in."""
        return len(self._waiting)

    def __len__(self) -> int:
        with self._lock:
            return len(self._queue)

    # -- who comes in --------------------------------------------------------------------

    def _come(self, value: T, call: Callable[[], object]) -> Entrant[T] | None:
        """None when it is in; else who waits, and is called when that is settled."""
        with self._lock:
            if self._queue.ended:
                raise Ended("the stream has ended: nothing can be pushed")
            weight = self._heft.weighed(value)
            if not self._waiting and self._heft.fits(weight):
                self._heft.push_weighed(value, weight)
                return None
            entrant = Entrant(value, weight, call)
            self._waiting.append(entrant)
            return entrant

    def _conclude(self, entrant: Entrant[T], timeout_s: float | None) -> None:
        """It has waited long enough, or its turn has come."""
        if not self._withdraw(entrant):
            raise TimedOut(f"no room within {timeout_s} s")
        if entrant.error is not None:
            raise entrant.error

    def _withdraw(self, entrant: Entrant[T]) -> bool:
        """Whether it is settled; else it never will be, and those behind it move up."""
        with self._lock:
            if not entrant.settled:
                self._waiting.remove(entrant)
                self._admit()
            return entrant.settled

    def _admit(self) -> None:
        """Let in, in order, who fits by now."""
        waiting, heft = self._waiting, self._heft
        while waiting and heft.fits(waiting[0].weight):
            entrant = waiting.popleft()
            error: ProcessionError | None = None
            try:
                heft.push_weighed(entrant.value, entrant.weight)
            except ProcessionError as refused:
                error = refused
            self._settle(entrant, error)

    def _settle(self, entrant: Entrant[T], error: Exception | None) -> None:
        entrant.error, entrant.settled = error, True
        entrant.call()


class Outlet(Generic[T]):
    """A consumer of a throttle: what a `Shifter` is, for several threads and loops. What it shifts
    makes room for those who wait."""

    def __init__(self, throttle: Throttle[T], shifter: Shifter[T]) -> None:
        self._throttle = throttle
        self._shifter = shifter

    def shift(self) -> T | Absent:
        """As `Shifter.shift`."""
        with self._throttle._lock:
            value = self._shifter.shift()
            self._throttle._admit()
            return value

    def peek(self) -> T | Absent:
        """As `Shifter.peek`."""
        with self._throttle._lock:
            return self._shifter.peek()

    def shifter(self) -> Outlet[T]:
        """As `Shifter.shifter`."""
        with self._throttle._lock:
            return Outlet(self._throttle, self._shifter.shifter())

    def destroy(self) -> None:
        """As `Shifter.destroy`; after the last consumer all that is there is kept for the next."""
        throttle = self._throttle
        with throttle._lock:
            if not self._shifter.destroyed:
                if len(throttle._queue._shifters) == 1:
                    throttle._keeper = self._shifter.shifter()
                self._shifter.destroy()
                throttle._admit()

    @property
    def lag(self) -> int:
        """As `Shifter.lag`."""
        with self._throttle._lock:
            return self._shifter.lag

    def __iter__(self) -> Outlet[T]:
        return self

    def __next__(self) -> T:
        value = self.shift()
        if isinstance(value, Absent):
            raise StopIteration
        return value

    def __aiter__(self) -> Outlet[T]:
        return self

    async def __anext__(self) -> T:
        """The next value, awaited; stops at the end, and when destroyed while it waits."""
        throttle = self._throttle
        while True:
            with throttle._lock:
                value = self.shift()
                if value is END:
                    raise StopAsyncIteration
                if value is EMPTY:
                    future = throttle._queue._sit()
            if not isinstance(value, Absent):
                return value
            try:
                await future
            finally:
                with throttle._lock:
                    throttle._queue._rise(future)
            if self._shifter.destroyed:
                raise StopAsyncIteration

    def __enter__(self) -> Outlet[T]:
        return self

    def __exit__(self, *_: object) -> None:
        self.destroy()
