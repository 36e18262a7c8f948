"""Reads of each consistency on a real Ray: who answers, what that reflects, what is lost."""

from __future__ import annotations

import contextlib
import os
import signal
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

import paxos_ray
from paxos_ray import InvalidArgument, Island, NoQuorum, launch
from tests.actors.soon import SOON_S, await_status, is_whole

pytestmark = pytest.mark.usefixtures("cluster")


@paxos_ray.replicated
class Notes:
    """Says who answers."""

    def __init__(self) -> None:
        self.count = 0

    def add(self) -> int:
        self.count += 1
        return self.count

    @paxos_ray.query
    def look(self) -> tuple[int, int]:
        return self.count, os.getpid()

    @paxos_ray.query
    def dwell(self, seconds: float) -> int:
        time.sleep(seconds)
        return self.count


@pytest.fixture(scope="module")
def island(cluster: str) -> Iterator[Island]:
    island = launch(f"reads-{uuid.uuid4().hex[:8]}", audit_s=0)
    yield island
    island.shutdown()


@pytest.fixture
def name() -> str:
    return uuid.uuid4().hex


def who_answer(notes: Any, consistency: Any, reads: int = 400) -> set[int]:
    look = notes.look.options(consistency=consistency)
    responses = [look.remote() for _ in range(reads)]
    return {response.result(SOON_S)[1] for response in responses}


@pytest.mark.parametrize("consistency", ["session", "eventual"])
def test_all_citizens_answer_also_those_that_came_later(
    island: Island, name: str, consistency: str
) -> None:
    notes = island.deploy(name, Notes)
    try:
        for citizens in (3, 5, 3):
            island.scale(citizens)
            await_status(island, is_whole)
            notes.add(timeout_s=SOON_S)
            status = island.settled(timeout_s=SOON_S)
            pids = {citizen.pid for citizen in status.citizens}
            deadline = time.monotonic() + SOON_S
            while (answered := who_answer(notes, consistency)) != pids:
                assert time.monotonic() < deadline, (answered, pids)
    finally:
        island.scale(3)


def test_linearizable_reads_are_the_leaders(island: Island, name: str) -> None:
    notes = island.deploy(name, Notes)
    assert who_answer(notes, "linearizable") == {await_status(island, is_whole).leader_pid}


def test_a_session_reads_what_it_wrote(island: Island, name: str) -> None:
    notes = island.deploy(name, Notes)
    counter, table = island.counter(name + " counter"), island.map(name + " map")
    for number in range(1, 60):
        assert notes.add(timeout_s=SOON_S) == number
        read = notes.look.options(consistency="session").remote()
        assert read.result(SOON_S)[0] == number
        table.put("number", number)
        get = table.get.options(consistency="session")
        assert get.remote("number").result(SOON_S) == number
        counter.increment(2)
        assert counter.value.options(consistency="session")(timeout_s=SOON_S) == 2 * number


def test_what_was_read_is_read_again(island: Island, name: str) -> None:
    """Whatever it was read by: the next read goes to somebody else."""
    notes = island.deploy(name, Notes)
    island.settled(timeout_s=SOON_S)
    for number in range(1, 60):
        notes.add(timeout_s=SOON_S)
        kinds = ("linearizable", "eventual", "session")
        first = notes.look.options(consistency=kinds[number % 3])(timeout_s=SOON_S)[0]
        for _ in range(3):
            assert notes.look.options(consistency="session")(timeout_s=SOON_S)[0] >= first


def test_what_goes_wrong_is_told_where_it_was_asked(island: Island, name: str) -> None:
    notes = island.deploy(name, Notes)
    counter = island.counter(name + " counter")
    counter.increment(1, timeout_s=SOON_S)
    island.settled(timeout_s=SOON_S)
    for method in (notes.look, counter.value, notes.add, counter.increment):
        with pytest.raises(InvalidArgument, match=r"'linearizable', 'session' or 'eventual', not"):
            method.options(consistency="strong")
        with pytest.raises(InvalidArgument, match="not 3"):
            method.options(consistency=3)
    for consistency in ("linearizable", "session", "eventual"):
        with pytest.raises(InvalidArgument, match=r"is for queries: Notes\.add"):
            notes.add.options(consistency=consistency)
        with pytest.raises(InvalidArgument, match="is for queries: increment"):
            counter.increment.options(consistency=consistency)  # type: ignore[arg-type]
        with pytest.raises(InvalidArgument, match="is for queries"):
            island.map(name + " map").put.options(consistency=consistency)  # type: ignore[arg-type]
    look = notes.look.options(consistency="session").options(overload="raise")
    assert (look.consistency, look.patience_s) == ("session", 0.0)
    for consistency in ("session", "eventual"):
        missing = island.counter(name + " missing").value.options(
            consistency=consistency  # type: ignore[arg-type]
        )
        with pytest.raises(paxos_ray.UnknownObject):
            missing(timeout_s=SOON_S)
        with pytest.raises(TypeError):
            notes.look.options(consistency=consistency)(1, timeout_s=SOON_S)


def test_slow_queries_are_answered_all_the_same(island: Island, name: str) -> None:
    """Each takes longer than a citizen may be silent; a citizen answers one of them at a time."""
    notes = island.deploy(name, Notes)
    island.settled(timeout_s=SOON_S)
    dwell = notes.dwell.options(consistency="eventual")
    assert [dwell.remote(0.7) for _ in range(4)][-1].result(SOON_S) == 0
    assert notes.add(timeout_s=SOON_S) == 1


def test_a_silent_citizen_is_done_without(island: Island, name: str) -> None:
    notes = island.deploy(name, Notes)
    await_status(island, is_whole)
    status = island.settled(timeout_s=SOON_S)
    (victim,) = [c for c in status.citizens if c.seat == "minority"]
    assert victim.pid is not None
    who_answer(notes, "session")
    os.kill(victim.pid, signal.SIGSTOP)
    try:
        for consistency in ("session", "eventual"):
            assert victim.pid not in who_answer(notes, consistency)
    finally:
        with contextlib.suppress(ProcessLookupError):  # it may have been replaced
            os.kill(victim.pid, signal.SIGCONT)
    await_status(island, is_whole)


def test_without_a_majority_only_eventual_reads_and_what_is_there_are_answered(
    cluster: str,
) -> None:
    island = launch(f"reads-{uuid.uuid4().hex[:8]}", audit_s=0)
    try:
        notes = island.deploy("notes", Notes)
        notes.add(timeout_s=SOON_S)
        status = island.settled(timeout_s=SOON_S)
        who_answer(notes, "session")
        leader, *others = sorted(status.citizens, key=lambda c: c.pid != status.leader_pid)
        for citizen in others:
            assert citizen.pid is not None
            os.kill(citizen.pid, signal.SIGKILL)
        with pytest.raises(NoQuorum):
            notes.look.remote().result(SOON_S)
        for consistency in ("eventual", "session"):
            found = notes.look.options(consistency=consistency).remote().result(SOON_S)
            assert found == (1, leader.pid)
        assert leader.pid is not None
        os.kill(leader.pid, signal.SIGKILL)
        with pytest.raises(NoQuorum, match="no citizen"):
            notes.look.options(consistency="eventual").remote().result(SOON_S)
        with pytest.raises(NoQuorum, match="no majority"):
            notes.look.options(consistency="session").remote().result(SOON_S)
        read = notes.look.options(consistency="eventual").remote()
        island.shutdown()
        with pytest.raises(paxos_ray.IslandShutDown):
            read.result(SOON_S)
    finally:
        island.shutdown()
