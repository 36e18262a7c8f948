"""Whom a stream reads from when a citizen has let go of what comes next."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import ray
from ray.exceptions import RpcError

from paxos_ray import EntryGone, Promise, RayNotInitialised
from paxos_ray.actors import whereabouts
from paxos_ray.actors.authority import OPEN
from paxos_ray.actors.reader import Reader
from paxos_ray.actors.settings import CITIZEN, namespace
from paxos_ray.actors.tail import Record
from paxos_ray.actors.wire import seal
from paxos_ray.machines.ring import GONE, HELD


def at(entry: int) -> Promise:
    return Promise(1, entry)


def method(answer: Callable[..., Any]) -> Any:
    return SimpleNamespace(
        remote=lambda *asked: SimpleNamespace(get=lambda timeout: answer(*asked))
    )


class World:
    """An island whose citizens have what they are given: the entries from the first to the last.
    The coordinator names them all."""

    def __init__(self, **held: tuple[int, int]) -> None:
        self.held = held
        self.away = False  # Ray's control service
        self.asked: list[str] = []
        coordinator = SimpleNamespace(authority=OPEN, holders=method(lambda *_: tuple(held)))
        self.reader = Reader("rome", coordinator, at(1))

    def list_named_actors(self, all_namespaces: bool) -> list[dict[str, str]]:
        if self.away:
            raise RpcError("away")
        return [{"name": CITIZEN + id, "namespace": namespace("rome")} for id in self.held]

    def get_actor(self, name: str, namespace: str) -> Any:
        id = name.removeprefix(CITIZEN)
        return SimpleNamespace(extract=method(lambda *asked: self._extract(id, *asked)))

    def _extract(self, id: str, since: Promise, entries: int, size: int) -> bytes:
        self.asked.append(id)
        first, last = self.held[id]
        earliest, top = at(first - 1), at(last)
        if since < earliest:
            return seal((GONE, (), earliest, top))
        records = tuple(Record(at(n), 0, b"", 1, b"") for n in range(since.entry + 1, last + 1))
        return seal((HELD, records, earliest, top))


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Callable[[World], World]:
    def connect(world: World) -> World:
        monkeypatch.setattr(ray, "is_initialized", lambda: True)
        monkeypatch.setattr(ray, "get_actor", world.get_actor)
        monkeypatch.setattr(ray.util, "list_named_actors", world.list_named_actors)
        monkeypatch.setattr(whereabouts, "Guarded", lambda actor, _: actor)
        monkeypatch.setattr(whereabouts, "_PAUSE_MOST_S", 0.0)
        return world

    return connect


def test_what_one_has_let_go_of_another_has(connect: Callable[[World], World]) -> None:
    world = connect(World(a=(4, 6), b=(2, 6)))
    world.reader._citizen = "a"
    assert world.reader.read() == ()
    assert world.reader.searching
    assert [record.promise for record in world.reader.read()] == [at(n) for n in range(2, 7)]
    assert world.asked == ["a", "b"]
    assert not world.reader.searching


def test_what_all_have_let_go_of_is_gone(connect: Callable[[World], World]) -> None:
    world = connect(World(a=(5, 6), b=(4, 6)))
    world.reader._citizen = "a"
    assert world.reader.read() == ()
    with pytest.raises(EntryGone) as gone:
        world.reader.read()
    assert (gone.value.wanted, gone.value.earliest) == (at(1), at(3))


def test_while_ray_cannot_say_who_else_there_is_the_search_goes_on(
    connect: Callable[[World], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = connect(World(a=(4, 6)))
    world.reader._citizen, world.away = "a", True
    assert world.reader.read() == ()
    world.held["b"] = (2, 6)
    while not (records := world.reader.read()):
        assert len(world.asked) < 100
    assert [record.promise for record in records] == [at(n) for n in range(2, 7)]
    world.reader.position = at(1)
    del world.held["b"]
    world.reader._citizen = "a"
    assert world.reader.read() == ()
    monkeypatch.setattr(whereabouts, "PATIENCE_S", 0.0)
    with pytest.raises(EntryGone):
        world.reader.read()


def test_without_ray_nobody_is_looked_for(
    connect: Callable[[World], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = connect(World(a=(2, 6)))
    world.reader._citizen = "a"
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with pytest.raises(RayNotInitialised):
        world.reader.read()
