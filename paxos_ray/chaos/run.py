"""A run: clients call, faults come and go, and in the end all of it is judged."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from paxos_ray.actors.errors import IslandError, TimedOut
from paxos_ray.actors.island import Island
from paxos_ray.chaos import faults, verdict
from paxos_ray.chaos.book import Book
from paxos_ray.chaos.crew import Crew
from paxos_ray.chaos.driver import Driver
from paxos_ray.chaos.errors import DriverFailed, NotNow
from paxos_ray.chaos.faults import FAULTS, Fault
from paxos_ray.chaos.habits import Load
from paxos_ray.chaos.observer import Observer
from paxos_ray.chaos.pauses import Event, Pauses, Wait, by_kind, measure, usual_ms, waits
from paxos_ray.chaos.scene import Scene
from paxos_ray.chaos.schedule import KINDS, LASTING, Round, Strike, rounds
from paxos_ray.chaos.verdict import Check, Tale
from paxos_ray.core.errors import InvalidArgument
from paxos_ray.machines.errors import UnknownObject
from paxos_ray.simulation.histories import Operation

HEAL_S = 180.0
"""How long an island may take to get over a round of faults: with nodes to start again on a busy
machine, minutes. After one that it has not got over there are no more."""

EXTRA_S = 120.0
"""How much longer a run is, at most, if a fault that was asked for has not taken place by then."""

_RETIRED_AT_ONCE = 32
_CALLERS = 2
_LOOK_S = 0.1
_READ_S = 60.0
_TRIES = 3
_FIRST = ("partition", "oneway")  # ended before others, which may need the network for it


class Plan(NamedTuple):
    """What is asked for. `rate` is the calls a second of all `clients` together; `driver` is for
    faults of the network and of nodes. It lasts `extra_s` longer at most if in `seconds` not each
    kind has taken place."""

    kinds: Sequence[str] = KINDS
    seconds: float = 180.0
    seed: int = 0
    clients: int = 4
    rate: float = 200.0
    majority: bool = False
    driver: Driver | None = None
    extra_s: float = EXTRA_S


@dataclass(slots=True)
class Findings:
    """What came of a run. Times in s since it began; `usual_ms` is the median of all waits."""

    island: str
    plan: Plan
    seconds: float = 0.0
    events: list[Event] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    answered: int = 0
    waits: list[Wait] = field(default_factory=list)
    usual_ms: float = 0.0
    governments: int = 0
    checks: list[Check] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether nothing is wrong in any respect."""
        return bool(self.checks) and all(check.good for check in self.checks)

    @property
    def pauses(self) -> dict[str, Pauses]:
        """The pauses that faults brought, by kind."""
        return by_kind([event for event in self.events if event.kind not in LASTING])


class Chaos:
    """One run against a running island. `says` is told what goes on.

    Raises `InvalidArgument`; `FaultRefused` if a fault cannot be had here, and then nothing was
    done; `TimedOut` if the island is not whole to begin with.
    """

    def __init__(self, island: Island, plan: Plan, says: Callable[[str], None]) -> None:
        _validate(plan)
        self._island = island
        self._plan = plan
        self._says = says
        self._name = f"chaos-{secrets.token_hex(3)}"
        self._scene = Scene(island, island.status().population, plan.driver)
        faults.check(plan.kinds, self._scene)
        says("waiting until the island is whole")
        wrong = self._scene.await_rest(HEAL_S)
        if wrong is not None:
            raise TimedOut(f"island {island.name!r} is not whole to begin with: {wrong}")
        self._began_ns = 0
        self._book = Book(self._name)
        self._tale = Tale(self._name)
        self._last: list[Operation] = []
        self._unhealed: list[str] = []
        self.findings = Findings(island.name, plan)

    def run(self) -> Findings:
        """Do all of it. Whatever ends it, as far as can be: the fault that lasts is undone, clients
        come to an end and what they have called is retired, the log is read no more."""
        observer = Observer(self._island, self._tale, f"{self._name}/end")
        try:
            observer.begin()
            home = self._disturb()
            self.findings.seconds = self._elapsed_s()
            self._says("reading what is left")
            self._read_last()
            observer.end()
            self._judge(home)
        finally:
            observer.close()
            self._clear()
        return self.findings

    # -- breaking -----------------------------------------------------------------------------

    def _disturb(self) -> Sequence[str]:
        """Have clients call, and break meanwhile: which clients no fault could touch."""
        self._began_ns = time.monotonic_ns()
        per_thread = self._plan.rate / self._plan.clients / (_CALLERS + 1)
        seed, most_s = self._plan.seed, self._plan.seconds + self._plan.extra_s + 3 * HEAL_S
        load = Load(self._name, seed, _CALLERS, per_thread, self._began_ns, most_s)
        crew = Crew(self._island, load, self._plan.clients, self._scene.here, self._book)
        try:
            crew.begin()
            self._await_answers()
            self._break()
        finally:
            self._says("waiting for the clients' last calls")
            crew.end()
        return crew.home

    def _await_answers(self) -> None:
        """Nothing is broken before clients were answered: that takes as long as Ray takes to start
        them. Raises `TimedOut`."""
        self._says("waiting for the clients")
        deadline = time.monotonic() + HEAL_S
        while not self._book.answered:
            if time.monotonic() > deadline:
                raise TimedOut(f"no client was answered within {HEAL_S:g} s: nothing was broken")
            time.sleep(_LOOK_S)

    def _break(self) -> None:
        plan, from_s = self._plan, self._elapsed_s()
        for kind in plan.kinds:
            if kind in LASTING:
                what = FAULTS[kind](self._scene).begin(Strike(kind, "all", 0.0))
                until_s = from_s + plan.seconds
                self.findings.events.append(Event(0, kind, what, from_s, until_s, until_s))
        for each in rounds(plan.seed, plan.kinds, plan.majority):
            happened = {event.kind for event in self.findings.events if event.happened}
            extra_s = 0.0 if happened.issuperset(plan.kinds) else plan.extra_s
            ends_s = self._elapsed_s() + each.calm_s + each.lasts_s
            if ends_s > from_s + plan.seconds + extra_s:
                break
            time.sleep(each.calm_s)
            self._round(each)
            if self._unhealed:
                break
        left_s = from_s + plan.seconds - self._elapsed_s()
        if left_s > 0:
            time.sleep(left_s)

    def _round(self, each: Round) -> None:
        begun: list[Event] = []
        with ExitStack() as stack:
            self._scene.begin_round()
            # Entered in this order, left the other way round: the network is mended first.
            for strike in sorted(each.strikes, key=lambda strike: strike.kind in _FIRST):
                fault = FAULTS[strike.kind](self._scene)
                stack.callback(self._end, fault)
                begun.append(self._begin(fault, strike, each.number))
            if any(event.happened for event in begun):
                time.sleep(each.lasts_s)
        ended_s = self._elapsed_s()
        wrong = self._scene.await_rest(HEAL_S)
        over_s = self._elapsed_s()
        if wrong is not None:
            self._unhealed.append(f"round {each.number}, {HEAL_S:g} s after it: {wrong}")
        for event in begun:
            self.findings.events.append(event._replace(ended_s=ended_s, over_s=over_s))

    def _begin(self, fault: Fault, strike: Strike, number: int) -> Event:
        began_s = self._elapsed_s()
        why: str | None = None
        try:
            what = fault.begin(strike)
        except NotNow as error:
            what, why = str(strike), str(error)
        except (IslandError, DriverFailed) as error:
            what, why = str(strike), f"{type(error).__name__}: {error}"
        self._says(f"{number}: {what}" if why is None else f"{number}: no {what}: {why}")
        return Event(number, strike.kind, what, began_s, began_s, began_s, why)

    def _end(self, fault: Fault) -> None:
        for _ in range(_TRIES):
            try:
                return fault.end()
            except (IslandError, DriverFailed) as error:
                self._says(f"{fault.kind} could not be ended: {error}")
        return None  # whether that matters shows when the island is waited for

    # -- judging ------------------------------------------------------------------------------

    def _read_last(self) -> None:
        """The value of each object that clients have shared, as one more client reads it."""
        objects = sorted({operation.object for operation in self._book.shared()})
        asked = []
        for object in objects:
            began = time.monotonic_ns()
            asked.append((object, began, self._island.counter(object).value.remote()))
        deadline = time.monotonic() + _READ_S
        for object, began, response in asked:
            try:
                result = response.result(max(0.1, deadline - time.monotonic()))
            except UnknownObject:
                result = 0
            except TimedOut as error:
                self._unhealed.append(f"{object} could not be read in the end: {error}")
                return
            ended = time.monotonic_ns()
            self._last.append(Operation("last", object, "value", (), began, ended, result))

    def _judge(self, home: Sequence[str]) -> None:
        findings, book = self.findings, self._book
        calls = book.calls()
        findings.waits = waits(calls, home, self._began_ns)
        findings.usual_ms = usual_ms(findings.waits)
        findings.events = measure(findings.events, findings.waits)
        findings.calls = Counter(told.operation.method for told in calls)
        findings.answered = book.answered
        self._says("comparing the citizens' states")
        digests: dict[str, str | None] = {}
        divergences: Sequence[object] = ()
        try:
            settled = self._island.settled(timeout_s=HEAL_S)
        except IslandError as error:
            self._unhealed.append(str(error))
        else:
            digests = {citizen.id: citizen.digest for citizen in settled.citizens}
            divergences = settled.divergences
            findings.governments = len(settled.governments)
        self._says("looking for an order of all calls")
        happened = Counter(event.kind for event in findings.events if event.happened)
        findings.checks = [
            verdict.linearizable([*book.shared(), *self._last]),
            verdict.exactly_once(book.owned(), self._tale),
            verdict.same_state(digests, divergences),
            verdict.healed(self._unhealed),
            verdict.tried(self._plan.kinds, happened),
            verdict.undisturbed(book.troubles, book.answered),
        ]

    def _clear(self) -> None:
        """Retire the objects of this run: the island is somebody's."""
        self._says("retiring the objects that were called")

        def retire(name: str) -> None:
            with suppress(UnknownObject):
                self._island.retire(name)

        # A call may take a second and more while Ray's get lost: many at a time take no longer.
        with suppress(IslandError), ThreadPoolExecutor(_RETIRED_AT_ONCE) as threads:
            mine = [name for name in self._island.objects() if name.startswith(f"{self._name}/")]
            list(threads.map(retire, mine))

    def _elapsed_s(self) -> float:
        return (time.monotonic_ns() - self._began_ns) / 1e9


def _validate(plan: Plan) -> None:
    unknown = [kind for kind in plan.kinds if kind not in KINDS]
    if unknown or not plan.kinds:
        known = ", ".join(KINDS)
        raise InvalidArgument(f"no such fault: {', '.join(unknown) or 'none'}; there are {known}")
    if len(set(plan.kinds)) < len(plan.kinds):
        raise InvalidArgument("a fault is named twice")
    for name in ("seconds", "clients", "rate"):
        if not getattr(plan, name) > 0:
            raise InvalidArgument(f"{name} is above 0, not {getattr(plan, name)!r}")
