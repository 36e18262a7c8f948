"""One schedule: found an island, trouble it, heal it, and see that it held."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any, Protocol

from paxos_ray.core.promise import Promise
from paxos_ray.simulation import checkers
from paxos_ray.simulation.agenda import Agenda
from paxos_ray.simulation.coordinator import Clients, Coordinator
from paxos_ray.simulation.healing import Progress
from paxos_ray.simulation.inhabitant import Inhabitant, Ticket
from paxos_ray.simulation.island import Island, Make, Settings
from paxos_ray.simulation.nemesis import Nemesis
from paxos_ray.simulation.plan import Plan, calm, draw
from paxos_ray.simulation.watch import Checker, History, Violation, Watch


@dataclass(slots=True)
class Summary:
    """What a schedule came to. `failure` is None when everything held; else the invariant's name,
    with what broke it in `detail` and the virtual time in `elapsed_ms`."""

    seed: int
    failure: str | None = None
    detail: str = ""
    digest: int = 0  # of everything that happened, in order
    elapsed_ms: int = 0
    rested_ms: int = 0  # from healing to rest
    rested_pings: int = 0
    messages: int = 0  # requests and replies delivered
    inputs: int = 0
    entries: int = 0
    written: int = 0
    acknowledged: int = 0
    read: int = 0
    confirmed: int = 0
    undecided: bool = False  # its clients' history was too costly to check
    deeds: dict[str, int] = field(default_factory=dict)
    changes: dict[str, int] = field(default_factory=dict)


class Place(Protocol):
    """Where citizens live: an `Island`, or a `Stage`."""

    @property
    def agenda(self) -> Agenda:
        """Its time."""

    @property
    def incarnations(self) -> Mapping[tuple[str, Any], Inhabitant]:
        """All that ever lived there, by id and cookie."""


class Ruled(Protocol):
    """What says how citizens are made: a `Plan`, or a `Stage`."""

    @property
    def settings(self) -> Settings:
        """How they are made."""


def invariants(history: History, island: Place, plan: Ruled) -> list[Checker]:
    """All checkers but that of progress."""
    settings = plan.settings
    return [
        checkers.OneEntry(history),
        checkers.OneLog(history),
        checkers.SameBallot(history),
        checkers.Chosen(history, island.incarnations),
        checkers.NothingLost(history),
        checkers.NothingTwice(history),
        checkers.FreshReads(history),
        checkers.OneState(history),
        checkers.ValidGovernments(history, settings.parliament_size, settings.odd_floor),
        checkers.NobodyVanishes(history),
        checkers.Promises(history),
        checkers.Attached(history),
        checkers.Minimum(history, island.incarnations),
        checkers.Receipts(history, island.incarnations),
        checkers.Stamps(history, partial(getattr, island.agenda, "now")),  # which can be copied
    ]


class Schedule:
    """A schedule that is running; the island's observer. `note` is given a line for each event;
    the seed's own plan and the kind of island can be replaced."""

    def __init__(
        self,
        seed: int,
        make: Make | None = None,
        note: Callable[[str], None] | None = None,
        plan: Plan | None = None,
        kind: type[Island] = Island,
    ) -> None:
        self.seed = seed
        self.plan = plan = plan or draw(seed)
        self._random = random = Random(f"run {seed}")
        founding = plan.weather if plan.founding < plan.population else calm(plan)
        self.island = island = kind(random.getrandbits(64), plan.settings, founding, self)
        if make is not None:
            island.make = make
        if note is not None:
            say = note
            island.note = lambda line: say(f"{island.agenda.now:6d} {line}")
        island.skew_ms, island.late_ms, island.load_ms = plan.skew_ms, plan.late_ms, plan.load_ms
        self.healed_ms = 0  # when the faults ended
        self.history = history = History()
        self.watch = Watch(history, invariants(history, island, plan))
        self.clients = self._clients(self._child())
        self.coordinator = Coordinator(island, history, plan, self._child())
        self.nemesis = Nemesis(island, self.coordinator, self.clients, plan, self._child())
        self.progress = Progress(island, self.coordinator, self.clients, plan)

    def _clients(self, random: Random) -> Clients:
        return Clients(self.island, self.history, self.plan, random)

    def _child(self) -> Random:
        return Random(self._random.getrandbits(64))

    # -- the island's observer -----------------------------------------------------------

    def observe(self, who: Inhabitant) -> None:
        """Check, and tell the adversary of new governments."""
        governments, chain = self.history.governments, self.history.chain
        known, length, register = len(governments), len(chain), who.register
        self.watch.observe(who)
        if len(chain) != length:
            if len(governments) > known > 0:
                self.nemesis.committed(who, governments[known - 1], governments[-1])
            else:
                self.nemesis.wrote(who)
        recorded = who.register
        if recorded is not None and recorded is not register:
            if any(entry.promise.entry == 0 for entry in recorded.entries):
                self.nemesis.recorded(who)

    def settled(self, who: Inhabitant, ticket: Ticket, promise: Promise | None) -> None:
        """Check, count, and stop who has departed."""
        self.watch.settled(who, ticket, promise)
        self.clients.settled(ticket, promise)
        self.coordinator.settled(ticket, promise)

    def spilled(self, who: Inhabitant, promise: Promise) -> None:
        """Its log went past what its application has applied, and it was not told so."""
        applied = who.application.state.applied
        raise Violation(
            "nothing unapplied is let go", f"{who} has applied {applied}, not {promise}"
        )

    # -- the run -------------------------------------------------------------------------

    def run(self) -> Summary:
        """Run the schedule to its end, or to the first thing that is broken."""
        summary = Summary(self.seed)
        try:
            self._found()
            self._trouble()
            self._heal()
        except Violation as violation:
            summary.failure, summary.detail = violation.name, violation.detail
        except Exception as error:  # noqa: BLE001 - whatever goes wrong is this schedule's failure
            summary.failure = f"{type(error).__name__} in the core or the simulation"
            summary.detail = "".join(traceback.format_exception(error, limit=-4))
        self._fill(summary)
        return summary

    def _found(self) -> None:
        """Grow the island to its first size."""
        island, plan = self.island, self.plan
        founder = island.found("a")
        self.clients.start()
        self.coordinator.population = plan.founding
        self.coordinator.start()
        deadline = island.agenda.now + 100 * plan.settings.ping
        while island.agenda.now < deadline:
            island.agenda.run(island.agenda.now + plan.settings.ping)
            government = founder.legislator.government
            assert government is not None
            seats = min(plan.founding, plan.settings.parliament_size)
            if len(government.parliament) >= seats - (seats + 1) % 2:
                break

    def _trouble(self) -> None:
        island, plan = self.island, self.plan
        island.network.weather = plan.weather
        self.coordinator.population = plan.population
        self.nemesis.start()
        island.agenda.run(island.agenda.now + plan.trouble_ms)
        self.nemesis.stop()

    def _heal(self) -> None:
        island = self.island
        self.healed_ms = island.agenda.now
        island.network.mend_all()
        island.network.weather = calm(self.plan)
        island.late_ms = 0
        island.load_ms = self.plan.settings.ping
        self.clients.stop()
        self.coordinator.stops_outcasts = 1.0
        self.progress.run()

    def _fill(self, summary: Summary) -> None:
        island, clients = self.island, self.clients
        summary.digest = hash((island.digest, self._random.getrandbits(32)))
        summary.elapsed_ms = island.agenda.now
        summary.rested_ms = self.progress.rested_ms
        summary.rested_pings = -(-self.progress.rested_ms // self.plan.settings.ping)
        summary.messages = island.network.delivered
        summary.inputs = island.inputs
        summary.entries = len(self.history.chain)
        summary.written, summary.acknowledged = clients.written, clients.acknowledged
        summary.read, summary.confirmed = clients.read, clients.confirmed
        summary.deeds = dict(self.nemesis.deeds)
        summary.changes = dict(self.history.changes)
