"""Which of this process's clients one gets, by the names that Ray knows."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
import ray
from ray.exceptions import ActorDiedError

from paxos_ray import IslandShutDown
from paxos_ray.actors import clients
from paxos_ray.actors.authority import Authority, authority_of
from paxos_ray.actors.client import Client
from paxos_ray.actors.clients import client
from paxos_ray.actors.guard import pack_answer
from paxos_ray.actors.settings import COORDINATOR, namespace

SOON_S = 30.0
OPEN = Authority()


class Handle:
    """As much of a coordinator's handle as is looked at, of a republic that it tells if it may."""

    def __init__(self, id: str, republic: str = "", authority: Authority = OPEN) -> None:
        self._actor_id = id.encode()
        self.told: Future[Any] = Future()
        if republic:
            self.told.set_result(pack_answer(authority, "greet", republic))
        self.greet = SimpleNamespace(remote=lambda _: SimpleNamespace(future=lambda: self.told))
        self.limits = SimpleNamespace(remote=lambda _: SimpleNamespace(future=Future))

    def dies(self) -> None:
        self.told = Future()
        self.told.set_exception(ActorDiedError())


class Connection:
    """A Ray that knows the coordinators of some islands, and answers late for one."""

    def __init__(self) -> None:
        self.coordinators = {
            place: Handle(place, "republic") for place in map(namespace, ("rome", "sparta"))
        }
        self.late = ""
        self.asked = threading.Event()
        self.answers = threading.Event()

    def get_actor(self, name: str, namespace: str) -> Any:
        if namespace == self.late:
            self.asked.set()
            assert self.answers.wait(SOON_S)
        if name != COORDINATOR or namespace not in self.coordinators:
            raise ValueError(name)
        return self.coordinators[namespace]

    def get_worker_id(self) -> str:
        return "worker"

    def get(self, reference: Any, timeout: float) -> Any:
        return reference.future().result(SOON_S)

    def names(self, coordinator: Handle) -> Handle:
        """That is Rome's from now on."""
        self.coordinators[namespace("rome")] = coordinator
        return coordinator


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    connection = Connection()
    made: Any = {}
    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    monkeypatch.setattr(ray, "get_actor", connection.get_actor)
    monkeypatch.setattr(ray, "get", connection.get)
    monkeypatch.setattr(ray, "get_runtime_context", lambda: connection)
    monkeypatch.setattr(clients, "_clients", made)
    yield connection
    for each in made.values():
        each.close(IslandShutDown("the test has ended"))


def test_there_is_one_for_each_island(connection: Connection) -> None:
    rome = client("rome", OPEN)
    assert client("rome", OPEN) is rome
    assert client("sparta", OPEN) is not rome
    with pytest.raises(ValueError, match="coordinator"):
        client("utopia", OPEN)


def test_one_that_is_of_no_use_any_more_is_replaced(connection: Connection) -> None:
    first = client("rome", OPEN)
    first.close(IslandShutDown("it was shut down"))
    second = client("rome", OPEN)
    assert second is not first
    assert client("rome", OPEN, connection.coordinators[namespace("rome")]) is second


def known(name: str, authority: Authority = OPEN) -> Client:
    """That client, once it knows which island it is of, and has not heard of it for a while."""
    found, deadline = client(name, authority), time.monotonic() + SOON_S
    while found.root is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    found.heard_at = float("-inf")
    return found


def test_one_whose_island_was_recovered_turns_to_its_new_coordinator(
    connection: Connection,
) -> None:
    first = known("rome")
    successor = connection.names(Handle("successor", "republic+2-x"))
    assert client("rome", OPEN) is first
    assert first.coordinator.actor is successor
    assert not first.closed


def test_one_whose_island_is_no_more_is_closed_when_another_has_its_name(
    connection: Connection,
) -> None:
    first = known("rome")
    connection.names(Handle("another", "other"))
    second = known("rome")
    assert second is not first
    with pytest.raises(IslandShutDown, match="another has its name"):
        first.write(("count", "increment", (1,))).result(SOON_S)
    third = client("rome", OPEN, connection.names(Handle("third")))
    assert third is not second
    assert isinstance(second.closed_by, IslandShutDown)
    assert not third.closed


def test_so_is_one_by_the_same_secret(connection: Connection) -> None:
    secret = authority_of("rome", "a secret of sixteen bytes")
    connection.names(Handle("first", "republic", secret))
    first = known("rome", secret)
    assert first.authority == secret.under("republic")
    connection.names(Handle("another", "other", secret))
    second = client("rome", secret)
    assert second.authority == secret.under("other")
    assert isinstance(first.closed_by, IslandShutDown)


@pytest.mark.parametrize("silent", ["old", "new"])
def test_one_of_which_that_is_not_known_goes_on(connection: Connection, silent: str) -> None:
    if silent == "old":
        connection.names(Handle("old"))
        first = client("rome", OPEN)
        first.heard_at = float("-inf")
        connection.names(Handle("new", "republic"))
    else:
        first = known("rome")
        connection.names(Handle("new")).dies()
    assert client("rome", OPEN) is not first
    assert not first.closed
    first.close(IslandShutDown("the test has ended"))


def test_who_asks_for_an_island_does_not_wait_for_another(connection: Connection) -> None:
    connection.late = namespace("sparta")
    with ThreadPoolExecutor() as pool:
        both = [pool.submit(client, "sparta", OPEN) for _ in range(2)]
        try:
            assert connection.asked.wait(SOON_S)
            assert pool.submit(client, "rome", OPEN).result(SOON_S).island == "rome"
            assert not any(each.done() for each in both)
        finally:
            connection.answers.set()
        assert both[0].result(SOON_S) is both[1].result(SOON_S)
