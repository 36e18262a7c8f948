"""A schedule whose clients are customers: the adversary is the same, and what they heard is checked
as a history, too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from paxos_ray.core.log import NOTHING
from paxos_ray.core.promise import Promise
from paxos_ray.machines.context import Event
from paxos_ray.machines.ring import Ring
from paxos_ray.simulation import linearizability
from paxos_ray.simulation.checkers import NothingTwice
from paxos_ray.simulation.counters import Counters
from paxos_ray.simulation.customers import Customers
from paxos_ray.simulation.exactly_once import Replay, faults
from paxos_ray.simulation.inhabitant import Inhabitant, Ticket
from paxos_ray.simulation.island import Island, Make
from paxos_ray.simulation.plan import Plan, draw
from paxos_ray.simulation.schedule import Schedule, Summary, invariants
from paxos_ray.simulation.watch import Violation, Watch

LIMIT = 300_000
"""Configurations that a schedule's history may cost; what costs more is not called a failure."""


class CustomerSchedule(Schedule):
    """The schedule of a seed with replicated counters and clients that keep sessions."""

    def __init__(
        self,
        seed: int,
        make: Make | None = None,
        note: Callable[[str], None] | None = None,
        plan: Plan | None = None,
        kind: type[Island] = Island,
    ) -> None:
        self.undecided = False
        super().__init__(seed, make, note, plan or _roomy(draw(seed)), kind)
        self.island.application = Counters
        # Who sends again writes the same body again: it is the sessions that apply it once.
        checkers = invariants(self.history, self.island, self.plan)
        checkers = [
            _TicketsOnce(self.history) if isinstance(c, NothingTwice) else c for c in checkers
        ]
        self.watch = Watch(self.history, checkers)

    def _clients(self, random: Random) -> Customers:
        self.customers = Customers(self.seed, self.island, self.history, self.plan, random)
        return self.customers

    def settled(self, who: Inhabitant, ticket: Ticket, promise: Promise | None) -> None:
        """Also tell the customer that waits for it."""
        super().settled(who, ticket, promise)
        if ticket.kind in ("write", "read"):
            self.customers.post.settled(who, ticket, promise)

    def _heal(self) -> None:
        super()._heal()
        self._look_back()

    def _fill(self, summary: Summary) -> None:
        super()._fill(summary)
        summary.undecided = self.undecided

    def _look_back(self) -> None:
        """Check what the customers heard, what the log has of it and what the citizens hold."""
        replay = Replay(self.history.entries[promise] for promise in self.history.chain)
        found = faults(replay, self.customers.attempts())
        if found:
            raise Violation("exactly once", "; ".join(found[:3]))
        for who in self.island.living():
            if who.stateful and who.application.state.applied == self.history.tip:
                self._compare(who, replay)
        self._one_digest()
        try:
            window = linearizability.check(self.customers.recorder.operations(), limit=LIMIT)
        except linearizability.TooManyOrders:
            self.undecided = True
        else:
            if window is not None:
                raise Violation("linearizable", str(window))

    def _compare(self, who: Inhabitant, replay: Replay) -> None:
        assert isinstance(who.application, Counters)
        held = {name: who.application.value(name) for name in replay.states}
        if held != replay.states:
            raise Violation("one state", f"{who} holds {held}, the log says {replay.states}")

    def _one_digest(self) -> None:
        digests = {
            other.application.replica.digest()
            for other in self.island.living()
            if other.stateful and isinstance(other.application, Counters)
            if other.application.state.applied == self.history.tip
        }
        if len(digests) > 1:
            raise Violation("one state", f"at {self.history.tip} there are {len(digests)} states")
        self._one_telling()

    def _one_telling(self) -> None:
        """What citizens tell of the same entries is the same, wherever each of them began."""
        rings = {
            who.id: who.application.ring
            for who in self.island.living()
            if who.stateful and isinstance(who.application, Counters)
            if who.application.state.applied == self.history.tip
        }
        since = max((ring.earliest for ring in rings.values()), default=NOTHING)
        told = {id: _told(ring, since) for id, ring in rings.items()}
        first, *others = told or [""]
        differing = [id for id in others if told[id] != told[first]]
        if differing:
            what = f"of what followed {since}, {first} and {', '.join(differing)} tell otherwise"
            raise Violation("one telling", what)


def _told(ring: Ring, since: Promise) -> list[Event]:
    return [e for group in ring.groups() if group.promise > since for e in group.events]


def _roomy(plan: Plan) -> Plan:
    """Batches of operations are larger than plain entries: newcomers must be able to catch up."""
    settings = plan.settings
    roomy = replace(
        settings,
        batch_bytes=10 * settings.batch_bytes,
        catch_up_entries=max(8, settings.catch_up_entries),
        catch_up_bytes=20 * settings.catch_up_bytes,
    )
    return replace(plan, settings=roomy)


class _TicketsOnce(NothingTwice):
    """No ticket has two outcomes; an entry may be there twice."""

    def first(self, who: Inhabitant, entry: object) -> None:
        """Nothing is said of entries."""


def run_customers(
    seed: int, make: Make | None = None, note: Callable[[str], None] | None = None
) -> Summary:
    """The schedule of that seed with customers: see `run_schedule`. It fails also if what they
    heard is not linearizable, or something was not applied exactly once."""
    return CustomerSchedule(seed, make, note).run()
