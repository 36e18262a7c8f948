"""Who is not there: dead by Ray's word, or silent; and who is told of that."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from ray.exceptions import ActorDiedError

from paxos_ray.actors.member import Lost, Member
from paxos_ray.actors.suspicion import settle
from paxos_ray.core.government import Government

if TYPE_CHECKING:
    from paxos_ray.actors.engine import Engine

log = logging.getLogger("paxos_ray")

TELL_OTHERS_S = 0.1  # first those who may stand for election
TELL_AGAIN_S = 0.3
PROBE_AGAIN_S = 1.0  # who is hung
PROBES_MOST = 5


class Absences:
    """Those of the citizens that one engine calls."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def died(self, member: Member) -> None:
        """Ray says that this citizen is dead: the others hear of it at once."""
        engine = self._engine
        if member.dead:
            return
        member.dead = True
        self._lost(member)
        government = engine.government
        if government is not None and member.id in government.citizens and not member.stopped:
            for other in engine.members.values():
                pause_s = 0.0 if other.id in government.majority else TELL_OTHERS_S
                engine.spawn(self._tell(other, (member.id,), pause_s))
        engine.changed.ring()

    def suspect(self, member: Member, probe: Awaitable[Exception | None]) -> None:
        """It does not say that it is there. Nobody waits for it any more; and if it leads, those
        who may stand for election hear of that, and nobody else: it may only be away for a while.
        """
        engine = self._engine
        log.warning("island %s: %s does not answer", engine.island, member.id)
        self._hang(member, probe)
        self._lost(member)
        member.give_up(asyncio.get_running_loop().time())
        if member is engine.leader:
            self._tell_heirs(member)
        engine.changed.ring()

    def hangs(self, member: Member, reference: Any) -> None:
        """It has not answered that in time: it is not called until it has."""
        self._hang(member, settle(reference))

    def tell_of(self, government: Government) -> None:
        """A new government rules: some may have to do with the dead, or with a leader that does not
        answer, only now."""
        engine = self._engine
        members = engine.members
        dead = tuple(id for id in government.citizens if id in members and members[id].dead)
        if dead:
            for member in members.values():
                engine.spawn(self._tell(member, dead, TELL_AGAIN_S))
        leader = engine.leader
        if leader is not None and leader.hung_at is not None:
            self._tell_heirs(leader)

    # -- inside -------------------------------------------------------------------------------

    def _lost(self, member: Member) -> None:
        self._engine.times.cancel(member)
        if member is self._engine.leader:
            self._engine.lost_leader()

    def _tell_heirs(self, leader: Member) -> None:
        government, members = self._engine.government, self._engine.members
        assert government is not None
        for id in government.majority[1:]:
            if id in members:
                self._engine.spawn(self._tell(members[id], (leader.id,), 0.0))

    async def _tell(self, member: Member, dead: tuple[str, ...], pause_s: float) -> None:
        engine = self._engine
        if pause_s:
            await asyncio.sleep(pause_s)
        if not member.able or not member.listed or member.id in dead:
            return
        free = not member.busy
        member.busy = True
        try:
            turn = await engine.turn(member, member.unreachable(engine.owner, engine.known, dead))
            await engine.follow(member, turn)
        except Lost:
            pass
        finally:
            if free:
                engine.release(member)

    def _hang(self, member: Member, settled: Awaitable[Exception | None]) -> None:
        member.hung_at = asyncio.get_running_loop().time()
        self._engine.spawn(self._await(member, settled))

    async def _await(self, member: Member, settled: Awaitable[Exception | None]) -> None:
        """It is hung until it answers what it has not answered, or else a probe: a call may be lost
        with the network that it was on. What was answered before it hung says nothing; nor does
        Ray's word that it cannot be reached at the moment."""
        waiting = {asyncio.ensure_future(settled)}
        answered = False
        while not answered and not member.dead and not member.stopped:
            probed = asyncio.get_running_loop().time()
            done, waiting = await asyncio.wait(
                waiting, timeout=PROBE_AGAIN_S, return_when=asyncio.FIRST_COMPLETED
            )
            said = [each.result() for each in done]
            answered = None in said
            if any(isinstance(error, ActorDiedError) for error in said):
                self.died(member)
            elif said and not answered:
                await asyncio.sleep(probed + PROBE_AGAIN_S - asyncio.get_running_loop().time())
            if len(waiting) < PROBES_MOST:
                waiting.add(asyncio.ensure_future(settle(member.handle.probe.remote())))
        member.hung_at = None
        self._engine.schedule(member, 0.0)
