"""What becomes of newcomers that do not come as they should: without Ray."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from ray.exceptions import RayError

from paxos_ray.actors import newcomers as arrivals
from paxos_ray.actors.authority import OPEN
from paxos_ray.actors.citizen import Introduction
from paxos_ray.actors.engine import Engine
from paxos_ray.actors.guard import pack_answer
from paxos_ray.actors.heritage import Identity
from paxos_ray.actors.member import Member
from paxos_ray.actors.newcomers import Newcomers
from paxos_ray.actors.settings import Settings, Wish
from tests.actors.test_engine import Silent
from tests.actors.test_population import AWAY, Deadly


@pytest.fixture(autouse=True)
def ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is called needs none."""
    monkeypatch.setattr("ray.is_initialized", lambda: True)


def of(engine: Engine) -> Newcomers:
    """To an island of one node."""
    sites: Any = SimpleNamespace(nodes=["here"], choose=lambda occupied: None)
    return Newcomers(engine, "rome", Settings(), lambda: Wish(1, 3), sites)


def test_a_founder_that_is_not_launched_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        engine = Engine("island", Settings())
        newcomers = of(engine)
        looked_for: list[str] = []
        engine.strangers.look_for = looked_for.append  # type: ignore[method-assign]

        def launch(*_: object) -> None:
            raise AWAY

        monkeypatch.setattr(arrivals, "launch", launch)
        newcomers.found()
        async with asyncio.timeout(60):
            while newcomers.coming:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        assert "founder could not be launched: " in newcomers.troubles[0]
        assert looked_for == ["founder"], "Ray may have taken it"
        engine.close()

    asyncio.run(run())


def test_who_founds_twice_has_founded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        engine = Engine("island", Settings())
        newcomers = of(engine)
        launched: list[str] = []

        def launch(_: object, who: Any, *__: object) -> Member:
            launched.append(who.id)
            handle = Silent()
            handle.introduce = SimpleNamespace(remote=introduce)  # type: ignore[attr-defined]
            return Member(who.id, handle)

        async def introduce(*_: object) -> bytes:
            return pack_answer(OPEN, "introduce", "an introduction")

        monkeypatch.setattr(arrivals, "launch", launch)
        given: list[str] = []
        engine.schedule = lambda member, *_: given.append(member.id)  # type: ignore
        newcomers.found()
        newcomers.found()
        async with asyncio.timeout(60):
            while newcomers.coming:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        assert launched == list(engine.members) == ["founder"]
        assert given == ["founder"], "a turn"
        engine.close()

    asyncio.run(run())


def test_who_cannot_be_started_is_stopped_though_ray_says_nothing_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ray = Deadly(monkeypatch)

    async def run() -> None:
        engine = Engine("island", Settings())
        newcomers = of(engine)
        handle = Silent()
        handle.introduce = SimpleNamespace(remote=introduce)  # type: ignore[attr-defined]
        assert await newcomers._await_launch(Member("b", handle)) is None
        assert newcomers.troubles[0].startswith("b could not be started: RayError; ")
        assert ray.tried == 1
        engine.close()

    async def introduce(*_: object) -> None:
        raise RayError

    asyncio.run(run())


def test_who_dies_while_it_waits_is_waited_for_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "_LOOK_S", 1e6)

    async def run() -> None:
        engine = Engine("island", Settings())
        newcomers = of(engine)
        handle = Silent()
        handle.introduce = SimpleNamespace(remote=introduce)  # type: ignore[attr-defined]
        member = Member("b", handle)
        asked = asyncio.Event()

        async def ask(*_: object) -> None:
            asked.set()
            await asyncio.Event().wait()

        engine.ask = ask  # type: ignore[method-assign]
        newcomers.welcome(member)
        async with asyncio.timeout(60):
            await asked.wait()
            assert newcomers.coming == {"b": "waits to be written in"}
            engine.absences.died(member)
            while newcomers.coming:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        engine.close()

    async def introduce(*_: object) -> bytes:
        identity = Identity("b", "rome", "b's cookie", founder=False)
        said = Introduction(identity, 1, "here", 0, False, Settings(), Wish(1, 3))
        return pack_answer(OPEN, "introduce", said)

    asyncio.run(run())
