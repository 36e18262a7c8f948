"""A citizen: one Legislator and the replica that follows its log, as a plain synchronous Ray actor.

It calls nobody. Every method is one or a few calls on the Legislator, and returns what came of
them. It is never restarted: a process that forgot what it promised must not vote in its own name.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import defaultdict
from typing import Any, NamedTuple

import ray

from paxos_ray.actors import wire
from paxos_ray.actors.authority import OPEN, Authority
from paxos_ray.actors.board import WATCHES, Board, Want
from paxos_ray.actors.errors import NotAdmitted
from paxos_ray.actors.growing import fit, grow
from paxos_ray.actors.heritage import Estate, Forebear, Identity
from paxos_ray.actors.keeping import Digests, Keeping
from paxos_ray.actors.onlookers import LOOKS, Onlookers
from paxos_ray.actors.records import Desk
from paxos_ray.actors.settings import Settings, Wish
from paxos_ray.actors.snapshots import SNAPSHOT, Snapshots
from paxos_ray.actors.tail import Tail
from paxos_ray.actors.wire import Answer, Bundle, Call, Result, Round, Turn, seal, unseal
from paxos_ray.core import Entry, Promise, Pulse
from paxos_ray.core import government as core
from paxos_ray.core.messages import THROTTLED, Receipt
from paxos_ray.machines import Replica, encode_pass, encode_replies

log = logging.getLogger("paxos_ray")

_KEPT_PULSES = 64
_KEPT_OWNERS = 8
_CATCH_UP_BYTES = 1 << 20  # at a time: it is in memory several times while it is on its way
_NO_PULSE = (0, None)
PROBES = "probes"
"""The concurrency group of `probe`."""


class Introduction(NamedTuple):
    """What a citizen says of itself to a coordinator that does not know it.

    `number` is that of its government, 0 before it has one; `arrived`: it has been written in.
    """

    identity: Identity
    pid: int
    node: str
    number: int
    arrived: bool
    settings: Settings
    wish: Wish


class Portrait(NamedTuple):
    """What people want to know of a citizen. `digest` is that of its state as of `applied`.

    Weights are bytes: of the log that it holds, of the proposals that it has queued, of the latest
    entries that it keeps for streams, which can begin at `stream_from`, and of the latest events.
    """

    id: str
    pid: int
    node: str
    address: str
    role: str
    top: Promise | None
    minimum: Promise
    applied: Promise
    digest: str | None
    entries: int
    heft: int
    log_weight: int
    queued: int
    queue_weight: int
    stream_weight: int
    stream_from: Promise
    event_weight: int
    events_from: Promise


grow(Introduction, Portrait)


class Citizen(Forebear):
    """What the actor does, see `CitizenActor`. `turn`, `give`, `receive` and `settle` are its part
    in the island's work."""

    def __init__(
        self,
        identity: Identity,
        settings: Settings,
        wish: Wish,
        estate: Estate | None = None,
        authority: Authority = OPEN,
        version: int = wire.VERSION,
    ) -> None:
        wire.speak(version)  # another than this one's in tests only
        self._authority = authority
        self._lock = Desk()
        self._identity = identity
        self._settings = settings
        self._wish = wish
        self._node = str(ray.get_runtime_context().get_node_id())
        self._replica = Replica()
        self._keeping = Keeping(self._lock)
        self._keeping.adopt(self._replica)
        self._digesting = threading.Lock()
        self._snapshots = Snapshots(authority)
        self._tail = Tail(settings.limits.stream_bytes)
        self._board = Board(settings.limits.event_bytes)
        self._pulses: dict[str, tuple[int, Pulse]] = {}  # given (when), not yet settled, by key
        self._tickets: dict[int, tuple[str, Call]] = {}  # who asked for what
        self._promised: dict[Promise, tuple[str, Call]] = {}  # committed, not yet applied
        self._results: defaultdict[str, list[Result]] = defaultdict(list)  # by coordinator
        self._legislator = self._lock.legislator(
            settings.record,
            identity.id,
            identity.cookie,
            parliament_size=settings.parliament_size,
            parliament_floor=settings.parliament_floor,
            ping=settings.ping_ms,
            timeout=settings.timeout_ms,
            catch_up_bytes=_CATCH_UP_BYTES,
            queue_bytes=settings.limits.queue_bytes,
            log_bytes=settings.limits.log_bytes,
            seed=int.from_bytes(os.urandom(6), "big"),
        )
        self._onlookers = Onlookers(
            self._lock,
            lambda: self._replica,
            self._stateful,
            lambda: self._legislator.government,
        )
        with self._lock:
            if identity.founder:
                self._found(estate)
            else:
                self._legislator.join(_now(), identity.republic, identity.cookie)
            self._apply()

    # -- the hot path: three calls, chained by the coordinator without looking inside ---------

    def give(self, round: bytes) -> bytes | list[bytes | None] | None:
        """Take these calls; then the requests of the next pulse, one for each of `expected`.

        If the next pulse has other recipients, or there is none, they are all None, and what
        there is comes with `settle`. `round` is a sealed `Round`.
        """
        owner, key, calls, expected, _ = fit(Round, unseal(round))
        with self._lock:
            self._input(owner, calls)
            pulse = self._legislator.outbox()
            self._apply()
            if pulse is not None:
                requests = dict(pulse.envelopes)
                self._keep(key, pulse)
                if tuple(requests) == expected:
                    sealed: list[bytes | None] = [seal(request) for request in requests.values()]
                    return sealed if len(sealed) > 1 else sealed[0]
            return [None] * len(expected) if len(expected) > 1 else None

    def receive(self, request: bytes | None) -> bytes | None:
        """Deliver a request of another's pulse: the reply. Nothing to nothing."""
        if request is None:
            return None
        with self._lock:
            reply = self._legislator.receive(_now(), unseal(request))
            self._apply()
            return seal(reply)

    def settle(self, round: bytes, *replies: bytes | None) -> bytes:
        """All replies to the pulse of that round, in the order of its requests: a `Turn`.

        Only who must not wait gives its next pulse with it, so that others' may be put together.
        """
        owner, key, _, _, known = fit(Round, unseal(round))
        with self._lock:
            legislator = self._legislator
            _, pulse = self._pulses.get(key, _NO_PULSE)
            bundle: Bundle | None = None
            if pulse is not None and len(replies) == len(pulse.envelopes) and any(replies):
                del self._pulses[key]
                answers = zip(pulse.envelopes, replies, strict=True)
                legislator.sent(_now(), pulse, {e.to: unseal(reply) for e, reply in answers})
                self._apply()
                if legislator.collapsed:
                    bundle = self._next()
            elif pulse is not None:
                bundle = self._bundle(key, pulse)
            return self._turn(owner, known, bundle)

    # -- the plain way ------------------------------------------------------------------------

    def turn(
        self, owner: str, known: int, calls: bytes | None = None, carries: bool = True
    ) -> bytes:
        """Take these calls, and do what is due: a `Turn`, with the next pulse if it `carries`."""
        with self._lock:
            self._input(owner, calls)
            return self._turn(owner, known, self._next() if carries else None)

    def sent(self, owner: str, key: str, known: int, replies: dict[str, bytes | None]) -> bytes:
        """The replies to a carried bundle, None for those that were lost: a `Turn`."""
        with self._lock:
            legislator = self._legislator
            _, pulse = self._pulses.pop(key, _NO_PULSE)
            if pulse is not None:
                answers = {id: unseal(reply) for id, reply in replies.items()}
                legislator.sent(_now(), pulse, answers)
                self._apply()
            return self._turn(owner, known, self._next() if legislator.collapsed else None)

    def unreachable(self, owner: str, known: int, ids: tuple[str, ...]) -> bytes:
        """Ray knows that these citizens are dead: a `Turn`."""
        with self._lock:
            for id in ids:
                self._legislator.unreachable(_now(), id)
                self._apply()
            return self._turn(owner, known, self._next())

    # -- the application's state --------------------------------------------------------------

    def freeze(self) -> int:
        """Copy the state; serialize the copy aside. The number under which to `fetch` it."""
        with self._lock:
            copy = self._replica.snapshot()
        return self._snapshots.freeze(copy)

    def fetch(self, number: int) -> list[Any] | None:
        """The snapshot of that number as an object reference in a list, None: not yet."""
        return self._snapshots.fetch(number)

    def restore(self, owner: str, known: int, reference: list[Any]) -> bytes:
        """Load another's snapshot and go on from there: a `Turn`."""
        snapshot = unseal(self._authority.verify(SNAPSHOT, ray.get(reference[0])))
        with self._lock:
            if not self._stateful() and isinstance(snapshot, dict):
                replica = Replica()
                self._keeping.adopt(replica)
                replica.restore(snapshot)
                self._load(replica)
            return self._turn(owner, known, self._next())

    # -- who reads the log --------------------------------------------------------------------

    def extract(self, since: Promise, entries: int, size: int) -> bytes:
        """Some of what has been applied after `since`, an `Extract`, sealed: at most so many
        entries and bytes, but one entry if there is one."""
        with self._lock:
            extract = self._tail.after(since, entries, size)
        return seal(tuple(extract))

    @ray.method(concurrency_group=WATCHES)
    def watch(self, who: str, wants: bytes, limit_s: float) -> bytes:
        """Events of objects, waited for: see `Board.wait`. `wants` are sealed `Want`s, the answer
        is as many `Found`s, sealed."""
        asked = [fit(Want, want) for want in unseal(wants)]
        found = self._board.wait(who, asked, limit_s)
        return seal([tuple(each) for each in found])

    @ray.method(concurrency_group=LOOKS)
    def look(self, request: bytes) -> bytes:
        """Answer queries, whoever leads; see `Onlookers.look`."""
        return self._onlookers.look(request)

    def answered(self) -> int:
        """How many queries it has answered so since it began."""
        return self._onlookers.answered

    # -- to be looked at ----------------------------------------------------------------------

    def introduce(self, wish: Wish | None = None) -> Introduction:
        """Who this is. Remember `wish` if it is the latest."""
        with self._lock:
            if wish is not None:
                self._wish = max(self._wish, wish)
            legislator = self._legislator
            government = legislator.government
            number = 0 if government is None else government.number
            arrived = legislator.inspect().exiled or self._listed(government)
            return Introduction(
                self._identity, os.getpid(), self._node, number, arrived, self._settings, self._wish
            )

    def audited(self, promise: Promise) -> Digests | None:
        """See `Keeping.audited`."""
        with self._lock:
            return self._keeping.audited(promise, self._replica.applied)

    @ray.method(concurrency_group=WATCHES)
    def portray(self, digest: bool) -> Portrait:
        """What people want to know. The digest takes a while if the state is large: it is made
        aside, one at a time, while the citizen goes on."""
        if not digest:
            with self._lock:
                return self._portrait()
        with self._digesting:
            with self._lock:
                portrait, made = self._portrait(), self._keeping.digest(self._replica)
            return portrait._replace(digest=made.result())

    def _portrait(self) -> Portrait:
        seen = self._legislator.inspect()
        return Portrait(
            id=seen.id,
            pid=os.getpid(),
            node=self._node,
            address=str(ray.util.get_node_ip_address()),  # type: ignore[no-untyped-call]
            role=seen.role,
            top=seen.top,
            minimum=seen.minimum,
            applied=self._replica.applied,
            digest=None,
            entries=len(self._legislator.log),
            heft=seen.heft,
            log_weight=seen.details["log_weight"],
            queued=seen.queued,
            queue_weight=seen.details["queue_weight"],
            stream_weight=self._tail.weight,
            stream_from=self._tail.earliest,
            event_weight=self._board.weight,
            events_from=self._board.earliest,
        )

    @ray.method(concurrency_group=PROBES)
    def probe(self) -> None:
        """Be there, whatever else this process does: on a thread of its own, without the lock."""

    # -- inside: what is asked of a leader ----------------------------------------------------

    def _input(self, owner: str, calls: bytes | None) -> None:
        legislator = self._legislator
        legislator.tick(_now())
        self._apply()
        self._snapshots.expire()
        if self._leads and self._keeping.is_due(self._replica, _now()):  # log time passes
            legislator.enqueue(_now(), self._identity.republic, encode_pass())
            self._apply()
        full = ""  # why no more entries are taken; those after the first refused are not tried
        for call in () if calls is None else unseal(calls):
            number = call.number
            if full and call.kind == wire.WRITE:
                self._results[owner].append(Result(number, wire.FULL, full))
                continue
            receipt = self._ask(call)
            if receipt.why in THROTTLED:
                full = receipt.why
                self._results[owner].append(Result(number, wire.FULL, full))
            elif receipt.ticket is not None:
                self._tickets[receipt.ticket] = (owner, call)
                if receipt.why:
                    self._results[owner].append(Result(number, wire.WAITS, receipt.why))
                self._apply()
            else:
                leads = legislator.inspect().role == "writer"
                status = wire.REFUSED if leads else wire.RETRY
                self._results[owner].append(Result(number, status, receipt.why or ""))

    def _ask(self, call: Call) -> Receipt:
        legislator, republic, matter = self._legislator, self._identity.republic, call.matter
        match call.kind:
            case wire.WRITE:
                return legislator.enqueue(_now(), republic, matter)
            case wire.READ:
                return legislator.confirm(_now())
            case wire.EMBARK:
                assert isinstance(matter, core.Citizen)
                return legislator.embark(_now(), republic, matter)
            case wire.EMIGRATE:
                assert isinstance(matter, str)
                return legislator.emigrate(_now(), matter)
        raise AssertionError(call)

    def _apply(self) -> None:
        """After every call on the Legislator, since the next one may let go of what is committed:
        apply that, and answer what it decides."""
        legislator = self._legislator
        reads: list[tuple[str, Call]] = []
        for ticket, promise in legislator.outcomes():
            asked = self._tickets.pop(ticket, None)
            if asked is None:
                continue
            owner, call = asked
            if promise is None:
                self._results[owner].append(Result(call.number, wire.RETRY, ""))
            elif call.kind == wire.WRITE:
                self._promised[promise] = asked
            elif call.kind == wire.READ:
                reads.append(asked)
            else:
                self._results[owner].append(Result(call.number, wire.DONE, str(promise)))
        self._follow()
        self._onlookers.applied()
        for owner, call in reads:
            self._results[owner].append(self._read(call))

    def _read(self, call: Call) -> Result:
        """What a confirmed read is answered. One that cannot be understood harms no other."""
        if not self._stateful():
            return Result(call.number, wire.RETRY, "")
        try:
            replies = [self._replica.ask(*query) for query in unseal(call.matter)]
            answer = seal(Answer(self._replica.applied, encode_replies(replies)))
        except NotAdmitted as error:
            return Result(call.number, wire.REFUSED, error)
        except Exception as error:
            log.exception("a read that cannot be answered")
            return Result(call.number, wire.REFUSED, f"{type(error).__name__}: {error}")
        return Result(call.number, wire.DONE, answer)

    def _follow(self) -> None:
        """Bring the replica to the top of the log, unless it waits for another's state."""
        replica, top = self._replica, self._legislator.top
        if top is None or top <= replica.applied or not self._stateful():
            return
        entries = self._legislator.log.after(replica.applied)
        assert entries is not None, f"the log does not continue the state at {replica.applied}"
        for entry in entries:
            replies = self._perform(replica, entry)
            if replies is not None and self._promised:
                self._answer(entry.promise, replies)
        self._keeping.applied(_now())

    def _perform(self, replica: Replica, entry: Entry) -> bytes | None:
        """Apply an entry, and keep it for who reads the log: the replies, if there are any."""
        try:
            applied = replica.apply(entry)
        except BaseException:
            log.critical("%s is applied by half: this process ends", entry.promise, exc_info=True)
            try:
                self._lock.flush()  # what came to this is what a replay is wanted for
            finally:
                end_process()
            raise
        self._board.append(entry.promise, () if applied is None else applied.events)
        if applied is None:
            self._tail.append(entry)
            return None
        replies = encode_replies(applied.replies)
        self._tail.append(entry, applied.fresh, replies)
        if applied.audit:
            self._keeping.audit(replica, applied.promise)
        return replies

    def _answer(self, promise: Promise, replies: bytes) -> None:
        asked = self._promised.pop(promise, None)
        if asked is not None:
            owner, call = asked
            answer = seal(Answer(promise, replies))
            self._results[owner].append(Result(call.number, wire.DONE, answer))

    # -- inside: pulses and turns -------------------------------------------------------------

    def _next(self) -> Bundle | None:
        pulse = self._legislator.outbox()
        self._apply()
        if pulse is None:
            return None
        self._keep(pulse.id, pulse)
        return self._bundle(pulse.id, pulse)

    def _bundle(self, key: str, pulse: Pulse) -> Bundle:
        return Bundle(key, tuple((e.to, seal(e.request)) for e in pulse.envelopes))

    def _keep(self, key: str, pulse: Pulse) -> None:
        """What nobody carries any more is let go of, as is what has been given up: it holds as
        much of the log as anybody lacked."""
        now, pulses = _now(), self._pulses
        pulses[key] = (now, pulse)
        given_up = now - self._settings.timeout_ms
        while (oldest := next(iter(pulses))) != key:
            if len(pulses) <= _KEPT_PULSES and pulses[oldest][0] > given_up:
                break
            del pulses[oldest]

    def _turn(self, owner: str, known: int, bundle: Bundle | None) -> bytes:
        legislator = self._legislator
        government = legislator.government
        number = 0 if government is None else government.number
        turn = Turn(
            results=tuple(self._results.pop(owner, ())),
            number=number,
            government=government if number > known else None,
            wakeup_ms=self._wakeup_ms(),
            urgent=legislator.collapsed,
            donor=legislator.donor,
            top=legislator.top,
            bundle=bundle,
            republic=self._identity.republic,
        )
        while len(self._results) > _KEPT_OWNERS:  # the oldest: that coordinator is no more
            del self._results[next(iter(self._results))]
        return seal(turn)

    def _wakeup_ms(self) -> int | None:
        now, wakeup = _now(), self._legislator.wakeup
        waits_ms = self._keeping.waits_ms(self._replica, now) if self._leads else None
        wakeups = (None if wakeup is None else max(0, wakeup - now), waits_ms)
        return min((each for each in wakeups if each is not None), default=None)

    @property
    def _leads(self) -> bool:
        legislator = self._legislator
        return legislator.leader == self._identity.id and not legislator.collapsed

    # -- inside: state ------------------------------------------------------------------------

    def _stateful(self) -> bool:
        return self._legislator.stateful

    def _listed(self, government: core.Government | None) -> bool:
        return government is not None and government.lists(self._identity.id, self._identity.cookie)

    def _load(self, replica: Replica) -> None:
        """Go on from a restored state, if the log continues it; else ask for another."""
        legislator = self._legislator
        top = legislator.top
        if top is not None and replica.applied < top:
            entries = legislator.log.after(replica.applied)
            if entries is None:
                return
            self._restart(replica.applied)
            for entry in entries:  # before `acclimate`, which lets go of the log
                self._perform(replica, entry)
        else:
            self._restart(replica.applied)
        self._replica = replica
        legislator.acclimate(_now())
        self._apply()

    def _restart(self, applied: Promise) -> None:
        """What is kept of the log, and of events, begins there."""
        self._tail.restart(applied)
        self._board.restart(applied)


def end_process() -> None:
    """At once, and with nothing tidied up: a replica that is out of step must not answer."""
    os._exit(1)


def _now() -> int:
    return time.monotonic_ns() // 1_000_000
