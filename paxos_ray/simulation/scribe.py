"""An island that writes down what happens to it, as the commands of a scenario.

Every input of every citizen becomes a line; what the network did not deliver is not there, which is
how a scenario loses a message. So a schedule can be played again without its seed, step by step,
and steps can be left out.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from paxos_ray.core.legislator import Legislator
from paxos_ray.core.messages import Envelope, Pulse, Receipt, Reply
from paxos_ray.core.promise import Promise
from paxos_ray.simulation.inhabitant import Inhabitant
from paxos_ray.simulation.island import Island, Observer, Settings
from paxos_ray.simulation.network import Weather


@dataclass(slots=True)
class _Flight:
    """A pulse by the number of its first giving, and the replies to it by their names."""

    sender: str
    number: int
    replies: list[tuple[str, Reply]] = field(default_factory=list)


class Scribe(Island):
    """An `Island` whose `commands` say what happened, in order.

    Bodies that are no texts are told as texts that are as long, each another.

    All givings of one pulse are one flight here: they deliver the same envelopes. Flights and
    snapshots are told by how many came after them (`a~0`, `s~0`), so that those names still hold
    when earlier steps are left out; replies by their order, as `Stage` names them: `b`, `b/2`, ….
    """

    def __init__(
        self, seed: int, settings: Settings, weather: Weather, observer: Observer, **kwargs: Any
    ) -> None:
        super().__init__(seed, settings, weather, observer, **kwargs)
        self.commands: list[str] = []
        self._at = 0
        self._given: dict[str, int] = {}  # how many pulses, by sender
        self._flights: dict[str, _Flight] = {}  # by id of the pulse
        self._requests: dict[int, tuple[Any, _Flight]] = {}  # by identity: request and flight
        self._snapshots: dict[int, tuple[object, int]] = {}  # by identity, with its number
        self._frozen = 0
        self._bodies = 0
        made = asdict(settings).items()
        chosen = " ".join(f"{name}={value}" for name, value in made if value is not None)
        self._write(f"settings {chosen}")

    def _tell_time(self) -> None:
        if self.agenda.now != self._at:
            self._at = self.agenda.now
            self.commands.append(f"at {self._at}")

    def _write(self, command: str) -> None:
        self._tell_time()
        self.commands.append(command)

    # -- who lives here ------------------------------------------------------------------

    def found(self, id: str) -> Inhabitant:
        """See `Island.found`."""
        return self._entering(f"found {id}", lambda: super(Scribe, self).found(id))

    def launch(self, id: str) -> Inhabitant:
        """See `Island.launch`."""
        cookie = f"{id}.{len(self.incarnations)}"
        return self._entering(f"join {id} cookie={cookie}", lambda: super(Scribe, self).launch(id))

    def _entering(self, command: str, enter: Callable[[], Inhabitant]) -> Inhabitant:
        """Write the command before its effects, with what only its effects show."""
        self._tell_time()
        place = len(self.commands)
        make = self.make
        seeds: list[int] = []

        def noting(id: str, **options: Any) -> Legislator:
            seeds.append(options["seed"])
            return make(id, **options)

        self.make = noting
        who = enter()
        self.make = make
        written = self.commands[place:]
        del self.commands[place:]
        self._write(f"{command} seed={seeds[0]} ahead={who.offset}")
        self.commands.extend(written)
        return who

    def stop(self, who: Inhabitant) -> None:
        """See `Island.stop`."""
        self._write(f"crash {who.id}")
        super().stop(who)

    # -- what is asked of a citizen ------------------------------------------------------

    def enqueue(self, who: Inhabitant, body: bytes) -> Receipt:
        """See `Island.enqueue`."""
        self._bodies += 1
        try:
            text = body.decode()
        except UnicodeDecodeError:
            text = f"entry-{self._bodies}".ljust(len(body), ".")
        self._write(f"enqueue {who.id} {shlex.quote(text)}")
        return super().enqueue(who, body)

    def confirm(self, who: Inhabitant, floor: Promise) -> Receipt:
        """See `Island.confirm`."""
        self._write(f"confirm {who.id}")
        return super().confirm(who, floor)

    def embark(self, who: Inhabitant, newcomer: Inhabitant, acclimated: bool = False) -> Receipt:
        """See `Island.embark`."""
        self._write(f"embark {who.id} {newcomer.id}{' acclimated' if acclimated else ''}")
        return super().embark(who, newcomer, acclimated)

    def emigrate(self, who: Inhabitant, leaving: Inhabitant) -> Receipt:
        """See `Island.emigrate`."""
        self._write(f"emigrate {who.id} {leaving.id}")
        return super().emigrate(who, leaving)

    def hint(self, who: Inhabitant, dead: str) -> None:
        """See `Island.hint`."""
        if who.alive and not who.paused:
            self._write(f"hint {who.id} {dead}")
        super().hint(who, dead)

    def tick(self, who: Inhabitant) -> None:
        """See `Island.tick`."""
        if who.alive and not who.paused:
            self._write(f"tick {who.id}")
        super().tick(who)

    # -- messages ------------------------------------------------------------------------

    def _carry(self, pulse: Pulse) -> None:
        sender = pulse.sender
        number = self._given[sender] = self._given.get(sender, 0) + 1
        if pulse.id not in self._flights:
            flight = self._flights[pulse.id] = _Flight(sender, number)
            for envelope in pulse.envelopes:
                self._requests[id(envelope.request)] = envelope.request, flight
        super()._carry(pulse)

    def _deliver(self, envelope: Envelope) -> Reply | None:
        who = self.inhabitants.get(envelope.to)
        if who is None or not who.alive:
            return None
        flight = self._requests[id(envelope.request)][1]
        self._write(f"deliver {self._name(flight)} {envelope.to}")
        reply = super()._deliver(envelope)
        assert reply is not None
        times = 1 + sum(to.partition("/")[0] == envelope.to for to, _ in flight.replies)
        to = envelope.to if times == 1 else f"{envelope.to}/{times}"
        flight.replies.append((to, reply))
        return reply

    def _give_back(self, pulse: Pulse, replies: dict[str, Reply | None]) -> None:
        if self.inhabitants[pulse.sender].alive:
            flight = self._flights[pulse.id]
            name = self._name(flight)
            here = [to for to, reply in flight.replies if _among(reply, replies)]
            self._write(f"answer {name} {' '.join(here)}" if here else f"lose {name}")
        super()._give_back(pulse, replies)

    def _name(self, flight: _Flight) -> str:
        return f"{flight.sender}~{self._given[flight.sender] - flight.number}"

    # -- snapshots -----------------------------------------------------------------------

    def _snapshot(self, donor: Inhabitant) -> object:
        snapshot = super()._snapshot(donor)
        self._write(f"snapshot {donor.id}")
        self._frozen += 1
        self._snapshots[id(snapshot)] = snapshot, self._frozen
        return snapshot

    def _restore(self, who: Inhabitant, donor: Inhabitant, snapshot: object) -> None:
        if who.alive and not who.stateful and donor.alive and not who.paused:
            back = self._frozen - self._snapshots[id(snapshot)][1]
            self._write(f"restore {who.id} s~{back}")
        super()._restore(who, donor, snapshot)


def _among(reply: Reply, replies: dict[str, Reply | None]) -> bool:
    return any(reply is other for other in replies.values())
