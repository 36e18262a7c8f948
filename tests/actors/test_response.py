"""Waiting for a response, giving up, and waiting again."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from types import SimpleNamespace
from typing import Any

import cloudpickle
import pytest

from paxos_ray import InvalidArgument, NoQuorum, TimedOut
from paxos_ray.actors import response as responses
from paxos_ray.actors.response import Response
from tests.actors.collector import comes_in_between

SOON_S = 30.0


def test_who_gives_up_waiting_leaves_nothing_behind() -> None:
    response: Response[int] = Response()
    for _ in range(5):
        with pytest.raises(TimedOut):
            response.result(0.001)
    assert not response._callbacks
    response.set_result(5)
    assert response.result(SOON_S) == 5


def test_who_is_cancelled_leaves_nothing_behind() -> None:
    response: Response[int] = Response()

    async def poll() -> int:
        for _ in range(5):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.001):
                    await response
        assert not response._callbacks
        asyncio.get_running_loop().call_soon(response.set_result, 5)
        return await response

    assert asyncio.run(poll()) == 5


def test_who_is_interrupted_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    response: Response[int] = Response()

    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(responses, "SimpleQueue", lambda: SimpleNamespace(get=interrupted))
        with pytest.raises(KeyboardInterrupt):
            response.result()
    assert not response._callbacks


@pytest.mark.parametrize("interrupted", [False, True])
def test_who_gives_up_as_others_are_told_keeps_none_of_them_from_it(interrupted: bool) -> None:
    response: Response[int] = Response()
    told = []

    def give_up() -> None:
        told.append("first")
        response._forget(give_up)

    response._call_when_done(give_up)
    response._call_when_done(lambda: told.append("second"))
    if interrupted:
        response.interrupt(NoQuorum("two are missing"))
    else:
        response.set_result(5)
    assert told == ["first", "second"]


def test_the_answer_may_come_in_the_thread_that_waits_for_it() -> None:
    """The garbage collector runs there, and what it ends makes a call that fails at once."""

    def wait() -> None:
        with contextlib.suppress(TimedOut):
            response.result(0.01)

    line = lines = 0
    while line <= lines:
        response: Response[int] = Response()
        lines = comes_in_between(line, wait, lambda: response.set_result(5))  # noqa: B023
        line += 1
    assert line > 20


def test_it_is_not_passed_to_another_process_where_it_would_never_be_done() -> None:
    with pytest.raises(TypeError, match="pass its result, or the handle"):
        cloudpickle.dumps(Response())


@pytest.mark.parametrize("wrong", ["5", -1, float("nan"), True])
def test_what_is_no_time_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidArgument, match="a number of seconds"):
        Response[int]().result(wrong)


def test_for_ever_is_no_time_too_long() -> None:
    response: Response[int] = Response()
    threading.Timer(0.05, response.set_result, [3]).start()
    assert response.result(float("inf")) == 3
    assert response.result(1e12) == 3
