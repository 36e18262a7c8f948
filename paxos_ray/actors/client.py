"""The client of an island: one a process, shared by all handles.

It puts what waits into one call, keeps a session that makes sending again safe, and finds the
coordinator when it is lost. It needs no event loop: Ray calls back when a call is answered, and a
thread of its own does what takes time. No lock is held while Ray is called.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

import ray
from ray.exceptions import ActorDiedError, RayActorError, RayTaskError

from paxos_ray.actors.authority import root_of
from paxos_ray.actors.errors import (
    IslandShutDown,
    NoQuorum,
    OutcomeUnknown,
    Overloaded,
    RayNotInitialised,
    TimedOut,
)
from paxos_ray.actors.gate import Gate, weigh
from paxos_ray.actors.guard import Guarded, refusal
from paxos_ray.actors.lanes import Consistency
from paxos_ray.actors.latch import latched, later
from paxos_ray.actors.lookout import Lookout
from paxos_ray.actors.nearby import Nearby, Ways
from paxos_ray.actors.neighbours import find, learn
from paxos_ray.actors.response import Response
from paxos_ray.actors.session import BATCH, Batch, Session, deliver, drained
from paxos_ray.actors.signals import Uninterrupted
from paxos_ray.actors.successor import successor
from paxos_ray.actors.wire import Answer, Opening, Roster, seal, unseal
from paxos_ray.core.log import NOTHING
from paxos_ray.core.promise import Promise
from paxos_ray.machines import Operation, decode_replies

if TYPE_CHECKING:
    from paxos_ray.actors.follower import Follower

log = logging.getLogger("paxos_ray")

_KEEPALIVES = 4  # an idle client uses its session so often while it lives
_CALL_LIMIT_S = 20.0  # a coordinator gives up earlier, and says so
_FRESH_S = 1.0
_LOOK_S = 0.1
_RETRY_S = 0.02
_RETRY_MOST_S = 0.5
_NO_QUERIES = seal([])


class Client:
    """Sends operations and queries; see `write` and `read`."""

    def __init__(self, island: str, coordinator: Guarded) -> None:
        self.island = island
        self.authority = coordinator.authority
        self.coordinator = coordinator
        self.root: str | None = None
        """That of the island's republics, see `Authority`; None before it is known."""
        self.gate = Gate()
        ways = Ways(self._learn, partial(find, island, self.authority), self._ask, self.gate.leave)
        self.nearby = Nearby(island, ways)
        self.follower: Follower | None = None
        self._lookout = Lookout(island, coordinator)
        self._lock = threading.Lock()  # see `latched`
        self._wake: SimpleQueue[None] = SimpleQueue()  # into which the garbage collector may put
        self._closed: Exception | None = None
        self._session: Session | None = None
        self._opening = False
        self._keepalive_s = 0.0
        self._waiting: deque[tuple[Operation, Response[Any]]] = deque()
        self._queries: deque[tuple[Operation, Response[Any]]] = deque()
        self._asking = False  # a call with queries is under way
        self._sending = False  # some thread is handing a call to Ray
        self._calls: dict[int, tuple[float, Callable[[Exception], None]]] = {}  # since when
        self._count = 0
        self.heard_at = 0.0
        self._used_at = time.monotonic()
        self._not_before = 0.0
        self._failures = 0
        self._lacking = 0  # how often in a row a carrier has said that there is no majority
        self._lost = False  # Ray said that the carrier is away
        self._died = False  # Ray said that it is so for good
        name = f"paxos_ray client of {island}"
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def write(self, operation: Operation, patience_s: float | None = None) -> Response[Any]:
        """Apply the operation, once, after all that this client was given before.

        If as much is unanswered as may be, wait until it is less, at most so long (None: as long
        as it takes). Raises `Overloaded`; then nothing was asked for. See `Gate.wait`."""
        weight = weigh(operation)
        if not self.gate.enter(weight):
            self.gate.wait(weight, patience_s)
        return self._write_inside(operation, weight)

    async def write_async(
        self, operation: Operation, patience_s: float | None = None
    ) -> Response[Any]:
        """The same, while the event loop goes on."""
        weight = weigh(operation)
        if not self.gate.enter(weight):
            await self.gate.wait_async(weight, patience_s)
        return self._write_inside(operation, weight)

    def _write_inside(self, operation: Operation, weight: int) -> Response[Any]:
        response: Response[Any] = Response(weight)
        self._waiting.append((operation, response))
        session = self._session
        if session is None or not session.under_way or len(self._waiting) & 255 == 0:
            self._send()
        return response

    def read(
        self,
        query: Operation,
        patience_s: float | None = None,
        consistency: Consistency = "linearizable",
    ) -> Response[Any]:
        """Answer the query from a state not older than this moment; or, see `nearby`, than what
        this client has seen, or from any. Waits and raises as `write`."""
        weight = weigh(query)
        if not self.gate.enter(weight):
            self.gate.wait(weight, patience_s)
        return self._read_inside(query, weight, consistency)

    async def read_async(
        self,
        query: Operation,
        patience_s: float | None = None,
        consistency: Consistency = "linearizable",
    ) -> Response[Any]:
        """The same, while the event loop goes on."""
        weight = weigh(query)
        if not self.gate.enter(weight):
            await self.gate.wait_async(weight, patience_s)
        return self._read_inside(query, weight, consistency)

    def _read_inside(
        self, query: Operation, weight: int, consistency: Consistency
    ) -> Response[Any]:
        if consistency != "linearizable":
            return self.nearby.read(query, weight, consistency)
        response: Response[Any] = Response(weight)
        self._queries.append((query, response))
        if not self._asking or self._closed is not None:
            self._send()
        return response

    def locate(self, done: Callable[[Answer], None], failed: Callable[[Exception], None]) -> None:
        """Find out up to where the log is, not before this moment. One of the two is called."""
        self._call(lambda: self._lookout.carrier.read.remote(_NO_QUERIES), done, failed)

    @property
    def seen(self) -> Promise | None:
        """The last promise that an answer has reflected: what is asked for later comes later."""
        return self.nearby.seen if self.nearby.seen > NOTHING else None

    @property
    def fresh(self) -> bool:
        """Whether its coordinator was there a moment ago."""
        return self._closed is None and time.monotonic() - self.heard_at < _FRESH_S

    @property
    def closed(self) -> bool:
        """Whether nothing can be asked any more."""
        return self._closed is not None

    @property
    def closed_by(self) -> Exception | None:
        """Why, if it is so."""
        return self._closed

    def close(self, error: Exception) -> None:
        """Answer all that is unanswered, and all that is yet to come, with this error."""
        with latched, self._lock:
            if self._closed is not None:
                return
            self._closed = error
            session, self._session = self._session, None
            calls = [failed for _, failed in self._calls.values()]
            self._calls.clear()  # what comes back from now on comes too late
        if session is not None:
            session.end(error)
        self.gate.close()
        self.nearby.close(error)
        for failed in calls:
            failed(error)
        self._send()
        self._wake.put(None)

    # -- sending ------------------------------------------------------------------------------

    def _send(self) -> None:
        """Hand to Ray all calls that should be under way; in one thread at a time, for order.

        Who is interrupted meanwhile, is so afterwards: what is half sent would never be answered,
        nor what comes after it."""
        if latched:  # the garbage collector has come in between
            later(self._send)
            return
        while True:
            with Uninterrupted():
                with latched, self._lock:
                    if self._sending:
                        return
                    call = self._refusal() or self._next_call()
                    if call is None:
                        return
                    self._sending = True
                try:
                    call()
                finally:
                    with latched, self._lock:
                        self._sending = False

    def _refusal(self) -> Callable[[], None] | None:
        error = self._closed
        if error is None:
            return None
        refused = [
            response for queue in (self._waiting, self._queries) for _, response in drained(queue)
        ]

        def refuse() -> None:
            for response in refused:
                response.set_error(error)

        return refuse if refused else None

    def _next_call(self) -> Callable[[], None] | None:
        if time.monotonic() < self._not_before:
            return None
        session = self._session
        if session is None:
            if self._waiting and not self._opening:
                self._opening = True
                return self._open
        elif batch := (session.repeat() or session.new(self._waiting)):
            session.under_way += 1
            return lambda: self._write(session, batch)
        if self._queries and not self._asking:
            self._asking = True
            taken = [self._queries.popleft() for _ in range(min(len(self._queries), BATCH))]
            return lambda: self._read(taken)
        return None

    def _open(self) -> None:
        self._call(lambda: self._lookout.carrier.open.remote(), self._opened, self._not_opened)

    def _write(self, session: Session, batch: Batch) -> None:
        self._used_at = time.monotonic()
        body = session.encode(batch)
        self._call(
            lambda: self._lookout.carrier.write.remote(body),
            lambda answer: self._written(session, batch, answer),
            lambda error: self._not_written(session),
        )

    def _read(self, taken: list[tuple[Operation, Response[Any]]]) -> None:
        self._ask(
            seal([query for query, _ in taken]),
            lambda answer: self._answered(taken, answer),
            lambda error: self._not_answered(taken),
        )

    def _ask(
        self,
        queries: bytes,
        done: Callable[[Answer], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._call(lambda: self._lookout.carrier.read.remote(queries), done, failed)

    def _call(
        self,
        submit: Callable[[], Any],
        done: Callable[[Any], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """One of `done` and `failed` is called, once; in a thread of Ray's, or in this client's."""
        with latched, self._lock:
            closed = self._closed
            self._count += 1
            number = self._count
            if closed is None:
                self._calls[number] = (time.monotonic(), failed)
        if closed is not None:  # since this call was decided upon
            failed(closed)
            return

        def back(future: Future[Any]) -> None:
            with latched, self._lock:
                if self._calls.pop(number, None) is None:
                    return
            error = future.exception()
            if error is None:
                try:
                    self._heard(future.result(), done)
                except BaseException as wrong:  # noqa: BLE001 - what cannot be read is no answer
                    error = wrong
            if error is not None:
                self._failed(error, failed)
            if self._waiting or self._queries or error is not None:
                self._wake.put(None)

        try:
            submit().future().add_done_callback(back)
        except Exception as error:  # noqa: BLE001 - Ray was shut down, or worse
            lost: Future[Any] = Future()
            lost.set_exception(error)
            back(lost)

    # -- what comes back ----------------------------------------------------------------------

    def _heard(self, sealed: bytes, done: Callable[[Any], None]) -> None:
        """Raises `WrongVersion`, and what reading an answer raises: then nothing has come of it."""
        self.heard_at = time.monotonic()
        answer: Answer | Opening = unseal(sealed)
        self.nearby.saw(answer.promise)
        done(answer)
        self._failures = self._lacking = 0

    def _failed(self, error: BaseException, failed: Callable[[Exception], None]) -> None:
        """Wait a moment, longer each time, and send again: unless the island is no more."""
        lack: NoQuorum | None = None
        refused = refusal(error)
        if not ray.is_initialized():
            self.close(RayNotInitialised("Ray was shut down in this process"))
        elif refused is not None:
            self.close(refused)
        elif isinstance(error, ActorDiedError):
            self._died = True  # what follows from that needs Ray, which waits for this thread
        elif isinstance(error, RayActorError):
            self._lost = True
        elif isinstance(error, RayTaskError) and isinstance(error.cause, NoQuorum):
            self._lost = True  # another carrier may see more
            self._lacking += 1
            lack = error.cause
        elif not isinstance(error, (TimedOut, Overloaded)):
            log.warning("island %s: %s", self.island, error)
        pause_s = min(_RETRY_S * 2**self._failures, _RETRY_MOST_S)
        self._failures += 1
        self._not_before = time.monotonic() + pause_s
        failed(Exception(str(error)))
        if self._closed is not None:  # what has failed waits again, and nobody sends any more
            self._send()
        if lack is not None and self._lacking > 1:
            self._interrupt(lack)

    def follow(self) -> bool:
        """Its coordinator has ended for good: turn to the one that has taken over, if the island
        was founded anew, or is just being so; False, and closed, when it was shut down."""
        found = successor(self.island, self.coordinator.actor)
        if found is None:
            self.close(IslandShutDown(f"island {self.island!r} was shut down"))
        elif found is not self.coordinator.actor:
            self.coordinator = Guarded(found, self.authority)
            self._lookout = Lookout(self.island, self.coordinator)
        return found is not None

    def _learn(self) -> Roster | None:
        return learn(self.island, self.coordinator, self.follow)

    def _interrupt(self, why: NoQuorum) -> None:
        """All who wait are told; what they wait for stays asked, if it was asked for."""
        with latched, self._lock:
            waiting = [response for _, response in (*self._waiting, *self._queries)]
            session = self._session
            batches = () if session is None else tuple(session.unanswered)
        for batch in batches:
            waiting += () if batch.answered else batch.responses
        waiting += self.nearby.waiting_for_leader()
        for response in waiting:
            response.interrupt(why)
        self.gate.turn_away(why)

    def _opened(self, answer: Opening) -> None:
        with latched, self._lock:
            self._opening = False
            self._keepalive_s = answer.lifetime_ms / 1000 / _KEEPALIVES
            if self._closed is None:
                self._session = Session(answer.promise)
        self._wake.put(None)

    def _not_opened(self, error: Exception) -> None:
        self._opening = False

    def _written(self, session: Session, batch: Batch, answer: Answer) -> None:
        replies = decode_replies(answer.replies)
        with latched, self._lock:
            current = session is self._session
            expired = current and not session.answer(batch, replies)
            session.under_way -= 1
            if expired:
                self._session = None
            dropped = session.dropped()
        if expired:
            what = "the session has ended; this was applied once, or never"
            session.end(OutcomeUnknown(what))
            dropped = session.dropped()
        self.gate.leave(*dropped)

    def _not_written(self, session: Session) -> None:
        with latched, self._lock:
            session.under_way -= 1
            session.again = True

    def _answered(self, taken: list[tuple[Operation, Response[Any]]], answer: Answer) -> None:
        told = list(zip(taken, decode_replies(answer.replies), strict=True))
        self._asking = False
        for (_, response), reply in told:
            deliver(response, reply)
        self.gate.leave(sum(response.weight for _, response in taken), len(taken))

    def _not_answered(self, taken: list[tuple[Operation, Response[Any]]]) -> None:
        with latched, self._lock:
            self._queries.extendleft(reversed(taken))
            self._asking = False

    # -- the thread ---------------------------------------------------------------------------

    def _run(self) -> None:
        self._get_to_know()
        while self._closed is None:
            self._wait()
            try:
                self._see_to_it()
            except Exception:  # the next round may do better, and without it nobody would be told
                log.exception("island %s: its client goes on after an error", self.island)
        self._send()

    def _see_to_it(self) -> None:
        if not ray.is_initialized():
            self.close(RayNotInitialised("Ray was shut down in this process"))
        elif self._died:
            self._died = False
            self.follow()
        self._look_out()
        self._keep_alive()
        self._send()

    def _get_to_know(self) -> None:
        """How much may be unanswered is the island's to say, until then it is the default; and so
        is which island it is."""

        def limited(future: Future[Any]) -> None:
            error = future.exception()
            refused = refusal(error)
            if error is None:
                self.gate.widen(future.result().client_bytes)
            elif refused is not None:
                self.close(refused)

        def greeted(future: Future[Any]) -> None:
            if future.exception() is None:
                self.root = root_of(future.result())

        try:
            self.coordinator.limits.remote().future().add_done_callback(limited)
            self.coordinator.greet.remote().future().add_done_callback(greeted)
        except Exception as error:  # noqa: BLE001 - Ray was shut down, or worse
            log.debug("island %s: %s", self.island, error)

    def _wait(self) -> None:
        """As long as there is nothing to do by itself."""
        wait_s = self._not_before - time.monotonic()
        with contextlib.suppress(Empty):
            self._wake.get(timeout=wait_s if 0 < wait_s < _LOOK_S else _LOOK_S)
            while True:
                self._wake.get_nowait()

    def _look_out(self) -> None:
        """Calls that are not answered at all are sent again, to another carrier if there is one."""
        now = time.monotonic()
        with latched, self._lock:
            oldest = min((since for since, _ in self._calls.values()), default=now)
        lost, self._lost = self._lost, False
        elsewhere = self._lookout.look(now - oldest, lost)
        if elsewhere:
            self._not_before = 0.0
        limit_s = 0.0 if elsewhere else _CALL_LIMIT_S
        with latched, self._lock:
            late = [n for n, (since, _) in self._calls.items() if now - since >= limit_s]
            calls = [self._calls.pop(number)[1] for number in late]
        for failed in calls:
            failed(TimedOut("no answer"))

    def _keep_alive(self) -> None:
        with latched, self._lock:
            session = self._session
            if session is None or session.under_way or session.unanswered or self._waiting:
                return
            if self._sending or time.monotonic() - self._used_at < self._keepalive_s:
                return
            session.under_way += 1
        self._write(session, session.keepalive())
