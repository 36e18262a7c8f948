"""Objects of users' classes on a real Ray: called, killed, brought to newcomers, diverged."""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import ray

import paxos_ray
from paxos_ray import Island, IslandStatus, launch
from paxos_ray.actors.objects import Handle
from tests.actors.soon import SOON_S, await_status, is_whole
from tests.machines.users import Careful, Diary, Inventory, Item, OutOfStock

pytestmark = pytest.mark.usefixtures("cluster")


@paxos_ray.replicated
class Forked:
    """Comes to something else in one process."""

    def __init__(self) -> None:
        self.seen = 0
        self.data = b""

    def add(self, pid: int = 0) -> int:
        self.seen += 1 if os.getpid() != pid else 1_000
        return 0

    def each_otherwise(self) -> None:
        self.seen = os.getpid()

    def grow(self, megabytes: int) -> int:
        self.data = bytes(megabytes << 20)
        return len(self.data)

    @paxos_ray.query
    def size(self) -> int:
        return len(self.data)


@pytest.fixture(scope="module")
def island(cluster: str) -> Iterator[Island]:
    island = launch(f"objects-{uuid.uuid4().hex[:8]}", audit_s=0)
    yield island
    island.shutdown()


@pytest.fixture
def name() -> str:
    return uuid.uuid4().hex


def kill(pid: int | None) -> None:
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def agree(island: Island) -> None:
    status = island.settled(timeout_s=SOON_S)
    assert len({citizen.digest for citizen in status.citizens}) == 1


def test_it_is_deployed_called_found_and_retired(island: Island, name: str) -> None:
    stock = island.deploy(name, Inventory, "a", each=1)
    assert stock.add.remote("a", n=2).result(SOON_S) == 3
    assert stock.left("a", timeout_s=SOON_S) == 3
    assert stock.call(Inventory.reserve, "a", 2).result(SOON_S) == Item("a", 1)
    again = island.deploy(name, Inventory)
    assert again.left("a") == 1
    assert island.objects()[name] == "Inventory"
    found = island.get(name)
    assert found.add("a") == 2
    assert repr(found) == f"Handle(Inventory {name!r} of island {island.name!r})"
    assert {"add", "left", "reserve"} <= set(dir(found))
    island.counter("plain").increment(1)
    assert island.objects()["plain"] == "counter"
    agree(island)
    island.retire(name)
    with pytest.raises(paxos_ray.UnknownObject):
        found.add("a")
    with pytest.raises(paxos_ray.UnknownObject):
        island.get(name)


def test_what_goes_wrong_is_a_typed_error_at_the_caller(island: Island, name: str) -> None:
    stock = island.deploy(name, Inventory, "a", each=1)
    with pytest.raises(OutOfStock, match="1 a left, 2 wanted") as told:
        stock.reserve("a", 2)
    assert isinstance(told.value.__cause__, paxos_ray.RemoteTraceback)
    assert "in reserve" in str(told.value.__cause__)
    assert stock.left("a") == 1
    with pytest.raises(paxos_ray.CannotSnapshot):
        stock.lock()
    with pytest.raises(paxos_ray.QueryWrites):
        stock.writes()
    with pytest.raises(paxos_ray.UnknownMethod, match="no public method 'sell'"):
        stock.sell.remote()
    with pytest.raises(paxos_ray.InvalidArguments, match="cannot be pickled"):
        stock.add.remote(n for n in "x")
    with pytest.raises(paxos_ray.AlreadyDeployed):
        island.deploy(name, Diary)
    with pytest.raises(paxos_ray.AlreadyDeployed):
        island.get(name, Diary)
    with pytest.raises(paxos_ray.InvalidClass):
        island.deploy(f"{name} 2", Item)
    with pytest.raises(paxos_ray.InvalidArgument):
        island.deploy("", Inventory)
    with pytest.raises(TypeError, match="piano"):
        island.deploy(f"{name} 2", Inventory, piano=1)
    careful = island.deploy(f"{name} 3", Careful)
    with pytest.raises(paxos_ray.TooLarge):
        careful.add.remote(1, b"x" * 3_000)
    assert f"{name} 2" not in island.objects()
    assert stock.left("a") == 1
    agree(island)


@ray.remote
def _reserve(stock: Any, calls: int) -> tuple[int, str]:
    for _ in range(calls):
        item = stock.reserve.remote("a", 1).result(SOON_S)
    return item.left, type(item).__qualname__


@pytest.mark.parametrize("method", ["add", 5, None])
def test_what_is_no_method_is_not_called(method: Any) -> None:
    about = {"class": "Inventory", "methods": {"add": False}, "argument_bytes": 1_000}
    handle: Any = Handle(None, "stock", about)  # type: ignore[arg-type]
    with pytest.raises(
        paxos_ray.InvalidArgument, match=r"a method of the class.*Inventory\.method"
    ):
        handle.call(method, 1)


def test_a_handle_travels(island: Island, name: str) -> None:
    stock = island.deploy(name, Inventory, "a", each=30)
    said = ray.get([_reserve.remote(stock, 10) for _ in range(3)], timeout=SOON_S)
    assert min(said) == (0, "Item")
    assert stock.left("a") == 0


def test_the_count_is_exact_though_the_leader_is_killed(island: Island, name: str) -> None:
    status = await_status(island, is_whole)
    stock = island.deploy(name, Inventory, "a", each=2_000)
    responses = [stock.reserve.remote("a", 1) for _ in range(1_000)]
    kill(status.leader_pid)
    responses += [stock.reserve.remote("a", 1) for _ in range(1_000)]
    assert [r.result(SOON_S).left for r in responses] == list(range(1_999, -1, -1))
    with pytest.raises(OutOfStock):
        stock.reserve("a", 1)
    await_status(island, is_whole)
    agree(island)  # so the newcomer has the state, too
    assert stock.left("a") == 0


def test_log_time_passes_by_itself_when_something_is_due(island: Island, name: str) -> None:
    diary = island.deploy(name, Diary)
    _, now, *_ = diary.read(timeout_s=SOON_S)[0]
    top = island.settled(timeout_s=SOON_S).citizens[0].top
    diary.set_alarm(now + 1_500, timeout_s=SOON_S)
    deadline = time.monotonic() + SOON_S
    while not [note for note in diary.read(timeout_s=SOON_S) if note[2] == "tick"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    after = island.settled(timeout_s=SOON_S).citizens[0].top
    assert top is not None
    assert after is not None
    assert after.entry - top.entry < 10, "nothing is written while nothing is due"
    island.retire(name)


@pytest.fixture
def audited(cluster: str) -> Iterator[Island]:
    island = launch(f"audited-{uuid.uuid4().hex[:8]}", audit_s=0.3)
    yield island
    island.shutdown()


def test_who_diverges_is_named_and_replaced(audited: Island) -> None:
    forked = audited.deploy("forked", Forked)
    counter = audited.counter("beside")
    status = await_status(audited, is_whole)
    victim = status.citizens[1]
    forked.add(victim.pid, timeout_s=SOON_S)
    counter.increment(1)

    def found(status: IslandStatus) -> bool:
        replaced = victim.id not in [citizen.id for citizen in status.citizens]
        return bool(status.divergences) and replaced and is_whole(status)

    status = await_status(audited, found)
    (divergence,) = status.divergences
    assert (divergence.object, divergence.citizens) == ("forked", (victim.id,))
    assert divergence.decided
    forked.add(timeout_s=SOON_S)
    assert counter.value(timeout_s=SOON_S) == 1
    agree(audited)


def test_if_no_majority_agrees_nobody_is_stopped(audited: Island) -> None:
    forked = audited.deploy("forked", Forked)
    before = await_status(audited, is_whole)
    forked.each_otherwise(timeout_s=SOON_S)
    status = await_status(audited, lambda status: status.divergences)
    divergence = status.divergences[0]
    assert (divergence.object, divergence.decided) == ("forked", False)
    assert divergence.citizens == tuple(sorted(citizen.id for citizen in before.citizens))
    assert "no majority" in str(divergence)
    assert {each.id for each in status.citizens} == {each.id for each in before.citizens}


def test_a_large_object_is_brought_to_a_newcomer_though_its_donor_dies(name: str) -> None:
    island = launch(f"large-{name[:8]}", citizens=5, audit_s=0.3)
    try:
        forked = island.deploy("large", Forked)
        assert forked.grow(40, timeout_s=SOON_S) == 40 << 20
        status = await_status(island, is_whole)
        ids = {citizen.id for citizen in status.citizens}
        kill(status.citizens[-1].pid)
        # Once a newcomer is listed it asks for the state: of one of the minority, which dies.
        await_status(island, lambda status: {each.id for each in status.citizens} - ids)
        kill(status.citizens[-2].pid)
        await_status(island, is_whole)
        assert forked.size(timeout_s=SOON_S) == 40 << 20
        agree(island)
        assert island.status(timeout_s=SOON_S).divergences == ()
    finally:
        island.shutdown()
