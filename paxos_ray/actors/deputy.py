"""The deputy: stands in for a coordinator that is lost, until Ray has restarted that one.

Starting a process takes a second, or several when a machine is busy. The deputy's process is
there, and asleep: it does nothing until a client asks it, which only clients do whose coordinator
is silent. It carries pulses then; the population is for the coordinator to keep. The coordinator
tells it who the citizens are: Ray's control service may be away when it is needed.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from ray.exceptions import RayError

from paxos_ray.actors.authority import OPEN, Authority
from paxos_ray.actors.carrier import SWEEP_S, Carrier, start
from paxos_ray.actors.connection import named
from paxos_ray.actors.engine import Engine
from paxos_ray.actors.errors import NotAdmitted
from paxos_ray.actors.guard import Guarded, guarded
from paxos_ray.actors.settings import DEPUTY, Settings, Wish
from paxos_ray.actors.suspicion import settle

INFORM_S = 5.0
"""How often it is told who the citizens are when nothing changes: it may have been restarted."""

_STAYS_S = 5.0  # after the last client has asked it for something


class Deputy:
    """What the actor does, see `DeputyActor`."""

    def __init__(
        self, island: str, republic: str, settings: Settings, authority: Authority = OPEN
    ) -> None:
        self._authority = authority
        self._arguments = (island, republic, settings, Wish(0, 0), authority)
        self._carrier: Carrier | None = None
        self._citizens: dict[str, Any] = {}  # those whom this process could call
        self._greeted: set[str] = set()  # those who have yet to answer

    async def know(self, citizens: tuple[tuple[str, Any], ...]) -> None:
        """These are the citizens: the id of each, and its actor."""
        ids = dict(citizens)
        self._citizens = {id: handle for id, handle in self._citizens.items() if id in ids}
        known = self._citizens.keys() | self._greeted
        new = [(id, handle) for id, handle in citizens if id not in known]
        self._greeted.update(id for id, _ in new)
        await asyncio.gather(*(self._greet(id, handle) for id, handle in new))

    async def _greet(self, id: str, handle: Any) -> None:
        # Where an actor is, Ray's control service is asked when that one is called for the first
        # time, and not before.
        try:
            await settle(handle.probe.remote())
        finally:
            self._greeted.discard(id)
        self._citizens[id] = handle

    async def known(self) -> tuple[str, ...]:
        """The ids of the citizens that it was told of, and has called. Does not wake it."""
        return tuple(self._citizens)

    async def open(self) -> bytes:
        """See `Carrier.open`."""
        return await (await self._awake()).open()

    async def write(self, body: bytes) -> bytes:
        """See `Carrier.write`."""
        return await (await self._awake()).write(body)

    async def read(self, queries: bytes) -> bytes:
        """See `Carrier.read`."""
        return await (await self._awake()).read(queries)

    async def alive(self) -> int:
        """See `Carrier.alive`."""
        return await (await self._awake()).alive()

    async def _awake(self) -> Carrier:
        if self._carrier is None:
            self._carrier = Carrier(*self._arguments)
            self._carrier.engine.spawn(self._run(self._carrier))
        return self._carrier

    async def _run(self, carrier: Carrier) -> None:
        await carrier.begin(tuple(self._citizens.items()))
        asking = carrier.engine.asking
        while asking.any or carrier.engine.times.since(asking.asked_at) < _STAYS_S:
            await asyncio.sleep(SWEEP_S)
            carrier.sweep()
        self._carrier = None
        carrier.engine.close()


@guarded
class DeputyActor(Deputy):
    """The actor."""


async def inform(engine: Engine, deputy: Guarded) -> None:
    """For ever: tell the deputy of an island who its citizens are, whenever that has changed."""
    heard = -1
    while True:
        alive = [m for m in engine.members.values() if not (m.dead or m.stopped)]
        with contextlib.suppress(RayError, NotAdmitted, TimeoutError):
            async with asyncio.timeout(INFORM_S):
                await deputy.know.remote(tuple((member.id, member.handle) for member in alive))
        heard = await engine.changed.heard(heard, INFORM_S)


def appoint(
    island: str, republic: str, settings: Settings, node: str | None, authority: Authority
) -> Any:
    """The deputy of an island: a new one, on that node if it can be, unless it has one. Raises
    `ValueError` if that one is no more, and what Ray raises."""
    try:
        return start(
            DeputyActor, DEPUTY, island, settings, node, island, republic, settings, authority
        )
    except ValueError:
        return named(DEPUTY, island)
