"""Newcomers to an island: launched, written in, and loaded with the application's state."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Callable

from ray.exceptions import RayError

from paxos_ray.actors import placement, wire
from paxos_ray.actors.citizen import Introduction
from paxos_ray.actors.engine import Engine
from paxos_ray.actors.errors import NotAdmitted, line_of
from paxos_ray.actors.guard import refusal
from paxos_ray.actors.heritage import Identity
from paxos_ray.actors.member import Lost, Member, launch
from paxos_ray.actors.settings import Settings, Wish
from paxos_ray.actors.sites import Sites
from paxos_ray.core.government import Citizen

log = logging.getLogger("paxos_ray")

FOUNDER = "founder"
"""The id of an island's first citizen."""

LAUNCH_LIMIT_S = 60.0

_STARTING = "is being launched"
_WAITS = "waits to be written in"
_LOADS = "loads the state"
_LOOK_S = 0.5
_AFTER_FAILURE_S = 1.0


class Newcomers:
    """Those of one island, and what has gone wrong with them lately. Each is told the last `wish`
    there is."""

    def __init__(
        self,
        engine: Engine,
        republic: str,
        settings: Settings,
        wish: Callable[[], Wish],
        sites: Sites,
    ) -> None:
        self.coming: dict[str, str] = {}  # id -> how far it is
        self.bound: dict[str, str] = {}  # to which node who is being launched
        self.troubles: list[str] = []  # of the last launch that failed
        self.quiet_until = 0.0  # nobody is launched before
        self._engine = engine
        self._republic = republic
        self._settings = settings
        self._wish = wish
        self._sites = sites

    @property
    def starting(self) -> int:
        """How many have no process yet."""
        return sum(state == _STARTING for state in self.coming.values())

    def found(self) -> None:
        """Start the first citizen, who is the island until others arrive; unless that is so."""
        if FOUNDER not in self.coming:
            self.coming[FOUNDER] = _STARTING
            self._engine.spawn(self._found())

    async def launch(self, node: str | None) -> bool:
        """Start another, on that node if it can be, and see to it from then on; or say why not."""
        id = uuid.uuid4().hex[:8]
        self.coming[id] = _STARTING
        identity = Identity(id, self._republic, uuid.uuid4().hex, founder=False)
        member = await self._start(identity, node)
        if member is None:
            del self.coming[id]
            return False
        self._engine.spawn(self._welcome(member))
        return True

    def welcome(self, member: Member) -> None:
        """See to one that is there, and is no citizen yet."""
        self.coming[member.id] = _WAITS
        self._engine.spawn(self._welcome(member))

    def trouble(self, what: str) -> None:
        """Something has gone wrong; nobody is launched for a moment."""
        log.warning("island %s: %s", self._engine.island, what)
        self.troubles[:] = [*self.troubles, what][-3:]
        self.quiet_until = asyncio.get_running_loop().time() + _AFTER_FAILURE_S

    # -- inside -------------------------------------------------------------------------------

    async def _found(self) -> None:
        identity = Identity(FOUNDER, self._republic, self._republic, founder=True)
        try:
            if not self._sites.nodes:
                await self._sites.refresh()
            member = await self._start(identity, self._sites.choose([]))
            if member is not None and await self._await_launch(member) is not None:
                self._engine.schedule(member, 0.0)
        finally:
            self._has_come(FOUNDER)

    async def _start(self, identity: Identity, node: str | None) -> Member | None:
        """Launch it, in a thread, since Ray takes its time to hand an actor to the cluster. None if
        Ray does not; that is told."""
        engine, id = self._engine, identity.id
        strategy = placement.strategy(node)
        arguments = (engine.island, identity, self._settings, self._wish(), strategy, None)
        try:
            member = await asyncio.to_thread(launch, *arguments, engine.authority)
        except (RayError, ValueError, OSError, RuntimeError) as error:
            engine.strangers.look_for(id)  # Ray may have taken it, and not have said so
            self.trouble(f"{id} could not be launched: {error}{self._advice()}")
            return None
        self.bound[id] = node or ""
        engine.members[id] = member
        return member

    async def _welcome(self, member: Member) -> None:
        """Wait for its actor, have it written in, and loaded with the application's state."""
        engine, id = self._engine, member.id
        try:
            introduction = await self._await_launch(member)
            if introduction is None:
                return
            self.coming[id] = _WAITS
            engine.changed.ring()
            if introduction.wish < self._wish():
                with contextlib.suppress(Lost):
                    await engine.call(member, member.citizen.introduce.remote(self._wish()))
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
            self.coming[id] = _LOADS
            engine.changed.ring()
            heard = engine.changed.rung
            while self._is_loading(member):
                heard = await engine.changed.heard(heard, _LOOK_S)
            self.troubles.clear()
        except ValueError as refused:
            self.trouble(f"{id} was refused: {refused}")
            await engine.stop(member)
        finally:
            self._has_come(id)

    def _has_come(self, id: str) -> None:
        self.coming.pop(id, None)
        self.bound.pop(id, None)
        self._engine.changed.ring()

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
                introduction: Introduction = await member.citizen.introduce.remote(self._wish())
        except TimeoutError:
            self.trouble(
                f"{member.id} has not been started for {LAUNCH_LIMIT_S:g} s{self._advice()}"
            )
        except (RayError, NotAdmitted) as error:
            why = refusal(error) or line_of(error, -1)
            self.trouble(f"{member.id} could not be started: {why}{self._advice()}")
        else:
            member.introduction = introduction
            return introduction
        await self._engine.stop(member)
        return None

    def _advice(self) -> str:
        cpus = self._settings.num_cpus
        asked = f"the {cpus:g} free CPUs that each asks for, and memory" if cpus else "memory"
        return (
            f"; `ray status` says what is free: citizens need {asked}. Add nodes, free some, or "
            "scale to fewer"
        )
