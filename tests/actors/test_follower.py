"""What becomes of watches when the coordinator has ended for good: with a citizen that tells."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
import ray
from ray.exceptions import ActorDiedError

from paxos_ray.actors import follower as module
from paxos_ray.actors import whereabouts
from paxos_ray.actors.authority import OPEN
from paxos_ray.actors.follower import Follower
from paxos_ray.actors.post import Post
from paxos_ray.actors.wire import seal
from paxos_ray.core import Promise
from paxos_ray.machines.ring import HELD
from paxos_ray.procession import END

SOON_S = 30.0
BEGAN = Promise(1, 1)
GOVERNMENT = SimpleNamespace(majority=("a",), minority=(), constituents=())


def method(answer: Callable[..., Any]) -> Any:
    """One of an actor's: what is raised is its answer, too."""

    def remote(*arguments: Any) -> Any:
        future: Future[Any] = Future()
        try:
            future.set_result(answer(*arguments))
        except Exception as error:  # noqa: BLE001 - it is the answer
            future.set_exception(error)
        return SimpleNamespace(future=lambda: future)

    return SimpleNamespace(remote=remote)


def dies(*_: Any) -> Any:
    raise ActorDiedError()


def coordinator(**answers: Callable[..., Any]) -> Any:
    named: dict[str, Callable[..., Any]] = {
        "progress": lambda: SimpleNamespace(government=GOVERNMENT),
        "holders": lambda *_: ("a",),
    }
    return SimpleNamespace(**{name: method(each) for name, each in (named | answers).items()})


class Client:
    """As much of one as a follower needs."""

    island = "rome"
    authority = OPEN
    closed = False
    closed_by = None

    def __init__(self, coordinator: Any, successor: Any) -> None:
        self.coordinator, self.successor = coordinator, successor
        self.followed = threading.Event()

    def follow(self) -> bool:
        self.followed.set()
        if self.successor is None:
            return False
        self.coordinator = self.successor
        return True


class Citizen:
    """Tells an event once it may."""

    def __init__(self) -> None:
        self.news = threading.Event()
        self.watch = method(self._watch)

    def _watch(self, who: str, wants: bytes, wait_s: float) -> bytes:
        if not self.news.wait(0.01):
            return seal([(HELD, (), BEGAN, BEGAN)])
        event = (Promise(1, 2), 0, None, "granted")
        return seal([(HELD, (event,), Promise(1, 2), BEGAN)])


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    monkeypatch.setattr(whereabouts, "names", lambda island: [])
    monkeypatch.setattr(module, "_STILL_S", 0.0)
    monkeypatch.setattr(module, "_LINGER_S", 0.1)


def watched(client: Client, citizen: Citizen) -> tuple[Post, threading.Event]:
    """A post that is being filled, and what is set when there is news."""
    follower = Follower(client)  # type: ignore[arg-type]
    follower._whereabouts._handles["a"] = citizen  # type: ignore[assignment]
    post, rung = Post("lock", None, BEGAN, 1_000), threading.Event()
    post.calls._calls.append(rung.set)
    follower.add(post)
    return post, rung


@pytest.mark.parametrize("asked", ["progress", "holders"])
def test_a_watch_goes_on_where_the_island_was_founded_anew(asked: str) -> None:
    client, citizen = Client(coordinator(**{asked: dies}), coordinator()), Citizen()
    post, rung = watched(client, citizen)
    assert client.followed.wait(SOON_S)
    citizen.news.set()
    assert rung.wait(SOON_S)
    change = post.take()
    assert change is not END
    assert change.event == "granted"  # type: ignore[union-attr]
    post.close()


@pytest.mark.parametrize("asked", ["progress", "holders"])
def test_a_watch_ends_where_the_island_was_shut_down(asked: str) -> None:
    client = Client(coordinator(**{asked: dies}), None)
    post, rung = watched(client, Citizen())
    assert rung.wait(SOON_S)
    assert post.take() is END
    assert client.followed.is_set()
