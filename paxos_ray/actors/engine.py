"""The engine: moves pulses between citizens as method calls, and what is asked to the leader.

It decides nothing and remembers nothing that safety needs. It may die at any time, be slow, or
exist twice: whatever it asks twice is asked safely.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import deque
from collections.abc import Iterable
from typing import Any

from ray.exceptions import ActorDiedError, RayError

from paxos_ray.actors import wire
from paxos_ray.actors.absences import Absences
from paxos_ray.actors.asking import FULL_S, Asking
from paxos_ray.actors.authority import OPEN, Authority
from paxos_ray.actors.bell import Bell
from paxos_ray.actors.doors import GIVE, REPLY, REQUEST, SETTLE, SETTLED
from paxos_ray.actors.errors import NotAdmitted
from paxos_ray.actors.guard import refusal
from paxos_ray.actors.member import Lost, Member, stop
from paxos_ray.actors.quorum import Quorum
from paxos_ray.actors.settings import Settings
from paxos_ray.actors.strangers import Strangers
from paxos_ray.actors.suspicion import Watch, settle
from paxos_ray.actors.timetable import Timetable
from paxos_ray.actors.transfer import transfer
from paxos_ray.actors.wire import Bundle, Turn, seal, unseal
from paxos_ray.core.government import Government
from paxos_ray.core.promise import Promise
from paxos_ray.core.representation import Representation

log = logging.getLogger("paxos_ray")

BUSY_S = 0.05  # clients that asked for something so lately are expected to ask again
LEADER_PAUSE_S = 0.008  # what a leader says only to tell of a commit, the next write says too
BRINGER_PAUSE_S = 0.06  # those who bring the log on do so for many entries at once
FEW_RECIPIENTS = 5  # to more of them it is brought less often
MOST_PAUSES = 4  # by that factor at most: so often there is a pulse anyway
REFUSED_PAUSE_S = 0.02
IDLE_ROUND_S = 0.002
ELSEWHERE_S = 0.01  # to look whether others have carried what was asked for here
HEARTBEAT_S = 1.0  # for who needs no turn of its own accord
AGAIN_S = 3.0
CALL_LIMIT_S = 10.0  # of a client's call: it asks again if it still waits
LOADING_S = 0.02  # for who has not the application's state yet
IMPATIENT_S = 0.1  # for who has kept a carrier waiting before
REIGNS = 1_000  # are remembered
PROBE_S = 1.0  # so often that one is tried again: should it be that its answer was lost


class Engine:
    """Carries pulses for one island, within the event loop that it was made in."""

    def __init__(
        self,
        island: str,
        settings: Settings,
        republic: str | None = None,
        authority: Authority = OPEN,
    ) -> None:
        self.island = island
        self.republic = republic  # None: any
        self.foreign: dict[str, tuple[Member, str]] = {}  # of other republics, and which
        self.settings = settings
        self.authority = authority
        self.refused: dict[str, str] = {}  # who is not understood or not let in, and why
        self.members: dict[str, Member] = {}
        self.government: Government | None = None
        # Number and leader of the last governments seen here.
        self.reigns: deque[tuple[int, str]] = deque(maxlen=REIGNS)
        self.changed = Bell()  # the government, or who lives
        self.told = Bell()  # somebody has more of the log
        self.owner = uuid.uuid4().hex[:12]
        self.known = 0  # the number of the government
        self.asking = Asking(settings.limits.coordinator_bytes)
        self.times = Timetable(self._turn)
        self.spawn = self.times.spawn
        self.schedule = self.times.schedule
        self._loop = asyncio.get_running_loop()
        self._keys = 0
        self._limit_s = settings.timeout_ms * 0.8 / 1000
        self._ready = True  # the leader may be given something
        self._circles: dict[str, tuple[str, ...]] = {}  # who is expected to be sent to, by whom
        self._quorum = Quorum()
        self.absences = Absences(self)
        self.strangers = Strangers(island, authority, self._met)
        self._watch = Watch(self.members, self.absences.suspect)
        self.spawn(self._watch.keep())

    # -- what is asked of the leader ----------------------------------------------------------

    async def ask(self, kind: str, matter: Any) -> Any:
        """Have the leader do something; again and again, of whoever leads. Raises `ValueError`
        with its reason when it refuses. Cancelling lets go of it, the outcome being unknown."""
        future = self.asking.add(kind, matter)
        leader = self.leader
        if leader is not None and self._ready and not leader.busy and leader.able:
            await self._lead(leader)
        return await future

    @property
    def leader(self) -> Member | None:
        """Who leads, as far as is known here."""
        return None if self.government is None else self.members.get(self.government.leader)

    @property
    def busy(self) -> bool:
        """Whether clients are at work."""
        return self._loop.time() - self.asking.asked_at < BUSY_S

    def lost_leader(self) -> None:
        """Nothing can be asked until there is a leader again."""
        if self._ready:
            self._ready = False
            self._loop.call_later(REFUSED_PAUSE_S, self._retry)
        self.asking.again()

    def _retry(self) -> None:
        self._ready = True
        self.kick()

    def kick(self) -> None:
        """Give the leader what waits for it."""
        leader = self.leader
        if leader is not None and leader.able and not leader.busy:
            if self._ready and self.asking.waits:
                self.spawn(self._lead(leader))

    # -- rounds -------------------------------------------------------------------------------

    async def _lead(self, leader: Member) -> None:
        """A round of the leader, with all that waits; others follow as long as some is open."""
        if leader.busy:
            leader.again = True
            return
        leader.busy = True
        settled = self.asking.settled
        try:
            await self._round(leader, self.asking.take(leader.id) if self._ready else None)
        finally:
            self.release(leader, self.asking.settled == settled)

    def release(self, member: Member, fruitless: bool = False) -> None:
        """It is free for another round: which begins at once if clients wait for that."""
        member.busy = False
        if member is not self.leader or not member.able:
            if member.again:
                self.schedule(member, 0.0)
            self.kick()
        elif self._ready and (self.asking.waits or self.asking.clients_wait):
            if fruitless:  # a change of government came first, or another carrier has its pulse
                idle_s = ELSEWHERE_S if self._abstains(member) else IDLE_ROUND_S
                self.schedule(member, idle_s, sooner=True)
            else:
                self.spawn(self._lead(member))
        elif member.again:
            self.schedule(member, 0.0)

    async def _turn(self, member: Member) -> None:
        """What is due at a citizen."""
        if member.busy:
            member.again = True
            return
        if member is self.leader:
            await self._lead(member)
            return
        member.busy = True
        try:
            await self._round(member, None)
        finally:
            self.release(member)

    async def _round(self, member: Member, calls: bytes | None) -> None:
        """Give the citizen these calls, carry its pulses, take in what it says."""
        member.again = False
        try:
            circle, abstains = self._circle(member), self._abstains(member)
            if circle and not abstains:
                turn = await self._chain(member, circle, calls)
            else:
                given = member.turn(self.owner, self.known, calls, not abstains)
                turn = await self.turn(member, given)
            await self.follow(member, turn)
            if abstains:
                self.schedule(member, ELSEWHERE_S if calls else BRINGER_PAUSE_S)
        except Exception as error:
            if member is self.leader:
                self.lost_leader()
            self.schedule(member, REFUSED_PAUSE_S)
            if not isinstance(error, Lost):
                raise

    def _abstains(self, member: Member) -> bool:
        """Whether its pulses are left to other carriers, see `Strangers`. A leader's may go to
        anybody. If nothing comes of that for long, there is nobody else."""
        government = self.government
        if government is None or not self.strangers.among(government.citizens):
            return False
        if member is not self.leader and not self.strangers.among(self._circles.get(member.id, ())):
            return False
        return self.asking.waited_s < self.settings.timeout_ms / 1000

    def _circle(self, member: Member) -> tuple[Member, ...]:
        """To whom its next pulse should go; nobody if that is not worth a guess."""
        ids = self._circles.get(member.id)
        if not ids:
            return ()
        circle = tuple(self.members[id] for id in ids if id in self.members)
        if len(circle) < len(ids) or not all(other.able for other in circle):
            return ()
        return circle

    async def _chain(self, member: Member, circle: tuple[Member, ...], calls: bytes | None) -> Turn:
        """A round in which nothing is waited for but its end.

        Ray passes the requests on to the recipients, and the replies back to the sender, as they
        come. If a link breaks, the calls after it do not run: then each is seen to by itself.
        """
        self._keys += 1
        key = f"{self.owner}/{self._keys}"
        brought, sign = member.told, self.authority.sign
        expected = tuple(other.id for other in circle)
        # One argument of bytes: what Ray is given besides costs as much as half a call.
        given = member.give(len(circle))(
            sign(GIVE, seal(tuple(wire.Round(self.owner, key, calls, expected, self.known))))
        )
        requests = given if len(circle) > 1 else [given]
        replies = [other.receive(request) for other, request in zip(circle, requests, strict=True)]
        settled = sign(SETTLE, seal(tuple(wire.Round(self.owner, key, None, (), self.known))))
        last = member.settle(settled, *replies)
        turn: Turn | None = None
        try:
            async with asyncio.timeout(self._limit_s) as scope:
                for one in (member, *circle):
                    one.calls[scope] = self._loop.time()
                turn = unseal(self.authority.verify(SETTLED, await last))
        except (RayError, NotAdmitted, TimeoutError):
            for reference in (*requests, *replies, last):
                self.spawn(settle(reference))  # Ray complains of errors that nobody looks at
        finally:
            for one in (member, *circle):
                one.calls.pop(scope, None)
        if turn is None:
            return await self._mend(member, key, circle, requests, replies)
        self._brought(circle, brought)
        self._is_at(member, turn)
        return turn

    async def _mend(
        self, member: Member, key: str, circle: tuple[Member, ...], requests: Any, replies: Any
    ) -> Turn:
        """A chain is broken: find out where, and tell the sender what was lost."""
        calls = zip(circle, requests, replies, strict=True)
        answers = await asyncio.gather(*(self._link(member, *call) for call in calls))
        # What the sender said at the end of a chain that was too slow is lost with it.
        if member is self.leader:
            self.asking.again()
        if not member.able:
            raise Lost
        sealed = {other.id: answer for other, answer in zip(circle, answers, strict=True)}
        return await self.turn(member, member.sent(self.owner, key, self.known, sealed))

    async def _link(self, member: Member, other: Member, request: Any, reply: Any) -> bytes | None:
        try:
            await self.call(member, request, IMPATIENT_S)
            return await self._reply(other, reply, IMPATIENT_S)
        except Lost:
            return None

    async def _reply(self, other: Member, reference: Any, limit_s: float) -> bytes | None:
        """What it says to a request. Raises `Lost`."""
        signed = await self.call(other, reference, limit_s)
        try:
            return None if signed is None else bytes(self.authority.verify(REPLY, signed))
        except NotAdmitted as refused:
            self._refuses(other, refused)
            raise Lost from None

    async def follow(self, member: Member, turn: Turn) -> None:
        """Take in what a citizen says, and carry what it gives until it gives no more."""
        self._hear(member, turn)
        while turn.bundle is not None:
            bundle: Bundle = turn.bundle
            deliveries = [self._deliver(id, request) for id, request in bundle.envelopes]
            replies = dict(
                zip(dict(bundle.envelopes), await asyncio.gather(*deliveries), strict=True)
            )
            carried = [self.members[id] for id in replies if id in self.members]
            self._brought(carried, turn.top)
            sent = member.sent(self.owner, bundle.key, self.known, replies)
            turn = await self.turn(member, sent)
            self._hear(member, turn)

    async def _deliver(self, id: str, request: bytes) -> bytes | None:
        other = self.members.get(id) or await self.strangers.find(id)
        if other is None or other.dead or other.stopped:
            return None
        limit_s = self._limit_s
        if other.hung_at is not None:
            # What it is sent stays in memory until it answers; and what it lacks grows meanwhile.
            now = self._loop.time()
            if now - other.probed_at < PROBE_S:
                return None
            other.probed_at, limit_s = now, IMPATIENT_S
        try:
            signed = self.authority.sign(REQUEST, request)
            return await self._reply(other, other.receive(signed), limit_s)
        except Lost:
            return None

    async def call(
        self, member: Member, reference: Any, limit_s: float | None = None, owed: bool = True
    ) -> Any:
        """The result of a call on a citizen. Raises `Lost` when there is none; if that is so
        because the citizen is dead, the others are told. Who does not answer in time is hung,
        unless that is more than it owes: a limit of somebody else's."""
        try:
            async with asyncio.timeout(limit_s or self._limit_s) as scope:
                member.calls[scope] = self._loop.time()
                result = await reference
        except TimeoutError:
            if not owed:
                self.spawn(settle(reference))
            elif member.hung_at is None:
                self.absences.hangs(member, reference)
            raise Lost from None
        except ActorDiedError as error:
            if error.actor_id in (None, member.actor_id):
                self.absences.died(member)
            raise Lost from None
        except (RayError, NotAdmitted) as error:
            self._refuses(member, error)
            raise Lost from None
        finally:
            member.calls.pop(scope, None)
        return result

    def _refuses(self, member: Member, error: Exception) -> None:
        """It failed; or would not let us in, or does not understand us."""
        refused = refusal(error)
        if refused is None:
            log.warning("island %s, citizen %s: %s", self.island, member.id, error)
        elif self.refused.get(member.id) != str(refused):
            self.refused[member.id] = str(refused)
            log.warning("island %s, citizen %s: %s", self.island, member.id, refused)

    async def turn(self, member: Member, reference: Any, limit_s: float | None = None) -> Turn:
        """What a citizen says at the end of a call. Raises `Lost`."""
        turn: Turn = unseal(await self.call(member, reference, limit_s))
        self._is_at(member, turn)
        return turn

    def _is_at(self, member: Member, turn: Turn) -> None:
        if self.republic not in (None, turn.republic):
            self.estrange(member, turn.republic)
            raise Lost
        if member.told != turn.top:
            member.told = turn.top
            self.told.ring()

    def holders(self, since: Promise) -> tuple[str, ...]:
        """Who has something of the log after that, and can be asked; the leader last."""
        government, members = self.government, self.members
        if government is None:
            return ()
        found = []
        for id in (*government.constituents, *reversed(government.parliament)):
            member = members.get(id)
            if member is not None and member.able and member.told and member.told > since:
                found.append(id)
        return tuple(found)

    # -- what citizens say --------------------------------------------------------------------

    def _hear(self, member: Member, turn: Turn) -> None:
        if turn.results:
            if not self.asking.settle(turn.results, member.id):
                self.lost_leader()
            if self.asking.full:
                self._loop.call_later(FULL_S, self.kick)
        led = member is self.leader
        if turn.government is not None and turn.number > self.known:
            self._install(turn.government)
        if turn.donor is not None and not member.loading:
            self.spawn(transfer(self, member, turn.donor))
        delay_s = self._beat(member)
        if turn.wakeup_ms is not None:
            delay_s = min(delay_s, turn.wakeup_ms / 1000)
        if led and member is not self.leader:
            self.schedule(member, 0.0)  # who follows it knows that only by its last pulse
        elif turn.urgent:
            self.schedule(member, delay_s)
        elif member is self.leader:
            self.schedule(member, max(delay_s, LEADER_PAUSE_S) if self.busy else delay_s)
        else:
            self.schedule(member, max(delay_s, self._pause_s(member)))

    def _pause_s(self, member: Member) -> float:
        """How soon it brings on what it has: later if that is to many, since a call costs as much
        whatever it brings, and clients wait for nothing of this."""
        if not self.busy:
            return 0.001
        recipients = len(self._circles.get(member.id, ()))
        return BRINGER_PAUSE_S * min(MOST_PAUSES, max(1.0, recipients / FEW_RECIPIENTS))

    def _beat(self, member: Member) -> float:
        """How soon it is looked after whatever it says, in s."""
        government = self.government
        listed = government is not None and member.id in government.citizens
        acclimated = government is not None and member.id in government.acclimated
        return LOADING_S if listed and not acclimated else HEARTBEAT_S

    def _install(self, government: Government) -> None:
        """A newer government rules."""
        before, self.government = self.government, government
        self.known = government.number
        self.reigns.append((government.number, government.leader))
        tree = Representation(government)
        self._circles = {
            id: government.majority[1:] if id == government.leader else tree.constituency[id]
            for id in government.citizens
        }
        for id in government.citizens:
            member = self.members.get(id)
            if member is None:
                self.strangers.look_for(id)
            else:
                member.listed = True
                if member.due is None or self._has_to_do(id, government):
                    self.schedule(member, self._pause_s(member), sooner=True)
        if before is None or before.leader != government.leader:
            self.asking.again()
        self._ready = True
        self.absences.tell_of(government)
        self.changed.ring()
        self.kick()

    def _has_to_do(self, id: str, government: Government) -> bool:
        """Whether a new government may be somebody's to bring on, or to act upon: not that of a
        constituent that has its state and brings to nobody, and those are most of a large island.
        """
        ready = id in government.constituents and id in government.acclimated
        return not ready or bool(self._circles.get(id))

    def _met(self, member: Member) -> None:
        """Ray has found the actor of a citizen of which only the id was known."""
        if self.members.setdefault(member.id, member) is member:
            member.listed = self.government is not None and member.id in self.government.citizens
            self.schedule(member, 0.001)
            self.changed.ring()
            self.kick()

    def _brought(self, circle: Iterable[Member], top: Any) -> None:
        """These have been brought the log up to there: they bring it on."""
        for other in circle:
            if top is not None and (other.told is None or other.told < top):
                other.told = top
                self.told.ring()
                if self._circles.get(other.id) and not other.busy:
                    self.schedule(other, self._pause_s(other), sooner=True)

    # -- now and then ---------------------------------------------------------------------------

    def sweep(self) -> None:
        """Now and then: what has had no result for long is asked again, and at last given up."""
        self.asking.again(AGAIN_S)
        self.asking.expire(CALL_LIMIT_S)
        now, unknown = self._loop.time(), self.strangers.unknown
        lack = self._quorum.lack(self.government, self.members, now, unknown)
        if lack is not None:
            self.asking.expire(0.0, lack)
        self.kick()

    def close(self) -> None:
        """Stop for good."""
        self._watch.close()
        self.strangers.close()
        for member in self.members.values():
            member.stopped = True
            self.times.cancel(member)

    def estrange(self, member: Member, republic: str) -> None:
        """It is of another republic: it is not called again, and nothing that it says counts."""
        log.warning("island %s: %s is of another republic", self.island, member.id)
        member.stopped = True
        self.forget(member)
        self.foreign[member.id] = member, republic

    async def stop(self, member: Member) -> None:
        """End its actor, and forget it."""
        await stop(member)
        self.forget(member)

    def forget(self, member: Member) -> None:
        """It was stopped: nothing is due at it any more."""
        self.times.cancel(member)
        self.members.pop(member.id, None)
        self.refused.pop(member.id, None)
