"""What an island survives: processes are killed while clients count, and it grows and shrinks."""

from __future__ import annotations

import os
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import ray

from paxos_ray import Counter, Island, IslandStatus, Superseded, launch
from tests.actors.soon import SOON_S, await_status, is_whole

pytestmark = pytest.mark.usefixtures("cluster")


class Load:
    """A client that never waits long: increments in small bunches, each reply checked."""

    def __init__(self, counter: Counter) -> None:
        self.counter = counter
        self.acknowledged = 0
        self.failure: Exception | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                responses = [self.counter.increment.remote(1) for _ in range(20)]
                for response in responses:
                    self.acknowledged += 1
                    assert response.result(SOON_S) == self.acknowledged
        except Exception as failure:  # noqa: BLE001 - told by whoever waits
            self.failure = failure

    def progress(self, increments: int = 40) -> None:
        """Wait until so many more are acknowledged."""
        goal, deadline = self.acknowledged + increments, time.monotonic() + SOON_S
        while self.acknowledged < goal and self.failure is None:
            assert time.monotonic() < deadline, "no progress"
            time.sleep(0.005)
        assert self.failure is None, self.failure

    @contextmanager
    def under_way(self) -> Iterator[Load]:
        self._thread.start()
        try:
            self.progress()
            yield self
            self.progress()
        finally:
            self._stop.set()
            self._thread.join(SOON_S)
        assert self.failure is None, self.failure
        assert self.counter.value(timeout_s=SOON_S) == self.acknowledged


def kill(pid: int | None) -> None:
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def agree(island: Island, citizens: int) -> None:
    status = island.settled(timeout_s=SOON_S)
    assert len(status.citizens) == citizens
    assert len({citizen.digest for citizen in status.citizens}) == 1


@pytest.fixture(scope="module")
def lasting(cluster: str) -> Iterator[Island]:
    """One island for all that it survives, since a process takes long to start."""
    island = launch(f"lasting-{uuid.uuid4().hex[:8]}")
    yield island
    island.shutdown()


@pytest.fixture
def island(lasting: Island) -> Island:
    """The same, whole again."""
    await_status(lasting, lambda status: is_whole(status) and len(status.citizens) == 3)
    return lasting


@pytest.fixture
def counter(island: Island) -> Counter:
    return island.counter(uuid.uuid4().hex)


def test_the_leader_is_killed_again_and_again(island: Island, counter: Counter) -> None:
    with Load(counter).under_way() as load:
        for _ in range(2):
            status = await_status(island, is_whole)
            kill(status.leader_pid)
            load.progress()
            assert await_status(island, is_whole).leader_pid != status.leader_pid
    agree(island, 3)


def test_the_coordinator_is_killed(island: Island, counter: Counter) -> None:
    elected = 0
    with Load(counter).under_way() as load:
        for _ in range(3):
            status = await_status(island, is_whole)
            kill(status.coordinator_pid)
            load.progress()
            after = await_status(island, is_whole)
            assert after.coordinator_pid != status.coordinator_pid
            elected += after.leader_pid != status.leader_pid
            if not elected:
                break
    assert elected < 3, "that costs no election, unless the machine is slow just then"
    agree(island, 3)


def test_leader_and_coordinator_are_killed_at_once(island: Island, counter: Counter) -> None:
    with Load(counter).under_way() as load:
        status = await_status(island, is_whole)
        kill(status.coordinator_pid)
        kill(status.leader_pid)
        load.progress()
    agree(island, 3)


@pytest.mark.parametrize("seat", ["majority", "minority"])
def test_a_dead_citizen_is_replaced_without_being_asked(
    island: Island, counter: Counter, seat: str
) -> None:
    counter.increment(5, timeout_s=SOON_S)
    (victim,) = [each for each in island.status().citizens if each.seat == seat]
    kill(victim.pid)
    counter.increment(1, timeout_s=SOON_S)

    def is_replaced(status: IslandStatus) -> bool:
        return is_whole(status) and victim.id not in [each.id for each in status.citizens]

    await_status(island, is_replaced)
    assert counter.value(timeout_s=SOON_S) == 6
    agree(island, 3)


def test_it_grows_and_shrinks_under_load(island: Island, counter: Counter) -> None:
    with Load(counter).under_way() as load:
        for citizens, seats in ((5, 5), (4, 3), (7, 5), (3, 3)):
            government = island.scale(citizens)
            assert len(government.citizens) == citizens
            assert len(government.parliament) == seats
            load.progress()
    agree(island, 3)
    actors = ray.util.list_named_actors(all_namespaces=True)
    mine = [actor["name"] for actor in actors if actor["namespace"].endswith(island.name)]
    assert len([actor for actor in mine if actor.startswith("citizen/")]) == 3


def test_the_leader_is_killed_while_it_grows(island: Island, counter: Counter) -> None:
    with Load(counter).under_way() as load:
        growing = threading.Thread(target=island.scale, args=(5,))
        growing.start()
        await_status(island, lambda status: len(status.citizens) > 3)
        kill(island.status(timeout_s=SOON_S).leader_pid)
        load.progress()
        growing.join(SOON_S)
        await_status(island, is_whole)
    agree(island, 5)
    island.scale(3)


def test_a_citizen_that_hangs_is_done_without(island: Island, counter: Counter) -> None:
    counter.increment(1, timeout_s=SOON_S)
    pid = island.status().leader_pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        counter.increment(1, timeout_s=SOON_S)
        await_status(island, lambda status: is_whole(status) and status.leader_pid != pid)
        assert counter.value(timeout_s=SOON_S) == 2
    finally:
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:  # it was replaced and stopped
            pass
    agree(island, 3)


def test_the_latest_wish_counts(island: Island) -> None:
    told: list[Exception] = []

    def grow() -> None:
        try:
            island.scale(7)
        except Superseded as superseded:
            told.append(superseded)

    growing = threading.Thread(target=grow)
    growing.start()
    await_status(island, lambda status: status.population == 7)
    island.scale(3)
    growing.join(SOON_S)
    assert "3 citizens were asked for" in str(told[0])
    agree(island, 3)
