"""Reads that any citizen may answer: from a client straight to the citizens, in turns.

`session`: from a state that is not older than what this client has been answered with, whatever
it was. `eventual`: from whatever state there is; but who does not know the object yet, and is
behind this client, is not believed: such a read is answered as one of the session. What waits
goes in one call to the next citizen that has none under way, as the price on Ray is per call.
Reading changes nothing, so who does not answer is left out and another asked.

Who the citizens are is asked of the coordinator once, and again if none is left; after that each
answer brings them, if the government has changed.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from ray.exceptions import ActorDiedError, RayActorError

from paxos_ray.actors.errors import NoQuorum
from paxos_ray.actors.growing import fit
from paxos_ray.actors.lanes import Batch, Call, Consistency, Lane, Read, is_unknown, tell
from paxos_ray.actors.latch import latched, later
from paxos_ray.actors.neighbours import Ask, Neighbour, Neighbours
from paxos_ray.actors.response import Response
from paxos_ray.actors.session import BATCH, deliver, drained
from paxos_ray.actors.signals import Uninterrupted
from paxos_ray.actors.wire import Answer, Glance, Roster, seal, unseal
from paxos_ray.core.log import NOTHING
from paxos_ray.core.promise import Promise
from paxos_ray.machines import Operation, Reply, decode_replies

log = logging.getLogger("paxos_ray")

WAIT_S = 0.1
"""How long a citizen that is behind waits until it is not."""

SILENCE_S = 0.5
"""Who has not answered for so long is silent: another is asked. Twice as long with each try."""

PATIENCE_S = 2.0
"""Who waits for so long, and no citizen answers, is told."""

_LOOK_S = 0.1
_LEARN_S = 1.0
_PAUSE_S = 0.05
_PAUSE_MOST_S = 1.0


class Ways(NamedTuple):
    """How what this needs is had. `learn` asks who is there, `find` for one of them: both take
    time, and say None if it is not known. `ask_leader` has sealed queries answered linearizably:
    it calls one of the two functions. `leave` is told the weight and number of answered reads."""

    learn: Callable[[], Roster | None]
    find: Callable[[str], Ask | None]
    ask_leader: Callable[[bytes, Callable[[Answer], None], Callable[[Exception], None]], None]
    leave: Callable[[int, int], None]


class Nearby:
    """All such reads of one client, and what its session has seen."""

    def __init__(self, island: str, ways: Ways) -> None:
        self._island = island
        self._ways = ways
        self._lock = threading.Lock()  # see `latched`
        self._wake: SimpleQueue[None] = SimpleQueue()  # into which the garbage collector may put
        self._seen = NOTHING
        self._lanes = {name: Lane(name) for name in ("session", "eventual")}
        self._neighbours = Neighbours()
        self._news: Roster | None = None
        self._learned = False  # as far as that was possible
        self._learn_at = 0.0  # not before
        self._find_at = 0.0
        self._calls: dict[int, Call] = {}
        self._count = 0
        self._at_leader: Batch | None = None
        self._thread: threading.Thread | None = None
        self._sleeps = False
        self._closed: Exception | None = None

    @property
    def seen(self) -> Promise:
        """The latest promise that an answer to this client has reflected."""
        return self._seen

    def saw(self, promise: Promise) -> None:
        """An answer reflects that promise: told before anybody gets the answer."""
        with latched, self._lock:
            if promise > self._seen:
                self._seen = promise

    def read(self, query: Operation, weight: int, consistency: Consistency) -> Response[Any]:
        """Have that answered."""
        response: Response[Any] = Response(weight)
        lane = self._lanes[consistency]
        lane.waiting.append(Read(query, response))
        if lane.idle or self._closed is not None:
            self._send(lane)
        return response

    def waiting_for_leader(self) -> list[Response[Any]]:
        """Those that no citizen could answer."""
        with latched, self._lock:
            batches = [batch for batch in self._lanes["session"].again if batch.rounds]
            batches += () if self._at_leader is None else (self._at_leader,)
            return [read.response for batch in batches for read in batch.reads]

    def close(self, error: Exception) -> None:
        """Answer all that is unanswered, and all that is yet to come, with this error."""
        with latched, self._lock:
            if self._closed is None:
                self._closed = error
        for lane in self._lanes.values():
            self._send(lane)
        self._wake.put(None)

    # -- sending ------------------------------------------------------------------------------

    def _send(self, lane: Lane) -> None:
        """Ask all that can be asked now. Who is interrupted meanwhile, is so afterwards."""
        if latched:  # the garbage collector has come in between
            later(partial(self._send, lane))
            return
        while True:
            with Uninterrupted():
                with latched, self._lock:
                    deed = self._next(lane) if self._closed is None else self._refusal(lane)
                if deed is None:
                    return
                deed()

    def _refusal(self, lane: Lane) -> Callable[[], None] | None:
        error = self._closed
        assert error is not None
        batches = [*lane.again, *(call.batch for call in self._calls.values() if call.lane is lane)]
        if lane.name == "session" and self._at_leader is not None:
            batches.append(self._at_leader)
        lane.again.clear()
        reads = [*drained(lane.waiting), *(read for batch in batches for read in batch.reads)]
        refused = [read for read in reads if not read.answered]
        for read in refused:
            read.answered = True

        def refuse() -> None:
            for read in refused:
                read.response.set_error(error)

        return refuse if refused else None

    def _next(self, lane: Lane) -> Callable[[], None] | None:
        lane.idle = True  # before looking at what waits: who comes later sends it by itself
        if not self._learned:
            lane.idle = False
            self._rouse()
            return None
        now = time.monotonic()
        for _ in range(len(lane.again)):
            batch = lane.again.popleft()
            batch.reads = [read for read in batch.reads if not read.answered]
            if batch.reads:
                deed = self._ask(lane, batch, now)
                if deed is not None:
                    return deed
        if not lane.waiting:
            return None
        neighbour, hope = self._neighbours.choose(lane.name, (), self._since(lane), now)
        if neighbour is None and (hope or lane.again):
            lane.idle = False
            self._rouse()
            return None
        taken = [lane.waiting.popleft() for _ in range(min(len(lane.waiting), lane.pace))]
        return self._ask(lane, Batch(taken, began=now), now) or (lambda: None)

    def _ask(self, lane: Lane, batch: Batch, now: float) -> Callable[[], None] | None:
        """Have the batch asked; None, and it waits, if that must be later."""
        if batch.not_before <= now:
            since = self._since(lane)
            neighbour, hope = self._neighbours.choose(lane.name, batch.tried, since, now)
            if neighbour is not None:
                return self._call(lane, batch, neighbour, since, now)
            if not hope and lane.name == "session" and self._at_leader is None:
                self._at_leader = batch
                return lambda: self._ask_leader(lane, batch)
            if not hope and lane.name == "eventual":
                self._rest(batch, now)
        lane.again.append(batch)
        self._rouse()
        return None

    def _since(self, lane: Lane) -> Promise:
        return self._seen if lane.name == "session" else NOTHING

    def _call(
        self, lane: Lane, batch: Batch, neighbour: Neighbour, since: Promise, now: float
    ) -> Callable[[], None]:
        self._count += 1
        limit_s = SILENCE_S * 2 ** len(batch.tried)
        call = Call(self._count, neighbour, lane, batch, batch.reads, now + limit_s)
        self._calls[call.number] = call
        neighbour.used = neighbour.busy[lane.name] = call.number
        known = self._neighbours.number
        self._rouse()

        def ask() -> None:
            try:
                queries = seal([read.query for read in call.reads])
                future = neighbour.ask(seal((since, WAIT_S, known, queries)))
                future.add_done_callback(lambda done: self._back(call, done))
            except Exception as error:  # noqa: BLE001 - Ray was shut down, or worse
                lost: Future[Any] = Future()
                lost.set_exception(error)
                self._back(call, lost)

        return ask

    def _ask_leader(self, lane: Lane, batch: Batch) -> None:
        reads = batch.reads

        def done(answer: Answer) -> None:
            heard = list(zip(reads, decode_replies(answer.replies), strict=True))
            with latched, self._lock:
                self._at_leader = None
                told = tell(heard)
            self._deliver(told)
            self._send(lane)

        def failed(error: Exception) -> None:
            with latched, self._lock:
                self._at_leader = None
                self._rest(batch, time.monotonic())
                lane.again.append(batch)
                self._rouse()
            if self._closed is not None:
                self._send(lane)

        queries = seal([read.query for read in reads])
        self._ways.ask_leader(queries, done, failed)

    def _rest(self, batch: Batch, now: float) -> None:
        """Everybody was tried: begin anew, a little later each time."""
        batch.tried = []
        batch.not_before = now + min(_PAUSE_S * 2**batch.rounds, _PAUSE_MOST_S)
        batch.rounds += 1

    # -- what comes back ----------------------------------------------------------------------

    def _back(self, call: Call, future: Future[Any]) -> None:
        told: list[tuple[Read, Reply]] = []
        glance, error = _understood(future)
        with latched, self._lock:
            now, neighbour, lane = time.monotonic(), call.neighbour, call.lane
            in_time = self._calls.pop(call.number, None) is not None
            if neighbour.busy.get(lane.name) == call.number:
                del neighbour.busy[lane.name]
            if glance is None:
                self._lost(neighbour, error, now)
                left = call.reads
            else:
                told, early, left = self._hear(call, glance, now)
                if in_time:
                    self._lanes["session"].waiting.extend(early)
            if in_time and len(left) < len(call.reads):
                lane.waiting.extendleft(reversed(left))
                lane.pace = len(call.reads) - len(left) if left else min(2 * lane.pace, BATCH)
            elif in_time and left:
                self._again(call, left)
        self._deliver(told)
        for each in self._lanes.values():
            if each is lane or each.again or each.waiting:
                self._send(each)

    def _hear(
        self, call: Call, glance: _Sight, now: float
    ) -> tuple[list[tuple[Read, Reply]], list[Read], list[Read]]:
        """Whom to tell what, who asked before the object was known there, and who is left."""
        if glance.roster is not None:
            number = 0 if self._news is None else self._news.number
            if glance.roster.number > max(number, self._neighbours.number):
                self._news = glance.roster
                self._wake.put(None)
        self._neighbours.answers(call.neighbour, glance.promise, now)
        reads = call.reads
        if glance.promise is None or glance.replies is None:
            return [], [], reads
        behind = glance.promise < self._seen
        self._seen = max(self._seen, glance.promise)
        heard = list(zip(reads, glance.replies, strict=False))
        early = [read for read, reply in heard if behind and is_unknown(reply)]
        told = tell((read, reply) for read, reply in heard if not (behind and is_unknown(reply)))
        return told, early, reads[len(glance.replies) :]

    def _again(self, call: Call, left: list[Read]) -> None:
        """They are asked again before those that came later."""
        call.batch.tried.append(call.neighbour.id)
        call.batch.reads = left
        call.lane.again.appendleft(call.batch)

    def _lost(self, neighbour: Neighbour, error: BaseException | None, now: float) -> None:
        if isinstance(error, ActorDiedError):
            self._neighbours.died(neighbour)
            return
        if not isinstance(error, RayActorError):
            log.warning("island %s, citizen %s: %s", self._island, neighbour.id, error)
        self._neighbours.shun(neighbour, now, silent=False)

    def _deliver(self, told: list[tuple[Read, Reply]]) -> None:
        for read, reply in told:
            deliver(read.response, reply)
        if told:
            self._ways.leave(sum(read.response.weight for read, _ in told), len(told))

    # -- the thread ---------------------------------------------------------------------------

    def _rouse(self) -> None:
        """There is something to look after."""
        if self._thread is None:
            name = f"paxos_ray reader of {self._island}"
            self._thread = threading.Thread(target=self._run, name=name, daemon=True)
            self._thread.start()
        elif self._sleeps:
            self._sleeps = False
            self._wake.put(None)

    def _run(self) -> None:
        while self._closed is None:
            try:
                self._learn()
                self._look()
                for lane in self._lanes.values():
                    self._send(lane)
            except Exception:  # the next round may do better, and without it reads would hang
                log.exception("island %s: its reader goes on after an error", self._island)
            self._wait()

    def _wait(self) -> None:
        """Until there may be something to do here."""
        with contextlib.suppress(Empty):
            self._wake.get(timeout=self._pause())
            while True:
                self._wake.get_nowait()

    def _pause(self) -> float | None:
        """How long there is nothing to do here by itself, in s; None: until there is a call."""
        with latched, self._lock:
            lanes, now = self._lanes.values(), time.monotonic()
            if self._calls or any(lane.again or lane.waiting for lane in lanes):
                due = [batch.not_before - now for lane in lanes for batch in lane.again]
                return min([_LOOK_S, *(each for each in due if each > 0)])
            self._sleeps = self._news is None
            return None if self._sleeps else max(0.0, self._find_at - now)

    def _learn(self) -> None:
        """Who the citizens are: from their answers; if there is nobody to ask, elsewhere."""
        now = time.monotonic()
        roster = None
        with latched, self._lock:
            if now >= self._find_at:
                roster, self._news = self._news, None
            lost = not self._neighbours.any_able(now)
        if roster is None and lost and now >= self._learn_at:
            self._learn_at = now + _LEARN_S
            roster = self._ways.learn()
        if roster is not None:
            found = {id: self._ways.find(id) for id in self._neighbours.unknown(roster)}
            if None in found.values():
                self._find_at = now + _LEARN_S
            with latched, self._lock:
                self._neighbours.update(roster, found)
        self._learned = True

    def _look(self) -> None:
        """What has not been answered in time is asked of others; and who has waited for long, and
        nobody is there to ask, is told."""
        now = time.monotonic()
        interrupted: list[Response[Any]] = []
        with latched, self._lock:
            for call in [call for call in self._calls.values() if call.deadline <= now]:
                del self._calls[call.number]
                call.neighbour.busy.pop(call.lane.name, None)
                self._neighbours.shun(call.neighbour, now, silent=True)
                self._again(call, call.reads)
            for batch in self._lanes["eventual"].again:
                if batch.rounds and now - batch.began > PATIENCE_S:
                    interrupted += (read.response for read in batch.reads)
        for response in interrupted:
            response.interrupt(NoQuorum(f"no citizen of island {self._island!r} answers"))


class _Sight(NamedTuple):
    """A `Glance`, its replies decoded."""

    promise: Promise | None
    replies: list[Reply] | None
    roster: Roster | None


def _understood(future: Future[Any]) -> tuple[_Sight | None, BaseException | None]:
    """What a citizen has said, or why it said nothing that can be understood."""
    error = future.exception()
    if error is not None:
        return None, error
    try:
        glance = fit(Glance, unseal(future.result()))
        replies = None if glance.replies is None else decode_replies(glance.replies)
        return _Sight(glance.promise, replies, glance.roster), None
    except Exception as error:  # noqa: BLE001 - what is foreign or torn raises nearly anything
        return None, error
