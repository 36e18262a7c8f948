"""A schedule whose customers use standard objects: locks, queues, maps and the others."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from paxos_ray.machines import Replica
from paxos_ray.simulation import linearizability
from paxos_ray.simulation.counters import Counters
from paxos_ray.simulation.customer_schedule import CustomerSchedule
from paxos_ray.simulation.deployment import packed, told
from paxos_ray.simulation.exactly_once import faults
from paxos_ray.simulation.histories import Operation
from paxos_ray.simulation.inhabitant import Inhabitant
from paxos_ray.simulation.island import Make
from paxos_ray.simulation.models import BANK, MODELS, Refused
from paxos_ray.simulation.object_customers import ObjectCustomers
from paxos_ray.simulation.object_histories import heard, history
from paxos_ray.simulation.object_invariants import broken, conserved
from paxos_ray.simulation.object_replay import ObjectReplay
from paxos_ray.simulation.schedule import Summary
from paxos_ray.simulation.watch import Violation

LIMIT = 100_000
"""Configurations that the history of one object may cost; what costs more is no failure."""

QUESTIONS: dict[str, tuple[tuple[Any, ...], ...]] = {
    "bank": (("accounts",), ("held",)),
    "barrier": (("held",), ("opened",), ("parties",), ("waiting",), ("inside",)),
    "election": (("leader",), ("candidates",)),
    "lock": (("holder",), ("waiters",)),
    "map": (("revision",), ("range",), ("entry", "a"), ("entry", "b"), ("entry", "c")),
    "queue": (("size",), ("peek", 1_000), ("deliveries",), ("waiters",), ("limit",)),
    "semaphore": (("limit",), ("available",), ("holders",), ("waiters",)),
    "sequence": (("next",),),
}
"""What tells all of an object's state."""


class ObjectSchedule(CustomerSchedule):
    """The schedule of a seed with standard objects."""

    def _clients(self, random: Random) -> ObjectCustomers:
        self.customers: ObjectCustomers
        self.customers = ObjectCustomers(self.seed, self.island, self.history, self.plan, random)
        return self.customers

    def _look_back(self) -> None:
        """Check what the customers heard, what the log has of it and what the citizens hold."""
        replay = ObjectReplay(self.history.entries[promise] for promise in self.history.chain)
        found = faults(replay, self.customers.attempts())
        if found:
            raise Violation("exactly once", "; ".join(found[:3]))
        items: frozenset[int] = frozenset()
        for who in self.island.living():
            if who.stateful and who.application.state.applied == self.history.tip:
                items = self._same(who, replay)
        self._one_digest()
        calls = heard(self.customers.recorder, self.customers.objects, replay)
        for name, kind in replay.kinds.items():
            of_it = [call for call in calls if call.call[0] == name]
            found = broken(name, of_it, replay, items)
            if found:
                raise Violation(f"{kind}: what is promised", "; ".join(found[:3]))
        operations = history(self.customers.recorder, self.customers.reads, calls, replay)
        for name, kind in replay.kinds.items():
            self._in_order([each for each in operations if each.object == name], kind)

    def _same(self, who: Inhabitant, replay: ObjectReplay) -> frozenset[int]:
        """The citizen holds what the log says; the ids of a queue's items, if there is one."""
        assert isinstance(who.application, Counters)
        replica = who.application.replica
        for name, kind in replay.kinds.items():
            for method, *arguments in QUESTIONS[kind]:
                held = told(replica.ask(*packed((name, method, tuple(arguments)))))
                right = replay.ask(name, method, *arguments)
                if held != right:
                    said = f"{who} says {held} of {name}.{method}, the log {right}"
                    raise Violation("one state", said)
        if BANK in replay.kinds:
            self._conserved(who, replica)
        if "queue" not in replay.kinds:
            return frozenset()
        ready = [item[0] for item in replica.query("queue", "peek", (1_000_000,))]
        taken = [delivery[1] for delivery in replica.query("queue", "deliveries", ())]
        return frozenset((*ready, *taken))

    def _conserved(self, who: Inhabitant, replica: Replica) -> None:
        accounts, held = (
            told(replica.ask(*packed((BANK, each, ())))) for each in ("accounts", "held")
        )
        if not isinstance(accounts, Refused):
            wrong = conserved(accounts, held)
            if wrong:
                raise Violation("bank: what is promised", f"{who}: {wrong}")

    def _in_order(self, operations: list[Operation], kind: str) -> None:
        try:
            window = linearizability.check(operations, MODELS[kind], LIMIT)
        except linearizability.TooManyOrders:
            self.undecided = True
        else:
            if window is not None:
                raise Violation("linearizable", str(window))


def run_objects(
    seed: int, make: Make | None = None, note: Callable[[str], None] | None = None
) -> Summary:
    """The schedule of that seed with standard objects: see `run_customers`."""
    return ObjectSchedule(seed, make, note).run()
