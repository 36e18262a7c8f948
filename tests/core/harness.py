"""An island in one process, in virtual time, with every message under the test's control.

`Island("abc", "de")` stands a ready government up: majority a (leader), b, c and minority d, e. A
test then takes single pulses, delivers single envelopes, answers with what it likes, or lets
everything run. `check` compares all logs, promise by promise.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from paxos_ray.core import Ballot, Citizen, Government, Legislator, Promise, Pulse, Receipt, Reply
from paxos_ray.core.log import Entry
from paxos_ray.core.messages import Synchronize

REPUBLIC = "rome"
PING = 100
TIMEOUT = 1_000


def cookie_of(id: str) -> str:
    return f"{id}-cookie"


def citizen(id: str, cookie: str | None = None) -> Citizen:
    return Citizen(id=id, properties={"name": id}, cookie=cookie or cookie_of(id))


def government(
    majority: Iterable[str],
    minority: Iterable[str] = (),
    constituents: Iterable[str] = (),
    *,
    number: int | None = None,
    acclimated: Iterable[str] | None = None,
) -> Government:
    """A government of these, who arrived one after the other; by default all have the state."""
    seats = (*majority, *minority, *constituents)
    return Government(
        promise=Promise(number or len(seats), 0),
        majority=tuple(majority),
        minority=tuple(minority),
        constituents=tuple(constituents),
        acclimated=seats if acclimated is None else tuple(acclimated),
        arrived={id: Promise(place + 1, 0) for place, id in enumerate(seats)},
        citizens={id: citizen(id) for id in seats},
    )


class Island:
    """Legislators, a clock, and a network that loses what the test says."""

    def __init__(
        self,
        majority: Iterable[str],
        minority: Iterable[str] = (),
        constituents: Iterable[str] = (),
        *,
        loads: bool = True,
        **limits: int,
    ) -> None:
        self.now = 1_000
        self.limits = {"ping": PING, "timeout": TIMEOUT, **limits}
        self.legislators: dict[str, Legislator] = {}
        self.dead: set[str] = set()
        self.hung: set[str] = set()  # no results of a pulse come while one of its envelopes is here
        self.before: Callable[[Pulse], None] = lambda pulse: None  # told of each that is carried
        self.loads = loads  # whether applications load their state as soon as they may
        self.outcomes: dict[tuple[str, int], Promise | None] = {}
        self.acknowledged: dict[Promise, Any] = {}
        self._bodies: dict[tuple[str, int], Any] = {}
        self._history: dict[Promise, Entry] = {}
        self._successor: dict[Promise, Promise] = {}
        self._recorded: dict[str, Promise | None] = {}  # id -> up to where history has its log
        founding = government(majority, minority, constituents)
        for id in founding.citizens:
            self.join(id)
        self.install(founding)
        self.run(2 * PING)

    def __getitem__(self, id: str) -> Legislator:
        return self.legislators[id]

    # -- setting up ----------------------------------------------------------------------

    def join(self, id: str, cookie: str | None = None) -> Legislator:
        """A Legislator that waits to be written in."""
        seed = 1 + len(self.legislators)
        legislator = Legislator(id, seed=seed, **self.limits)  # type: ignore[arg-type]
        legislator.join(self.now, REPUBLIC, cookie or cookie_of(id))
        self.legislators[id] = legislator
        self._recorded.pop(id, None)
        self.dead.discard(id)
        return legislator

    def install(self, founding: Government) -> None:
        """Everybody starts from this government, as someone does who is brought up from it."""
        entry = Entry(founding.promise, Promise(founding.number - 1, 0), 0, founding)
        ids = list(founding.citizens)
        for index, id in enumerate(ids):
            sender = ids[index - 1] if len(ids) > 1 else "nobody"
            self[id].receive(
                self.now,
                Synchronize(
                    REPUBLIC, sender, cookie_of(sender), id, cookie_of(id), founding.ballot,
                    founding.promise, Promise(0, 0), (entry,), founding, None, True,
                ),
            )  # fmt: skip
            self[id].acclimate(self.now)

    # -- verbs ---------------------------------------------------------------------------

    def enqueue(self, id: str, body: Any) -> tuple[str, int]:
        """Propose; the key under which `outcomes` will hold what became of it."""
        return self._key(id, self[id].enqueue(self.now, REPUBLIC, body), body)

    def confirm(self, id: str) -> tuple[str, int]:
        return self._key(id, self[id].confirm(self.now), None)

    def embark(self, at: str, id: str, cookie: str | None = None) -> tuple[str, int]:
        return self._key(at, self[at].embark(self.now, REPUBLIC, citizen(id, cookie)), None)

    def emigrate(self, at: str, id: str) -> tuple[str, int]:
        return self._key(at, self[at].emigrate(self.now, id), None)

    def _key(self, id: str, receipt: Receipt, body: Any) -> tuple[str, int]:
        assert receipt.accepted, receipt.why
        assert receipt.ticket is not None
        key = (id, receipt.ticket)
        if body is not None:
            self._bodies[key] = body
        self.collect(id)
        return key

    def collect(self, id: str) -> None:
        """Note the outcomes that this citizen has to tell."""
        for outcome in self[id].outcomes():
            key = (id, outcome.ticket)
            assert key not in self.outcomes, "an outcome is told once"
            self.outcomes[key] = outcome.promise
            if key in self._bodies and outcome.promise is not None:
                self.acknowledged[outcome.promise] = self._bodies[key]
        self._record(id)

    # -- single messages -----------------------------------------------------------------

    def pass_time(self, ms: int) -> None:
        """Time passes and nobody does anything."""
        self.now += ms

    def tick(self, *ids: str) -> None:
        for id in ids:
            self[id].tick(self.now)
            self.collect(id)

    def take(self, id: str) -> Pulse:
        """The next pulse of this citizen; there must be one."""
        self.tick(id)
        pulse = self[id].outbox()
        self.collect(id)
        assert pulse is not None, f"{id} has nothing to send"
        return pulse

    def deliver(self, pulse: Pulse, *to: str) -> dict[str, Reply | None]:
        """Deliver these envelopes of the pulse (all, when none is named), lost where cut."""
        replies: dict[str, Reply | None] = {}
        for envelope in pulse.envelopes:
            if to and envelope.to not in to:
                continue
            replies[envelope.to] = self._deliver(envelope.to, envelope.request)
        return replies

    def _deliver(self, to: str, request: Any) -> Reply | None:
        if to not in self.legislators or to in self.dead:
            return None
        reply = self[to].receive(self.now, request)
        self.collect(to)
        return reply

    def answer(self, pulse: Pulse, replies: Mapping[str, Reply | None]) -> None:
        """Hand the results to the pulse's sender."""
        self[pulse.sender].sent(self.now, pulse, replies)
        self.collect(pulse.sender)

    def head(self, sender: str, to: str, ballot: Ballot | None = None) -> dict[str, Any]:
        """The fields that every request has, as `sender` would make them now for `to`."""
        seen = self[sender].inspect()
        assert seen.government is not None
        return {
            "republic": REPUBLIC,
            "sender": sender,
            "sender_cookie": seen.cookie,
            "to": to,
            "cookie": seen.government.citizens[to].cookie,
            "ballot": ballot or seen.government.ballot,
            "top": seen.top,
            "minimum": seen.minimum,
            "entries": (),
            "start": None,
            "written": None,
            "stateful": seen.stateful,
        }

    # -- faults --------------------------------------------------------------------------

    def crash(self, *ids: str) -> None:
        self.dead.update(ids)

    # -- letting it run ------------------------------------------------------------------

    def alive(self) -> list[str]:
        return [id for id in self.legislators if id not in self.dead | self.hung]

    def run(self, ms: int) -> None:
        """Everybody alive ticks and pulses for so long; messages take no time."""
        end = self.now + ms
        while True:
            self.exhaust()
            due = []
            for id in self.alive():
                wakeup = self[id].wakeup
                if wakeup is not None and wakeup > self.now:
                    due.append(wakeup)
            self.now = min([end, *due, self.now + PING])
            if self.now >= end:
                return
            self.tick(*self.alive())

    def run_until(self, condition: Callable[[], bool], ms: int = 60 * TIMEOUT) -> None:
        """Run until it holds; fails when it does not in time."""
        end = self.now + ms
        while not condition():
            assert self.now < end, f"not within {ms} ms: {self.describe()}"
            self.run(PING // 2)
            self.tick(*self.alive())

    def exhaust(self) -> None:
        """Carry pulses until nobody has one, without time passing."""
        for _ in range(300):
            carried = False
            for id in self.alive():
                self.load(id)
                pulse = self[id].outbox()
                self.collect(id)
                if pulse is not None:
                    carried = True
                    self.before(pulse)
                    replies = {
                        envelope.to: self._deliver(envelope.to, envelope.request)
                        for envelope in pulse.envelopes
                        if envelope.to not in self.hung
                    }
                    if len(replies) == len(pulse.envelopes):
                        self.answer(pulse, replies)
            if not carried:
                return
        raise AssertionError(f"pulses without end: {self.describe()}")

    def load(self, id: str) -> None:
        """The application of this citizen loads its state, if a donor is there."""
        donor = self[id].donor
        if self.loads and donor is not None and donor not in self.dead:
            if self[donor].inspect().stateful:
                self[id].acclimate(self.now)

    # -- what holds ----------------------------------------------------------------------

    def leaders(self) -> list[str]:
        return [id for id in self.alive() if self[id].inspect().role == "writer"]

    def check(self) -> None:
        """One promise, one entry; one entry, one successor; what was acknowledged is there."""
        for id in self.legislators:
            self._record(id)
        for promise, body in self.acknowledged.items():
            assert self._history[promise].body == body, f"{promise} was acknowledged otherwise"

    def _record(self, id: str) -> None:
        """Note what this citizen has committed since, before it is let go of."""
        top = self[id].top
        before = self._recorded.get(id)
        if top == before:
            return
        self._recorded[id] = top
        for entry in self[id].log:
            if before is None or entry.promise > before:
                known = self._history.setdefault(entry.promise, entry)
                assert known == entry, f"{id} has another {entry.promise}"
                follower = self._successor.setdefault(entry.previous, entry.promise)
                assert follower == entry.promise, f"{id}: {entry.previous} is followed twice"

    def write_through(self, body: Any = "proof", ms: int = 60 * TIMEOUT) -> Promise:
        """The island makes progress: somebody leads, and commits this."""
        end = self.now + ms
        key: tuple[str, int] | None = None
        while key is None or self.outcomes.get(key) is None:
            assert self.now < end, f"no progress within {ms} ms: {self.describe()}"
            if key is None or key in self.outcomes:
                leaders = self.leaders()
                key = self.enqueue(leaders[-1], body) if leaders else None
            self.run(PING)
            self.tick(*self.alive())
        self.check()
        promise = self.outcomes[key]
        assert promise is not None
        return promise

    def describe(self) -> str:
        lines = []
        for id in self.alive():
            seen = self[id].inspect()
            register = seen.register and [str(entry.promise) for entry in seen.register.entries]
            ruling = seen.government
            seats = ruling and (ruling.majority, ruling.minority, ruling.constituents)
            lines.append(
                f"{id}: {seen.role} top {seen.top} minimum {seen.minimum} promised {seen.promised}"
                f" register {register} seats {seats} stateful {seen.stateful}"
            )
        return "\n".join(["", *lines])


def plant(patch: pytest.MonkeyPatch, owner: Any, name: str, rule: str, bug: str) -> None:
    """Replace `rule` by `bug` in the source of a function, so that a test is seen to catch it."""
    target = inspect.getattr_static(owner, name)
    function = target.fget if isinstance(target, property) else target
    source = textwrap.dedent(inspect.getsource(function))
    assert source.count(rule) == 1, f"{name} has no such line any more, or more than one: {rule}"
    namespace: dict[str, Any] = {}
    exec(source.replace(rule, bug), function.__globals__, namespace)
    patch.setattr(owner, name, namespace[name])
