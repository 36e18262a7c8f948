"""The coordinator's part of `Autoscale`: asks the citizens what they answer, and wishes."""

from __future__ import annotations

import asyncio
import logging

from paxos_ray.actors.autoscale import Autoscale, Governor, Meter
from paxos_ray.actors.engine import Engine
from paxos_ray.actors.member import Lost, Member
from paxos_ray.actors.population import Population

log = logging.getLogger("paxos_ray")

LOOK_S = 2.0
"""How often citizens are asked, or four times within a shorter window."""


class Scaling:
    """Of one island. What it knows of rates begins anew with the process; the rules are in the
    wish, which the citizens remember."""

    def __init__(self, engine: Engine, population: Population) -> None:
        self.reads_per_s: float | None = None  # while there are rules
        self._engine = engine
        self._population = population
        self._rules: Autoscale | None = None
        self._governor: Governor | None = None
        self._meter = Meter()

    async def keep(self) -> None:
        """For ever: look, while there are rules; wait for them else."""
        engine, heard = self._engine, -1
        while True:
            rules = self._population.wish.autoscale
            if rules is None:
                self._rules = self.reads_per_s = None
                heard = await engine.changed.heard(heard, LOOK_S)
                continue
            try:
                await self._look(rules)
            except Exception:
                log.exception("island %s: scaling failed", engine.island)
            await asyncio.sleep(min(LOOK_S, rules.window_s / 4))

    async def _look(self, rules: Autoscale) -> None:
        population, now = self._population, asyncio.get_running_loop().time()
        if rules != self._rules or self._governor is None:
            self._rules, self._governor, self._meter = rules, Governor(rules, now), Meter()
        members = [m for m in self._engine.members.values() if m.able and m.listed]
        counts = await asyncio.gather(*(self._answered(member) for member in members))
        answered = {m.id: count for m, count in zip(members, counts, strict=True) if count >= 0}
        now = asyncio.get_running_loop().time()
        self.reads_per_s = rate = self._meter.take(now, answered, rules.window_s)
        wish, government = population.wish, self._engine.government
        if wish.autoscale != rules or government is None or not population.shaped:
            self._governor.unsettled(now)
            return
        citizens = self._governor.decide(now, rate, wish.citizens, len(government.parliament))
        if citizens is not None:
            told = (self._engine.island, wish.citizens, citizens, rate)
            log.info("island %s: from %d to %d citizens, for %.0f reads a second", *told)
            await population.want(wish.next(citizens, rules))

    async def _answered(self, member: Member) -> int:
        """How many reads it has answered since it began; below 0 if it does not say so."""
        try:
            answered: int = await self._engine.call(member, member.citizen.answered.remote())
        except Lost:
            return -1
        return answered
