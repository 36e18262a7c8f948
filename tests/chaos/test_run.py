"""How a run ends that does not come to its end: on an island that is made up."""

from __future__ import annotations

from typing import Any

import pytest

from paxos_ray.actors.errors import TimedOut
from paxos_ray.chaos import run
from paxos_ray.chaos.book import Book
from paxos_ray.chaos.faults import FAULTS, Fault
from paxos_ray.chaos.run import Chaos, Plan
from paxos_ray.chaos.schedule import Round, Strike


class FakeIsland:
    name = "shop"
    population = 3

    def __init__(self, told: list[str]) -> None:
        self.told = told
        self.left = ["sold"]

    def status(self) -> Any:
        return self

    def objects(self) -> list[str]:
        return self.left

    def retire(self, name: str) -> None:
        self.told.append(f"{name.rpartition('/')[2]} retired")


class FakeScene:
    here = "home"

    def __init__(self, *_: object) -> None:
        pass

    def begin_round(self) -> None:
        pass

    def await_rest(self, limit_s: float) -> str | None:
        return None


class FakeObserver:
    def __init__(self, island: FakeIsland, *_: object) -> None:
        self.told = island.told

    def begin(self) -> None:
        self.told.append("log read")

    def close(self) -> None:
        self.told.append("log closed")


class FakeCrew:
    """Its clients count on one object, and are answered unless told otherwise."""

    starts = True
    answers = True

    def __init__(
        self, island: FakeIsland, load: Any, _clients: int, _home: str, book: Book
    ) -> None:
        self.island = island
        self.object = f"{load.run}/count"
        self.book = book

    def begin(self) -> None:
        self.island.told.append("clients started")
        self.island.left.append(self.object)
        if not self.starts:
            raise TimedOut("Ray does not say which nodes there are")
        self.book.answered = int(self.answers)

    def end(self) -> None:
        self.island.told.append("clients ended")


class Interrupted(Fault):
    """Somebody presses Ctrl-C while it lasts."""

    kind = "freeze"

    def begin(self, strike: Strike) -> str:
        raise KeyboardInterrupt

    def end(self) -> None:
        self.scene.island.told.append("fault ended")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is done, in order."""
    monkeypatch.setattr(run, "HEAL_S", 0.0)
    monkeypatch.setattr(run, "Observer", FakeObserver)
    monkeypatch.setattr(run, "Crew", FakeCrew)
    monkeypatch.setattr(run, "Scene", FakeScene)
    return []


def made(told: list[str]) -> Chaos:
    island: Any = FakeIsland(told)
    chaos = Chaos(island, Plan(("freeze",)), lambda what: None)
    scene: Any = chaos._scene
    scene.island = island
    return chaos


END = ["clients ended", "log closed", "count retired"]


@pytest.mark.parametrize("trouble", ["starts", "answers"])
def test_clients_that_cannot_begin_leave_nothing_behind(
    told: list[str], monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    monkeypatch.setattr(FakeCrew, trouble, False)
    with pytest.raises(TimedOut):
        made(told).run()
    assert told == ["log read", "clients started", *END]


def test_who_interrupts_it_finds_mended_what_was_broken(
    told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    strikes = (Strike("freeze", "leader", 0.0),)
    monkeypatch.setattr(run, "rounds", lambda *_: [Round(1, 0.0, 0.0, strikes)])
    monkeypatch.setitem(FAULTS, "freeze", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        made(told).run()
    assert told == ["log read", "clients started", "fault ended", *END]


def test_a_log_that_cannot_be_read_from_is_let_go_of(
    told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: FakeObserver) -> None:
        raise TimedOut("the log does not stand")

    monkeypatch.setattr(FakeObserver, "begin", refuse)
    with pytest.raises(TimedOut):
        made(told).run()
    assert told == ["log closed"]
