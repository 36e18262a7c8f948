"""Waiting, told once for threads and coroutines: a *deed* is a generator that says what is to be
sent and waited for, and is carried out by `wait` in a thread, by `wait_async` in a coroutine."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, TypeVar

from paxos_ray.actors.errors import (
    IslandError,
    IslandShutDown,
    NoQuorum,
    Overloaded,
    TimedOut,
)
from paxos_ray.actors.feed import limit_of
from paxos_ray.actors.post import Change
from paxos_ray.actors.response import Response
from paxos_ray.actors.standard.base import Call
from paxos_ray.actors.watch import Watch
from paxos_ray.machines.errors import MachineError

T = TypeVar("T")

_AGAIN_S = 0.05
_AGAIN_MOST_S = 2.0


@dataclass(frozen=True, slots=True)
class Send:
    """Make a call; the deed is given its response."""

    call: Call[Any, Any]
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """Wait for what a call is answered; what must be known is waited for without a limit."""

    response: Response[Any]
    must: bool = False


@dataclass(frozen=True, slots=True)
class News:
    """Wait for the next change."""

    watch: Watch


Deed = Generator[Send | Answer | News, Any, T]


def ask(call: Call[Any, Any], *arguments: Any, must: bool = False) -> Deed[Any]:
    """Part of a deed: make a call and wait for its answer."""
    response = yield Send(call, arguments)
    return (yield Answer(response, must))


def wait(deed: Deed[T], timeout_s: float | None) -> T:
    """Carry a deed out in this thread. Raises what it raises; it is told when time is up, by a
    `TimedOut`, and what else has ended the waiting, such as a `KeyboardInterrupt`."""
    clock = _Clock(timeout_s)
    try:
        step = next(deed)
        while True:
            try:
                told = _carry_out(step, clock)
            except BaseException as error:  # noqa: BLE001 - whatever it is, the deed is told
                step = deed.throw(error)
            else:
                step = deed.send(told)
    except StopIteration as done:
        value: T = done.value
        return value


async def wait_async(deed: Deed[T], timeout_s: float | None) -> T:
    """The same in a coroutine, where the deed is told of its being cancelled."""
    clock = _Clock(timeout_s)
    try:
        step = next(deed)
        while True:
            try:
                told = await _carry_out_async(step, clock)
            except BaseException as error:  # noqa: BLE001 - whatever it is, the deed is told
                step = deed.throw(error)
            else:
                step = deed.send(told)
    except StopIteration as done:
        value: T = done.value
        return value


class _Clock:
    """How long there is left."""

    def __init__(self, timeout_s: float | None) -> None:
        limit_s = limit_of(timeout_s)
        self._deadline = None if limit_s is None else time.monotonic() + limit_s

    def left_s(self) -> float | None:
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic())


def _carry_out(step: Send | Answer | News, clock: _Clock) -> Any:
    match step:
        case Send(call, arguments):
            return call.remote(*arguments)
        case Answer(response, must):
            return response.result(None if must else clock.left_s())
        case News(watch):
            return _change(watch.next(clock.left_s()))


async def _carry_out_async(step: Send | Answer | News, clock: _Clock) -> Any:
    match step:
        case Send(call, arguments):
            return await call.submit(*arguments)
        case Answer(response, must):
            try:
                async with asyncio.timeout(None if must else clock.left_s()):
                    return await response
            except TimeoutError as error:
                if isinstance(error, IslandError):
                    raise
                raise TimedOut("no result in time; the call goes on") from None
        case News(watch):
            return _change(await watch.anext(clock.left_s()))


def aside(work: Callable[[], object]) -> None:
    """Have a thread of its own see to what somebody leaves behind who does not wait any more."""

    def see_to_it() -> None:
        # With an island that is no more, or a session that is over, it has gone by itself.
        with suppress(IslandError, MachineError):
            work()

    threading.Thread(target=see_to_it, name="paxos_ray leaves", daemon=True).start()


def at_last(response: Response[T]) -> T:
    """The answer, however long the island cannot give it."""
    while True:
        try:
            return response.result()
        except NoQuorum:
            continue


def surely(call: Call[Any, T], *arguments: Any) -> T:
    """Make a call and wait for its answer, however long the island cannot take it or give that."""
    pause_s = _AGAIN_S
    while True:
        try:
            response = call.remote(*arguments)
        except Overloaded:  # as all are told who wait before a gate while there is no majority
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _AGAIN_MOST_S)
        else:
            return at_last(response)


def _change(change: Change | None) -> Change:
    if change is None:
        raise IslandShutDown("the island was shut down")
    return change


class Holding(Generic[T]):
    """Something held for a while: `with lock.held() as token`, or `async with`.

    What was obtained is given back at the end. If it was lost meanwhile (its lease or session was
    over, or it was revoked), `NotHeld` is raised there, unless something else was raised already.
    """

    def __init__(
        self,
        obtain: Callable[[], Deed[T]],
        timeout_s: float | None,
        number: Callable[[T], int],
        done: Call[Any, Any],
        failed: Call[Any, Any],
    ) -> None:
        self._obtain = obtain
        self._timeout_s = timeout_s
        self._number = number
        self._done, self._failed = done, failed
        self._held: list[T] = []  # by how many that are inside each other

    def __enter__(self) -> T:
        self._held.append(wait(self._obtain(), self._timeout_s))
        return self._held[-1]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        call, number = self._ending(error)
        with suppress(*(() if error is None else (IslandError, MachineError))):
            with _given_back(call, number):
                response = call.remote(number)
            response.result()

    async def __aenter__(self) -> T:
        self._held.append(await wait_async(self._obtain(), self._timeout_s))
        return self._held[-1]

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        call, number = self._ending(error)
        with suppress(*(() if error is None else (IslandError, MachineError))):
            with _given_back(call, number):
                response = await call.submit(number)
            await response

    def _ending(self, error: BaseException | None) -> tuple[Call[Any, Any], int]:
        return self._done if error is None else self._failed, self._number(self._held.pop())


@contextmanager
def _given_back(call: Call[Any, Any], number: int) -> Iterator[None]:
    """Who is cancelled or interrupted before the call is made leaves that to a thread."""
    try:
        yield
    except (asyncio.CancelledError, KeyboardInterrupt, Overloaded):
        aside(lambda: surely(call, number))
        raise
