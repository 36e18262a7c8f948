"""Standard objects on a real Ray: each once through its life, shared, killed under, misused."""

from __future__ import annotations

import asyncio
import inspect
import os
import pickle
import signal
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import ray

import paxos_ray
from paxos_ray import Island, launch
from paxos_ray.machines import STANDARD
from tests.machines.users import Inventory

pytestmark = pytest.mark.usefixtures("cluster")

SOON_S = 90.0


@pytest.fixture(scope="module")
def island(cluster: str) -> Iterator[Island]:
    island = launch(f"standard-{uuid.uuid4().hex[:8]}")
    yield island
    island.shutdown()


@pytest.fixture
def name() -> str:
    return uuid.uuid4().hex


def test_a_map(island: Island, name: str) -> None:
    stock = island.map(name)
    assert stock.get("rope") is None
    assert name not in island.objects()
    assert stock.put.remote("rope", {"left": 3}).result(SOON_S) == 1
    assert island.objects()[name] == "map"
    assert stock.put_if_absent("rope", 0) is None
    assert stock.put_if_version("rope", 1, {"left": 2}, ttl_ms=10**9) == 2
    assert stock.compare_and_set("rope", {"left": 2}, 7)
    assert stock.increment("sold", by=2) == 2
    held = stock.transaction(
        [("rope", "value", "==", 7)], [("increment", "rope", -1), ("put", "last", "ann")]
    )
    assert held == (True, [6, 5])
    assert stock.range(limit=2) == ([("last", "ann", 5), ("rope", 6, 5)], "sold")
    assert stock.prefix("s") == ([("sold", 2, 4)], None)
    assert stock.entry("rope")[:3] == (6, 5, 1)
    assert stock.touch("rope")
    assert (stock.contains("rope"), stock.count(), stock.revision()) == (True, 3, 5)
    assert stock.delete("rope", version=1) is False
    assert stock.delete("rope") is True
    assert stock.delete_prefix("s") == 1
    assert stock.delete_range() == 1


def test_a_lock(island: Island, name: str) -> None:
    lock = island.lock(name)
    assert lock.holder() is None
    assert lock.ask(label="me") == (True, 1)
    assert lock.ask(wait=False) == (False, None)
    assert lock.ask(lease_ms=10**9) == (False, 2)
    assert lock.holder()[:3] == (1, "me", None)
    assert [each[0] for each in lock.waiters()] == [2]
    lock.release(1)
    assert lock.state(2) == ("granted", 0)
    assert lock.renew(2) is None
    assert lock.cancel(2) == "granted"
    assert lock.revoke(2) is True
    with pytest.raises(paxos_ray.NotHeld, match="2 is held no more"):
        lock.release(2)


def test_a_semaphore(island: Island, name: str) -> None:
    semaphore = island.semaphore(name, 3)
    assert island.semaphore(name, permits=3).limit() == 3
    with pytest.raises(paxos_ray.ConfiguredOtherwise):
        island.semaphore(name, 4)
    with pytest.raises(paxos_ray.InvalidArguments):
        island.semaphore(name, 0)
    assert semaphore.ask(2) == (True, 1)
    assert semaphore.ask(2, label="second") == (False, 2)
    assert (semaphore.available(), len(semaphore.holders()), len(semaphore.waiters())) == (1, 1, 1)
    assert semaphore.resize(4) == 3
    assert semaphore.state(2) == ("granted", 0)
    assert semaphore.renew(1, lease_ms=10**9) > 0
    assert semaphore.cancel(1) == "granted"
    assert semaphore.revoke(1) is True
    semaphore.release(2)
    with pytest.raises(paxos_ray.InvalidArguments, match="5 permits were asked for"):
        semaphore.ask(5)


def test_an_election(island: Island, name: str) -> None:
    election = island.election(name)
    assert election.leader() is None
    assert election.stand("a") == (True, 1)
    assert election.stand("b", lease_ms=10**9) == (False, 2)
    assert election.leader()[:2] == (1, "a")
    election.proclaim(1, "a again")
    assert [each[:2] for each in election.candidates()] == [(2, "b")]
    election.resign(1)
    assert election.state(2) == ("elected", 0)
    assert election.cancel(2) == "elected"
    assert election.renew(2) is None


def test_a_barrier(island: Island, name: str) -> None:
    barrier = island.barrier(name)
    assert barrier.arrive(2, stays=True) == (False, 1, 1)
    assert barrier.cancel(1) == "cancelled"
    assert barrier.arrive(2, stays=True, label="a") == (False, 2, 1)
    assert (barrier.parties(), len(barrier.waiting())) == (2, 1)
    assert barrier.arrive(2) == (True, 3, 1)
    assert (barrier.opened(), barrier.state(2), len(barrier.inside(1))) == (1, "inside", 1)
    assert barrier.leave(2) == (True, 1)
    assert (barrier.hold(), barrier.held(), barrier.lift()) == (True, True, True)


def test_a_queue(island: Island, name: str) -> None:
    queue = island.queue(name, limit=2)
    assert (queue.offer("late", priority=1), queue.offer("early")) == (1, 2)
    with pytest.raises(paxos_ray.QueueFull):
        queue.offer("too much")
    assert queue.peek() == [(2, "early", 0, 0)]
    assert queue.ask() == (True, 1, (2, "early", 0, 1))
    assert (queue.size(), queue.ready(), queue.taken(), queue.limit()) == (2, 1, 1, 2)
    queue.release(1)
    assert queue.ask(lease_ms=10**9) == (True, 2, (2, "early", 0, 2))
    assert queue.renew(2) is None
    assert queue.item(2) == ("early", 0, 2, 2)
    assert [each[:2] for each in queue.deliveries()] == [(2, 2)]
    queue.acknowledge(2)
    assert queue.resize(None) == 2
    assert queue.clear() == 1
    assert queue.ask(wait=False) == (False, None, None)
    assert queue.ask() == (False, 3, None)
    assert queue.state(3) == ("waiting", 0)
    assert [each[0] for each in queue.waiters()] == [3]
    assert queue.cancel(3) == "cancelled"


def test_a_sequence(island: Island, name: str) -> None:
    numbers = island.sequence(name)
    assert numbers.next() == 1
    assert (numbers.reserve(), numbers.reserve(10), numbers.reserve()) == (1, 2, 12)
    assert numbers.advance(100) == 100
    assert numbers.next() == 100


@pytest.mark.parametrize("machine", STANDARD, ids=lambda machine: machine.kind)
def test_a_handle_has_all_methods_of_its_machine(island: Island, machine: Any) -> None:
    handle = getattr(island, machine.kind)("complete")
    verbs = [getattr(type(handle), name) for name in dir(type(handle))]
    told = {verb.name: verb for verb in verbs if hasattr(verb, "wire_name")}
    assert set(told) == {*machine.changes, *machine.queries}
    assert all(verb.reads is (name in machine.queries) for name, verb in told.items())
    assert all(inspect.getdoc(verb) for verb in told.values())
    for name, table in (*machine.changes.items(), *machine.queries.items()):
        assert list(told[name].__signature__.parameters) == list(table.parameters)
    again = pickle.loads(pickle.dumps(handle))
    assert (type(again), again.name) == (type(handle), "complete")
    assert machine.kind == type(handle).__name__.lower()
    assert type(handle) is getattr(paxos_ray, type(handle).__name__)


def test_another_kind_is_refused(island: Island, name: str) -> None:
    queue = island.queue(name)
    queue.offer("x")
    for call in (
        lambda: island.map(name).put("x", 1),
        lambda: island.map(name).put.remote("x", 1).result(SOON_S),
        lambda: island.lock(name).holder(),
        lambda: island.semaphore(name, 3),
    ):
        with pytest.raises(paxos_ray.WrongKind, match=f"'{name}' is a queue, not a"):
            call()
    with pytest.raises(paxos_ray.WrongKind):
        island.deploy(name, Inventory)
    with pytest.raises(paxos_ray.WrongKind):
        island.get(name)
    with pytest.raises(paxos_ray.MachineError):
        island.counter(name).increment(1)
    island.deploy(f"{name} 2", Inventory)
    with pytest.raises(paxos_ray.WrongKind, match="is an object of a class, not a map"):
        island.map(f"{name} 2").get("x")
    assert queue.peek() == [(1, "x", 0, 0)]


def test_a_retired_object_begins_anew_with_the_next_change(island: Island, name: str) -> None:
    numbers = island.sequence(name)
    assert numbers.reserve(5) == 1
    island.retire(name)
    assert name not in island.objects()
    assert numbers.next() == 1
    assert numbers.reserve() == 1
    island.retire(name)
    with pytest.raises(paxos_ray.UnknownObject):
        island.retire(name)


def test_what_is_no_call_is_refused_before_it_is_sent(island: Island, name: str) -> None:
    stock, lock = island.map(name), island.lock(f"{name} 2")
    bad: list[Any] = [
        lambda: stock.put.remote(),
        lambda: stock.put.remote("a"),
        lambda: stock.put.remote(1, 1),
        lambda: stock.put.remote("a", object()),
        lambda: stock.put.remote("a", 1, 0),
        lambda: stock.put.remote("a", 1, ttl_ms=True),
        lambda: stock.put.remote("a", 1, piano=1),
        lambda: stock.put.remote("a", 1, key="b"),
        lambda: stock.put.remote("a", 1, None, False, 5),
        lambda: stock.transaction.remote([("a", "value", "<", 1)], []),
        lambda: stock.transaction.remote([], [("put", "a")]),
        lambda: stock.transaction.remote([], [], otherwise=[("transaction", [], [])]),
        lambda: stock.get.remote(5),
        lambda: lock.ask.remote(lease_ms=-1),
        lambda: lock.release.remote("1"),
        lambda: island.queue(name).offer.remote("x", priority=1.0),
        lambda: asyncio.run(stock.put.submit("a")),
    ]
    before = island.backlog
    for call in bad:
        with pytest.raises(paxos_ray.InvalidArguments):
            call()
    for wrong in ("", 7, None):
        for machine in STANDARD:
            with pytest.raises(paxos_ray.InvalidArgument):
                getattr(island, machine.kind)(wrong)
    with pytest.raises(paxos_ray.InvalidArgument):
        stock.put.options(overload="sometimes")  # type: ignore[arg-type]
    assert (island.backlog.calls, island.backlog.refused) == (before.calls, before.refused)
    assert stock.put.options(overload="raise").remote("a", 1).result(SOON_S) == 1
    stock.put("b", "text")
    with pytest.raises(paxos_ray.WrongValue):
        stock.increment("b")


def test_what_is_sent_is_as_it_was_when_called(island: Island, name: str) -> None:
    stock, value = island.map(name), {"list": [1]}
    asked = stock.put.remote("a", value)
    value["list"].append(2)
    asked.result(SOON_S)
    got = stock.get("a")
    assert got == {"list": [1]}
    assert (repr(stock), stock.name) == (f"Map({name!r} of island {island.name!r})", name)
    assert repr(stock.get) == f"map.get(key: str, default: Any = None) -> Any of {name!r}"


def test_from_coroutines(island: Island, name: str) -> None:
    async def calls() -> list[int]:
        stock = island.map(name)
        asked = [await stock.increment.submit("a") for _ in range(100)]
        values = [await each for each in asked]
        assert await stock.get.remote("a") == 100
        assert await (await stock.get.submit("a")) == 100
        return values

    assert asyncio.run(calls()) == list(range(1, 101))


@ray.remote
def _take_numbers(numbers: Any, calls: int) -> list[int]:
    asked = [numbers.reserve.remote() for _ in range(calls)]
    return [each.result(SOON_S) for each in asked]


@ray.remote
class Holder:
    """Another client: a process of its own."""

    def __init__(self, lock: Any) -> None:
        self.lock = lock

    def ask(self) -> tuple[bool, int | None]:
        return self.lock.ask()

    async def release(self, token: int) -> str:
        try:
            await self.lock.release.remote(token)
        except paxos_ray.NotHeld as error:
            return str(error)
        return "released"


def test_handles_travel_to_tasks(island: Island, name: str) -> None:
    numbers = island.sequence(name)
    taken = ray.get([_take_numbers.remote(numbers, 50) for _ in range(3)], timeout=SOON_S)
    assert sorted(number for each in taken for number in each) == list(range(1, 151))


def test_clients_contend_for_a_lock(island: Island, name: str) -> None:
    lock = island.lock(name)
    other = Holder.remote(lock)
    assert lock.ask() == (True, 1)
    assert ray.get(other.ask.remote(), timeout=SOON_S) == (False, 2)
    refused = ray.get(other.release.remote(1), timeout=SOON_S)
    assert refused == "1 is held by another session"
    with pytest.raises(paxos_ray.NotHeld, match="2 is another session's"):
        lock.cancel(2)
    lock.release(1)
    assert lock.state(2) == ("granted", 0)
    assert ray.get(other.release.remote(2), timeout=SOON_S) == "released"
    assert lock.holder() is None
    ray.kill(other)


def test_each_call_counts_once_though_the_leader_is_killed(name: str) -> None:
    """The objects come into being while it dies, too."""
    island = launch(f"killed-{name[:8]}")
    try:
        pid = island.status(timeout_s=SOON_S).leader_pid
        assert pid is not None
        queue, numbers = island.queue(name), island.sequence(f"{name} 2")
        asked = [queue.offer.remote(n) for n in range(500)]
        os.kill(pid, signal.SIGKILL)
        reserved = [numbers.reserve.remote() for _ in range(500)]
        asked += [queue.offer.remote(n) for n in range(500, 1_000)]
        assert [each.result(SOON_S) for each in asked] == list(range(1, 1_001))
        assert [each.result(SOON_S) for each in reserved] == list(range(1, 501))
        taken = [each.result(SOON_S) for each in [queue.ask.remote() for _ in range(1_000)]]
        assert [each[2][1] for each in taken if each[2]] == list(range(1_000))
        status = island.settled(timeout_s=SOON_S)
        assert len({citizen.digest for citizen in status.citizens}) == 1
    finally:
        island.shutdown()
