"""Histories of real clients, while what serves them is killed: there is an order for each."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from random import Random
from typing import Any

import ray

from paxos_ray import Island, OutcomeUnknown, TimedOut, attach, launch
from paxos_ray.simulation import HistoryRecorder, Operation, check

SOON_S = 90.0
COUNTERS = ("left", "right")


class Caller:
    """One client's calls, one after the other. A call that takes too long is left unknown."""

    def __init__(self, name: str, island: Island, recorder: HistoryRecorder) -> None:
        self._name = name
        self._island = island
        self._recorder = recorder
        self._random = Random(name)
        self._seen = dict.fromkeys(COUNTERS, 0)

    def call(self) -> None:
        name = self._random.choice(COUNTERS)
        counter, drawn = self._island.counter(name), self._random.random()
        if drawn < 0.5:
            n = self._random.choice((1, 2, 3))
            self._do(name, "increment", (n,), lambda: counter.increment.remote(n))
        elif drawn < 0.8:
            self._do(name, "value", (), lambda: counter.value.remote())
        else:
            expected = self._seen[name]
            new = expected + self._random.choice((-2, 4))
            self._do(
                name,
                "compare_and_set",
                (expected, new),
                lambda: counter.compare_and_set.remote(expected, new),
            )

    def _do(
        self, name: str, method: str, arguments: tuple[int, ...], ask: Callable[[], Any]
    ) -> None:
        # One time in twenty it does not wait long enough for an island that elects.
        limit_s = 0.01 if self._random.random() < 0.05 else SOON_S
        call = self._recorder.begin(self._name, name, method, *arguments)
        try:
            result = ask().result(limit_s)
        except (OutcomeUnknown, TimedOut):
            return
        call.returned(result)
        if type(result) is int:
            self._seen[name] = result


@ray.remote
def call_for(island: str, name: str, seconds: float) -> list[Operation]:
    """A client in a process of its own; the clock is the machine's."""
    recorder = HistoryRecorder(time.monotonic_ns)
    caller = Caller(name, attach(island), recorder)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        caller.call()
    return recorder.operations()


def test_there_is_an_order_whatever_is_killed(name: str) -> None:
    island = launch(name)
    for counter in COUNTERS:
        island.counter(counter).increment(0, timeout_s=SOON_S)
    recorder = HistoryRecorder(time.monotonic_ns)
    stop = threading.Event()
    failures: list[BaseException] = []

    def run(caller: Caller) -> None:
        try:
            while not stop.is_set():
                caller.call()
        except BaseException as failure:  # noqa: BLE001 - told below
            failures.append(failure)

    callers = [Caller(f"thread-{n}", island, recorder) for n in range(4)]
    threads = [threading.Thread(target=run, args=(caller,)) for caller in callers]
    for thread in threads:
        thread.start()
    tasks = [call_for.remote(name, f"task-{n}", 4.0) for n in range(2)]
    try:
        _trouble(island)
        elsewhere = ray.get(tasks, timeout=SOON_S)
    finally:
        stop.set()
        for thread in threads:
            thread.join(SOON_S)
    assert not failures, failures
    for counter in COUNTERS:  # what the history ends with
        last = recorder.begin("last", counter, "value")
        last.returned(island.counter(counter).value(timeout_s=SOON_S))
    history = [*recorder.operations(), *(o for operations in elsewhere for o in operations)]
    answered = [operation for operation in history if operation.returned is not None]
    assert len(answered) > 200
    assert {operation.client for operation in answered} > {"task-0", "task-1", "thread-0"}
    window = check(history)
    assert window is None, str(window)
    _refuses_what_is_planted(history)


def _trouble(island: Island) -> None:
    """Kill the leader, the coordinator and the leader again, while the island grows and shrinks."""
    leader = island.status(timeout_s=SOON_S).leader_pid
    assert leader is not None
    os.kill(leader, signal.SIGKILL)
    island.scale(5, progress=False)
    coordinator = island.status(timeout_s=SOON_S).coordinator_pid
    assert coordinator is not None
    os.kill(coordinator, signal.SIGKILL)
    island.scale(3, progress=False)
    leader = island.status(timeout_s=SOON_S).leader_pid
    assert leader is not None
    os.kill(leader, signal.SIGKILL)
    island.counter(COUNTERS[0]).value(timeout_s=SOON_S)


def _refuses_what_is_planted(history: list[Operation]) -> None:
    """The same history with the last read off by one has no order: it was no empty test."""
    last = history.index(next(o for o in history if o.client == "last"))
    wrong = history[last]._replace(result=history[last].result - 1000)
    assert check([*history[:last], wrong, *history[last + 1 :]]) is not None


def test_increments_are_applied_exactly_once_while_the_leader_is_killed(name: str) -> None:
    """All are answered, each with a value of its own, and the sum is what was acknowledged."""
    island = launch(name)
    counter = island.counter("sum")
    responses = []
    for number in range(3_000):
        responses.append(counter.increment.remote(1))
        if number == 1_000:
            leader = island.status(timeout_s=SOON_S).leader_pid
            assert leader is not None
            os.kill(leader, signal.SIGKILL)
    assert [response.result(SOON_S) for response in responses] == list(range(1, 3_001))
    assert counter.value(timeout_s=SOON_S) == 3_000
