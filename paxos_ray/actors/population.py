"""Keeping an island at the population that was asked for.

Counted by the government of the leader, less those whom Ray knows to be dead. Newcomers have ids
never used before; an actor is stopped only when the departure of its citizen is certain.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import uuid
from collections.abc import Iterable

import ray
from ray.exceptions import ActorDiedError, RayError

from paxos_ray.actors import placement, wire
from paxos_ray.actors.citizen import Introduction
from paxos_ray.actors.engine import Engine
from paxos_ray.actors.errors import NotAdmitted, line_of
from paxos_ray.actors.guard import refusal
from paxos_ray.actors.heritage import Identity, precedes
from paxos_ray.actors.member import Lost, Member, launch
from paxos_ray.actors.quorum import missing_voters
from paxos_ray.actors.settings import Settings, Wish
from paxos_ray.actors.sites import Pace, Sites
from paxos_ray.actors.snapshots import KEPT
from paxos_ray.core.government import Citizen, Government

log = logging.getLogger("paxos_ray")

LAUNCH_LIMIT_S = 60.0
_LOOK_S = 0.5
FOUNDER = "founder"
"""The id of an island's first citizen."""

_STARTING = "is being launched"
_AFTER_FAILURE_S = 1.0
_AFTER_DEATH_S = 1.0
_STARTS = KEPT  # launched at once: Ray starts few processes at a time, and one has so long for it
_SPARE = 4  # so many may be lost at once, or soon after each other, and are replaced at once
_INTERVAL_S = 5.0  # then there is a newcomer each such while


class Population:
    """Who is on the way in or out of an island, and why."""

    def __init__(self, engine: Engine, republic: str, settings: Settings, wish: Wish) -> None:
        self.wish = wish
        self.troubles: list[str] = []  # of the last launch that failed
        self._engine = engine
        self._republic = republic
        self._settings = settings
        self._coming: dict[str, str] = {}  # id -> how far it is
        self._going: dict[str, str] = {}
        self._renewed: dict[str, None] = {}  # who is to be replaced, one after the other
        self._moving: str | None = None  # who leaves once somebody is there in its place
        self._quiet_until = 0.0
        self._alive: list[str] = []
        clock = asyncio.get_running_loop().time
        self.sites = Sites(engine.island, settings.num_cpus, clock)
        self._bound: dict[str, str] = {}  # to which node who is being launched
        self._wished = Wish(-1, 0)  # the last that launches were granted for
        self._pace = Pace(_INTERVAL_S, clock)
        self._lacked_at = -math.inf  # when a majority was missing, last

    # -- what is wanted -----------------------------------------------------------------------

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
        if government is None or self._coming or self._going:
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
        coming = [f"{id} {state}" for id, state in self._coming.items()]
        going = [f"{id} {state}" for id, state in self._going.items()]
        refused = [f"{id} is not heard: {why}" for id, why in self._engine.refused.items()]
        left = self._left_to_renew()
        if left:
            going.append(f"to be replaced, one at a time: {', '.join(left)}")
        return [*coming, *going, *self._engine.asking.notes(), *refused, *self.troubles]

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
        engine = self._engine
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
        arriving = [id for id in self._coming if id not in government.citizens]
        self._move(alive)
        wanted = self.wish.citizens + (self._moving is not None)
        surplus = len(alive) + len(arriving) - wanted
        if surplus < 0 and now >= self._quiet_until and self._can_admit(government):
            starting = sum(state == _STARTING for state in self._coming.values())
            await self._launch(self._granted(min(-surplus, _STARTS - starting)))
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
        for member, republic in list(self._engine.foreign.values()):
            del self._engine.foreign[member.id]
            if precedes(republic, self._republic):
                self._engine.spawn(self._stop(member))

    def _mourn(self, alive: list[str], now: float) -> None:
        """Who has been lost since the last look: where that was is a bad place for a while."""
        lost = [id for id in self._alive if id not in alive and id not in self._going]
        if lost:  # let them elect, before a new process takes the CPUs
            self._quiet_until = max(self._quiet_until, now + _AFTER_DEATH_S)
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

    def _leave(self, id: str, why: str) -> None:
        self._going[id] = why
        self._engine.spawn(self._see_off(self._engine.members[id]))

    def homes(self) -> list[str]:
        """The node of each citizen that may be expected to answer."""
        return [self._home(id) for id, member in self._engine.members.items() if member.able]

    def _home(self, id: str) -> str:
        """The node of a citizen; nothing if that is not known."""
        introduction = self._engine.members[id].introduction
        return self._bound.get(id, "") if introduction is None else introduction.node

    def _move(self, alive: list[str]) -> None:
        """One at a time, whoever had better be elsewhere: first another comes, then it leaves."""
        if self._moving is not None:
            if self._moving not in alive:
                self._moving = None
            elif not self._coming and len(alive) > self.wish.citizens:
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
        if member.id in self._coming or member.id in self._going:
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
        engine = self._engine
        for member in list(engine.members.values()):
            id = member.id
            if id in government.citizens or id in self._coming or id in self._going:
                continue
            introduction = member.introduction
            if member.dead or member.stopped:
                engine.forget(member)
            elif introduction is not None and introduction.number <= government.number:
                if introduction.arrived or member.listed:
                    self._going[id] = "is no longer listed"
                    engine.spawn(self._stop_departed(member))
                else:
                    self._coming[id] = "waits to be written in"
                    engine.spawn(self._welcome(member))

    # -- coming -------------------------------------------------------------------------------

    def found(self) -> None:
        """Start the first citizen, who is the island until others arrive; unless that is so."""
        if FOUNDER not in self._coming:
            self._coming[FOUNDER] = _STARTING
            self._engine.spawn(self._found())

    async def _found(self) -> None:
        engine = self._engine
        identity = Identity(FOUNDER, self._republic, self._republic, founder=True)
        try:
            if not self.sites.nodes:
                await self.sites.refresh()
            member = await self._start(identity, self.sites.choose([]))
            if member is not None and await self._await_launch(member) is not None:
                engine.schedule(member, 0.0)
        finally:
            self._coming.pop(identity.id, None)
            self._bound.pop(identity.id, None)
            engine.changed.ring()

    async def _launch(self, count: int) -> None:
        engine = self._engine
        for _ in range(count):
            staying = [id for id, member in engine.members.items() if member.able]
            staying = [id for id in staying if id not in self._going and id != self._moving]
            node = self.sites.choose([self._home(id) for id in staying])
            id = uuid.uuid4().hex[:8]
            self._coming[id] = _STARTING
            identity = Identity(id, self._republic, uuid.uuid4().hex, founder=False)
            member = await self._start(identity, node)
            if member is None:
                del self._coming[id]
                return
            engine.spawn(self._welcome(member))

    async def _start(self, identity: Identity, node: str | None) -> Member | None:
        """Launch a citizen, in a thread, since Ray takes its time to hand an actor to the cluster.
        None if Ray does not; that is told."""
        engine, id = self._engine, identity.id
        strategy = placement.strategy(node)
        arguments = (engine.island, identity, self._settings, self.wish, strategy, None)
        try:
            member = await asyncio.to_thread(launch, *arguments, engine.authority)
        except (RayError, ValueError, OSError, RuntimeError) as error:
            engine.strangers.look_for(id)  # Ray may have taken it, and not have said so
            self._trouble(f"{id} could not be launched: {error}{self._advice()}")
            return None
        self._bound[id] = node or ""
        engine.members[id] = member
        return member

    async def _welcome(self, member: Member) -> None:
        """Wait for its actor, have it written in, and loaded with the application's state."""
        engine, id = self._engine, member.id
        try:
            introduction = await self._await_launch(member)
            if introduction is None:
                return
            self._coming[id] = "waits to be written in"
            engine.changed.ring()
            if introduction.wish < self.wish:
                await self.introduce(member)
            properties = {"node": introduction.node, "pid": introduction.pid}
            citizen = Citizen(id=id, properties=properties, cookie=introduction.identity.cookie)
            embarked = asyncio.ensure_future(engine.ask(wire.EMBARK, citizen))
            embarked.add_done_callback(lambda _: engine.changed.ring())
            heard = engine.changed.rung
            while not embarked.done():  # it may die, and then nobody waits for it any more
                heard = await engine.changed.heard(heard, _LOOK_S)
                if member.dead:
                    embarked.cancel()
                    return
            embarked.result()
            self._coming[id] = "loads the state"
            engine.changed.ring()
            heard = engine.changed.rung
            while self._is_loading(member):
                heard = await engine.changed.heard(heard, _LOOK_S)
            self.troubles.clear()
        except ValueError as refused:
            self._trouble(f"{id} was refused: {refused}")
            await self._stop(member)
        finally:
            self._coming.pop(id, None)
            self._bound.pop(id, None)
            engine.changed.ring()

    def _is_loading(self, member: Member) -> bool:
        government = self._engine.government
        return (
            government is not None
            and not member.dead
            and member.id in government.citizens
            and member.id not in government.acclimated
        )

    async def _await_launch(self, member: Member) -> Introduction | None:
        try:
            async with asyncio.timeout(LAUNCH_LIMIT_S):
                introduction: Introduction = await member.citizen.introduce.remote(self.wish)
        except TimeoutError:
            self._trouble(
                f"{member.id} has not been started for {LAUNCH_LIMIT_S:g} s{self._advice()}"
            )
        except (RayError, NotAdmitted) as error:
            why = refusal(error) or line_of(error)
            self._trouble(f"{member.id} could not be started: {why}{self._advice()}")
        else:
            member.introduction = introduction
            return introduction
        await self._stop(member)
        return None

    def _advice(self) -> str:
        cpus = self._settings.num_cpus
        asked = f"the {cpus:g} free CPUs that each asks for, and memory" if cpus else "memory"
        return (
            f"; `ray status` says what is free: citizens need {asked}. Add nodes, free some, or "
            "scale to fewer"
        )

    def _trouble(self, what: str) -> None:
        log.warning("island %s: %s", self._engine.island, what)
        self.troubles[:] = [*self.troubles, what][-3:]
        self._quiet_until = asyncio.get_running_loop().time() + _AFTER_FAILURE_S

    # -- going --------------------------------------------------------------------------------

    async def _see_off(self, member: Member) -> None:
        """Have it written out, and stop it on the receipt of that."""
        engine = self._engine
        try:
            await engine.ask(wire.EMIGRATE, member.id)
            self._going[member.id] = "has left and is being stopped"
            await self._stop(member)
        except ValueError as refused:
            self._trouble(f"{member.id} cannot leave: {refused}")
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
                await self._stop(member)
        finally:
            self._going.pop(member.id, None)
            engine.changed.ring()

    async def _stop(self, member: Member) -> None:
        """Kill the actor, and wait until it is gone. While Ray cannot be reached, that is tried
        again: nobody else would end a detached actor that is no citizen."""
        member.stopped = True
        while not member.dead:
            try:
                await asyncio.to_thread(ray.kill, member.handle)
                break
            except (ActorDiedError, ValueError):  # there is none
                break
            except (RayError, OSError, RuntimeError) as error:
                log.warning(
                    "island %s: %s could not be stopped: %s", self._engine.island, member.id, error
                )
                await asyncio.sleep(_AFTER_FAILURE_S)
        self._engine.forget(member)
        with contextlib.suppress(RayError, NotAdmitted, TimeoutError):
            async with asyncio.timeout(_LOOK_S):
                while True:
                    await member.citizen.introduce.remote()


def _seniority(government: Government) -> list[str]:
    """Who stays longest first: leader, majority, minority, constituents with the state, others."""
    late = [id for id in government.constituents if id not in government.acclimated]
    ready = [id for id in government.constituents if id in government.acclimated]
    return [*government.parliament, *ready, *late]
