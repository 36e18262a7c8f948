"""Whom a client turns to, by a clock that the test sets."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any

import pytest
import ray

from paxos_ray.actors import connection, lookout
from paxos_ray.actors.authority import OPEN
from paxos_ray.actors.errors import RayNotInitialised
from paxos_ray.actors.guard import Guarded
from paxos_ray.actors.lookout import DEPUTY_S, PATIENCE_S, SILENCE_S, Lookout


class Carrier:
    """An actor that says that it is there, or says nothing."""

    def __init__(self) -> None:
        self.there = True
        self.alive = self.known = self
        self.asked: list[Future[int]] = []

    def remote(self, *_: object) -> Carrier:
        return self

    authority = OPEN

    def future(self) -> Future[int]:
        future: Future[int] = Future()
        if self.there:
            future.set_result(1)
        self.asked.append(future)
        return future


class Scene:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.coordinator, self.deputy = Carrier(), Carrier()
        monkeypatch.setattr(lookout.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(lookout.ray, "is_initialized", lambda: True)
        monkeypatch.setattr(lookout.ray, "get_actor", lambda *_, **__: self.deputy)
        self.lookout = Lookout("island", self.coordinator)

    def look(self, silent_s: float, lost: bool = False) -> bool:
        """A look a tenth of a second later."""
        self.now += 0.1
        return self.lookout.look(silent_s, lost)

    @property
    def carrier(self) -> Any:
        found = self.lookout.carrier
        return found.actor if isinstance(found, Guarded) else found

    def lose_the_coordinator(self) -> None:
        self.coordinator.there = False
        while not self.look(SILENCE_S):
            assert self.now < 100.0 + 2 * (SILENCE_S + PATIENCE_S)


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(monkeypatch)


def test_who_is_answered_stays(scene: Scene) -> None:
    assert not scene.look(0.0)
    assert not scene.look(SILENCE_S), "it is there, and only slow"
    assert not scene.look(10 * SILENCE_S)
    assert scene.carrier is scene.coordinator


def test_who_is_not_answered_turns_to_the_deputy(scene: Scene) -> None:
    scene.lose_the_coordinator()
    assert scene.carrier is scene.deputy


def test_it_turns_back_when_the_coordinator_is_there(scene: Scene) -> None:
    scene.lose_the_coordinator()
    assert not scene.look(0.0)
    scene.coordinator.there = True
    while scene.carrier is scene.deputy:
        assert not scene.look(0.0), "what the deputy was asked it answers"
        assert scene.now < 110.0, "what was asked while it was away is not waited for"


def test_it_turns_back_when_the_deputy_is_silent_too(scene: Scene) -> None:
    scene.lose_the_coordinator()
    assert not scene.look(DEPUTY_S - 0.1)
    assert scene.look(DEPUTY_S), "all is asked again"
    assert scene.carrier is scene.coordinator
    scene.lose_the_coordinator()
    assert scene.carrier is scene.deputy


def test_ray_s_word_that_a_carrier_is_away_is_taken(scene: Scene) -> None:
    assert scene.look(0.0, lost=True)
    assert scene.carrier is scene.deputy
    assert scene.look(0.0, lost=True)
    assert scene.carrier is scene.coordinator


def test_the_deputy_is_known_before_ray_s_control_service_is_away(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not scene.look(0.0)
    seeking = scene.lookout._finding
    assert seeking is not None
    seeking.join()
    assert scene.deputy.asked, "it was called, so that this process knows where it is"
    monkeypatch.setattr(lookout.ray, "get_actor", None)
    assert scene.look(0.0, lost=True)
    assert scene.carrier is scene.deputy


def test_nobody_waits_for_a_ray_that_does_not_say_who_is_the_deputy(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that is cut off from the control service still sends to its coordinator."""
    asked: list[threading.Thread] = []
    begun, says = threading.Event(), threading.Event()

    def get_actor(*_: object, **__: object) -> Carrier:
        asked.append(threading.current_thread())
        begun.set()
        says.wait()
        return scene.deputy

    monkeypatch.setattr(lookout.ray, "get_actor", get_actor)
    monkeypatch.setattr(lookout, "FIND_S", 0.0)
    assert not scene.look(0.0, lost=True)
    assert not scene.look(0.0, lost=True)
    assert scene.carrier is scene.coordinator
    begun.wait()
    (finding,) = asked
    says.set()
    finding.join()
    assert scene.look(0.0, lost=True)
    assert scene.carrier is scene.deputy


def test_nobody_is_looked_for_without_a_ray(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Ray would start a cluster of its own for who asks it then."""
    asked: list[object] = []
    monkeypatch.setattr(lookout.ray, "is_initialized", lambda: False)
    monkeypatch.setattr(lookout.ray, "get_actor", lambda *_, **__: asked.append(1))
    assert not scene.look(0.0, lost=True)
    finding = scene.lookout._finding
    assert finding is not None
    finding.join()
    assert not asked
    assert scene.carrier is scene.coordinator
    assert capfd.readouterr().err == ""


def test_a_carrier_is_not_asked_without_a_ray(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.lookout.coordinator = Guarded(scene.coordinator, OPEN)
    monkeypatch.setattr(lookout.ray, "is_initialized", lambda: False)
    assert not scene.look(SILENCE_S)
    assert not scene.coordinator.asked


def test_ray_s_own_start_is_passed_by(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray may be shut down between two looks at whether it is there."""
    for function in (ray.get_actor, ray.util.list_named_actors, ray.get, ray.kill):
        assert function.__code__.co_name == "auto_init_wrapper", "or else Ray has changed"
        assert connection._bare(function) is function.__wrapped__
    there = [True, False]
    monkeypatch.setattr(ray, "is_initialized", lambda: there.pop(0))
    with pytest.raises(RayNotInitialised):
        connection.ask_ray(dict.__getitem__, {}, "what there is no more")
