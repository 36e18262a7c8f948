"""A client's process is killed: what it held, and waited for, goes to others when its session has
ended, and whoever waits is told so."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
import ray

from paxos_ray import (
    Barrier,
    Election,
    InvalidArgument,
    Island,
    IslandShutDown,
    Lock,
    Queue,
    Semaphore,
    launch,
)
from paxos_ray.simulation import HistoryRecorder
from tests.actors.soon import SOON_S, until
from tests.actors.witness import Witness

pytestmark = pytest.mark.usefixtures("cluster")

SESSION_MS = 8_000
FOR_EVER_MS = 10**9


@pytest.fixture(scope="module")
def island(cluster: str) -> Iterator[Island]:
    island = launch(f"deaths-{uuid.uuid4().hex[:8]}", session_ms=SESSION_MS)
    yield island
    island.shutdown()


@pytest.fixture
def witnesses(island: Island) -> Iterator[Callable[[str], Witness]]:
    made: list[Witness] = []

    def witness(name: str) -> Witness:
        made.append(Witness(name, island, HistoryRecorder()))
        return made[-1]

    yield witness
    for each in made:
        each.close(IslandShutDown("the test is over"))


@ray.remote(num_cpus=0)
class Holder:
    """A client in a process of its own, which has one of each."""

    def hold(self, island: Island, name: str) -> int:
        assert island.lock(f"lock {name}").acquire(timeout_s=SOON_S) == 1
        assert island.lock(f"leased {name}").acquire(lease_ms=FOR_EVER_MS, timeout_s=SOON_S) == 1
        assert island.semaphore(f"semaphore {name}", 2).acquire(2, timeout_s=SOON_S) == 1
        assert island.election(f"election {name}").campaign("first", timeout_s=SOON_S) == 1
        queue = island.queue(f"queue {name}")
        queue.put("item", timeout_s=SOON_S)
        assert queue.take(lease_ms=FOR_EVER_MS, timeout_s=SOON_S).value == "item"
        island.map(f"map {name}").put("here", "I", ephemeral=True)
        return os.getpid()

    def wait(self, island: Island, name: str) -> None:
        """In lines that others are in, too; it answers only that it waits."""
        assert island.lock(f"line {name}").ask() == (False, 2)
        assert island.barrier(f"barrier {name}").arrive(3) == (False, 1, 1)


@pytest.mark.parametrize("leader_too", [False, True], ids=["", "and the leader"])
def test_what_a_dead_client_held_goes_to_who_waits(
    island: Island, witnesses: Callable[[str], Witness], leader_too: bool
) -> None:
    name = uuid.uuid4().hex
    holder = Holder.remote()
    pid = ray.get(holder.hold.remote(island, name), timeout=SOON_S)
    line = island.lock(f"line {name}")
    token = line.acquire(timeout_s=SOON_S)
    ray.get(holder.wait.remote(island, name), timeout=SOON_S)

    asked: dict[str, Callable[[Witness], Any]] = {
        "lock": lambda by: Lock(by, f"lock {name}").acquire(timeout_s=SOON_S),
        "leased": lambda by: Lock(by, f"leased {name}").acquire(timeout_s=SOON_S),
        "semaphore": lambda by: Semaphore(by, f"semaphore {name}").acquire(timeout_s=SOON_S),
        "election": lambda by: Election(by, f"election {name}").campaign("x", timeout_s=SOON_S),
        "queue": lambda by: Queue(by, f"queue {name}").take(timeout_s=SOON_S),
        "line": lambda by: Lock(by, f"line {name}").acquire(timeout_s=SOON_S),
    }
    keys = island.map(f"map {name}").watch("here", timeout_s=SOON_S)
    leaders = island.election(f"election {name}").observe(timeout_s=SOON_S)
    assert next(leaders) == (1, "first")
    with ThreadPoolExecutor(len(asked)) as pool:
        by = {what: witnesses(f"{what} {name}") for what in asked}
        waiting: dict[str, Future[Any]] = {
            what: pool.submit(ask, by[what]) for what, ask in asked.items()
        }
        # Each has asked, and has looked once since it watches.
        until(lambda: all(each.wishes and each.reads for each in by.values()))
        os.kill(pid, signal.SIGKILL)
        if leader_too:
            leader = island.status(timeout_s=SOON_S).leader_pid
            assert leader is not None
            os.kill(leader, signal.SIGKILL)
        got = {what: each.result(SOON_S) for what, each in waiting.items() if what != "line"}
        assert got.pop("queue")[:3] == (2, 1, "item")
        assert got == {"lock": 2, "leased": 2, "semaphore": 2, "election": 2}
        assert next(keys).event[0] == "ended"
        assert next(leaders) in ((2, "x"), None)
        line.release(token)  # the one who was before has gone
        assert waiting["line"].result(SOON_S) == 3
    assert island.map(f"map {name}").get("here") is None
    assert island.barrier(f"barrier {name}").waiting() == []
    for what, each in by.items():  # they were told: none has asked again and again
        assert (len(each.wishes), len(each.reads)) == (1, 1), what
    keys.close()
    leaders.close()


def test_who_lives_keeps_what_it_holds(island: Island, witnesses: Callable[[str], Witness]) -> None:
    """Though it does nothing else for twice as long as a session lasts."""
    name = uuid.uuid4().hex
    lock, rival = island.lock(name), Lock(witnesses(name), name)
    token = lock.acquire(timeout_s=SOON_S)
    began = None
    for entry in island.log(timeout_s=SOON_S):  # its keeping alive is what is written
        began = entry.stamp_ms if began is None else began
        if entry.stamp_ms - began > 2 * SESSION_MS:
            break
    assert rival.ask(wait=False) == (False, None)
    lock.release(token)


def test_a_gathering_does_not_count_the_dead(
    island: Island, witnesses: Callable[[str], Witness]
) -> None:
    name = uuid.uuid4().hex
    barrier = island.barrier(f"barrier {name}")
    island.lock(f"line {name}").acquire(timeout_s=SOON_S)
    holder = Holder.remote()
    ray.get(holder.wait.remote(island, name), timeout=SOON_S)
    ended = barrier.watch(1, timeout_s=SOON_S)
    ray.kill(holder)
    assert next(ended).event == ("ended", 1)
    ended.close()
    others = [Barrier(witnesses(f"{n} {name}"), f"barrier {name}") for n in range(2)]
    with ThreadPoolExecutor(2) as pool:
        there = [pool.submit(each.wait, 3, timeout_s=SOON_S) for each in others]
        until(lambda: len(barrier.waiting()) == 2)
        assert not any(each.done() for each in there)
        assert barrier.wait(3, timeout_s=SOON_S) == 1
        assert [each.result(SOON_S) for each in there] == [1, 1]


@pytest.mark.parametrize("session_ms", [0, 999, -1, 1e4, "1000", True, None])
def test_a_session_s_lifetime_is_a_second_at_least(session_ms: Any) -> None:
    with pytest.raises(InvalidArgument, match="session_ms"):
        launch("nobody", session_ms=session_ms)
