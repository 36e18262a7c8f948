"""The gate of a client: how much may be unanswered at a time, and who waits for that to be less."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from paxos_ray.actors.errors import Overloaded
from paxos_ray.actors.settings import Limits
from paxos_ray.machines import Operation

CALL_BYTES = 320
"""What a call costs beside its arguments: its response, its place in the queues, its objects."""


def weigh(operation: Operation) -> int:
    """What holding a call costs, in bytes, about."""
    weight = CALL_BYTES
    for argument in operation[2]:
        if type(argument) is int:
            weight += argument.bit_length() >> 3
        else:
            weight += _weigh(argument)
    return weight


def _weigh(value: Any) -> int:
    """A plain value; what is inside of it, too."""
    weight, values = 0, [value]
    while values:
        value = values.pop()
        weight += 64
        if isinstance(value, (bytes, bytearray, str)):
            weight += len(value)
        elif isinstance(value, int):
            weight += value.bit_length() >> 3
        elif isinstance(value, dict):
            values += value.keys()
            values += value.values()
        elif isinstance(value, (list, tuple, set, frozenset)):
            values += value
    return weight


class Backlog(NamedTuple):
    """What one process has asked of an island and has no answer to yet: so many calls, of so many
    bytes of at most `limit` (see `Limits.client_bytes`). `waiting` are those who wait until it is
    less, and `refused` those who did not get in, so far."""

    calls: int
    bytes: int
    limit: int
    waiting: int
    refused: int


class _Waiter:
    """Somebody before the gate. Once `settled`, it is inside. `why` it had better not wait."""

    __slots__ = ("call", "settled", "weight", "why")

    def __init__(self, weight: int, call: Callable[[], object]) -> None:
        self.weight = weight
        self.call = call
        self.settled = False
        self.why: Exception | None = None


class Gate:
    """Lets calls in while what is inside weighs less than `limit` bytes; whoever has to wait, in
    a thread or a coroutine, gets in first come, first served."""

    def __init__(self, limit: int = Limits().client_bytes) -> None:
        self.limit = limit
        self.weight = 0
        self.calls = 0
        self.refused = 0
        # Reentrant: a coroutine that the garbage collector ends, at any moment, gives up waiting.
        self._lock = threading.RLock()
        self._waiters: deque[_Waiter] = deque()
        self._open_for_good = False

    @property
    def backlog(self) -> Backlog:
        """What is inside, and who waits."""
        with self._lock:
            waiting = len(self._waiters)
            return Backlog(self.calls, self.weight, self.limit, waiting, self.refused)

    def enter(self, weight: int) -> bool:
        """Go in, if that is possible at once."""
        with self._lock:
            if self._open_for_good:
                return True
            if self.weight >= self.limit or self._waiters:
                return False
            self.weight += weight
            self.calls += 1
            return True

    def wait(self, weight: int, patience_s: float | None) -> None:
        """Go in, waiting at most so long. Raises `Overloaded`, in a thread that runs an event loop
        at once, lest the loop stand still. Who is interrupted has not gone in."""
        if patience_s is None or patience_s > 0:
            if in_a_loop():
                self.refused += 1
                raise Overloaded(
                    f"{self._words()}; in a coroutine, `await method.submit(…)` waits for less"
                )
            called: SimpleQueue[None] = SimpleQueue()  # into which the garbage collector may put
            waiter = self._queue(weight, lambda: called.put(None))
            if waiter is None:
                return
            try:
                with contextlib.suppress(Empty):
                    called.get(timeout=patience_s)
            except BaseException:
                self._give_up(waiter)
                raise
            if self._finish(waiter):
                return
        self.refused += 1
        raise Overloaded(self._words())

    async def wait_async(self, weight: int, patience_s: float | None) -> None:
        """The same, while the event loop goes on. Who is cancelled, or let go of, has not gone
        in."""
        if patience_s is None or patience_s > 0:
            loop = asyncio.get_running_loop()
            future: asyncio.Future[None] = loop.create_future()

            def finish() -> None:
                if not future.done():
                    future.set_result(None)

            waiter = self._queue(weight, lambda: loop.call_soon_threadsafe(finish))
            if waiter is None:
                return
            try:
                await asyncio.wait([future], timeout=patience_s)
            except BaseException:
                self._give_up(waiter)
                raise
            if self._finish(waiter):
                return
        self.refused += 1
        raise Overloaded(self._words())

    def turn_away(self, why: Exception) -> None:
        """Who waits now is not to wait: `Overloaded`, because of that. Nothing was asked for."""
        with self._lock:
            for waiter in list(self._waiters):
                waiter.why = why
                self._call(waiter)

    def leave(self, weight: int, calls: int) -> None:
        """So many calls of that weight together are answered."""
        with self._lock:
            self.weight -= weight
            self.calls -= calls
            self._let_in()

    def widen(self, limit: int) -> None:
        """From now on this is the limit."""
        with self._lock:
            self.limit = limit
            self._let_in()

    def close(self) -> None:
        """Nothing is held any more: all go in, to be told so."""
        with self._lock:
            self._open_for_good = True
            self._let_in()

    def _queue(self, weight: int, call: Callable[[], object]) -> _Waiter | None:
        with self._lock:
            waiter = _Waiter(weight, call)
            self._waiters.append(waiter)
            self._let_in()
            return None if waiter.settled else waiter

    def _finish(self, waiter: _Waiter) -> bool:
        """Whether it has got in; if not, it does not wait any more. Raises why it is not to."""
        with self._lock:
            if waiter.settled:
                return True
            self._give_up(waiter)
        if waiter.why is not None:
            self.refused += 1
            raise Overloaded(f"{self._words()}: {waiter.why}") from waiter.why
        return False

    def _give_up(self, waiter: _Waiter) -> None:
        """It waits no more, and if it has got in, it is out again."""
        with self._lock:
            if waiter.settled:
                self._put_out(waiter)
            elif waiter in self._waiters:
                self._waiters.remove(waiter)
            self._let_in()

    def _let_in(self) -> None:
        waiters = self._waiters
        while waiters and (self.weight < self.limit or self._open_for_good):
            waiter = waiters.popleft()
            waiter.settled = True
            self.weight += waiter.weight
            self.calls += 1
            if not self._call(waiter) and waiter.settled:  # nobody will ever send it
                self._put_out(waiter)

    def _put_out(self, waiter: _Waiter) -> None:
        waiter.settled = False
        self.weight -= waiter.weight
        self.calls -= 1

    @staticmethod
    def _call(waiter: _Waiter) -> bool:
        """Have it look; False if its loop is closed."""
        try:
            waiter.call()
        except RuntimeError:
            return False
        return True

    def _words(self) -> str:
        return f"{self.calls} calls are unanswered, of {self.weight} bytes; {self.limit} may be"


def in_a_loop() -> bool:
    """Whether this thread runs an event loop, which must not be made to wait."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
