"""Who is suspected, and who is not: by a watch over processes that answer, or do not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from ray.exceptions import ActorDiedError, ActorUnavailableError

from paxos_ray.actors import suspicion
from paxos_ray.actors.member import Member
from paxos_ray.actors.suspicion import Watch

SOON_S = 60.0


class Remote:
    """A method of a process that answers probes, or does not, or is dead."""

    def __init__(self, answer: str) -> None:
        self.answer = answer
        self.asked = 0

    def remote(self, *_: object) -> asyncio.Future[None]:
        self.asked += 1
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.answer == "there":
            future.set_result(None)
        elif self.answer == "dead":
            future.set_exception(ActorDiedError())
        elif self.answer == "away":
            future.set_exception(ActorUnavailableError("no way there", None))
        return future


class Process:
    def __init__(self, id: str, answer: str) -> None:
        self.probe = Remote(answer)
        self.turn = self.receive = self.settle = self.sent = self.unreachable = self.probe
        self._actor_id = self
        self.id = id

    def hex(self) -> str:
        return self.id


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suspicion, "QUIET_S", 0.02)
    monkeypatch.setattr(suspicion, "PATIENCE_S", 0.05)
    monkeypatch.setattr(suspicion, "LOOK_S", 0.01)
    monkeypatch.setattr(suspicion, "LATE_S", SOON_S)  # other tests may have the CPU


class Scene:
    """Citizens by how they answer; the first keeps a call waiting."""

    def __init__(self, *answers: str) -> None:
        self.members: dict[str, Member] = {}
        for number, answer in enumerate(answers):
            member = Member(f"c{number}", Process(f"c{number}", answer))
            member.introduction = ()  # type: ignore[assignment]  # that it has introduced itself
            self.members[member.id] = member
        self.first = self.members["c0"]
        self.suspected: list[str] = []
        self.watch = Watch(self.members, self.suspect)

    def suspect(self, member: Member, probe: Any) -> None:
        self.suspected.append(member.id)
        member.hung_at = 1.0

    def probed(self, id: str = "c0") -> int:
        return int(self.members[id].handle.probe.asked)

    async def play(self, until: Callable[[], bool]) -> None:
        """Watch until that is so, a call on the first being under way all the while."""
        looking = asyncio.create_task(self.watch.keep())
        async with asyncio.timeout(SOON_S) as scope:
            self.first.calls[scope] = asyncio.get_running_loop().time()
            while not until():  # noqa: ASYNC110 - the watch rings no bell
                await asyncio.sleep(0.005)
        self.watch.close()
        await looking


def run(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(story())


def test_who_is_silent_while_another_answers_is_suspected() -> None:
    async def story() -> None:
        scene = Scene("silent", "there", "silent")
        await scene.play(lambda: bool(scene.suspected))
        assert scene.suspected == ["c0"], "nobody waits for c2"

    run(story)


def test_who_cannot_be_reached_while_another_can_is_suspected() -> None:
    async def story() -> None:
        scene = Scene("away", "there")
        await scene.play(lambda: bool(scene.suspected))
        nobody = Scene("away", "away", "silent")
        await nobody.play(lambda: nobody.probed() >= 3)
        assert nobody.suspected == []

    run(story)


def test_who_is_busy_is_not_suspected_but_asked_again() -> None:
    async def story() -> None:
        scene = Scene("there", "there")
        await scene.play(lambda: scene.probed() >= 4)
        assert scene.suspected == []

    run(story)


def test_nobody_is_suspected_by_who_hears_nobody() -> None:
    async def story() -> None:
        scene = Scene("silent", "silent", "silent")
        await scene.play(lambda: scene.probed() >= 3)
        assert scene.suspected == []
        alone = Scene("silent")
        await alone.play(lambda: alone.probed() >= 3)
        assert alone.suspected == []

    run(story)


def test_the_dead_are_not_for_the_watch_to_tell() -> None:
    async def story() -> None:
        scene = Scene("dead", "there")
        await scene.play(lambda: scene.probed() >= 3)
        assert scene.suspected == []

    run(story)


def test_a_dead_one_does_not_vouch_for_the_network() -> None:
    async def story() -> None:
        scene = Scene("silent", "dead")
        await scene.play(lambda: scene.probed() >= 3)
        assert scene.suspected == []

    run(story)


def test_nobody_is_suspected_by_a_process_that_was_kept_waiting_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(suspicion, "LATE_S", -1.0)  # every look is too late

    async def story() -> None:
        scene = Scene("silent", "there")
        await scene.play(lambda: scene.probed() >= 3)
        assert scene.suspected == []

    run(story)


def test_nobody_is_asked_who_keeps_nobody_waiting() -> None:
    async def story() -> None:
        scene = Scene("silent", "there")
        looking = asyncio.create_task(scene.watch.keep())
        await asyncio.sleep(0.2)
        scene.watch.close()
        await looking
        assert scene.probed("c0") == scene.probed("c1") == 0

    run(story)


def test_of_many_only_some_are_asked_at_a_time_and_in_turns() -> None:
    """When all of fifty are slow, probes must not be what keeps them so."""

    async def story() -> None:
        scene = Scene("there", *["there"] * 49)
        await scene.play(lambda: scene.probed() >= 3)
        asked = [scene.probed(id) for id in scene.members if id != "c0"]
        assert sum(asked) <= (scene.probed() + 1) * suspicion.WITNESSES
        assert max(asked) == 1

    run(story)


def test_one_probe_does_for_all_who_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suspicion, "PATIENCE_S", SOON_S)

    async def story() -> None:
        scene = Scene(*["silent"] * 50)
        scope, now = asyncio.timeout(SOON_S), asyncio.get_running_loop().time()
        for member in scene.members.values():
            member.calls[scope] = now
        looking = asyncio.create_task(scene.watch.keep())
        async with asyncio.timeout(SOON_S):
            while not all(map(scene.probed, scene.members)):  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        scene.watch.close()
        assert max(map(scene.probed, scene.members)) == 1
        for asking in scene.watch._asking:
            asking.cancel()
        await looking

    run(story)


def test_who_keeps_nobody_waiting_is_asked_first() -> None:
    async def story() -> None:
        scene = Scene("silent", *["silent"] * 48, "there")
        now = asyncio.get_running_loop().time()
        scope = asyncio.timeout(SOON_S)
        for id in list(scene.members)[1:-1]:
            scene.members[id].calls[scope] = now
        await scene.play(lambda: bool(scene.suspected))
        assert "c49" not in scene.suspected

    run(story)


def test_what_waits_for_a_citizen_that_is_given_up_ends_at_once() -> None:
    async def story() -> None:
        scene = Scene("silent", "there")
        loop = asyncio.get_running_loop()

        async def wait() -> None:
            async with asyncio.timeout(SOON_S) as scope:
                scene.first.calls[scope] = loop.time()
                loop.call_soon(lambda: scene.first.give_up(loop.time()))
                await asyncio.sleep(2 * SOON_S)

        with pytest.raises(TimeoutError):
            await wait()

    run(story)
