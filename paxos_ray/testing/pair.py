"""The log of a test, applied by two copies that are compared after each entry."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from paxos_ray.core.changes import found
from paxos_ray.core.government import Citizen
from paxos_ray.core.log import NOTHING, Entry
from paxos_ray.core.promise import Promise
from paxos_ray.machines import (
    EXPIRED,
    RAISED,
    RESULT,
    Event,
    Operation,
    Reply,
    encode_batch,
    encode_open,
    encode_pass,
)
from paxos_ray.machines.errors import from_reply
from paxos_ray.machines.likeness import likeness
from paxos_ray.machines.replies import likeness as of_reply
from paxos_ray.testing.copy import Told
from paxos_ray.testing.errors import CopyLost, Diverged, NotCheckedFirst
from paxos_ray.testing.looking import Route, View, difference
from paxos_ray.testing.nursery import Remote, nursery

RENEWED_EVERY = 5
"""After so many calls one copy becomes a newcomer: it is made of the snapshot of the other."""

NURSERIES = 3
"""How many of them newcomers are taken from, in turn: each has another order of sets."""

FOR_EVER_MS = 1 << 50


class Call(NamedTuple):
    """What is told of a call when it is where copies differ."""

    method: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class Session:
    """One client's: the name that it has in the log, and the sequence number of its last call."""

    def __init__(self, lifetime_ms: int) -> None:
        self.lifetime_ms = lifetime_ms
        self.name: Promise | None = None
        self.last = 0


class Pair:
    """Two copies of one object of a class of that name."""

    def __init__(self, object: str) -> None:
        self.stamp = 0
        """Log time, ms."""
        self.events: list[Event] = []
        """What was published since that was last asked."""
        self._object = object
        self._lock = threading.RLock()
        self._calls = -1
        self._newcomers = 0
        self._failed: Exception | None = None
        self._due: int | None = None
        self._digests: dict[str, str] = {}
        self._copies = [nursery(0).copy(), nursery(1).copy()]
        self._call = Call("__init__", (), {})
        self._top = NOTHING
        government = found(Citizen(id="citizen", properties={}, cookie=0))
        self._write(government.promise, government)

    def close(self) -> None:
        """Let both copies end. Raises again what has failed, if anything has."""
        for copy in self._copies:
            copy.close()
        if self._failed is not None:
            raise self._failed
        self._failed = CopyLost(f"the test of {self._object} is closed")

    def write(self, session: Session, operation: Operation, call: Call) -> Reply:
        """Apply one operation of that session: its reply. Raises `Diverged`, `CopyLost`."""
        with self._lock:
            self._begin(call)
            while True:
                if session.name is None:
                    session.name = self._append(encode_open(session.lifetime_ms))[0]
                    session.last = 0
                body = encode_batch(session.name, session.last + 1, session.last, [operation])
                replies = self._append(body)[1].replies
                if replies[-1].status is not EXPIRED:
                    break
                session.name = None
            session.last += 1
            if self._calls and self._calls % RENEWED_EVERY == 0:
                self.renew()
            return replies[-1]

    def read(self, method: str, payload: bytes, call: Call) -> Reply:
        """The reply to a query. Raises `Diverged`, `CopyLost`."""
        with self._lock:
            self._begin(call)
            return self._compare(self._both("ask", method, payload)).replies[-1]

    def advance(self, ms: int) -> None:
        """Let log time pass, and all that becomes due meanwhile happen when it does."""
        with self._lock:
            self._begin(Call("advance", (ms,), {}), count=False)
            target = self.stamp + ms
            while True:
                due = self._due
                self.stamp = due if due is not None and self.stamp < due < target else target
                self._append(encode_pass())
                if self.stamp == target:
                    return

    def renew(self) -> None:
        """Make the second copy anew, of the first one's snapshot."""
        with self._lock:
            self._begin(self._call, count=False)
            snapshot = self._ask(0, "snapshot")()
            self._copies[1].close()
            self._newcomers += 1
            self._copies[1] = nursery(1 + self._newcomers % NURSERIES).copy()
            waits = self._ask(1, "restore", snapshot)
            if waits() != self._digests:
                self._differ("what a newcomer makes of the snapshot is another state", "state")

    # -- the log ------------------------------------------------------------------------------

    def _begin(self, call: Call, count: bool = True) -> None:
        if self._failed is not None:
            raise self._failed
        self._call = call
        self._calls += count

    def _append(self, body: object) -> tuple[Promise, Told]:
        promise = Promise(self._top.government, self._top.entry + 1)
        return promise, self._write(promise, body)

    def _write(self, promise: Promise, body: object) -> Told:
        entry = Entry(promise, self._top, self.stamp, body)
        told = self._compare(self._both("apply", entry))
        self._top = promise
        self.events += told.events
        return told

    def _ask(self, copy: int, verb: str, *arguments: Any) -> Callable[[], Any]:
        """As `Remote.ask`; a copy that is lost is lost for good."""
        remote: Remote = self._copies[copy]

        def heard() -> Any:
            try:
                return waits()
            except CopyLost as error:
                self._failed = self._failed or error
                raise

        try:
            waits = remote.ask(verb, *arguments)
        except CopyLost as error:
            self._failed = error
            raise
        return heard

    def _both(self, verb: str, *arguments: Any) -> tuple[Told, Told]:
        first, second = self._ask(0, verb, *arguments), self._ask(1, verb, *arguments)
        return first(), second()

    # -- comparing ----------------------------------------------------------------------------

    def _compare(self, told: tuple[Told, Told]) -> Told:
        one, other = told
        replies, others = [[_comparable(reply) for reply in each.replies] for each in (one, other)]
        if replies != others:
            self._differ("the copies answer differently", "reply")
        if likeness(list(one.events)) != likeness(list(other.events)):
            self._differ("the copies publish different events", "", one.events, other.events)
        if one.digests != other.digests:
            self._differ("the copies are in different states", "state")
        if one.due != other.due:
            self._differ("the copies are due at different times", "", one.due, other.due)
        for each in told:
            if each.wrong is not None:
                name, why = each.wrong
                not_checked = name == NotCheckedFirst.__name__
                self._failed = NotCheckedFirst(why) if not_checked else from_reply(each.wrong)
                raise self._failed
        self._digests, self._due = one.digests, one.due
        return one

    def _differ(self, what: str, at: str, first: Any = "", second: Any = "") -> None:
        path, one, other = "", first and str(first), second and str(second)
        if at:
            path, one, other = difference(self._looking(0, at), self._looking(1, at))
        self._failed = Diverged(self._object, self._calls, *self._call, what, path, one, other)
        raise self._failed

    def _looking(self, copy: int, at: str) -> Callable[[Route], View]:
        def look(route: Route) -> View:
            seen: View = self._ask(copy, "look", at, route)()
            return seen

        return look


def _comparable(reply: Reply) -> Reply:
    """As citizens' replies are compared; of an error of this package the words may differ."""
    if reply.status in (RESULT, RAISED):
        return of_reply(reply)
    return Reply(reply.status, reply.value[0] if isinstance(reply.value, tuple) else reply.value)
