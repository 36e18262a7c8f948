"""Two carriers of one island at a time: whom a client turns to, it is answered soon."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from paxos_ray.actors import strangers
from paxos_ray.actors.member import Member
from tests.actors import theatre
from tests.actors.theatre import CALL_S, Theatre, longest_write, until, write

SOON_S = 1.0
AGAIN_S = 0.25  # of the timeout: then a leader gives a pulse again that nobody has answered
LONG_S = 5.0

Play = Callable[[Theatre], Coroutine[Any, Any, None]]


@pytest.fixture
def perform(monkeypatch: pytest.MonkeyPatch) -> Callable[[Play], None]:
    """Have a coroutine run with an island of three."""

    def run(play: Play) -> None:
        async def whole() -> None:
            stage = Theatre()
            await stage.open()
            await play(stage)
            stage.close()

        with theatre.clockwork(monkeypatch) as loop:
            loop.run_until_complete(whole())

    return run


class Directory:
    """Ray's control service; at first it says nothing."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self._said: asyncio.Future[Member | None] | None = None
        monkeypatch.setattr(strangers.asyncio, "to_thread", self._look_up)

    def say(self, what: Member | None) -> None:
        assert self._said is not None
        self._said.set_result(what)

    async def _look_up(self, function: object, island: str, id: str, _: object) -> Member | None:
        self.asked.append(id)
        self._said = asyncio.get_running_loop().create_future()
        return await self._said


def test_both_answer_their_clients(perform: Callable[[Play], None]) -> None:
    async def play(stage: Theatre) -> None:
        first, second = await stage.enter(), await stage.enter()
        known = first.known
        longest = await asyncio.gather(longest_write(first, LONG_S), longest_write(second, LONG_S))
        assert max(longest) < 40 * CALL_S
        assert first.known == second.known == known, "that costs no election"

    perform(play)


def test_one_that_stands_still_with_the_leader_s_pulse_costs_others_little(
    perform: Callable[[Play], None],
) -> None:
    async def play(stage: Theatre) -> None:
        loop = asyncio.get_running_loop()
        stands_until = 0.0

        def way_s() -> float:
            return CALL_S + max(0.0, stands_until - loop.time())

        first, second = await stage.enter(way_s), await stage.enter()
        known = second.known
        asked = asyncio.ensure_future(longest_write(first, LONG_S))
        for number in range(12):  # it stops at all points of a round, and of a round of the other
            stood = asyncio.ensure_future(longest_write(second, 0.4 + number * CALL_S * 5 / 6))
            await stood
            stands_until = loop.time() + 1.5
            patience_s = AGAIN_S * stage.settings.timeout_ms / 1000
            assert await longest_write(second, 1.5) < patience_s + 40 * CALL_S < SOON_S
        asked.cancel()
        assert second.known == known, "that costs no election"

    perform(play)


def test_one_that_ray_does_not_answer_serves_its_clients(
    perform: Callable[[Play], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is cut off from the control service, and a newcomer is launched by another."""
    directory = Directory(monkeypatch)

    async def play(stage: Theatre) -> None:
        cut_off, other = await stage.enter(), await stage.enter()
        writing = asyncio.ensure_future(longest_write(cut_off, LONG_S))
        await stage.arrive(other, "d")
        await stage.arrive(other, "e")
        await until(other, lambda government: len(government.parliament) == 5)
        known = other.known
        assert await longest_write(other, LONG_S) < SOON_S
        assert await writing < SOON_S
        assert await longest_write(cut_off, LONG_S) < SOON_S, "whether or not the other has clients"
        assert set(directory.asked) == {"d", "e"} and "d" not in cut_off.members
        assert other.known == known, "no majority is broken by who does not know it"

    perform(play)


def test_one_that_is_alone_carries_what_it_can(
    perform: Callable[[Play], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It leaves pulses to nobody for ever."""
    directory = Directory(monkeypatch)

    async def play(stage: Theatre) -> None:
        cut_off, other = await stage.enter(), await stage.enter()
        await stage.arrive(other, "d")
        stage.leave(other)
        assert await write(cut_off) < 2 * stage.settings.timeout_ms / 1000
        assert directory.asked == ["d"]

    perform(play)


def test_a_stranger_is_no_stranger_once_ray_has_answered(
    perform: Callable[[Play], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = Directory(monkeypatch)

    async def play(stage: Theatre) -> None:
        cut_off, other = await stage.enter(), await stage.enter()
        await stage.arrive(other, "d")
        await write(cut_off)
        assert cut_off.strangers.unknown == ("d",)
        directory.say(other.members["d"])
        stage.leave(other)
        await asyncio.sleep(0.0)
        assert await write(cut_off) < 40 * CALL_S
        assert cut_off.members["d"].listed

    perform(play)


def test_of_whom_ray_knows_nothing_is_not_waited_for(
    perform: Callable[[Play], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is how Ray speaks of the dead."""
    directory = Directory(monkeypatch)

    async def play(stage: Theatre) -> None:
        first, other = await stage.enter(), await stage.enter()
        await stage.arrive(other, "d")
        await write(first)
        stage.leave(other)
        directory.say(None)
        await asyncio.sleep(0.0)
        assert first.strangers.unknown == ()
        assert await write(first) < SOON_S
        assert await first.strangers.find("d") is None
        assert directory.asked == ["d"], "it has just been asked"

    perform(play)
