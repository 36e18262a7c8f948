"""After the adversary: an island without faults must come to rest, as it should be."""

from __future__ import annotations

from paxos_ray.core.describe import describe_government
from paxos_ray.core.government import Government
from paxos_ray.simulation.coordinator import Clients, Coordinator
from paxos_ray.simulation.inhabitant import Inhabitant, Ticket
from paxos_ray.simulation.island import Island
from paxos_ray.simulation.plan import Plan
from paxos_ray.simulation.watch import Violation

HEALING_PINGS = 400
"""Within so many pings and twenty timeouts after the last fault an island must be at rest."""


class Progress:
    """The checker of what must happen, not of what must not. `rested_ms` is how long it took."""

    name = "progress after healing"

    def __init__(
        self, island: Island, coordinator: Coordinator, clients: Clients, plan: Plan
    ) -> None:
        self.rested_ms = 0
        self._island = island
        self._coordinator = coordinator
        self._clients = clients
        self._plan = plan

    def run(self) -> None:
        """Run a healed island until it rests. Raises `Violation` when it does not come to rest."""
        island, settings = self._island, self._plan.settings
        healed_ms = island.agenda.now
        deadline = healed_ms + HEALING_PINGS * settings.ping + 20 * settings.timeout
        acknowledged = self._clients.acknowledged
        why: str | None = "no time has passed"
        while why is not None and island.agenda.now < deadline:
            island.agenda.run(island.agenda.now + settings.ping)
            leaders = island.leaders()
            if self._clients.acknowledged < acknowledged + 3:
                why = f"only {self._clients.acknowledged - acknowledged} writes were acknowledged"
                for leader in leaders[-1:]:
                    self._clients.write(leader)
            else:
                why = self._restless()
        self.rested_ms = island.agenda.now - healed_ms
        if why is not None:
            raise Violation(self.name, f"{self.rested_ms} ms after healing: {why}")
        if self._plan.lasting:
            self._stay()

    def _stay(self) -> None:
        """Governments without end would be no rest. What was on its way when the island seemed to
        be at rest may change it once more: that somebody was silent, who is back."""
        island, settings = self._island, self._plan.settings
        island.agenda.run(island.agenda.now + settings.timeout + 4 * settings.ping)
        government = island.leaders()[-1].legislator.government
        island.agenda.run(island.agenda.now + 2 * settings.timeout + 4 * settings.ping)
        for leader in island.leaders():
            after = leader.legislator.government
            assert government is not None and after is not None
            if after.number != government.number:
                lines = f"from {describe_government(government)} on to {describe_government(after)}"
                raise Violation(self.name, f"no rest: {lines}")

    def _restless(self) -> str | None:
        """What is not yet as it should be."""
        island = self._island
        leaders = island.leaders()
        if len(leaders) != 1:
            return f"leaders are {[str(who) for who in leaders]}"
        leader = leaders[0]
        government = leader.legislator.government
        assert government is not None
        for who in island.living():
            why = self._unsettled(who, leader, government)
            if why is not None:
                return f"{who} {why}, under {describe_government(government)}"
        return self._unfinished(government)

    def _unsettled(self, who: Inhabitant, leader: Inhabitant, government: Government) -> str | None:
        if not government.lists(who.id, who.cookie):
            # Somebody dead of the same id may have a seat that nobody can take.
            waits = who.id in government.citizens or self._coordinator.arrived(who)
            return None if waits else "runs and is not written in"
        if who.leaving and self._may_leave(who, government):
            return "was asked to emigrate and is still there"
        if who.leaving and who.id in government.majority:
            if any(self._takes_a_seat(id, government) for id in government.minority):
                return "was asked to emigrate and has not changed seats"
        if who.id not in government.acclimated or not who.stateful:
            return f"has not its state (donor {who.legislator.donor})"
        if who.top != leader.top:
            return f"is at {who.top}, the leader at {leader.top}"
        unsettled = [t for t in who.tickets.values() if not _waits(t, government)]
        if unsettled:
            return f"leaves open {[str(ticket) for ticket in unsettled]}"
        return None

    def _may_leave(self, who: Inhabitant, government: Government) -> bool:
        """Not without anybody to take a seat that must not go."""
        seats = len(government.parliament)
        if who.id in government.constituents:
            return True
        if who.id in government.majority and not government.minority and seats % 2 == 0:
            return seats > self._plan.settings.odd_floor  # nobody to change seats with
        if seats > self._plan.settings.odd_floor:
            return len(government.citizens) > 1
        return any(self._takes_a_seat(id, government) for id in government.constituents)

    def _takes_a_seat(self, id: str, government: Government) -> bool:
        who = self._island.incarnations[(id, government.citizens[id].cookie)]
        return who.alive and not who.leaving

    def _unfinished(self, government: Government) -> str | None:
        """Whether a change of government should still come."""
        settings, line = self._plan.settings, describe_government(government)
        living = [
            id
            for id, citizen in government.citizens.items()
            if self._island.incarnations[(id, citizen.cookie)].alive
        ]
        ready = [id for id in government.constituents if self._takes_a_seat(id, government)]
        dead = [id for id in government.citizens if id not in living]
        seats = len(government.parliament)
        present = sum(self._takes_a_seat(id, government) for id in government.citizens)
        if present < self._plan.population:
            return f"{present} citizens are present of {self._plan.population}, in {line}"
        if any(id in government.majority or id in government.constituents for id in dead):
            return f"{dead} are dead and still there, in {line}"
        if dead and (ready or (seats % 2 and seats > settings.odd_floor)):
            return f"{dead} are dead and nobody took their seats, in {line}"
        promotable = seats <= settings.parliament_size - 2 and len(ready) >= 2
        if promotable or (seats % 2 == 0 and seats > settings.odd_floor):
            return f"the parliament should change: {line}"
        return None


def _waits(ticket: Ticket, government: Government) -> bool:
    """Whether it is the wish of somebody to leave who is still there; that has its own rule."""
    subject = ticket.subject
    return ticket.kind == "emigrate" and government.lists(subject.id, subject.cookie)
