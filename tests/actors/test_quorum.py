"""Who is told that there is no majority, and when."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from paxos_ray import Citizen, Government, NoQuorum, Promise, TimedOut
from paxos_ray.actors.quorum import PATIENCE_S, Quorum
from paxos_ray.actors.response import Response

SOON_S = 60.0


def government(*ids: str) -> Government:
    quorum = len(ids) // 2 + 1
    return Government(
        promise=Promise(len(ids), 0),
        majority=ids[:quorum],
        minority=ids[quorum:],
        acclimated=ids,
        arrived={id: Promise(number, 0) for number, id in enumerate(ids, start=1)},
        citizens={
            id: Citizen(id=id, properties={"node": f"{id}-0123456789"}, cookie=id) for id in ids
        },
    )


def members(**states: str) -> Any:
    """`a="dead"`: what is known of each."""
    return {
        id: SimpleNamespace(able=state == "there", dead=state == "dead")
        for id, state in states.items()
    }


def test_a_majority_that_is_away_for_a_moment_is_not_told_of() -> None:
    quorum, three = Quorum(), government("a", "b", "c")
    gone = members(a="there", b="dead", c="silent")
    assert quorum.lack(three, gone, 10.0) is None
    assert quorum.lack(three, gone, 10.0 + PATIENCE_S / 2) is None
    assert quorum.lack(three, members(a="there", b="there", c="dead"), 11.5) is None
    assert quorum.lack(three, gone, 11.6) is None
    assert quorum.lack(three, gone, 11.6 + PATIENCE_S) is not None


def test_it_says_who_is_missing_and_how() -> None:
    quorum, three = Quorum(), government("a", "b", "c")
    gone = members(a="dead", b="silent")
    quorum.lack(three, gone, 0.0)
    told = str(quorum.lack(three, gone, PATIENCE_S))
    assert "of the 3 citizens that vote 3 are missing" in told
    assert "a on node a-012345 is dead" in told
    assert "b on node b-012345 does not answer" in told


def test_nobody_lacks_what_was_never_there() -> None:
    quorum = Quorum()
    assert quorum.lack(None, {}, 0.0) is None
    assert quorum.lack(None, {}, 100.0) is None


def test_who_waits_is_interrupted_and_may_wait_again() -> None:
    response: Response[int] = Response()
    told: list[Exception] = []

    def wait() -> None:
        try:
            response.result(SOON_S)
        except TimedOut as why:
            told.append(why)

    waiting = threading.Thread(target=wait)
    waiting.start()
    while response._callbacks is None:
        pass
    response.interrupt(NoQuorum("two are missing"))
    waiting.join(SOON_S)
    assert isinstance(told[0], NoQuorum)
    assert not response.done()
    with pytest.raises(TimedOut, match="no result within"):
        response.result(0.01)
    response.set_result(5)
    assert response.result(SOON_S) == 5


def test_who_awaits_is_interrupted_and_may_await_again() -> None:
    response: Response[int] = Response()

    async def wait() -> int:
        asyncio.get_running_loop().call_soon(response.interrupt, NoQuorum("two are missing"))
        with pytest.raises(NoQuorum):
            await response
        asyncio.get_running_loop().call_soon(response.set_result, 6)
        return await response

    assert asyncio.run(wait()) == 6
