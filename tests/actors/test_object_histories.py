"""Histories of standard objects on a real Ray, whose leader is killed: what the simulation checks
of them holds there, too."""

from __future__ import annotations

import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from random import Random
from typing import Any

import pytest

from paxos_ray import (
    Barrier,
    Counter,
    Election,
    Island,
    IslandShutDown,
    Lock,
    Map,
    Queue,
    Semaphore,
    Sequence,
    TimedOut,
    launch,
)
from paxos_ray.machines.errors import MachineError
from paxos_ray.simulation import HistoryRecorder
from paxos_ray.simulation.object_habits import PARTIES, Knowledge, choose, look, setup
from paxos_ray.simulation.object_schedule import QUESTIONS
from tests.actors.soon import await_status, is_whole
from tests.actors.witness import Log, Witness, judge, refuses_what_is_planted

pytestmark = pytest.mark.usefixtures("cluster")

SOON_S = 90.0
CLIENTS = 4
CALLS = 120
"""So many are answered before, between and after the deaths of two leaders, at least."""

LEASE_MS = 30
"""So short that some are over before what was granted is given back."""

HANDLES: dict[str, Any] = {
    "barrier": Barrier,
    "counter": Counter,
    "election": Election,
    "lock": Lock,
    "map": Map,
    "queue": Queue,
    "semaphore": Semaphore,
    "sequence": Sequence,
}
SETUP: dict[str, Any] = {"counter": [("increment", (0,))]}
CALLED = {
    ("lock", "acquire"): "ask",
    ("semaphore", "acquire"): "ask",
    ("election", "campaign"): "stand",
    ("queue", "take"): "ask",
    ("queue", "put"): "offer",
}
"""What handles call a method of the machine, where that is something else."""


@pytest.fixture(scope="module")
def island(cluster: str) -> Iterator[Island]:
    island = launch(f"histories-{uuid.uuid4().hex[:8]}")
    yield island
    island.shutdown()


def kill_leader(island: Island) -> None:
    """Once all are there, so that a majority stays."""
    status = await_status(island, is_whole)
    assert status.leader_pid is not None
    os.kill(status.leader_pid, signal.SIGKILL)


class Hand:
    """What one client does with the object, one thing after the other; not all of it does it wait
    for before it does the next."""

    def __init__(self, kind: str, name: str, witness: Witness) -> None:
        self._kind = kind
        self._random = Random(witness.name)
        self._known = Knowledge(witness.name, LEASE_MS, self._random)
        self._handle = HANDLES[kind](witness, name)
        self._open: list[tuple[str, tuple[Any, ...], Any]] = []

    def prepare(self) -> None:
        for method, arguments in SETUP.get(self._kind) or setup(self._kind):
            self._call(method, arguments)
        self._hear()

    def act(self) -> None:
        drawn = self._random.random()
        if drawn < 0.2:
            getattr(self, f"_wait_{self._kind}", self._look)()
        elif drawn < 0.4:
            self._look()
        else:
            self._call(*self._choose())
        if len(self._open) > 2 or self._random.random() < 0.7:
            self._hear()

    def last(self) -> None:
        """What there is in the end."""
        self._hear()
        for method, *arguments in QUESTIONS.get(self._kind, (("value",),)):
            getattr(self._handle, method).remote(*arguments).result(SOON_S)

    def _choose(self) -> tuple[str, tuple[Any, ...]]:
        if self._kind != "counter":
            return choose(self._kind, self._known)
        pick = self._random.choice
        if self._random.random() < 0.7:
            return "increment", (pick((1, 2, 3)),)
        return "compare_and_set", (pick(range(200)), pick(range(200)))

    def _call(self, method: str, arguments: tuple[Any, ...]) -> None:
        called = CALLED.get((self._kind, method), method)
        response = getattr(self._handle, called).remote(*arguments)
        self._open.append((method, arguments, response))

    def _hear(self) -> None:
        for method, arguments, response in self._open:
            with suppress(MachineError):
                self._known.learn(method, arguments, response.result(SOON_S))
        self._open.clear()

    def _look(self) -> None:
        method, arguments = "value", ()
        if self._kind != "counter":
            method, arguments = look(self._kind, self._known)
        self._open.append(("look", (), getattr(self._handle, method).remote(*arguments)))

    # -- calls that wait: for as long as that may take an island which elects, or not so long ------

    def _limit_s(self) -> float:
        return self._random.choice((0.0, 0.1, 1.0))

    def _hold(self, holding: Any) -> None:
        with suppress(TimedOut, MachineError), holding:
            self._look()
            self._hear()

    def _wait_lock(self) -> None:
        self._hold(self._handle.held(timeout_s=self._limit_s(), label=self._known.who))

    def _wait_semaphore(self) -> None:
        self._hold(self._handle.held(timeout_s=self._limit_s()))

    def _wait_election(self) -> None:
        self._hold(self._handle.leading(self._known.who, timeout_s=self._limit_s()))

    def _wait_barrier(self) -> None:
        with suppress(TimedOut, MachineError):
            self._handle.wait(PARTIES, timeout_s=self._limit_s())

    def _wait_queue(self) -> None:
        if self._random.random() < 0.5:
            self._hold(self._handle.taking(timeout_s=self._limit_s()))
        else:
            with suppress(TimedOut):
                self._handle.put(f"{self._known.who} waits", timeout_s=self._limit_s())


@pytest.mark.parametrize("kind", sorted(HANDLES))
def test_there_is_an_order_though_leaders_are_killed(island: Island, kind: str) -> None:
    name = f"{kind}-{uuid.uuid4().hex[:8]}"
    log, recorder = Log(island), HistoryRecorder()
    witnesses = [Witness(f"{kind} {n}", island, recorder) for n in range(CLIENTS)]
    try:
        hands = [Hand(kind, name, witness) for witness in witnesses]
        for hand in hands:
            hand.prepare()
        with Crowd(hands) as crowd:
            for _ in range(2):
                crowd.has_done(CALLS)
                kill_leader(island)
            crowd.has_done(CALLS)
        for witness in witnesses:
            witness.finish()
        hands[0].last()
        witnesses[0].finish()
        end = max(witness.seen for witness in witnesses if witness.seen is not None)
        operations = judge(name, kind, witnesses, recorder, log.until(end))
    finally:
        for witness in witnesses:
            witness.close(IslandShutDown("the test is over"))
    assert len(operations) >= 3 * CALLS
    refuses_what_is_planted(operations, kind, Random(kind))
    assert len({citizen.digest for citizen in island.settled(SOON_S).citizens}) == 1


class Crowd:
    """Hands at work, each in a thread of its own, until the end of the `with`."""

    def __init__(self, hands: list[Hand]) -> None:
        self._done = threading.Semaphore(0)
        self._stop = threading.Event()
        self._failures: list[BaseException] = []
        self._threads = [threading.Thread(target=self._run, args=(hand.act,)) for hand in hands]

    def __enter__(self) -> Crowd:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(SOON_S)
        assert not self._failures, self._failures

    def has_done(self, times: int) -> None:
        """Wait until they have done so much more."""
        deadline = time.monotonic() + SOON_S
        for _ in range(times):
            assert self._done.acquire(timeout=max(0.0, deadline - time.monotonic()))
            assert not self._failures, self._failures

    def _run(self, act: Callable[[], None]) -> None:
        try:
            while not self._stop.is_set():
                act()
                self._done.release()
        except BaseException as failure:  # noqa: BLE001 - told above
            self._failures.append(failure)
