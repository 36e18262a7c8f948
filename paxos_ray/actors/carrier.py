"""What coordinators and their deputies have in common: an engine, and how it finds its island."""

from __future__ import annotations

import asyncio
import os

from paxos_ray.actors import wire
from paxos_ray.actors.engine import Engine
from paxos_ray.actors.member import Lost, Member, find
from paxos_ray.actors.population import Population
from paxos_ray.actors.settings import Settings, Wish

CALL_LIMIT_S = 10.0
"""After this a client's call is given up; the client asks again if it still waits."""

SWEEP_S = 1.0


class Carrier:
    """Serves clients. What it knows it reads from the citizens, whenever it begins."""

    def __init__(self, island: str, republic: str, settings: Settings, wish: Wish) -> None:
        self.engine = Engine(island, settings)
        self.population = Population(self.engine, republic, settings, wish)
        self.ready = asyncio.Event()

    async def write(self, body: bytes) -> bytes:
        """Have this body written as an entry: an `Answer`, sealed."""
        answer: bytes = await self.engine.ask(wire.WRITE, body)
        return answer

    async def read(self, queries: bytes) -> bytes:
        """Have the leader answer these, once it is confirmed as such: an `Answer`, sealed."""
        answer: bytes = await self.engine.ask(wire.READ, queries)
        return answer

    async def alive(self) -> int:
        """The process id, once there is more to be had."""
        await self.ready.wait()
        return os.getpid()

    async def recover(self) -> None:
        """Find the citizens, and who leads: of those who answer, who knows the latest
        government. Then look after the leader first, lest the others miss its pulse."""
        engine, population = self.engine, self.population
        for member in find(engine.island):
            engine.members[member.id] = member
        members = list(engine.members.values())
        introductions = await asyncio.gather(*map(population.introduce, members))
        known = [introduction for introduction in introductions if introduction is not None]
        for introduction in known:
            population.wish = max(population.wish, introduction.wish)
        if known:
            latest = max(known, key=lambda introduction: introduction.number)
            await self.look_after(engine.members[latest.identity.id])
            if engine.leader is not None:
                await self.look_after(engine.leader)
        self.ready.set()
        for member in members:
            engine.schedule(member, 0.05, sooner=True)

    async def look_after(self, member: Member) -> None:
        """Give a citizen a turn now."""
        try:
            turn = await self.engine.turn(member, member.turn(self.engine.owner, self.engine.known))
            await self.engine.follow(member, turn)
        except Lost:
            pass
