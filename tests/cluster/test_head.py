"""The head is lost, and with it Ray's control service; it comes back, and so does all that it does.

It keeps what it knows in a Redis beside the nodes. Meanwhile nobody new can be started, and Ray
says of nobody that he is dead.
"""

from __future__ import annotations

import os
import signal

import pytest

from paxos_ray import CitizenStatus
from tests.cluster import storage, work
from tests.cluster.client import Client
from tests.cluster.conftest import MUST
from tests.cluster.nodes import HEAD, Cluster


@pytest.fixture
def near(nodes: Cluster) -> Client:
    """A user who is not on the head, and outlives it."""
    if not storage.installed() and not os.environ.get(MUST):
        pytest.skip("redis-server is not installed")
    return nodes.client(1)


def kill(pid: int | None) -> None:
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def replaced(user: Client, name: str, victim: CitizenStatus) -> None:
    """Wait until somebody else is there instead."""
    after = user.call(work.await_status, name, work.without, victim.id)
    assert len(after.citizens) == 3


def test_an_island_outlives_the_head_and_is_whole_once_that_is_back(
    nodes: Cluster, near: Client, name: str
) -> None:
    before = near.call(work.launch, name, 3)
    near.call(work.await_deputy, name)
    assert near.call(work.increment, name, "kept") == 1
    near.call(work.begin_load, name)
    near.call(work.progress, name)

    nodes.kill(HEAD)
    near.call(work.progress, name)
    leader = before.citizens[0]
    kill(leader.pid)
    near.call(work.progress, name)
    kill(before.coordinator.pid)
    near.call(work.progress, name)
    assert near.call(work.increment, name, "kept") == 2

    nodes.start(HEAD)
    newcomer = nodes.client(HEAD)
    replaced(newcomer, name, leader)
    assert newcomer.call(work.value, name, "kept") == 2
    present = newcomer.call(work.await_status, name)
    assert present.republic == before.republic
    assert present.coordinator.pid != before.coordinator.pid
    victim = present.citizens[1]
    kill(victim.pid)
    replaced(newcomer, name, victim)

    near.call(work.progress, name)
    assert near.call(work.end_load, name) > 0
    assert len(newcomer.call(work.digests, name)) == 1
