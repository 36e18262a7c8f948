"""An island as its users see it, on a real Ray."""

from __future__ import annotations

import asyncio
import os
import pickle
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray

import paxos_ray
from paxos_ray import Island, attach, islands, launch
from tests.actors.soon import await_status, until

pytestmark = pytest.mark.usefixtures("cluster")

ROOT = Path(__file__).resolve().parents[2]
SOON_S = 60.0


@pytest.fixture(scope="module")
def island(cluster: str) -> Iterator[Island]:
    """An island of three that nobody harms."""
    island = launch(f"peaceful-{uuid.uuid4().hex[:8]}")
    yield island
    island.shutdown()


def counter_name() -> str:
    return uuid.uuid4().hex


def test_a_launched_island_has_the_asked_for_shape(island: Island) -> None:
    government = island.government()
    assert len(government.citizens) == len(government.parliament) == 3
    assert len(government.majority) == 2
    assert set(government.acclimated) == set(government.citizens)


def test_increments_are_answered_in_order_with_the_new_value(island: Island) -> None:
    counter = island.counter(counter_name())
    responses = [counter.increment.remote(n) for n in (1, 2, 3)]
    assert [response.result(SOON_S) for response in responses] == [1, 3, 6]
    assert counter.increment(-6, timeout_s=SOON_S) == 0
    assert counter.increment.remote().result(SOON_S) == 1
    big = 10**30
    assert counter.increment(big) == 1 + big


def test_compare_and_set_sets_what_is_as_expected(island: Island) -> None:
    counter = island.counter(counter_name())
    assert counter.compare_and_set(0, 5, timeout_s=SOON_S) is True
    responses = [counter.compare_and_set.remote(5, new) for new in (6, 7, 8)]
    assert [response.result(SOON_S) for response in responses] == [True, False, False]
    assert counter.value(timeout_s=SOON_S) == 6
    assert counter.increment(1, timeout_s=SOON_S) == 7


def test_a_read_sees_what_was_acknowledged_before_it(island: Island) -> None:
    counter = island.counter(counter_name())
    for expected in range(1, 30):
        counter.increment(timeout_s=SOON_S)
        assert counter.value(timeout_s=SOON_S) == expected


def test_many_counters_are_read_at_once(island: Island) -> None:
    names = [counter_name() for _ in range(3_000)]
    responses = [island.counter(name).increment.remote(n) for n, name in enumerate(names)]
    assert [response.result(SOON_S) for response in responses] == list(range(3_000))
    assert list(island.values(names, SOON_S).values()) == list(range(3_000))


def test_a_response_can_be_awaited(island: Island) -> None:
    counter = island.counter(counter_name())

    async def count() -> list[int]:
        return await asyncio.gather(*(_wait(counter.increment.remote(1)) for _ in range(20)))

    async def _wait(response: paxos_ray.Response[int]) -> int:
        return await response

    assert sorted(asyncio.run(count())) == list(range(1, 21))


def test_the_citizens_agree_and_status_says_so(island: Island) -> None:
    island.counter(counter_name()).increment(timeout_s=SOON_S)
    status = island.settled(timeout_s=SOON_S)
    assert [citizen.seat for citizen in status.citizens] == ["leader", "majority", "minority"]
    assert len({citizen.digest for citizen in status.citizens}) == 1
    assert len({citizen.pid for citizen in status.citizens}) == 3
    assert status.population == 3
    assert status.leader is not None
    assert status.leader.role == "writer"
    assert status.coordinator_pid not in {os.getpid(), status.leader_pid}
    assert {citizen.node_id for citizen in status.citizens} == {status.coordinator.node_id}


def test_the_log_is_let_go_of(island: Island) -> None:
    counter = island.counter(counter_name())
    for _ in range(100):
        counter.increment(timeout_s=SOON_S)
    island.settled(timeout_s=SOON_S)
    await_status(
        island, lambda told: all((citizen.log_entries or 0) < 100 for citizen in told.citizens)
    )


def test_handles_work_in_tasks_and_in_actors(island: Island) -> None:
    counter = island.counter(counter_name())

    @ray.remote(num_cpus=0)
    def task(counter: paxos_ray.Counter) -> int:
        responses = [counter.increment.remote(1) for _ in range(100)]
        return max(response.result(SOON_S) for response in responses)

    class Worker:
        def __init__(self, island: Island, name: str) -> None:
            self.counter = island.counter(name)

        def work(self) -> int:
            return self.counter.increment(100, timeout_s=SOON_S)

    class AsyncWorker:
        def __init__(self, name: str) -> None:
            self.island = name

        async def work(self, name: str) -> int:
            return await attach(self.island).counter(name).increment.remote(100)

    worker = ray.remote(num_cpus=0)(Worker).remote(island, counter.name)
    other = ray.remote(num_cpus=0)(AsyncWorker).remote(island.name)
    jobs = [task.remote(counter), worker.work.remote(), other.work.remote(counter.name)]
    assert max(ray.get(jobs, timeout=SOON_S)) == 300
    assert counter.value(timeout_s=SOON_S) == 300


def test_handles_are_pickled_by_name(island: Island) -> None:
    counter = island.counter(counter_name())
    counter.increment(7)
    assert pickle.loads(pickle.dumps(counter)).value(timeout_s=SOON_S) == 7
    assert pickle.loads(pickle.dumps(island)).name == island.name


def test_islands_do_not_know_each_other(island: Island, name: str) -> None:
    other = launch(name)
    shared = counter_name()
    island.counter(shared).increment(1)
    other.counter(shared).increment(2)
    assert island.counter(shared).value(timeout_s=SOON_S) == 1
    assert other.counter(shared).value(timeout_s=SOON_S) == 2
    assert {island.name, name} <= set(islands())
    other.shutdown()
    assert name not in islands()
    assert island.counter(shared).value(timeout_s=SOON_S) == 1


def test_an_island_outlives_the_driver_that_launched_it(cluster: str, name: str) -> None:
    program = (
        "import ray, paxos_ray, sys\n"
        "ray.init(address=sys.argv[1], logging_level='ERROR')\n"
        "paxos_ray.launch(sys.argv[2]).counter('left').increment(5)\n"
    )
    subprocess.run(
        [sys.executable, "-c", program, cluster, name], check=True, timeout=120, cwd=ROOT
    )
    counter = attach(name).counter("left")
    assert counter.value(timeout_s=SOON_S) == 5
    assert counter.increment(1, timeout_s=SOON_S) == 6


def test_nothing_is_left_of_an_island_that_was_shut_down(name: str) -> None:
    island = launch(name)
    pids = [citizen.pid for citizen in island.status().citizens]
    assert all(pid is not None and _runs(pid) for pid in pids)
    island.shutdown()
    island.shutdown()
    assert name not in islands()
    again = launch(name)  # the name is free at once
    assert again.counter("fresh").increment(1, timeout_s=SOON_S) == 1
    until(lambda: not any(pid is not None and _runs(pid) for pid in pids))


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
