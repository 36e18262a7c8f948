"""Which of this process's clients one gets, by the names that Ray knows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import ray

from paxos_ray import IslandShutDown
from paxos_ray.actors import clients
from paxos_ray.actors.authority import Authority
from paxos_ray.actors.clients import client
from paxos_ray.actors.settings import COORDINATOR, namespace

SOON_S = 30.0
OPEN = Authority()


class Handle:
    """As much of an actor's handle as is looked at."""

    def __init__(self, id: str) -> None:
        self._actor_id = id.encode()


class Connection:
    """A Ray that knows the coordinators of some islands, and answers late for one."""

    def __init__(self) -> None:
        self.coordinators = {place: Handle(place) for place in map(namespace, ("rome", "sparta"))}
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


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    connection = Connection()
    made: Any = {}
    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    monkeypatch.setattr(ray, "get_actor", connection.get_actor)
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
    assert client("rome", OPEN, Handle("recovered")) is not second


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
