"""Whom the keeper of a population asks, and who goes first: without Ray."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from ray.exceptions import ActorDiedError, RaySystemError

from paxos_ray.actors import member as members
from paxos_ray.actors import newcomers
from paxos_ray.actors import population as populations
from paxos_ray.actors.engine import Engine
from paxos_ray.actors.member import Member
from paxos_ray.actors.population import Population
from paxos_ray.actors.settings import Settings, Wish
from tests.actors.test_engine import Silent
from tests.core.harness import government


@pytest.fixture(autouse=True)
def sites(monkeypatch: pytest.MonkeyPatch) -> None:
    """One node."""
    here = SimpleNamespace(
        nodes=[], choose=lambda occupied: None, move=lambda homes: None, died=print
    )
    monkeypatch.setattr(populations, "Sites", lambda *_: here)
    monkeypatch.setattr("ray.is_initialized", lambda: True)  # who is called needs none


def of(engine: Engine, wish: Wish) -> Population:
    return Population(engine, "rome", Settings(), wish)


def test_who_is_being_launched_is_not_asked_who_it_is() -> None:
    async def run() -> None:
        engine = Engine("island", Settings(ping_ms=10, timeout_ms=40))
        population = of(engine, Wish(1, 3))
        starting, found = Silent(), Silent()
        engine.members.update(a=Member("a", starting), b=Member("b", found))
        population._newcomers.coming["a"] = "is being launched"
        await population._look()
        await population.want(Wish(2, 5))
        assert found.calls > 0, "nobody knows who that is"
        assert starting.calls == 0
        assert engine.members["a"].able, "and it does not hang"
        engine.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("leaving", "gone"), [((), ["e", "d"]), (("a", "b"), ["a", "b"]), (("c", "z"), ["c", "e"])]
)
def test_who_leaves(leaving: tuple[str, ...], gone: list[str]) -> None:
    async def run() -> None:
        engine = Engine("island", Settings())
        population = of(engine, Wish(2, 3, leaving=leaving))
        engine.government = government("ab", "c", "de", number=9, acclimated="abcde")
        for id in "abcde":
            engine.members[id] = member = Member(id, Silent())
            introduction: Any = SimpleNamespace(node="here", wish=population.wish)
            member.introduction = introduction
        left: list[str] = []
        population._leave = lambda id, why: left.append(id)  # type: ignore[method-assign]
        await population._look()
        assert left == gone
        engine.close()

    asyncio.run(run())


class Deadly:
    """Ray, which fails at ending actors before it does it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *fails: Exception) -> None:
        self.tried = 0
        self._fails = list(fails)
        monkeypatch.setattr("ray.kill", self._kill)
        monkeypatch.setattr(members, "_AGAIN_S", 0.001)
        monkeypatch.setattr(members, "_GONE_S", 0.001)

    def _kill(self, _: object) -> None:
        self.tried += 1
        if self._fails:
            raise self._fails.pop(0)


AWAY = RaySystemError("the control service is away")


@pytest.mark.parametrize(
    ("fails", "tried"),
    [((), 1), ((AWAY, AWAY), 3), ((ActorDiedError(),), 1), ((ValueError("no actor"),), 1)],
)
def test_who_is_not_stopped_is_not_forgotten(
    fails: tuple[Exception, ...], tried: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = Deadly(monkeypatch, *fails)

    async def run() -> None:
        engine = Engine("island", Settings())
        population = of(engine, Wish(2, 1))
        engine.government = government("a", "", "", number=9, acclimated="a")
        engine.members["b"] = member = Member("b", Silent())
        introduction: Any = SimpleNamespace(number=8, arrived=True)
        member.introduction = introduction

        async def ask(*_: object) -> None:
            pass

        engine.ask = ask  # type: ignore[method-assign]
        async with asyncio.timeout(60):
            while "b" in engine.members:
                population._sort_out(engine.government)
                await asyncio.sleep(0.001)
        assert ray.tried == tried
        engine.close()

    asyncio.run(run())


def test_who_was_before_is_stopped_though_it_takes_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = Deadly(monkeypatch, AWAY)

    async def run() -> None:
        engine = Engine("island", Settings(), "rome+1-x")
        population = Population(engine, "rome+1-x", Settings(), Wish(2, 1))
        engine.government = government("a", "", "", number=9, acclimated="a")
        engine.members["a"] = leader = Member("a", Silent())
        introduction: Any = SimpleNamespace(node="here", wish=population.wish)
        leader.introduction = introduction
        for id, republic in (("b", "rome"), ("c", "athens")):
            engine.foreign[id] = Member(id, Silent()), republic
        async with asyncio.timeout(60):
            while ray.tried < 2:
                await population._look()
                await asyncio.sleep(0.001)
        assert not engine.foreign
        engine.close()

    asyncio.run(run())


def test_who_is_renewed_and_gone_is_forgotten() -> None:
    async def run() -> None:
        engine = Engine("island", Settings())
        population = of(engine, Wish(1, 3))
        engine.government = government("ab", "c", "", number=9, acclimated="abc")
        population.renew("abc")
        assert population._left_to_renew() == [*"cba"]
        engine.government = government("bd", "e", "", number=12, acclimated="bde")
        population.renew("abc")
        assert list(population._renewed) == population._left_to_renew() == ["b"]
        engine.close()

    asyncio.run(run())


def test_few_are_launched_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        engine = Engine("island", Settings())
        population = of(engine, Wish(2, 50))
        engine.government = government("a", "", "", number=9, acclimated="a")
        engine.members["a"] = member = Member("a", Silent())
        introduction: Any = SimpleNamespace(node="here", wish=population.wish)
        member.introduction = introduction
        monkeypatch.setattr(newcomers, "launch", lambda _, who, *__: Member(who.id, Silent()))
        for _ in range(3):
            await population._look()
            assert len(population._newcomers.coming) == populations._STARTS
        first = next(iter(population._newcomers.coming))
        population._newcomers.coming[first] = "loads the state"
        await population._look()
        assert len(population._newcomers.coming) == populations._STARTS + 1
        engine.close()

    asyncio.run(run())


def test_once_there_is_a_majority_again_the_others_are_waited_for_anew() -> None:
    """Else the first who comes back would have the second replaced, who is a moment later."""

    async def run() -> None:
        engine = Engine("island", Settings(timeout_ms=20_000))
        population = of(engine, Wish(2, 3))
        engine.government = government("ab", "c", "", number=9, acclimated="abc")
        for id in "abc":
            engine.members[id] = member = Member(id, Silent())
            introduction: Any = SimpleNamespace(node="here", wish=population.wish)
            member.introduction = introduction
        launched: list[int] = []
        population._granted = lambda missing: launched.append(missing) or 0  # type: ignore
        long_ago = asyncio.get_running_loop().time() - 100
        engine.members["b"].hung_at = engine.members["c"].hung_at = long_ago
        await population._look()
        assert launched == [], "nobody could be written in"
        engine.members["b"].hung_at = None
        await population._look()
        assert launched == []
        population._lacked_at -= 41
        await population._look()
        population._newcomers.quiet_until = 0
        await population._look()
        assert launched == [1]
        engine.close()

    asyncio.run(run())
