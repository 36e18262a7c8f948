"""Bringing the application's state from a donor to who lacks it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from paxos_ray.actors.member import Lost, Member

if TYPE_CHECKING:
    from paxos_ray.actors.engine import Engine

_READY_S = 0.005
_LIMIT_S = 120.0
_AGAIN_S = 0.2


async def transfer(engine: Engine, member: Member, donor: str) -> None:
    """Have the donor copy its state and the member load it. What is lost is asked for again:
    the member goes on saying that it lacks it."""
    giver = engine.members.get(donor) or await engine.strangers.find(donor)
    if member.loading or giver is None or not giver.able:
        return
    member.loading = True
    try:
        number = await engine.call(giver, giver.citizen.freeze.remote())
        pause_s = _READY_S
        while (snapshot := await engine.call(giver, giver.fetch(number))) is None:
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, 0.2)
        restored = member.restore(engine.owner, engine.known, snapshot)
        turn = await engine.turn(member, restored, _LIMIT_S)
        await engine.follow(member, turn)
    except Lost:
        await asyncio.sleep(_AGAIN_S)
    finally:
        member.loading = False
