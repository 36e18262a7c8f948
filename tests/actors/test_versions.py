"""Messages of neighbouring versions: an island whose citizens are not all of one."""

from __future__ import annotations

import asyncio
import copyreg
import inspect
import os
import pickle
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import is_dataclass, replace
from typing import Any, get_args, get_type_hints

import pytest
from pydantic import BaseModel

from paxos_ray import Promise, launch
from paxos_ray.actors import citizen, growing, wire
from paxos_ray.actors.authority import OPEN
from paxos_ray.actors.coordinator import Coordinator, Survey
from paxos_ray.actors.deputy import Deputy
from paxos_ray.actors.errors import WrongVersion
from paxos_ray.actors.heritage import Estate, Identity
from paxos_ray.actors.member import launch as launch_citizen
from paxos_ray.actors.settings import Settings, Wish
from paxos_ray.actors.tail import Extract, Record
from paxos_ray.actors.wire import VERSION, Opening, Result, Turn, seal, unseal
from paxos_ray.core import Entry, messages
from paxos_ray.core.government import Citizen, Government
from paxos_ray.core.messages import Denied, Lacks, Register
from paxos_ray.core.promise import Ballot
from tests.actors import theatre
from tests.actors.theatre import Theatre, until, write

SOON_S = 60.0
MORE = "a field more"

Play = Callable[[Theatre], Any]


def is_of_growing(reduce: Any) -> bool:
    return getattr(reduce, "__module__", "") == growing.__name__


@contextmanager
def speaking(version: int, more: bool = True) -> Iterator[None]:
    """Meanwhile this process is of that version, in which each message has a field more."""
    before = dict(copyreg.dispatch_table)
    wire.speak(version)

    def grown(reduce: Callable[[Any], tuple[Any, ...]]) -> Callable[[Any], tuple[Any, ...]]:
        def further(message: Any) -> tuple[Any, ...]:
            made, (cls, fields) = reduce(message)
            fields = {**fields, MORE: 1} if isinstance(fields, dict) else (*fields, MORE)
            return made, (cls, fields)

        return further

    for cls, reduce in before.items():
        if more and is_of_growing(reduce):
            copyreg.pickle(cls, grown(reduce))  # type: ignore[arg-type]
    try:
        yield
    finally:
        copyreg.dispatch_table.clear()
        copyreg.dispatch_table.update(before)
        wire.speak(VERSION)


class Ahead:
    """A citizen that is of another version, as are all that it says and all that it knows."""

    def __init__(self, citizen: Any, version: int) -> None:
        self.inner = citizen
        self.version = version

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.inner, name)

        def call(*arguments: Any) -> Any:
            with speaking(self.version):
                return method(*arguments)

        return call


MESSAGES = [
    Turn((Result(0, "retry", ""),), 9, None, 5, True, "z", Promise(9, 9), None, "republic"),
    Lacks(None, None),
    Opening(Promise(9, 9), 60_000),
    Register(Ballot(9, "b"), ()),
    Estate([], (), 9),
    Record(Promise(9, 9), 5, b"body", 1, None),
    Settings(record="/dir"),
    Wish(3, 4),
    Government(
        promise=Promise(9, 0),
        majority=("b",),
        arrived={"b": Promise(1, 0)},
        citizens={"b": Citizen(id="b", properties={"node": "n"}, cookie="b")},
    ),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_field_more_is_left_out(message: Any) -> None:
    with speaking(VERSION + 1):
        said = seal(message)
    assert MORE.encode() in said
    assert unseal(said) == message


ACTORS = (citizen.Citizen, Coordinator, Deputy)
REQUESTS = [
    each for each in vars(messages).values() if messages.Request in getattr(each, "__bases__", ())
]
INSIDE = (*vars(wire).values(), Extract, messages.Reply, *REQUESTS)
"""What travels as bytes, of which the types of their methods say no more."""

AS_THEY_ARE = {Promise, Ballot, Entry}
FITTED = {Extract}
"""What goes as a tuple, and is fitted by whoever reads it."""


def has_fields(cls: Any) -> bool:
    if not isinstance(cls, type) or not cls.__module__.startswith("paxos_ray."):
        return False
    return hasattr(cls, "_fields") or is_dataclass(cls) or issubclass(cls, BaseModel)


def travelling(hint: Any, found: set[type]) -> set[type]:
    """All that has fields, within anything of that type, beside what is found already."""
    for part in get_args(hint):
        travelling(part, found)
    if has_fields(hint) and hint not in found:
        found.add(hint)
        for part in get_type_hints(hint).values():
            travelling(part, found)
    return found


def test_all_that_travels_may_grow() -> None:
    found: set[type] = set()
    for each in INSIDE:
        travelling(each, found)
    for actor in ACTORS:
        for name, method in inspect.getmembers(actor, inspect.isfunction):
            if name == "__init__" or not name.startswith("_"):
                for hint in get_type_hints(method).values():
                    travelling(hint, found)
    assert found > {Turn, Register, Estate, Opening, Record, Wish, Survey, Government}
    grows = {cls for cls in found if is_of_growing(copyreg.dispatch_table.get(cls))}
    assert found - grows == AS_THEY_ARE | FITTED


def test_a_field_less_has_its_default() -> None:
    reduce, (cls, fields) = copyreg.dispatch_table[Settings](Settings(session_ms=120_000))  # type: ignore[misc]
    assert reduce(cls, fields[:-1]) == Settings()
    made, (cls, model) = copyreg.dispatch_table[Government](MESSAGES[-1])  # type: ignore[misc]
    del model["constituents"]
    assert made(cls, model) == MESSAGES[-1]


@pytest.mark.parametrize("version", [VERSION - 1, VERSION, VERSION + 1])
def test_neighbours_are_read(version: int) -> None:
    with speaking(version, more=False):
        said = seal(Wish(1, 2))
    assert unseal(said) == Wish(1, 2)


@pytest.mark.parametrize("version", [VERSION + 2, VERSION + 100])
def test_who_is_further_away_is_refused_and_nothing_read(version: int) -> None:
    said = wire.MARK + bytes([version]) + pickle.dumps(_Mine())
    with pytest.raises(WrongVersion, match=rf"version {version} .* version {VERSION}:") as caught:
        unseal(said)
    assert (caught.value.theirs, caught.value.own) == (version, VERSION)
    assert pickle.loads(pickle.dumps(caught.value)).theirs == version
    assert not _Mine.read


class _Mine:
    read = False

    def __reduce__(self) -> tuple[Any, ...]:
        return _read, ()


def _read() -> None:
    _Mine.read = True


@pytest.mark.parametrize("junk", [b"", wire.MARK, b"junk", wire.MARK + bytes([VERSION]) + b"junk"])
def test_what_is_no_message_is_none(junk: bytes) -> None:
    assert unseal(junk) == Denied("malformed")


@pytest.fixture
def perform(monkeypatch: pytest.MonkeyPatch) -> Callable[[Play], None]:
    """Have a coroutine run with a stage that is still empty."""

    def run(play: Play) -> None:
        async def whole() -> None:
            stage = Theatre()
            await play(stage)
            stage.close()

        with theatre.clockwork(monkeypatch) as loop:
            loop.run_until_complete(whole())

    return run


@pytest.mark.parametrize("ahead", ["a", "b", "bc", "ac"])
def test_citizens_one_version_apart_are_an_island(
    perform: Callable[[Play], None], ahead: str
) -> None:
    """`a` leads and gives its state to the others."""

    async def play(stage: Theatre) -> None:
        for id in "abc":
            stage._add(id)
            if id in ahead:
                actor = stage.actors[id]
                actor.citizen = Ahead(actor.citizen, VERSION + 1)  # type: ignore[assignment]
        arriving = ("b", "c")
        newcomers = {id: stage.actors.pop(id) for id in arriving}
        engine = await stage.enter()
        for id in arriving:
            stage.actors[id] = newcomers[id]
            stage.introduce(engine, id)
            await engine.ask(wire.EMBARK, Citizen(id=id, cookie=f"{id}'s"))
            await until(engine, lambda government, id=id: id in government.acclimated)
        await until(engine, lambda government: len(government.parliament) == 3)
        for _ in range(20):
            await write(engine)
        assert engine.refused == {}

    perform(play)


def test_one_two_versions_ahead_is_named_and_the_others_go_on(
    perform: Callable[[Play], None],
) -> None:
    async def play(stage: Theatre) -> None:
        await stage.open()
        engine = await stage.enter()
        await write(engine)
        actor = stage.actors["c"]
        actor.citizen = Ahead(actor.citizen, VERSION + 2)  # type: ignore[assignment]
        for _ in range(20):
            await write(engine)
        await asyncio.sleep(1.0)
        assert set(engine.refused) == {"c"}
        assert f"version {VERSION + 2}" in engine.refused["c"]
        assert f"version {VERSION}" in engine.refused["c"]
        await write(engine)

    perform(play)


def launched(name: str, version: int) -> tuple[Any, str]:
    """An island, whose coordinator finds a citizen of that version when it is back."""
    island = launch(name, timeout_s=SOON_S)
    assert island.counter("count").increment(1, timeout_s=SOON_S) == 1
    status = island.status(timeout_s=SOON_S)
    id, settings = uuid.uuid4().hex[:8], replace(Settings(), limits=status.limits)
    identity = Identity(id, status.republic, uuid.uuid4().hex, founder=False)
    launch_citizen(name, identity, settings, Wish(1, 3), None, None, OPEN, version)
    os.kill(status.coordinator_pid, signal.SIGKILL)
    return island, id


@pytest.mark.usefixtures("cluster")
def test_a_citizen_one_version_ahead_comes_in_and_leads(name: str) -> None:
    island, id = launched(name, VERSION + 1)
    counter, count, deadline = island.counter("count"), 1, time.monotonic() + 2 * SOON_S
    while (government := island.government(SOON_S)).leader != id:
        assert time.monotonic() < deadline
        status = island.status(timeout_s=SOON_S)
        ready = id in government.parliament and status.shaped
        if ready and status.leader is not None and status.leader.id != id:
            os.kill(status.leader.pid, signal.SIGKILL)
        count += 1
        assert counter.increment(1, timeout_s=SOON_S) == count
    assert counter.increment(1, timeout_s=SOON_S) == count + 1
    assert counter.value(timeout_s=SOON_S) == count + 1
    eventual = counter.value.options(consistency="eventual").remote().result(SOON_S)
    assert eventual <= count + 1
    assert island.settled(timeout_s=SOON_S).leader.id == id


@pytest.mark.usefixtures("cluster")
def test_a_citizen_two_versions_ahead_stays_out_and_is_named(name: str) -> None:
    island, id = launched(name, VERSION + 2)
    deadline = time.monotonic() + SOON_S
    while not (told := [line for line in island.status().underway if id in line]):
        assert time.monotonic() < deadline
        island.counter("count").increment(1, timeout_s=SOON_S)
    assert f"version {VERSION + 2}" in told[0] and f"version {VERSION}" in told[0]
    assert id not in island.government(SOON_S).citizens


@pytest.mark.usefixtures("cluster")
def test_all_citizens_are_renewed_and_nothing_is_lost(name: str) -> None:
    island = launch(name, timeout_s=SOON_S)
    counter = island.counter("count")
    before = island.government(SOON_S)
    responses = [counter.increment.remote(1) for _ in range(100)]
    after = island.renew(timeout_s=2 * SOON_S, progress=False)
    assert [response.result(SOON_S) for response in responses] == list(range(1, 101))
    assert len(after.citizens) == len(after.parliament) == 3
    assert not set(after.citizens) & set(before.citizens)
    assert counter.value(timeout_s=SOON_S) == 100
    assert len({citizen.digest for citizen in island.settled(timeout_s=SOON_S).citizens}) == 1
