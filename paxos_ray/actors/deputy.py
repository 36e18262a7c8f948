"""The deputy: stands in for a coordinator that is lost, until Ray has restarted that one.

Starting a process takes a second, or several when a machine is busy. The deputy's process is
there, and asleep: it does nothing until a client asks it, which only clients do whose coordinator
is silent. It carries pulses then; the population is for the coordinator to keep.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import ray

from paxos_ray.actors import placement
from paxos_ray.actors.carrier import SWEEP_S, Carrier
from paxos_ray.actors.settings import DEPUTY, Settings, Wish, namespace

_STAYS_S = 5.0  # after the last client has asked it for something


class Deputy:
    """The actor."""

    def __init__(self, island: str, republic: str, settings: Settings) -> None:
        self._arguments = (island, republic, settings, Wish(0, 0))
        self._carrier: Carrier | None = None

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
        await carrier.recover()
        asking = carrier.engine.asking
        while asking.any or carrier.engine.times.since(asking.asked_at) < _STAYS_S:
            await asyncio.sleep(SWEEP_S)
            carrier.engine.sweep()
        self._carrier = None
        carrier.engine.close()


def create(island: str, republic: str, settings: Settings, node: str | None) -> Any:
    """Start the deputy of an island, if it has none, on that node if it can be."""
    with contextlib.suppress(ValueError):
        return (
            ray.remote(Deputy)
            .options(
                name=DEPUTY,
                namespace=namespace(island),
                lifetime="detached",
                num_cpus=settings.carrier_cpus,
                max_restarts=-1,
                max_concurrency=10_000,
                enable_task_events=False,
                scheduling_strategy=placement.strategy(node),
            )
            .remote(island, republic, settings)
        )
    return None
