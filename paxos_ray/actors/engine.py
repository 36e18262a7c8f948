"""The engine: moves pulses between citizens as method calls, and what is asked to the leader.

It decides nothing and remembers nothing that safety needs. It may die at any time, be slow, or
exist twice: whatever it asks twice is asked safely.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import deque
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

from ray.exceptions import ActorDiedError, RayError

from paxos_ray.actors import wire
from paxos_ray.actors.errors import TimedOut
from paxos_ray.actors.member import Lost, Member, look_up
from paxos_ray.actors.settings import Settings
from paxos_ray.actors.transfer import transfer
from paxos_ray.actors.wire import Bundle, Call, Turn, seal, unseal
from paxos_ray.core.government import Government
from paxos_ray.core.representation import Representation

log = logging.getLogger("paxos_ray")

BUSY_S = 0.05  # clients that asked for something so lately are expected to ask again
LEADER_PAUSE_S = 0.008  # what a leader says only to tell of a commit, the next write says too
BRINGER_PAUSE_S = 0.06  # those who bring the log on do so for many entries at once
REFUSED_PAUSE_S = 0.02
IDLE_ROUND_S = 0.002
HEARTBEAT_S = 1.0  # for who needs no turn of its own accord
TELL_OTHERS_S = 0.1  # first those who may stand for election
TELL_AGAIN_S = 0.3
LOADING_S = 0.02  # for who has not the application's state yet
IMPATIENT_S = 0.1  # for who has kept a carrier waiting before
CALLS_A_ROUND = 256


@dataclass(slots=True, eq=False)
class Pending:
    """Something asked of the leader, until there is a result. Kept in the order of `number`."""

    number: int
    kind: str
    matter: Any
    future: asyncio.Future[Any]
    asked_at: float
    given_to: str = ""  # the leader that has it
    note: str = ""  # what it waits for, if the leader said so


class Engine:
    """Carries pulses for one island, within the event loop that it was made in."""

    def __init__(self, island: str, settings: Settings) -> None:
        self.island = island
        self.settings = settings
        self.members: dict[str, Member] = {}
        self.government: Government | None = None
        self.reigns: list[tuple[int, str]] = []  # number and leader of governments seen here
        self.changed = asyncio.Event()  # the government, or who lives
        self._loop = asyncio.get_running_loop()
        self.owner = uuid.uuid4().hex[:12]
        self._keys = 0
        self._numbers = 0
        self.known = 0  # the number of the government
        self._limit_s = settings.timeout_ms * 0.8 / 1000
        self._waiting: deque[Pending] = deque()
        self._open: dict[int, Pending] = {}  # given to the leader
        self._ready = True  # the leader may be given something
        self._asked_at = 0.0
        self._began_at = self._loop.time()
        self._settled = 0  # how many calls have had a result
        self._circles: dict[str, tuple[str, ...]] = {}  # who is expected to be sent to, by whom
        self._tasks: set[asyncio.Task[Any]] = set()

    # -- what is asked of the leader ----------------------------------------------------------

    async def ask(self, kind: str, matter: Any) -> Any:
        """Have the leader do something; again and again, of whoever leads. Raises `ValueError`
        with its reason when it refuses. Cancelling lets go of it, the outcome being unknown."""
        now = self._loop.time()
        self._numbers += 1
        pending = Pending(self._numbers, kind, matter, self._loop.create_future(), now)
        self._waiting.append(pending)
        if kind in (wire.WRITE, wire.READ):
            self._asked_at = now
        leader = self.leader
        if leader is not None and self._ready and not leader.busy and leader.able:
            await self._lead(leader)
        return await pending.future

    def expire(self, age_s: float) -> None:
        """Give up what clients asked for so long ago: they ask again if they still wait."""
        older_than = self._loop.time() - age_s
        for pending in [*self._waiting, *self._open.values()]:
            client = pending.kind in (wire.WRITE, wire.READ)
            if client and pending.asked_at < older_than and not pending.future.done():
                pending.future.set_exception(TimedOut("the leader has not answered"))
        self._waiting = deque(p for p in self._waiting if not p.future.done())
        for number in [n for n, p in self._open.items() if p.future.done()]:
            del self._open[number]

    def notes(self) -> list[str]:
        """What the leader said that wishes wait for."""
        return [p.note for p in (*self._waiting, *self._open.values()) if p.note]

    @property
    def leader(self) -> Member | None:
        """Who leads, as far as is known here."""
        return None if self.government is None else self.members.get(self.government.leader)

    @property
    def busy(self) -> bool:
        """Whether clients are at work."""
        return self._loop.time() - self._asked_at < BUSY_S

    def _take(self, leader: Member) -> bytes | None:
        """What waits, as bytes for the leader; None when nothing does, or it is not to be asked."""
        waiting = self._waiting
        if not waiting or not self._ready:
            return None
        calls: list[Call] = []
        while waiting and len(calls) < CALLS_A_ROUND:
            pending = waiting.popleft()
            if not pending.future.done():
                pending.given_to = leader.id
                self._open[pending.number] = pending
                calls.append(Call(pending.number, pending.kind, pending.matter))
        return seal(calls)

    def _ask_again(self, numbers: Iterable[int]) -> None:
        """These are to be given to the leader once more, before all that came later."""
        again = [self._open.pop(number) for number in numbers]
        if again:
            every = sorted((*again, *self._waiting), key=lambda pending: pending.number)
            self._waiting = deque(every)

    def _lost_leader(self) -> None:
        """Nothing can be asked until there is a leader again."""
        if self._ready:
            self._ready = False
            self._loop.call_later(REFUSED_PAUSE_S, self._retry)
        self._ask_again(list(self._open))

    def _retry(self) -> None:
        self._ready = True
        self.kick()

    def kick(self) -> None:
        """Give the leader what waits for it."""
        leader = self.leader
        if self._waiting and self._ready and leader is not None and leader.able:
            if not leader.busy:
                self.spawn(self._lead(leader))

    # -- rounds -------------------------------------------------------------------------------

    async def _lead(self, leader: Member) -> None:
        """A round of the leader, with all that waits; others follow as long as some is open."""
        if leader.busy:
            leader.again = True
            return
        leader.busy = True
        settled = self._settled
        try:
            await self._round(leader, self._take(leader))
        finally:
            self._release(leader, self._settled == settled)

    def _release(self, member: Member, fruitless: bool = False) -> None:
        """It is free for another round: which begins at once if clients wait for that."""
        member.busy = False
        if member is not self.leader or not member.able:
            if member.again:
                self.schedule(member, 0.0)
            self.kick()
        elif self._ready and (self._waiting or self._is_client_open()):
            if fruitless:  # a change of government came first, or another carrier has its pulse
                self.schedule(member, IDLE_ROUND_S, sooner=True)
            else:
                self.spawn(self._lead(member))
        elif member.again:
            self.schedule(member, 0.0)

    def _is_client_open(self) -> bool:
        kinds = (wire.WRITE, wire.READ)
        return any(pending.kind in kinds for pending in self._open.values())

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
            self._release(member)

    async def _round(self, member: Member, calls: bytes | None) -> None:
        """Give the citizen these calls, carry its pulses, take in what it says."""
        member.again = False
        try:
            circle = self._circle(member)
            if circle:
                turn = await self._chain(member, circle, calls)
            else:
                turn = await self.turn(member, member.turn(self.owner, self.known, calls))
            await self.follow(member, turn)
        except Lost:
            if member is self.leader:
                self._lost_leader()
            self.schedule(member, REFUSED_PAUSE_S)

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
        brought = member.told
        expected = tuple(other.id for other in circle)
        # One argument of bytes: what Ray is given besides costs as much as half a call.
        given = member.give(len(circle))(
            seal(tuple(wire.Round(self.owner, key, calls, expected, self.known)))
        )
        requests = given if len(circle) > 1 else [given]
        replies = [other.receive(request) for other, request in zip(circle, requests, strict=True)]
        settled = seal(tuple(wire.Round(self.owner, key, None, (), self.known)))
        last = member.settle(settled, *replies)
        try:
            async with asyncio.timeout(self._limit_s):
                turn: Turn = unseal(await last)
        except (RayError, TimeoutError):
            return await self._mend(member, key, circle, requests, replies)
        self._brought(circle, brought)
        member.told = turn.top
        return turn

    async def _mend(
        self, member: Member, key: str, circle: tuple[Member, ...], requests: Any, replies: Any
    ) -> Turn:
        """A chain is broken: find out where, and tell the sender what was lost."""
        calls = zip(circle, requests, replies, strict=True)
        answers = await asyncio.gather(*(self._link(member, *call) for call in calls))
        # What the sender said at the end of a chain that was too slow is lost with it.
        self._ask_again(list(self._open) if member is self.leader else ())
        if not member.able:
            raise Lost
        sealed = {other.id: answer for other, answer in zip(circle, answers, strict=True)}
        return await self.turn(member, member.sent(self.owner, key, self.known, sealed))

    async def _link(self, member: Member, other: Member, request: Any, reply: Any) -> bytes | None:
        try:
            await self.call(member, request, IMPATIENT_S)
            answer: bytes | None = await self.call(other, reply, IMPATIENT_S)
        except Lost:
            return None
        return answer

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
        other = self.members.get(id) or self.meet(id)
        if other is None or other.dead or other.stopped:
            return None
        try:
            limit_s = IMPATIENT_S if other.hung_at is not None else self._limit_s
            reply: bytes | None = await self.call(other, other.receive(request), limit_s)
        except Lost:
            return None
        return reply

    async def call(self, member: Member, reference: Any, limit_s: float | None = None) -> Any:
        """The result of a call on a citizen. Raises `Lost` when there is none; if that is so
        because the citizen is dead, the others are told."""
        try:
            async with asyncio.timeout(limit_s or self._limit_s):
                result = await reference
        except TimeoutError:
            if member.hung_at is None:
                member.hung_at = self._loop.time()
                self.spawn(self._await_hung(member, reference))
            raise Lost from None
        except ActorDiedError as error:
            if error.actor_id in (None, member.actor_id):
                self.died(member)
            raise Lost from None
        except RayError as error:
            log.warning("island %s, citizen %s: %s", self.island, member.id, error)
            raise Lost from None
        member.hung_at = None
        return result

    async def turn(self, member: Member, reference: Any, limit_s: float | None = None) -> Turn:
        """What a citizen says at the end of a call. Raises `Lost`."""
        turn: Turn = unseal(await self.call(member, reference, limit_s))
        member.told = turn.top
        return turn

    async def _await_hung(self, member: Member, reference: Any) -> None:
        """It is hung until it answers what it has not answered."""
        try:
            await reference
        except ActorDiedError:
            self.died(member)
        except RayError:
            pass
        member.hung_at = None
        self.schedule(member, 0.0)

    # -- what citizens say --------------------------------------------------------------------

    def _hear(self, member: Member, turn: Turn) -> None:
        for result in turn.results:
            if result.status != wire.RETRY:
                self._settle(result)
            elif self._is_given(result.number, member):
                self._lost_leader()
        if turn.government is not None and turn.number > self.known:
            self._install(turn.government)
        if turn.donor is not None and not member.loading:
            self.spawn(transfer(self, member, turn.donor))
        delay_s = self._beat(member)
        if turn.wakeup_ms is not None:
            delay_s = min(delay_s, turn.wakeup_ms / 1000)
        if turn.urgent:
            self.schedule(member, delay_s)
        elif member is self.leader:
            self.schedule(member, max(delay_s, LEADER_PAUSE_S) if self.busy else delay_s)
        else:
            pause_s = BRINGER_PAUSE_S if self.busy else 0.001
            self.schedule(member, max(delay_s, pause_s))

    def _beat(self, member: Member) -> float:
        """How soon it is looked after whatever it says, in s."""
        government = self.government
        listed = government is not None and member.id in government.citizens
        acclimated = government is not None and member.id in government.acclimated
        return LOADING_S if listed and not acclimated else HEARTBEAT_S

    def _is_given(self, number: int, member: Member) -> bool:
        pending = self._open.get(number)
        return pending is not None and pending.given_to == member.id

    def _settle(self, result: wire.Result) -> None:
        pending = self._open.get(result.number)
        if pending is None:
            return
        match result.status:
            case wire.WAITS:
                pending.note = str(result.value)
            case _:
                del self._open[result.number]
                self._settled += 1
                if pending.future.done():
                    return
                if result.status == wire.REFUSED:
                    pending.future.set_exception(ValueError(result.value))
                else:
                    pending.future.set_result(result.value)

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
            member = self.members.get(id) or self.meet(id)
            if member is not None:
                member.listed = True
                self.schedule(member, BRINGER_PAUSE_S if self.busy else 0.001, sooner=True)
        if before is None or before.leader != government.leader:
            self._ask_again(list(self._open))
        self._ready = True
        dead = tuple(
            id for id in government.citizens if id in self.members and self.members[id].dead
        )
        if dead:  # some may have to do with them only now
            for member in self.members.values():
                self.spawn(self._tell(member, dead, TELL_AGAIN_S))
        self.changed.set()
        self.kick()

    def meet(self, id: str) -> Member | None:
        """Find the actor of a citizen of which only the id is known."""
        member = look_up(self.island, id)
        if member is not None:
            self.members[id] = member
        return member

    def _brought(self, circle: Iterable[Member], top: Any) -> None:
        """These have been brought the log up to there: they bring it on."""
        for other in circle:
            if top is not None and (other.told is None or other.told < top):
                other.told = top
                if self._circles.get(other.id) and not other.busy:
                    self.schedule(other, BRINGER_PAUSE_S if self.busy else 0.001, sooner=True)

    # -- the dead -----------------------------------------------------------------------------

    def died(self, member: Member) -> None:
        """Ray says that this citizen is dead: the others hear of it at once."""
        if member.dead:
            return
        member.dead = True
        self._cancel(member)
        if member is self.leader:
            self._lost_leader()
        government = self.government
        if government is not None and member.id in government.citizens and not member.stopped:
            for other in self.members.values():
                pause_s = 0.0 if other.id in government.majority else TELL_OTHERS_S
                self.spawn(self._tell(other, (member.id,), pause_s))
        self.changed.set()

    async def _tell(self, member: Member, dead: tuple[str, ...], pause_s: float) -> None:
        if pause_s:
            await asyncio.sleep(pause_s)
        if not member.able or member.id in dead:
            return
        free = not member.busy
        member.busy = True
        try:
            turn = await self.turn(member, member.unreachable(self.owner, self.known, dead))
            await self.follow(member, turn)
        except Lost:
            pass
        finally:
            if free:
                self._release(member)

    # -- time ---------------------------------------------------------------------------------

    def schedule(self, member: Member, delay_s: float, sooner: bool = False) -> None:
        """Its next turn is due then; with `sooner`, unless one is due before."""
        due = self._loop.time() + delay_s
        if sooner and member.due is not None and member.due <= due:
            return
        self._cancel(member)
        if member.able:
            member.due = due
            member.timer = self._loop.call_at(due, self._due, member)

    def _due(self, member: Member) -> None:
        member.due = member.timer = None
        if member.able:
            self.spawn(self._turn(member))

    def _cancel(self, member: Member) -> None:
        if member.timer is not None:
            member.timer.cancel()
        member.due = member.timer = None

    def since(self, time: float) -> float:
        """How long ago that was, in s, by the event loop's clock."""
        return self._loop.time() - time

    def is_idle(self, for_s: float) -> bool:
        """Whether no client has asked for anything for so long, and none waits."""
        waits = bool(self._waiting or self._open)
        return not waits and self._loop.time() - max(self._asked_at, self._began_at) > for_s

    def close(self) -> None:
        """Stop for good."""
        for member in self.members.values():
            member.stopped = True
            self._cancel(member)

    def forget(self, member: Member) -> None:
        """It was stopped: nothing is due at it any more."""
        self._cancel(member)
        self.members.pop(member.id, None)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run this aside; its failure is logged."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("island %s: carrying failed", self.island, exc_info=task.exception())
