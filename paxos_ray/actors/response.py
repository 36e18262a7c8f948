"""What a call returns at once: a result that is still to come."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Generator
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from paxos_ray.actors.errors import TimedOut
from paxos_ray.actors.feed import limit_of
from paxos_ray.actors.latch import latched

T = TypeVar("T")

_lock = threading.RLock()
"""Of who waits for what, for all responses: it is held for a moment, and only if somebody waits.
Reentrant: a coroutine that the garbage collector ends, at any moment, gives up waiting."""


class Response(Generic[T]):
    """The result of a call, to be had by `result()` in a thread and by `await` in a coroutine.

    The call goes on whether or not anybody waits for it.
    """

    __slots__ = ("_callbacks", "_done", "_error", "_interruption", "_value", "weight")

    def __init__(self, weight: int = 0) -> None:
        self.weight = weight  # of its call, for the client
        self._done = False
        self._value: Any = None
        self._error: Exception | None = None
        self._callbacks: list[Callable[[], object]] | None = None
        self._interruption: TimedOut | None = None

    def done(self) -> bool:
        """Whether the result, or an error, is there."""
        return self._done

    def result(self, timeout_s: float | None = None) -> T:
        """Wait for the result, at most `timeout_s` seconds if that is given.

        Raises the call's error; or `TimedOut`, or `NoQuorum` as soon as that is known: then the
        call goes on, and one may wait again. Raises `InvalidArgument`.
        """
        limit_s = limit_of(timeout_s)
        if not self._done:
            called: SimpleQueue[None] = SimpleQueue()  # into which the garbage collector may put

            def call() -> None:
                called.put(None)

            self._call_when_done(call)
            try:
                called.get(timeout=limit_s)
            except Empty:
                raise TimedOut(f"no result within {limit_s:g} s; the call goes on") from None
            finally:
                self._forget(call)
        return self._outcome()

    def _outcome(self) -> T:
        if not self._done:
            assert self._interruption is not None
            raise self._interruption
        if self._error is not None:
            raise self._error
        value: T = self._value
        return value

    def __reduce__(self) -> Any:
        raise TypeError("a response stays in its process; pass its result, or the handle")

    def __await__(self) -> Generator[Any, None, T]:
        if not self._done:
            loop = asyncio.get_running_loop()
            future: asyncio.Future[None] = loop.create_future()

            def finish() -> None:
                if not future.done():
                    future.set_result(None)

            def wake() -> None:
                with contextlib.suppress(RuntimeError):  # the loop may be closed by now
                    loop.call_soon_threadsafe(finish)

            self._call_when_done(wake)
            try:
                yield from future
            finally:
                self._forget(wake)
        return self._outcome()

    def _call_when_done(self, callback: Callable[[], object]) -> None:
        """Both sides write first and look then, so one of them sees the other."""
        with latched, _lock:
            self._callbacks = [*(self._callbacks or ()), callback]
        if self._done:
            callback()

    def _forget(self, callback: Callable[[], object]) -> None:
        """Who has given up waiting is not called any more."""
        with latched, _lock:
            callbacks = self._callbacks
            if callbacks is not None and callback in callbacks:
                callbacks.remove(callback)

    def _call_all(self) -> None:
        with latched, _lock:
            callbacks, self._callbacks = self._callbacks, None
        for callback in callbacks or ():
            callback()

    def interrupt(self, why: TimedOut) -> None:
        """For the client: whoever waits now is told why there is nothing, and may wait again."""
        self._interruption = why
        self._call_all()

    def set_result(self, value: T) -> None:
        """For the client: here is the result."""
        self._value = value
        self._done = True
        if self._callbacks is not None:
            self._call_all()

    def set_error(self, error: Exception) -> None:
        """For the client: it failed."""
        self._error = error
        self._done = True
        self._call_all()
