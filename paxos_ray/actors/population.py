"""Keeping an island at the population that was asked for.

Counted by the government of the leader, less those whom Ray knows to be dead. Newcomers have ids
never used before; an actor is stopped only when the departure of its citizen is certain.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Iterable

from paxos_ray.actors import placement, wire
from paxos_ray.actors.citizen import Introduction
from paxos_ray.actors.engine import Engine
from paxos_ray.actors.heritage import precedes
from paxos_ray.actors.member import Lost, Member
from paxos_ray.actors.newcomers import Newcomers
from paxos_ray.actors.quorum import missing_voters
from paxos_ray.actors.settings import Settings, Wish
from paxos_ray.actors.sites import Pace, Sites
from paxos_ray.actors.snapshots import KEPT
from paxos_ray.core.government import Government

log = logging.getLogger("paxos_ray")

_LOOK_S = 0.5
_AFTER_DEATH_S = 1.0
_STARTS = KEPT  # launched at once: Ray starts few processes at a time, and one has so long for it
_SPARE = 4  # so many may be lost at once, or soon after each other, and are replaced at once
_INTERVAL_S = 5.0  # then there is a newcomer each such while


class Population:
    """Who is on the way in or out of an island, and why."""

    def __init__(self, engine: Engine, republic: str, settings: Settings, wish: Wish) -> None:
        self.wish = wish
        self._engine = engine
        self._republic = republic
        self._settings = settings
        self._going: dict[str, str] = {}  # id -> why
        self._renewed: dict[str, None] = {}  # who is to be replaced, one after the other
        self._moving: str | None = None  # who leaves once somebody is there in its place
        self._alive: list[str] = []
        clock = asyncio.get_running_loop().time
        self.sites = Sites(engine.island, settings.num_cpus, clock)
        self._newcomers = Newcomers(engine, republic, settings, lambda: self.wish, self.sites)
        self._wished = Wish(-1, 0)  # the last that launches were granted for
        self._pace = Pace(_INTERVAL_S, clock)
        self._lacked_at = -math.inf  # when a majority was missing, last

    # -- what is wanted -----------------------------------------------------------------------

    def found(self) -> None:
        """See `Newcomers.found`."""
        self._newcomers.found()

    async def want(self, wish: Wish) -> None:
        """From now on so many citizens. All that can be reached remember it, should this process
        be lost."""
        self.wish = max(self.wish, wish)
        members = [m for m in self._engine.members.values() if m.able and m.introduction]
        await asyncio.gather(*(self.introduce(member) for member in members))
        self._engine.changed.ring()

    async def introduce(self, member: Member) -> Introduction | None:
        """Have a citizen introduce itself, and tell it the wish; None if it does not answer."""
        engine = self._engine
        try:
            introduction: Introduction = await engine.call(
                member, member.citizen.introduce.remote(self.wish)
            )
        except Lost:
            return None
        if introduction.identity.republic != self._republic:
            engine.estrange(member, introduction.identity.republic)
            return None
        member.introduction = introduction
        return introduction

    def renew(self, ids: Iterable[str]) -> None:
        """Replace these, one at a time: first another comes, then one leaves, the leader last."""
        asked = [*self._renewed, *ids]
        government = self._engine.government
        if government is not None:  # who has left needs no more
            asked = [id for id in asked if id in government.citizens]
        self._renewed = dict.fromkeys(asked)
        self._engine.changed.ring()

    @property
    def shaped(self) -> bool:
        """Whether the island has the asked-for shape, and nobody is on the way or to go."""
        return self._is_whole() and not self._left_to_renew()

    def _left_to_renew(self) -> list[str]:
        """Who is to be replaced and is still there, in the order in which they go."""
        government = self._engine.government
        if government is None or not self._renewed:
            return []
        return [id for id in reversed(_seniority(government)) if id in self._renewed]

    def _is_whole(self) -> bool:
        government = self._engine.government
        if government is None or self._newcomers.coming or self._going:
            return False
        members = [self._engine.members.get(id) for id in government.citizens]
        return (
            all(member is not None and not member.dead for member in members)
            and len(members) == self.wish.citizens
            and len(government.acclimated) == len(members)
            and len(government.parliament) == self._settings.seats(len(members))
        )

    def describe(self) -> list[str]:
        """Who is on the way, what that waits for, and what went wrong, for people to read."""
        coming = [f"{id} {state}" for id, state in self._newcomers.coming.items()]
        going = [f"{id} {state}" for id, state in self._going.items()]
        refused = [f"{id} is not heard: {why}" for id, why in self._engine.refused.items()]
        troubles, left = self._newcomers.troubles, self._left_to_renew()
        if left:
            going.append(f"to be replaced, one at a time: {', '.join(left)}")
        return [*coming, *going, *self._engine.asking.notes(), *refused, *troubles]

    # -- keeping it ---------------------------------------------------------------------------

    async def keep(self) -> None:
        """For ever: look, whenever something has changed or a while has passed."""
        engine, heard = self._engine, -1
        while True:
            heard = await engine.changed.heard(heard, _LOOK_S)
            try:
                await self._look()
            except Exception:
                log.exception("island %s: keeping the population failed", engine.island)

    async def _look(self) -> None:
        engine, newcomers = self._engine, self._newcomers
        unknown = [m for m in engine.members.values() if m.able and self._is_unknown(m)]
        await asyncio.gather(*(self.introduce(member) for member in unknown))
        government = engine.government
        if government is None:
            return
        self._sort_out(government)
        now = asyncio.get_running_loop().time()
        if not self._can_admit(government):
            self._lacked_at = now
        alive = [id for id in _seniority(government) if id in engine.members]
        alive = [id for id in alive if id not in self._going and self._is_alive(id)]
        self._mourn(alive, now)
        arriving = [id for id in newcomers.coming if id not in government.citizens]
        self._move(alive)
        wanted = self.wish.citizens + (self._moving is not None)
        surplus = len(alive) + len(arriving) - wanted
        if surplus < 0 and now >= newcomers.quiet_until and self._can_admit(government):
            await self._launch(self._granted(min(-surplus, _STARTS - newcomers.starting)))
        while surplus > 0 and alive:
            surplus -= 1
            leaving = next((id for id in self.wish.leaving if id in alive), None)
            leaving = leaving or placement.surplus({id: self._home(id) for id in alive})
            assert leaving is not None
            alive.remove(leaving)
            self._leave(leaving, "is asked to leave")
        if self.shaped:
            self._end_predecessors()

    def _end_predecessors(self) -> None:
        """Nobody needs any more who is left of what this republic was founded upon."""
        engine = self._engine
        for member, republic in list(engine.foreign.values()):
            del engine.foreign[member.id]
            if precedes(republic, self._republic):
                engine.spawn(engine.stop(member))

    def _mourn(self, alive: list[str], now: float) -> None:
        """Who has been lost since the last look: where that was is a bad place for a while."""
        lost = [id for id in self._alive if id not in alive and id not in self._going]
        if lost:  # let them elect, before a new process takes the CPUs
            newcomers = self._newcomers
            newcomers.quiet_until = max(newcomers.quiet_until, now + _AFTER_DEATH_S)
        for id in lost:
            if id in self._engine.members:
                self.sites.died(self._home(id))
        self._alive = list(alive)

    def _can_admit(self, government: Government) -> bool:
        """Whether newcomers could be written in: without a majority they would only wait."""
        missing = missing_voters(government, self._engine.members)
        return 2 * len(missing) < len(government.parliament)

    def _granted(self, missing: int) -> int:
        """How many newcomers may be launched now. All that a new wish asks for; but a node that
        comes and goes must not have governments do nothing but change."""
        if self._wished != self.wish:
            self._wished = self.wish
            self._pace.refill(self.wish.citizens + _SPARE)
        return self._pace.take(missing)

    async def _launch(self, count: int) -> None:
        members = self._engine.members
        for _ in range(count):
            staying = [id for id, member in members.items() if member.able]
            staying = [id for id in staying if id not in self._going and id != self._moving]
            node = self.sites.choose([self._home(id) for id in staying])
            if not await self._newcomers.launch(node):
                return

    def _leave(self, id: str, why: str) -> None:
        self._going[id] = why
        self._engine.spawn(self._see_off(self._engine.members[id]))

    def homes(self) -> list[str]:
        """The node of each citizen that may be expected to answer."""
        return [self._home(id) for id, member in self._engine.members.items() if member.able]

    def _home(self, id: str) -> str:
        """The node of a citizen; nothing if that is not known."""
        introduction = self._engine.members[id].introduction
        if introduction is None:
            return self._newcomers.bound.get(id, "")
        return introduction.node

    def _move(self, alive: list[str]) -> None:
        """One at a time, whoever had better be elsewhere: first another comes, then it leaves."""
        if self._moving is not None:
            if self._moving not in alive:
                self._moving = None
            elif not self._newcomers.coming and len(alive) > self.wish.citizens:
                moving, self._moving = self._moving, None
                alive.remove(moving)
                self._leave(moving, "makes room for the one that has come")
        elif not self._is_whole():
            return
        elif left := self._left_to_renew():
            self._moving = left[0]
        else:
            self._moving = self.sites.move({id: self._home(id) for id in alive})

    def _is_unknown(self, member: Member) -> bool:
        """Whether what it is must be asked, or asked again before anything is made of it. Who is
        being launched says so by itself, and could not answer sooner than it is taken to hang."""
        if member.id in self._newcomers.coming or member.id in self._going:
            return False
        government = self._engine.government
        listed = government is not None and member.id in government.citizens
        return member.introduction is None or not listed

    def _is_alive(self, id: str) -> bool:
        """Not dead, and not hung for so long that it is better replaced. When a majority has been
        missing, who is not the first to come back is given as long as if it were lost only now."""
        member, since = self._engine.members[id], self._engine.times.since
        if member.dead or member.hung_at is None:
            return not member.dead
        return since(max(member.hung_at, self._lacked_at)) <= 2 * self._settings.timeout_ms / 1000

    def _sort_out(self, government: Government) -> None:
        """Who is known and not listed: it was written out, or waits to be written in."""
        engine, newcomers = self._engine, self._newcomers
        for member in list(engine.members.values()):
            id = member.id
            if id in government.citizens or id in newcomers.coming or id in self._going:
                continue
            introduction = member.introduction
            if member.dead or member.stopped:
                engine.forget(member)
            elif introduction is not None and introduction.number <= government.number:
                if introduction.arrived or member.listed:
                    self._going[id] = "is no longer listed"
                    engine.spawn(self._stop_departed(member))
                else:
                    newcomers.welcome(member)

    # -- going --------------------------------------------------------------------------------

    async def _see_off(self, member: Member) -> None:
        """Have it written out, and stop it on the receipt of that."""
        engine = self._engine
        try:
            await engine.ask(wire.EMIGRATE, member.id)
            self._going[member.id] = "has left and is being stopped"
            await engine.stop(member)
        except ValueError as refused:
            self._newcomers.trouble(f"{member.id} cannot leave: {refused}")
        finally:
            self._going.pop(member.id, None)
            engine.changed.ring()

    async def _stop_departed(self, member: Member) -> None:
        """Stop an actor that the government does not list, once the leader stands by that."""
        engine = self._engine
        try:
            await engine.ask(wire.READ, wire.seal([]))
            government = engine.government
            if government is not None and member.id not in government.citizens:
                await engine.stop(member)
        finally:
            self._going.pop(member.id, None)
            engine.changed.ring()


def _seniority(government: Government) -> list[str]:
    """Who stays longest first: leader, majority, minority, constituents with the state, others."""
    late = [id for id in government.constituents if id not in government.acclimated]
    ready = [id for id in government.constituents if id in government.acclimated]
    return [*government.parliament, *ready, *late]
