"""What comes by and by, for threads and coroutines: taken if it is there, waited for if not."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any, Final, Generic, Self, TypeVar

from paxos_ray.actors.errors import InvalidArgument, TimedOut
from paxos_ray.procession import EMPTY, Absent

T = TypeVar("T")

LONG_S = 1e8
"""Three years: who would wait for longer waits for ever."""


class Own(Enum):
    """How long `next` waits when it is not told: as long as what it is called on waits."""

    OWN = "as long as an iteration waits"


OWN: Final = Own.OWN


class Calls:
    """Whom to call when there is something new, in whatever thread it comes."""

    def __init__(self) -> None:
        # Reentrant: the garbage collector, at any moment, rings, and ends coroutines that wait.
        self._lock = threading.RLock()
        self._calls: list[Callable[[], object]] = []

    def __len__(self) -> int:
        return len(self._calls)

    @contextlib.contextmanager
    def calling(self, call: Callable[[], object]) -> Iterator[None]:
        """Call this whenever there is something new, from any thread."""
        with self._lock:
            self._calls.append(call)
        try:
            yield
        finally:
            with self._lock:
                self._calls.remove(call)

    def ring(self) -> None:
        """There is something new."""
        with self._lock:
            calls = list(self._calls)
        for call in calls:
            call()


class Feed(Generic[T]):
    """An iterator, also for `async for`; entering it as a context waits until it stands."""

    def __init__(self, calls: Calls, timeout_s: float | None) -> None:
        self._calls = calls
        self._timeout_s = limit_of(timeout_s)

    def close(self) -> None:
        """No more is to come; again does nothing."""
        raise NotImplementedError

    def _take(self) -> T | Absent:
        """What is there; `EMPTY` if that is yet to come, `END` if nothing is. Raises."""
        raise NotImplementedError

    def _stand(self) -> Absent | None:
        """`EMPTY` as long as it does not stand. Raises what it cannot stand for."""
        raise NotImplementedError

    def _next(self, timeout_s: float | Own | None) -> T | None:
        found = self._wait(self._take, self._limit(timeout_s))
        return None if isinstance(found, Absent) else found

    async def _next_async(self, timeout_s: float | Own | None) -> T | None:
        found = await self._wait_async(self._take, self._limit(timeout_s))
        return None if isinstance(found, Absent) else found

    def _limit(self, timeout_s: float | Own | None) -> float | None:
        return self._timeout_s if timeout_s is OWN else limit_of(timeout_s)

    def _wait(self, look: Callable[[], Any], timeout_s: float | None) -> Any:
        """What `look` sees when that is not `EMPTY` any more. Raises `TimedOut`."""
        found = look()
        if found is EMPTY:
            deadline = None if timeout_s is None else time.monotonic() + timeout_s
            event = threading.Event()
            with self._calls.calling(event.set):
                while (found := look()) is EMPTY:
                    left_s = None if deadline is None else deadline - time.monotonic()
                    if not event.wait(left_s):
                        raise self._late(timeout_s)
                    event.clear()
        return found

    async def _wait_async(self, look: Callable[[], Any], timeout_s: float | None) -> Any:
        """The same in a coroutine. Who is cancelled has missed nothing."""
        found = look()
        if found is EMPTY:
            loop = asyncio.get_running_loop()
            event = asyncio.Event()

            def call() -> None:
                with contextlib.suppress(RuntimeError):  # the loop may be closed by now
                    loop.call_soon_threadsafe(event.set)

            with self._calls.calling(call):
                try:
                    async with asyncio.timeout(timeout_s):
                        while (found := look()) is EMPTY:
                            await event.wait()
                            event.clear()
                except TimeoutError:
                    raise self._late(timeout_s) from None
        return found

    def _late(self, timeout_s: float | None) -> TimedOut:
        return TimedOut(f"{self!r}: nothing new within {timeout_s:g} s; it goes on")

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        found = self._next(OWN)
        if found is None:
            raise StopIteration
        return found

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        found = await self._next_async(OWN)
        if found is None:
            raise StopAsyncIteration
        return found

    def __enter__(self) -> Self:
        try:
            self._wait(self._stand, self._timeout_s)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        try:
            await self._wait_async(self._stand, self._timeout_s)
        except BaseException:
            self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()


def check_timeout(timeout_s: object) -> None:
    """Raises `InvalidArgument` for what is no number of seconds, or None."""
    if timeout_s is not None and (type(timeout_s) not in (int, float) or not timeout_s >= 0):  # type: ignore[operator]
        raise InvalidArgument(f"timeout_s is a number of seconds, not {timeout_s!r}")


def limit_of(timeout_s: float | None) -> float | None:
    """How long one may wait, None for ever. Raises `InvalidArgument`."""
    check_timeout(timeout_s)
    return None if timeout_s is None or timeout_s >= LONG_S else timeout_s


def seconds_of(timeout_s: float) -> float:
    """The same where there is always a limit, however late. Raises `InvalidArgument`."""
    if timeout_s is None:
        raise InvalidArgument("timeout_s is a number of seconds, not None")
    check_timeout(timeout_s)
    return min(timeout_s, LONG_S)
