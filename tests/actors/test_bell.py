"""A bell wakes everybody who waits, and who comes late has missed nothing."""

from __future__ import annotations

import asyncio

from paxos_ray.actors.bell import Bell


def test_all_who_wait_hear_it() -> None:
    async def run() -> list[int]:
        bell = Bell()
        waiting = [asyncio.ensure_future(bell.heard(0, 60.0)) for _ in range(3)]
        await asyncio.sleep(0)
        assert not any(each.done() for each in waiting)
        bell.ring()
        return list(await asyncio.gather(*waiting))

    assert asyncio.run(run()) == [1, 1, 1]


def test_who_has_not_heard_the_last_ring_does_not_wait() -> None:
    async def run() -> int:
        bell = Bell()
        bell.ring()
        bell.ring()
        return await bell.heard(1, 60.0)

    assert asyncio.run(run()) == 2


def test_a_limit_ends_the_wait() -> None:
    async def run() -> int:
        return await Bell().heard(0, 0.01)

    assert asyncio.run(run()) == 0
