"""What coordinators and their deputies have in common: an engine, and how it finds its island."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Any

import ray
from ray.exceptions import RayError

from paxos_ray.actors import placement, wire
from paxos_ray.actors.authority import Authority
from paxos_ray.actors.citizen import end_process
from paxos_ray.actors.engine import Engine
from paxos_ray.actors.member import Lost, Member, find
from paxos_ray.actors.population import Population
from paxos_ray.actors.settings import Settings, Wish, namespace
from paxos_ray.actors.wire import Answer, Opening, seal, unseal
from paxos_ray.machines import encode_open

log = logging.getLogger("paxos_ray")

SWEEP_S = 1.0
SOON_S = 0.25
AGAIN_S = 1.0


class Carrier:
    """Serves clients. What it knows it reads from the citizens, whenever it begins."""

    def __init__(
        self, island: str, republic: str, settings: Settings, wish: Wish, authority: Authority
    ) -> None:
        self.engine = Engine(island, settings, republic, authority)
        self.population = Population(self.engine, republic, settings, wish)
        self.ready = asyncio.Event()

    async def open(self) -> bytes:
        """Have a session opened, which lives as long as those of this island do: an `Opening`,
        sealed."""
        lifetime_ms = self.engine.settings.session_ms
        answer: Answer = unseal(await self.engine.ask(wire.WRITE, encode_open(lifetime_ms)))
        return seal(Opening(answer.promise, lifetime_ms))

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

    async def begin(self, known: tuple[tuple[str, Any], ...] = ()) -> None:
        """`recover`. If that fails, this process ends, and Ray starts another: nobody could use one
        that waits for ever."""
        try:
            await self.recover(known)
        except Exception:
            log.critical("island %s: this carrier ends", self.engine.island, exc_info=True)
            end_process()
            raise

    def sweep(self) -> None:
        """See `Engine.sweep`. One that fails is not the last."""
        try:
            self.engine.sweep()
        except Exception:
            log.exception("island %s: a sweep failed", self.engine.island)

    async def recover(self, known: tuple[tuple[str, Any], ...] = ()) -> None:
        """Find the citizens, and who leads: of those who answer soon, who knows the latest
        government. Then look after the leader first, lest the others miss its pulse.

        Ray is asked who is there only if none of those `known` says who leads: while its control
        service is away, that would hold up the whole process."""
        engine = self.engine
        await self._consult([Member(id, handle, engine.authority) for id, handle in known])
        if engine.leader is None:
            await self._consult(await self._ask_ray())
        if engine.leader is not None:
            await self.look_after(engine.leader)
        self.ready.set()
        for member in list(engine.members.values()):
            engine.schedule(member, 0.05, sooner=True)

    async def _consult(self, members: list[Member]) -> None:
        engine = self.engine
        for member in members:
            engine.members.setdefault(member.id, member)
        asked = {engine.spawn(self._meet(member)) for member in list(engine.members.values())}
        while asked and engine.leader is None:
            done, asked = await asyncio.wait(asked, timeout=SOON_S)
            met = [found for task in done if (found := task.result()) is not None]
            if met:
                await self.look_after(max(met, key=lambda found: found.number))

    async def _ask_ray(self) -> list[Member]:
        while True:
            try:
                return await asyncio.to_thread(find, self.engine.island, self.engine.authority)
            except (RayError, OSError, RuntimeError) as error:
                log.warning("island %s: who is there, is not known: %s", self.engine.island, error)
                await asyncio.sleep(AGAIN_S)

    async def _meet(self, member: Member) -> Member | None:
        """Who it is; None if it does not say so. Its wish counts if it is the latest."""
        introduction = await self.population.introduce(member)
        if introduction is None:
            return None
        self.population.wish = max(self.population.wish, introduction.wish)
        return member

    async def look_after(self, member: Member) -> None:
        """Give a citizen a turn now."""
        try:
            turn = await self.engine.turn(member, member.turn(self.engine.owner, self.engine.known))
            await self.engine.follow(member, turn)
        except Lost:
            pass


def start(
    actor: type, name: str, island: str, settings: Settings, node: str | None, *arguments: Any
) -> Any:
    """Start the actor of a carrier under that name, on that node if it can be, with these
    arguments. Raises `ValueError` if the island has one of that name, and what Ray raises."""
    return (
        ray.remote(actor)
        .options(
            name=name,
            namespace=namespace(island),
            lifetime="detached",
            num_cpus=settings.carrier_cpus,
            max_restarts=-1,
            max_concurrency=10_000,
            enable_task_events=False,
            scheduling_strategy=placement.strategy(node),
        )
        .remote(*arguments)
    )
