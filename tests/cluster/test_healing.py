"""What an island gets over: citizens, nodes, the coordinator and the network are lost.

Somebody counts all the while, and checks each answer; in the end all states are the same.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from paxos_ray import CitizenStatus, IslandStatus, NoQuorum, TimedOut
from tests.cluster import work
from tests.cluster.client import Client
from tests.cluster.nodes import HEAD, Cluster

NAME = "healing"


@pytest.fixture(scope="module")
def island(lasting: Cluster) -> Iterator[None]:
    """One island of three for all that it gets over."""
    user = lasting.client(HEAD)
    user.call(work.launch, NAME, 3)
    yield
    user.call(work.shutdown, NAME)


@pytest.fixture
def before(island: None, nodes: Cluster, user: Client) -> IslandStatus:
    """Its status; it is whole again, and on nodes of its own."""
    return user.call(work.await_status, NAME, work.is_spread, 3)


@contextmanager
def load(user: Client) -> Iterator[None]:
    """Somebody counts; in the end all citizens agree."""
    user.call(work.begin_load, NAME)
    yield
    user.call(work.progress, NAME)
    assert user.call(work.end_load, NAME) > 0
    assert len(user.call(work.digests, NAME)) == 1


def by_seat(status: IslandStatus, seat: str) -> CitizenStatus:
    return next(citizen for citizen in status.citizens if citizen.seat == seat)


def other_hosts(nodes: Cluster, *hosts: int) -> list[int]:
    return [host for host in nodes.hosts if host not in hosts]


def test_a_lost_citizen_s_seat_goes_to_one_who_is_there_and_its_place_to_a_newcomer(
    before: IslandStatus, user: Client
) -> None:
    user.call(work.scale, NAME, 4)  # three that vote, and a constituent
    before = user.call(work.await_status, NAME)
    victim, ready = by_seat(before, "minority"), by_seat(before, "constituent")
    with load(user):
        assert victim.pid is not None
        os.kill(victim.pid, signal.SIGKILL)
        after = user.call(work.await_status, NAME, work.without, victim.id)
    known = {citizen.id for citizen in before.citizens}
    assert by_seat(after, "minority").id == ready.id
    assert by_seat(after, "constituent").id not in known
    assert len(after.citizens) == 4
    user.call(work.scale, NAME, 3)


def test_a_lost_node_takes_the_leader_along(
    before: IslandStatus, nodes: Cluster, user: Client
) -> None:
    leader = before.citizens[0].id
    host = work.host_of(before, leader)
    with load(user):
        nodes.kill(host)
        user.call(work.progress, NAME)
        after = user.call(work.await_status, NAME, work.without, leader)
    assert host not in [work.host_of(after, citizen.id) for citizen in after.citizens]
    assert work.loads(after)[0] == 1


def test_the_coordinator_s_node_is_lost(before: IslandStatus, nodes: Cluster, user: Client) -> None:
    host = work.coordinator_host(before)
    with load(user):
        nodes.kill(host)
        user.call(work.progress, NAME)
        after = user.call(
            work.await_status, NAME, work.is_coordinated_by_another, before.coordinator.pid
        )
    assert after.citizens[0].id == before.citizens[0].id, "that costs no election"
    assert work.coordinator_host(after) != host


def test_two_coordinators_at_once_do_no_harm(
    before: IslandStatus, nodes: Cluster, user: Client
) -> None:
    """Ray's control service does not reach the coordinator, which goes on, and starts another. That
    one launches a newcomer, of whom the first is told nothing."""
    host = work.coordinator_host(before)
    near = nodes.client(host)
    with load(user):
        near.call(work.begin_load, NAME)
        nodes.network.block(HEAD, host)
        nodes.network.block(host, HEAD)
        user.call(work.await_status, NAME, work.is_coordinated_by_another, before.coordinator.pid)
        near.call(work.progress, NAME)
        user.call(work.progress, NAME)
        user.call(work.scale, NAME, 4)
        near.call(work.progress, NAME)
        user.call(work.progress, NAME)
        assert near.call(work.end_load, NAME) > 0  # or the states would not come to rest
    user.call(work.scale, NAME, 3)


def test_the_leader_is_cut_off_with_a_client(
    before: IslandStatus, nodes: Cluster, user: Client
) -> None:
    """Those whom it is cut off from go on; who is with it is not told what is not so."""
    leader = before.citizens[0].id
    host = work.host_of(before, leader)
    near = nodes.client(host)
    assert near.call(work.increment, NAME, "near") == 1
    with load(user):
        nodes.network.split([host], other_hosts(nodes, host))
        user.call(work.progress, NAME)
        user.call(work.increment, NAME, "near")
        with pytest.raises(TimedOut):
            near.call(work.value, NAME, "near", 2.0)
        after = user.call(work.await_status, NAME, work.without, leader)
    assert user.call(work.value, NAME, "near") == 2
    assert work.is_led_by_another(after, leader)


def test_others_are_cut_off_from_the_leader(
    before: IslandStatus, nodes: Cluster, user: Client
) -> None:
    follower = by_seat(before, "majority").id
    host = work.host_of(before, follower)
    with load(user):
        nodes.network.split([host], other_hosts(nodes, host))
        user.call(work.progress, NAME)
        nodes.network.heal()
        user.call(work.await_status, NAME)


def test_a_node_is_blocked_one_way(before: IslandStatus, nodes: Cluster, user: Client) -> None:
    """The leader hears everybody, and nobody hears it."""
    leader = before.citizens[0].id
    host = work.host_of(before, leader)
    with load(user):
        for other in other_hosts(nodes, host):
            nodes.network.block(host, other)
        user.call(work.progress, NAME)
        nodes.network.heal()
        user.call(work.await_status, NAME, work.is_led_by_another, leader)


def test_a_whole_node_freezes_for_a_moment(
    before: IslandStatus, nodes: Cluster, user: Client
) -> None:
    host = work.host_of(before, before.citizens[0].id)
    with load(user):
        nodes.freeze(host)
        user.call(work.progress, NAME)
        nodes.thaw(host)
        user.call(work.await_status, NAME)


def test_without_a_majority_writes_say_so_until_it_is_back(
    before: IslandStatus, nodes: Cluster, user: Client
) -> None:
    assert user.call(work.increment, NAME, "kept") == 1
    gone = before.citizens[1:]
    pids = [citizen.pid or 0 for citizen in gone]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(NoQuorum) as told:
            user.call(work.increment, NAME, "kept", None)
        assert all(citizen.id in str(told.value) for citizen in gone)
        with pytest.raises(NoQuorum):
            user.call(work.value, NAME, "kept", None)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    # What was asked for stayed asked, and was done once.
    assert user.call(work.increment, NAME, "kept") == 3
    after = user.call(work.await_status, NAME)
    assert {citizen.id for citizen in after.citizens} == {citizen.id for citizen in before.citizens}
    assert len(user.call(work.digests, NAME)) == 1
