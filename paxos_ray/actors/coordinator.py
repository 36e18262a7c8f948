"""The coordinator: the engine of an island as an async Ray actor, which Ray restarts.

What it knows it reads from the citizens. So killing it costs an island a pause and nothing else.
"""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass

from ray.exceptions import RayError

from paxos_ray.actors import deputy
from paxos_ray.actors.audit import Audit, Divergence
from paxos_ray.actors.authority import OPEN, Authority
from paxos_ray.actors.autoscale import Autoscale
from paxos_ray.actors.carrier import SWEEP_S, Carrier, start
from paxos_ray.actors.citizen import Portrait
from paxos_ray.actors.growing import grow
from paxos_ray.actors.guard import Guarded, guarded
from paxos_ray.actors.member import Lost, Member
from paxos_ray.actors.placement import Node
from paxos_ray.actors.scaling import Scaling
from paxos_ray.actors.settings import COORDINATOR, Limits, Settings, Wish
from paxos_ray.core.government import Government
from paxos_ray.core.promise import Promise

log = logging.getLogger("paxos_ray")

LAG_S = 0.5
"""How long a reader waits for the citizen that it reads from when others have what is next."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an island is from what was asked for. `shaped`: it is there.

    `wish` is how many citizens it is to have; `underway` says, for people to read, who is coming
    and going and what that waits for. `news` is what to ask for what comes after this.
    """

    republic: str
    settings: Settings
    wish: Wish
    shaped: bool
    government: Government | None
    living: tuple[str, ...]
    underway: tuple[str, ...]
    news: int


@dataclass(frozen=True, slots=True)
class Survey:
    """The coordinator's part of `Island.status`, with the portraits of those who answered."""

    pid: int
    node: str
    progress: Progress
    reigns: tuple[tuple[int, str], ...]
    calls: int  # without a result
    weight: int  # of what clients asked for, bytes
    refused: int  # calls of clients, since it began
    portraits: tuple[Portrait, ...]
    nodes: tuple[Node, ...]
    divergences: tuple[Divergence, ...] = ()
    reads_per_s: float | None = None  # that citizens answer by themselves, if it is measured


class Coordinator:
    """What the actor does, see `CoordinatorActor`. `open`, `write` and `read` are for clients, its
    other methods for islands."""

    async def __init__(  # type: ignore[misc]  # Ray awaits it: there is a loop from here on
        self,
        island: str,
        republic: str,
        settings: Settings,
        wish: Wish,
        authority: Authority = OPEN,
    ) -> None:
        self._authority = authority
        self._republic = republic
        self._settings = settings
        self._carrier = Carrier(island, republic, settings, wish, authority)
        self._engine = self._carrier.engine
        self._population = self._carrier.population
        self._ready = self._carrier.ready
        self._audit = Audit(self._engine, settings.audit_s)
        self._scaling = Scaling(self._engine, self._population)
        self._engine.spawn(self._run())

    async def open(self) -> bytes:
        """See `Carrier.open`."""
        return await self._carrier.open()

    async def write(self, body: bytes) -> bytes:
        """See `Carrier.write`."""
        return await self._carrier.write(body)

    async def read(self, queries: bytes) -> bytes:
        """See `Carrier.read`."""
        return await self._carrier.read(queries)

    async def alive(self) -> int:
        """See `Carrier.alive`."""
        return await self._carrier.alive()

    async def greet(self) -> str:
        """The republic: for who knows the secret and not what it is signed for."""
        return self._republic

    async def limits(self) -> Limits:
        """How much is held where: some of it at clients."""
        return self._settings.limits

    async def found(self) -> None:
        """Start the first citizen, who founds the island. Only `launch` may ask for that: a
        coordinator that finds nobody must not take it that there never was anybody."""
        await self._ready.wait()
        if not self._engine.members:
            self._population.found()

    async def want(self, citizens: int, leaving: tuple[str, ...], version: int) -> Wish:
        """From now on the island is to have so many citizens, whatever is read from them, and if
        that is fewer, without these: if the wish of that version is the last. The last wish that
        there is then: so a call that comes again, however much later, changes nothing."""
        await self._ready.wait()
        last = self._population.wish
        if version == last.version:
            await self._population.want(last.next(citizens, leaving=leaving))
        return self._population.wish

    async def autoscale(self, rules: Autoscale | None, version: int) -> Wish:
        """From now on the number of citizens follows these rules, or stays, likewise: the last
        wish."""
        await self._ready.wait()
        last, government = self._population.wish, self._engine.government
        citizens = last.citizens
        if rules is not None:
            seats = 1 if government is None else len(government.parliament)
            citizens = rules.bounded(citizens, min(citizens, seats))
        if version == last.version:
            await self._population.want(last.next(citizens, rules))
        return self._population.wish

    async def renew(self, ids: tuple[str, ...]) -> None:
        """Replace those of these citizens that there still are, one at a time."""
        await self._ready.wait()
        self._population.renew(ids)

    async def progress(self, news: int = -1, limit_s: float = 0.0) -> Progress:
        """How far the island is; if there is nothing since `news`, after `limit_s` at most."""
        await self._ready.wait()
        return self._progress(await self._engine.changed.heard(news, limit_s))

    def _progress(self, news: int) -> Progress:
        engine, population = self._engine, self._population
        return Progress(
            republic=self._republic,
            settings=self._settings,
            wish=population.wish,
            shaped=population.shaped,
            government=engine.government,
            living=tuple(m.id for m in engine.members.values() if m.able),
            underway=tuple(population.describe()),
            news=news,
        )

    async def holders(
        self, since: Promise, reader_of: str | None, limit_s: float
    ) -> tuple[str, ...]:
        """Who has something of the log after `since`, the leader last: who reads from a certain
        citizen waits for that one, but not for long if others have it. Nobody, after `limit_s`."""
        await self._ready.wait()
        loop = asyncio.get_running_loop()
        end, engine = loop.time() + limit_s, self._engine
        patient_until = end
        while True:
            rung, now = engine.told.rung, loop.time()
            holders = engine.holders(since)
            if holders:
                patient_until = min(patient_until, now + LAG_S)
            if reader_of in holders or now >= patient_until or (holders and reader_of is None):
                return holders
            await engine.told.heard(rung, patient_until - now)

    async def survey(self, digest: bool, limit_s: float) -> Survey:
        """How the island and each of its citizens are."""
        await self._ready.wait()
        engine = self._engine
        portraits = await asyncio.gather(
            *(
                self._portray(member, digest, limit_s)
                for member in list(engine.members.values())
                if member.able and member.introduction is not None  # it has begun
            )
        )
        return Survey(
            pid=os.getpid(),
            node=self._population.sites.here,
            progress=self._progress(engine.changed.rung),
            reigns=tuple(engine.reigns),
            calls=engine.asking.calls,
            weight=engine.asking.weight,
            refused=engine.asking.refused,
            portraits=tuple(portrait for portrait in portraits if portrait is not None),
            nodes=tuple(self._population.sites.all),
            divergences=tuple(self._audit.found),
            reads_per_s=self._scaling.reads_per_s,
        )

    async def _portray(self, member: Member, digest: bool, limit_s: float) -> Portrait | None:
        try:
            portrait: Portrait = await self._engine.call(
                member, member.citizen.portray.remote(digest), limit_s, owed=False
            )
        except Lost:
            return None
        return portrait

    # -- inside -------------------------------------------------------------------------------

    async def _run(self) -> None:
        await self._carrier.begin()
        engine = self._engine
        engine.spawn(self._population.sites.keep())
        engine.spawn(self._population.keep())
        engine.spawn(self._appoint())
        engine.spawn(self._audit.keep())
        engine.spawn(self._scaling.keep())
        while True:
            await asyncio.sleep(SWEEP_S)
            self._carrier.sweep()

    async def _appoint(self) -> None:
        """See that there is a deputy, once there is an island to stand in for, and inform it."""
        heard = -1
        while not self._population.shaped:
            heard = await self._engine.changed.heard(heard, SWEEP_S)
        await deputy.inform(self._engine, Guarded(await self._appointed(), self._authority))

    async def _appointed(self) -> object:
        """The deputy, once Ray has one: it may be away, or know one that is just dying."""
        island, population = self._engine.island, self._population
        while True:
            node = population.sites.carrier_node(population.homes())
            arguments = (island, self._republic, self._settings, node, self._authority)
            try:
                found: object = await asyncio.to_thread(deputy.appoint, *arguments)
            except (RayError, ValueError, OSError, RuntimeError) as error:
                log.warning("island %s: no deputy could be appointed: %s", island, error)
                await asyncio.sleep(SWEEP_S)
            else:
                return found


@guarded
class CoordinatorActor(Coordinator):
    """The actor."""


grow(Progress, Survey)


def create(
    island: str,
    republic: str,
    settings: Settings,
    wish: Wish,
    node: str | None,
    authority: Authority,
) -> object:
    """Start the coordinator of a new island, on that node if it can be; its name is taken at once.

    Raises `ValueError` when it is taken already.
    """
    arguments = (island, republic, settings, wish, authority)
    actor: object = start(CoordinatorActor, COORDINATOR, island, settings, node, *arguments)
    return actor


__all__ = ["Coordinator", "Progress", "Survey", "create"]
