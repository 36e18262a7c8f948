"""Scaling on a real Ray: under full load nothing fails, and by itself it follows what is read."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import pytest
import ray

import paxos_ray
from paxos_ray import Autoscale, Counter, InvalidArgument, launch
from tests.actors.soon import SOON_S, await_status, until

pytestmark = pytest.mark.usefixtures("cluster")

RULES = Autoscale(3, 5, reads_per_citizen=10, window_s=1, calm_s=2)


class Loader:
    """A client of its own process that never pauses: each answer is checked, writes and reads."""

    def __init__(self, island: str, name: str) -> None:
        self._island = paxos_ray.attach(island)
        self._counter: Counter = self._island.counter(name)
        self._count = 0
        self._stop = threading.Event()
        self._failure = ""
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                responses = [self._counter.increment.remote(1) for _ in range(200)]
                for response in responses:
                    self._count += 1
                    assert response.result(SOON_S) == self._count
                read = self._counter.value.options(consistency="session")
                assert read.remote().result(SOON_S) == self._count
        except BaseException as failure:  # noqa: BLE001 - told by whoever waits
            self._failure = repr(failure)

    def look(self) -> tuple[int, str]:
        """How many increments were acknowledged, and what failed."""
        return self._count, self._failure

    def stop(self) -> tuple[int, str]:
        self._stop.set()
        self._thread.join(SOON_S)
        return self.look()


def goes_on(loaders: dict[str, Any]) -> None:
    """Each of them has more acknowledged than before."""
    counts = [count for count, _ in ray.get([each.look.remote() for each in loaders.values()])]

    def more() -> bool:
        looks = ray.get([each.look.remote() for each in loaders.values()], timeout=SOON_S)
        assert not any(failure for _, failure in looks), looks
        return all(now > then for (now, _), then in zip(looks, counts, strict=True))

    until(more)


def test_no_operation_fails_while_it_grows_and_shrinks(name: str) -> None:
    island = launch(name)
    loader = ray.remote(num_cpus=0, max_concurrency=2)(Loader)
    loaders = {key: loader.remote(name, key) for key in ("sold", "bought")}
    try:
        for citizens, seats in ((3, 3), (5, 5), (7, 5), (3, 3)):
            government = island.scale(citizens)
            assert (len(government.citizens), len(government.parliament)) == (citizens, seats)
            goes_on(loaders)
    finally:
        stopped = {
            key: ray.get(each.stop.remote(), timeout=SOON_S) for key, each in loaders.items()
        }
        for each in loaders.values():
            ray.kill(each)
    for key, (count, failure) in stopped.items():
        assert not failure
        assert island.counter(key).value(timeout_s=SOON_S) == count > 0
    assert len({citizen.digest for citizen in island.settled(SOON_S).citizens}) == 1


def test_who_leads_can_be_asked_to_leave(name: str) -> None:
    island = launch(name, 4)
    first, *others = island.status().citizens
    with pytest.raises(InvalidArgument, match="ids of citizens"):
        island.scale(3, leaving=["nobody"])
    with pytest.raises(InvalidArgument, match=f"there are: .*{first.id}"):
        island.scale(3, leaving=["nobody"])
    with pytest.raises(InvalidArgument, match="2 are to leave, and 1 fewer"):
        island.scale(3, leaving=[first.id, others[0].id])
    counter = island.counter("sold")
    assert counter.increment(2, timeout_s=SOON_S) == 2
    government = island.scale(3, leaving=[first.id])
    assert set(government.citizens) == {citizen.id for citizen in others}
    assert counter.increment(1, timeout_s=SOON_S) == 3


class Readers:
    """Reads that any citizen answers, or none, as told."""

    def __init__(self, counter: Counter) -> None:
        self._read = counter.value.options(consistency="eventual")
        self._reads, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.failure: BaseException | None = None
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self._ended.is_set():
                if self._reads.wait(0.05):
                    for response in [self._read.remote() for _ in range(10)]:
                        response.result(SOON_S)
        except BaseException as failure:  # noqa: BLE001
            self.failure = failure

    def read(self, reads: bool) -> None:
        (self._reads.set if reads else self._reads.clear)()

    def end(self) -> None:
        self._ended.set()
        self._reads.set()
        self._thread.join(SOON_S)
        assert self.failure is None, self.failure


def test_it_follows_what_is_read_also_under_another_coordinator(name: str) -> None:
    with pytest.raises(InvalidArgument, match="6 citizens are not within 3 to 5"):
        launch(name, 6, autoscale=RULES)
    with pytest.raises(InvalidArgument, match="is an Autoscale"):
        launch(name, autoscale=(3, 5))  # type: ignore[arg-type]
    island = launch(name, parliament_size=3, autoscale=RULES)
    counter = island.counter("sold")
    counter.increment(1, timeout_s=SOON_S)
    readers = Readers(counter)
    try:
        readers.read(True)
        grown = await_status(island, lambda status: status.shaped and status.population == 5)
        assert grown.autoscale == RULES
        assert (grown.reads_per_s or 0) > 0
        assert grown.coordinator_pid is not None
        os.kill(grown.coordinator_pid, signal.SIGKILL)
        after = await_status(island, lambda s: s.coordinator_pid != grown.coordinator_pid)
        assert (after.autoscale, after.population) == (RULES, 5)
        readers.read(False)
        await_status(island, lambda status: status.shaped and status.population == 3)
        island.scale(4)
        status = island.status()
        assert (status.autoscale, status.reads_per_s) == (None, None), "it was said how many"
        with pytest.raises(InvalidArgument, match="is an Autoscale"):
            island.autoscale(3)  # type: ignore[arg-type]
        island.autoscale(Autoscale(5, 7, reads_per_citizen=1e6))
        await_status(island, lambda status: status.shaped and len(status.citizens) == 5)
        island.autoscale(None)
        status = island.status()
        assert (status.autoscale, status.population) == (None, 5)
    finally:
        readers.end()
    assert counter.value(timeout_s=SOON_S) == 1
