"""What a deputy knows of its island while it is asleep."""

from __future__ import annotations

import asyncio
from typing import Any

from ray.exceptions import RayError

from paxos_ray.actors.deputy import Deputy
from paxos_ray.actors.settings import Settings


class Actor:
    """A citizen's handle: its calls are answered when the test says so."""

    def __init__(self) -> None:
        self.probe = self
        self.calls: list[asyncio.Future[None]] = []

    def remote(self) -> asyncio.Future[None]:
        self.calls.append(asyncio.get_running_loop().create_future())
        return self.calls[-1]


def told(*actors: Actor) -> tuple[tuple[str, Any], ...]:
    return tuple((f"citizen {number}", actor) for number, actor in enumerate(actors))


async def all_that_is_ready() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_it_has_called_whom_it_knows_and_forgets_who_is_none_any_more() -> None:
    async def play() -> None:
        deputy, one, other = Deputy("shop", "republic", Settings(5, 3)), Actor(), Actor()
        telling = asyncio.ensure_future(deputy.know(told(one, other)))
        await all_that_is_ready()
        other.calls[0].set_result(None)
        await all_that_is_ready()
        assert await deputy.known() == ("citizen 1",), "the first has not answered yet"
        one.calls[0].set_exception(RayError("away"))
        await telling
        assert set(await deputy.known()) == {"citizen 0", "citizen 1"}, "Ray said where it was"
        await deputy.know(told(one))
        assert await deputy.known() == ("citizen 0",)
        assert len(one.calls) == 1, "once is enough"

    asyncio.run(play())


def test_one_that_hangs_is_called_once() -> None:
    """Each call would stay with it until it answers."""

    async def play() -> None:
        deputy, one = Deputy("shop", "republic", Settings(5, 3)), Actor()
        telling = [asyncio.ensure_future(deputy.know(told(one))) for _ in range(3)]
        await all_that_is_ready()
        assert len(one.calls) == 1
        one.calls[0].set_result(None)
        await asyncio.gather(*telling)
        assert await deputy.known() == ("citizen 0",)

    asyncio.run(play())
