"""The coordinator: the engine of an island as an async Ray actor, which Ray restarts.

What it knows it reads from the citizens. So killing it costs an island a pause and nothing else.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass

import ray

from paxos_ray.actors import wire
from paxos_ray.actors.citizen import Identity, Portrait
from paxos_ray.actors.engine import Engine, Lost
from paxos_ray.actors.member import Member, find, launch
from paxos_ray.actors.population import Population
from paxos_ray.actors.settings import COORDINATOR, Settings, Wish, namespace
from paxos_ray.core.government import Government

CALL_LIMIT_S = 10.0
"""After this a client's call is given up; the client asks again if it still waits."""

_SWEEP_S = 1.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an island is from what was asked for. `shaped`: it is there.

    `wish` is how many citizens it is to have; `underway` says, for people to read, who is coming
    and going and what that waits for.
    """

    republic: str
    settings: Settings
    wish: Wish
    shaped: bool
    government: Government | None
    living: tuple[str, ...]
    underway: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Survey:
    """The coordinator's part of `Island.status`, with the portraits of those who answered."""

    pid: int
    node: str
    progress: Progress
    reigns: tuple[tuple[int, str], ...]
    portraits: tuple[Portrait, ...]


class Coordinator:
    """The actor. Of its methods, `write` and `read` are for clients, the rest for islands."""

    async def __init__(  # type: ignore[misc]  # Ray awaits it: there is a loop from here on
        self, island: str, republic: str, settings: Settings, wish: Wish
    ) -> None:
        self._republic = republic
        self._settings = settings
        self._engine = Engine(island, settings)
        self._population = Population(self._engine, republic, settings, wish)
        self._recovered = asyncio.Event()
        self._engine.spawn(self._run())

    async def write(self, body: bytes) -> bytes:
        """Have this body written as an entry: an `Answer`, sealed."""
        answer: bytes = await self._engine.ask(wire.WRITE, body)
        return answer

    async def read(self, queries: bytes) -> bytes:
        """Have the leader answer these, once it is confirmed as such: an `Answer`, sealed."""
        answer: bytes = await self._engine.ask(wire.READ, queries)
        return answer

    async def found(self) -> None:
        """Start the first citizen, who founds the island. Only `launch` may ask for that: a
        coordinator that finds nobody must not take it that there never was anybody."""
        await self._recovered.wait()
        engine = self._engine
        if not engine.members:
            identity = Identity("founder", self._republic, self._republic, founder=True)
            wish = self._population.wish
            member = launch(engine.island, identity, self._settings, wish, None)
            engine.members[member.id] = member
            await member.handle.introduce.remote()
            await self._look_after(member)

    async def want(self, citizens: int) -> None:
        """From now on the island is to have so many citizens."""
        await self._recovered.wait()
        version = self._population.wish.version + 1
        await self._population.want(Wish(version, citizens))

    async def progress(self) -> Progress:
        """How far the island is."""
        await self._recovered.wait()
        engine, population = self._engine, self._population
        return Progress(
            republic=self._republic,
            settings=self._settings,
            wish=population.wish,
            shaped=population.shaped,
            government=engine.government,
            living=tuple(m.id for m in engine.members.values() if m.able),
            underway=tuple(population.describe()),
        )

    async def survey(self, digest: bool, limit_s: float) -> Survey:
        """How the island and each of its citizens are."""
        await self._recovered.wait()
        engine = self._engine
        portraits = await asyncio.gather(
            *(self._portray(m, digest, limit_s) for m in list(engine.members.values()) if m.able)
        )
        return Survey(
            pid=os.getpid(),
            node=str(ray.get_runtime_context().get_node_id()),
            progress=await self.progress(),
            reigns=tuple(engine.reigns),
            portraits=tuple(portrait for portrait in portraits if portrait is not None),
        )

    async def _portray(self, member: Member, digest: bool, limit_s: float) -> Portrait | None:
        try:
            portrait: Portrait = await self._engine.call(
                member, member.handle.portray.remote(digest), limit_s
            )
        except Lost:
            return None
        return portrait

    # -- inside -------------------------------------------------------------------------------

    async def _run(self) -> None:
        await self._recover()
        self._engine.spawn(self._population.keep())
        while True:
            await asyncio.sleep(_SWEEP_S)
            self._engine.expire(CALL_LIMIT_S)

    async def _recover(self) -> None:
        """Find the citizens, and who leads: of those who answer, who knows the latest
        government. Then look after the leader first, lest the others miss its pulse."""
        engine, population = self._engine, self._population
        for member in find(engine.island):
            engine.members[member.id] = member
        members = list(engine.members.values())
        introductions = await asyncio.gather(*map(population.introduce, members))
        known = [introduction for introduction in introductions if introduction is not None]
        for introduction in known:
            population.wish = max(population.wish, introduction.wish)
        if known:
            latest = max(known, key=lambda introduction: introduction.number)
            await self._look_after(engine.members[latest.identity.id])
            if engine.leader is not None:
                await self._look_after(engine.leader)
        self._recovered.set()
        for member in members:
            engine.schedule(member, 0.05, sooner=True)

    async def _look_after(self, member: Member) -> None:
        engine = self._engine
        try:
            turn = await engine.turn(member, member.turn(engine.owner, engine.known))
            await engine.follow(member, turn)
        except Lost:
            pass


def create(island: str, republic: str, settings: Settings, wish: Wish) -> object:
    """Start the coordinator of a new island; its name is taken at once.

    Raises `ValueError` when it is taken already.
    """
    return (
        ray.remote(Coordinator)
        .options(
            name=COORDINATOR,
            namespace=namespace(island),
            lifetime="detached",
            num_cpus=settings.num_cpus,
            max_restarts=-1,
            max_task_retries=-1,
            max_concurrency=10_000,
            enable_task_events=False,
        )
        .remote(island, republic, settings, wish)
    )


__all__ = ["Coordinator", "Progress", "Survey", "create"]
