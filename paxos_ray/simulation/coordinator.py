"""What surrounds the citizens: clients that write and read, and a coordinator that keeps house."""

from __future__ import annotations

from random import Random

from paxos_ray.core.promise import Promise
from paxos_ray.simulation.inhabitant import Inhabitant, Ticket
from paxos_ray.simulation.island import Island
from paxos_ray.simulation.plan import Plan
from paxos_ray.simulation.watch import History


class Clients:
    """Writes and reads, at whoever believes to lead, at random times."""

    def __init__(self, island: Island, history: History, plan: Plan, random: Random) -> None:
        self.written = 0
        self.read = 0
        self.acknowledged = 0
        self.confirmed = 0
        self._asked = 0
        self._island = island
        self._history = history
        self._plan = plan
        self._random = random
        self._open = True

    def start(self) -> None:
        """Begin to write and read."""
        self._island.agenda.after(1, self._keep_writing)
        self._island.agenda.after(1, self._keep_reading)

    def stop(self) -> None:
        """Ask for nothing more by oneself."""
        self._open = False

    def write(self, leader: Inhabitant) -> None:
        """Propose one entry more; no two are alike, and their sizes differ."""
        self._asked += 1
        body = b"%d %s" % (self._asked, b"." * self._random.choice((0, 0, 10, 40)))
        if self._island.enqueue(leader, body).accepted:
            self.written += 1

    def read_at(self, leader: Inhabitant) -> None:
        """Read; the answer must reflect all that is known to be acknowledged by now."""
        self._island.confirm(leader, self._history.acknowledged)
        self.read += 1

    def tempt(self) -> None:
        """Write at the newest leader and read at the oldest, if there are two."""
        leaders = self._island.leaders()
        if len(leaders) > 1:
            self.write(leaders[-1])
            self.read_at(leaders[0])

    def _keep_writing(self) -> None:
        if not self._open:
            return
        leaders = self._island.leaders()
        if leaders:
            leader = leaders[-1] if self._random.random() < 0.7 else leaders[0]
            self.write(leader)
            if self._plan.burst > 1 and self._random.random() < 0.1:
                for _ in range(self._plan.burst):
                    self.write(leader)
        delay = 1 + int(self._random.expovariate(1 / self._plan.write_ms))
        self._island.agenda.after(delay, self._keep_writing)

    def _keep_reading(self) -> None:
        if not self._open:
            return
        leaders = self._island.leaders()
        if leaders:
            oldest = self._random.random() < self._plan.reads_at_oldest
            self.read_at(leaders[0 if oldest else -1])
        delay = 1 + int(self._random.expovariate(1 / self._plan.read_ms))
        self._island.agenda.after(delay, self._keep_reading)

    def settled(self, ticket: Ticket, promise: Promise | None) -> None:
        """Count what was answered."""
        if promise is not None:
            self.acknowledged += ticket.kind == "write"
            self.confirmed += ticket.kind == "read"


class Coordinator:
    """Has newcomers written in and emigrants out, and keeps the population, as seen by the
    newest government of those who believe to lead."""

    def __init__(self, island: Island, history: History, plan: Plan, random: Random) -> None:
        self.population = plan.population
        self.stops_outcasts = 0.05  # how likely, each round
        self._island = island
        self._history = history
        self._plan = plan
        self._random = random
        self._names = 0
        self._arrived: dict[tuple[str, object], None] = {}
        self._looked_at = 0

    def start(self) -> None:
        """Begin to keep house."""
        self._round()

    def arrived(self, who: Inhabitant) -> bool:
        """Whether any government has ever listed this incarnation."""
        governments = self._history.governments
        for government in governments[self._looked_at :]:
            for id, citizen in government.citizens.items():
                self._arrived[(id, citizen.cookie)] = None
        self._looked_at = len(governments)
        return (who.id, who.cookie) in self._arrived

    def newcomer(self) -> Inhabitant:
        """Launch somebody, under a new id or, one time in four, under a dead one's."""
        island = self._island
        dead = [who.id for who in island.inhabitants.values() if not who.alive]
        if dead and self._random.random() < 0.25:
            return island.launch(self._random.choice(dead))
        self._names += 1
        return island.launch(f"{chr(ord('a') + len(island.inhabitants) % 26)}{self._names}")

    def settled(self, ticket: Ticket, promise: Promise | None) -> None:
        """Stop who has departed."""
        if ticket.kind == "emigrate" and promise is not None and ticket.subject.alive:
            self._island.stop(ticket.subject)

    def _round(self) -> None:
        leaders = self._island.leaders()
        if leaders:
            self._keep_house(leaders[-1])
        ping = self._plan.settings.ping
        self._island.agenda.after(1 + int(self._random.random() * ping), self._round)

    def _keep_house(self, leader: Inhabitant) -> None:
        government = leader.legislator.government
        assert government is not None
        present = 0
        for who in list(self._island.living()):
            listed = government.lists(who.id, who.cookie)
            present += listed and not who.leaving
            if listed and who.leaving and not _open(leader, "emigrate", who):
                self._island.emigrate(leader, who)
            elif not listed and self.arrived(who):
                if self._random.random() < self.stops_outcasts:
                    self._island.stop(who)
            elif not listed:
                # Under the id of somebody who is dead and has a seat it comes in only after
                # another has taken the seat, so it does not count as that other.
                present += who.id not in government.citizens
                if not _open(leader, "embark", who):
                    self._island.embark(leader, who)
        if present < self.population:
            self.newcomer()


def _open(leader: Inhabitant, kind: str, subject: Inhabitant) -> bool:
    return any(t.kind == kind and t.subject is subject for t in leader.tickets.values())
