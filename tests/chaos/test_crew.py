"""Whom a run starts, and that they come to an end: on a cluster that is made up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest

from paxos_ray.actors.authority import Authority, authority_of
from paxos_ray.actors.errors import TimedOut
from paxos_ray.chaos import client, crew
from paxos_ray.chaos.book import Book
from paxos_ray.chaos.crew import Crew
from paxos_ray.chaos.habits import Load

LOAD = Load("chaos-x", 1, 2, 10.0, 0, 600.0)
AUTHORITY = authority_of("shop", "correct horse battery staple")


class FakeIsland(NamedTuple):
    name: str = "shop"
    authority: Authority = AUTHORITY


class FakeLedger:
    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True

    def take(self, timeout_s: float) -> Sequence[Any]:
        return ()


class FakeTask:
    """It ends when the ledger is closed."""

    def __init__(self, ledger: FakeLedger, arguments: tuple[Any, ...]) -> None:
        self.ledger = ledger
        self.arguments = arguments
        self.awaited = False

    def ready(self) -> bool:
        return self.ledger.closed

    def result(self, timeout_s: float) -> None:
        assert self.ledger.closed, "nobody has told it to end"
        self.awaited = True


class FakeCluster:
    """One node; no more than `room` tasks can be started."""

    def __init__(self) -> None:
        self.ledger = FakeLedger()
        self.tasks: list[FakeTask] = []
        self.room = 100

    def nodes(self) -> list[Any]:
        if len(self.tasks) >= self.room:
            raise TimedOut("Ray does not say which nodes there are")
        return []

    def start(self, function: Callable[..., None], *arguments: Any, **_: Any) -> FakeTask:
        assert function is client.run
        self.tasks.append(FakeTask(self.ledger, arguments))
        return self.tasks[-1]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    made = FakeCluster()
    monkeypatch.setattr(crew.Ledger, "open", lambda: made.ledger)
    monkeypatch.setattr(crew, "nodes", made.nodes)
    monkeypatch.setattr(crew, "start", made.start)
    return made


def made() -> Crew:
    island: Any = FakeIsland()
    return Crew(island, LOAD, 3, "home", Book("chaos-x"))


def test_clients_enter_by_the_authority_of_who_starts_them(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = made()
    own.begin()
    own.end()
    assert len(cluster.tasks) == 3
    asked: list[tuple[str, Authority]] = []

    class Entered(Exception):
        """No client is made: what is looked at is how the island was asked for."""

    def enter(name: str, authority: Authority) -> Any:
        asked.append((name, authority))
        return name

    def no_client(*_: Any) -> Any:
        raise Entered

    monkeypatch.setattr(client, "enter", enter)
    monkeypatch.setattr(client, "Client", no_client)
    for task in cluster.tasks:
        with pytest.raises(Entered):
            client.run(*task.arguments)
    assert asked == [("shop", AUTHORITY)] * 3


def test_those_who_were_started_come_to_an_end_if_the_others_could_not_be(
    cluster: FakeCluster,
) -> None:
    cluster.room = 2
    own = made()
    with pytest.raises(TimedOut):
        own.begin()
    own.end()
    assert cluster.ledger.closed
    assert [task.awaited for task in cluster.tasks] == [True, True]
