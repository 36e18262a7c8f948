"""What a carrier sends to a citizen that does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from types import SimpleNamespace
from typing import Any

import pytest
from ray.exceptions import ActorDiedError, ActorUnavailableError

from paxos_ray import Citizen, Government, Promise
from paxos_ray.actors import absences
from paxos_ray.actors import engine as engines
from paxos_ray.actors.coordinator import Coordinator
from paxos_ray.actors.engine import BRINGER_PAUSE_S, FEW_RECIPIENTS, MOST_PAUSES, PROBE_S, Engine
from paxos_ray.actors.member import Lost, Member
from paxos_ray.actors.settings import Settings
from paxos_ray.actors.suspicion import settle
from paxos_ray.actors.wire import READ, Result, Turn, seal
from tests.core.harness import government


class Call:
    """A call on a citizen, to be awaited any number of times."""

    def __init__(self, answered: asyncio.Event) -> None:
        self._answered = answered

    def __await__(self) -> Generator[Any, None, bytes]:
        yield from self._answered.wait().__await__()
        return b"reply"


class Silent:
    """The handle of an actor whose process stands still until it is told to go on."""

    def __init__(self) -> None:
        self._actor_id = b"id"
        self.calls = 0
        self.goes_on = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return SimpleNamespace(remote=self._call)

    def _call(self, *_: object) -> Call:
        self.calls += 1
        return Call(self.goes_on)


def turn_of(republic: str) -> bytes:
    """A citizen of that republic says that it rules, of all."""
    government = Government(
        promise=Promise(9, 0),
        majority=("b",),
        arrived={"b": Promise(1, 0)},
        citizens={"b": Citizen(id="b", properties={}, cookie="b")},
    )
    result = Result(0, "retry", "")
    return seal(Turn((result,), 9, government, 5, True, "z", Promise(9, 9), None, republic))


def test_what_a_citizen_of_another_republic_says_counts_for_nothing() -> None:
    async def run() -> None:
        engine = Engine("island", Settings(), "rome+1-x")
        member = Member("b", Silent())
        engine.members["b"] = member

        async def said() -> bytes:
            return turn_of("rome")

        with pytest.raises(Lost):
            await engine.turn(member, said())
        assert (engine.government, engine.known, member.told) == (None, 0, None)
        assert engine.members == {}
        assert engine.foreign == {"b": (member, "rome")}
        assert not member.able, "and it is not called again"
        engine.close()

    asyncio.run(run())


def test_who_hangs_is_sent_little_until_it_answers() -> None:
    async def run() -> None:
        engine = Engine("island", Settings(ping_ms=10, timeout_ms=40))
        handle = Silent()
        member = Member("b", handle)
        engine.members["b"] = member
        assert await engine._deliver("b", b"request") is None
        assert member.hung_at is not None
        sent = handle.calls
        for _ in range(50):
            assert await engine._deliver("b", b"request") is None
        assert handle.calls == sent + 1, "one to see whether it answers after all"
        member.probed_at -= PROBE_S
        assert await engine._deliver("b", b"request") is None
        assert handle.calls == sent + 2
        handle.goes_on.set()
        member.probed_at -= PROBE_S
        assert await engine._deliver("b", b"request") == b"reply"
        for _ in range(100):  # what it had not answered is answered now, and is looked at
            await asyncio.sleep(0)
        assert member.hung_at is None
        assert await engine._deliver("b", b"request") == b"reply"
        engine.close()

    asyncio.run(run())


def test_who_takes_longer_than_a_user_waits_is_not_hung(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ray.is_initialized", lambda: True)  # who is called is here

    async def run() -> None:
        engine = Engine("island", Settings())
        member, coordinator = Member("b", Silent()), Coordinator.__new__(Coordinator)
        coordinator._engine = engine
        assert await coordinator._portray(member, False, 0.01) is None
        assert member.able
        assert not member.calls
        with pytest.raises(Lost):
            await engine.call(member, member.citizen.portray.remote(False), 0.01)
        assert not member.able, "the engine's own limits are another matter"
        engine.close()

    asyncio.run(run())


def test_of_a_broken_chain_nobody_is_waited_for_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        engine = Engine("island", Settings(ping_ms=10, timeout_ms=40))
        members = [Member(id, Silent()) for id in "abc"]
        waited_for: list[str] = []

        async def mend(*_: object) -> str:
            waited_for.extend(member.id for member in members if member.calls)
            return "mended"

        monkeypatch.setattr(engine, "_mend", mend)
        leader, *circle = members
        leader._gives[2] = lambda _: [leader.handle.give.remote(), leader.handle.give.remote()]
        assert await engine._chain(leader, tuple(circle), None) == "mended"
        assert waited_for == [], "who keeps the chain waiting is found out by calls of its own"
        engine.close()

    asyncio.run(run())


@pytest.mark.parametrize("suspected", [False, True])
def test_who_cannot_be_reached_is_hung_until_it_can(
    suspected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(absences, "PROBE_AGAIN_S", 0.01)

    async def run() -> None:
        engine = Engine("island", Settings())
        handle = Silent()
        engine.members["b"] = member = Member("b", handle)
        away = ActorUnavailableError("no way there", None)
        answers: list[Exception | None] = [away, away, away, None]

        async def probed() -> None:
            if (answer := answers.pop(0)) is not None:
                raise answer
            assert member.hung_at is not None

        handle.probe = SimpleNamespace(remote=probed)  # type: ignore[attr-defined]
        if suspected:
            probe = asyncio.ensure_future(settle(probed()))
            await probe  # it has failed, when it is looked at
            engine.absences.suspect(member, probe)
        else:
            engine.absences.hangs(member, probed())
        async with asyncio.timeout(60):
            while member.hung_at is not None:  # noqa: ASYNC110 - it rings no bell
                await asyncio.sleep(0.005)
        assert answers == []
        assert not member.dead
        engine.close()

    asyncio.run(run())


def test_who_is_suspected_and_turns_out_to_be_dead_is_so() -> None:
    async def run() -> None:
        engine = Engine("island", Settings())
        engine.members["b"] = member = Member("b", Silent())

        async def probed() -> None:
            raise ActorDiedError

        engine.absences.suspect(member, asyncio.ensure_future(settle(probed())))
        async with asyncio.timeout(60):
            while member.hung_at is not None:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        assert member.dead
        engine.close()

    asyncio.run(run())


def test_the_log_is_brought_to_many_less_often() -> None:
    async def run() -> None:
        engine = Engine("island", Settings())
        engine.members["b"] = bringer = Member("b", Silent())

        def pause_s(recipients: int) -> float:
            engine._circles["b"] = tuple(map(str, range(recipients)))
            return engine._pause_s(bringer)

        engine.asking.asked_at = -1e9
        idle = [pause_s(recipients) for recipients in (0, 50)]
        assert idle[0] == idle[1] < BRINGER_PAUSE_S, "nobody is in the way"
        asked = asyncio.ensure_future(engine.ask(READ, b""))
        await asyncio.sleep(0)
        assert engine.busy
        few = [pause_s(recipients) for recipients in (0, 2, FEW_RECIPIENTS)]
        assert few == [BRINGER_PAUSE_S] * 3
        assert pause_s(2 * FEW_RECIPIENTS) == 2 * BRINGER_PAUSE_S
        assert pause_s(1_000) == MOST_PAUSES * BRINGER_PAUSE_S
        asked.cancel()
        engine.close()

    asyncio.run(run())


def test_the_last_governments_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "REIGNS", 2)

    async def run() -> None:
        engine = Engine("island", Settings())
        for number in range(17, 21):
            engine._install(government("ab", "c", "", number=number, acclimated="abc"))
        assert list(engine.reigns) == [(19, "a"), (20, "a")]
        engine.close()

    asyncio.run(run())


def test_a_new_government_calls_upon_those_who_have_to_do() -> None:
    async def run() -> None:
        engine = Engine("island", Settings())
        before = government("ab", "c", "defghi", number=19, acclimated="abcdefghi")
        members = {id: Member(id, Silent()) for id in before.citizens}
        engine.members.update(members)
        engine._install(before)
        assert all(member.due is not None for member in members.values()), "nobody is forgotten"
        for member in members.values():
            engine.schedule(member, 60.0)
        engine._install(government("ab", "c", "defghi", number=20, acclimated="abcdefgh"))
        soon = {id for id, member in members.items() if engine.times.since(member.due or 0) > -30}
        assert soon == {*"abc", "i"}, "who brings it on, and who lacks the state"
        engine.close()

    asyncio.run(run())
