"""An island of Legislators in virtual time: what Ray's actors and coordinator do, without Ray.

Every input to a citizen is followed by the same round: drain its outbox, apply what it committed,
look at it with the checkers, take its outcomes, set its alarm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from random import Random
from typing import Protocol

from paxos_ray.core.describe import describe_replies, describe_reply, describe_request
from paxos_ray.core.government import Citizen
from paxos_ray.core.legislator import Legislator
from paxos_ray.core.messages import Envelope, Outcome, Pulse, Receipt, Reply
from paxos_ray.core.promise import Promise
from paxos_ray.simulation.agenda import Agenda
from paxos_ray.simulation.application import Application
from paxos_ray.simulation.inhabitant import Inhabitant, Ticket
from paxos_ray.simulation.network import Network, Weather

REPUBLIC = "island"


@dataclass(frozen=True, slots=True)
class Settings:
    """How the island's citizens are made: options of `Legislator`, sizes in seats, entries and
    bytes, times in ms; None is the Legislator's own default."""

    parliament_size: int = 5
    parliament_floor: int = 3
    ping: int = 50
    timeout: int = 250
    batch_entries: int = 100
    batch_bytes: int = 1 << 20
    catch_up_entries: int = 100
    catch_up_bytes: int = 1 << 20
    queue_bytes: int = 1 << 20
    log_bytes: int = 1 << 30
    acclimation: int | None = None

    @property
    def odd_floor(self) -> int:
        """The floor that counts: of an even one, the next odd number."""
        return self.parliament_floor | 1


class Observer(Protocol):
    """What looks at an island as it runs; the checkers are one."""

    def observe(self, who: Inhabitant) -> None:
        """Something was given to `who`, and its outbox is drained: look at it."""

    def settled(self, who: Inhabitant, ticket: Ticket, promise: Promise | None) -> None:
        """What became of a ticket of `who`."""

    def spilled(self, who: Inhabitant, promise: Promise) -> None:
        """`who` should be able to apply the entry at `promise`, and lacks one before it."""


Make = Callable[..., Legislator]


class Island:
    """Citizens by id, the network between them and the agenda that runs both.

    `inhabitants` are those who live under an id now, or lived there last; `incarnations` are all
    that ever were, by id and cookie.
    """

    def __init__(
        self,
        seed: int,
        settings: Settings,
        weather: Weather,
        observer: Observer,
        make: Make = Legislator,
    ) -> None:
        self.agenda = Agenda()
        self.random = Random(seed)
        self.settings = settings
        self.network = Network(
            self.agenda,
            Random(self.random.getrandbits(64)),
            weather,
            self._deliver,
            self._give_back,
        )
        self.observer = observer
        self.inhabitants: dict[str, Inhabitant] = {}
        self.incarnations: dict[tuple[str, object], Inhabitant] = {}
        self.skew_ms = 0
        self.late_ms = 0  # by how much an alarm may be late
        self.load_ms = 1  # how long a snapshot may be on its way
        self.inputs = 0
        self.digest = 0
        self.note: Callable[[str], None] | None = None
        self.make = make
        self.application: type[Application] = Application

    # -- who lives here ------------------------------------------------------------------

    def found(self, id: str) -> Inhabitant:
        """The first citizen: it founds the island."""
        who = self._settle_in(id)
        who.legislator.bootstrap(who.now, REPUBLIC, {})
        who.cookie = who.legislator.inspect().cookie
        self.incarnations[(id, who.cookie)] = who
        self._after_input(who, "founds the island")
        return who

    def launch(self, id: str) -> Inhabitant:
        """A newcomer, under an id that nobody lives under; it waits to be written in."""
        who = self._settle_in(id)
        who.cookie = f"{id}.{len(self.incarnations)}"
        self.incarnations[(id, who.cookie)] = who
        who.legislator.join(who.now, REPUBLIC, who.cookie)
        self._after_input(who, "waits to be written in")
        return who

    def _settle_in(self, id: str) -> Inhabitant:
        assert id not in self.inhabitants or not self.inhabitants[id].alive
        random = self.random
        legislator = self.make(id, seed=random.getrandbits(32), **asdict(self.settings))
        offset = random.randrange(self.skew_ms + 1)
        who = Inhabitant(
            id, legislator, self.agenda, offset, len(self.incarnations), self.application
        )
        self.inhabitants[id] = who
        return who

    def living(self) -> Iterator[Inhabitant]:
        """Everybody who runs, in the order in which their ids were first used."""
        return (who for who in self.inhabitants.values() if who.alive)

    def leaders(self) -> list[Inhabitant]:
        """Who believes to lead and can be asked, the oldest government first."""
        leaders = [who for who in self.living() if who.leads and not who.paused]
        return sorted(leaders, key=_number)

    def stop(self, who: Inhabitant) -> None:
        """Its process is gone, and its memory with it."""
        if self.note:
            self.note(f"{who} is stopped")
        who.alive = False
        who.tickets.clear()
        if who.paused:
            self.go_on(who)

    def pause(self, who: Inhabitant) -> None:
        """It stands still, as a stopped process does; what is sent to it waits."""
        who.paused = True
        self.network.hold(who.id)

    def go_on(self, who: Inhabitant) -> None:
        """It goes on where it stood, and gets what has waited."""
        who.paused = False
        self.network.release(who.id)
        if who.alive:
            self._alarm(who, who.legislator.wakeup)

    # -- what is asked of a citizen ------------------------------------------------------

    def enqueue(self, who: Inhabitant, body: bytes) -> Receipt:
        """Propose an entry."""
        receipt = who.legislator.enqueue(who.now, REPUBLIC, body)
        return self._asked(who, receipt, "write", body)

    def confirm(self, who: Inhabitant, floor: Promise) -> Receipt:
        """Read; the answer must reflect at least `floor`."""
        return self._asked(who, who.legislator.confirm(who.now), "read", floor)

    def embark(self, who: Inhabitant, newcomer: Inhabitant, acclimated: bool = False) -> Receipt:
        """Ask `who` to write `newcomer` in."""
        citizen = newcomer.citizen or Citizen(id=newcomer.id, properties={}, cookie=newcomer.cookie)
        newcomer.citizen = citizen
        receipt = who.legislator.embark(who.now, REPUBLIC, citizen, acclimated)
        return self._asked(who, receipt, "embark", newcomer)

    def emigrate(self, who: Inhabitant, leaving: Inhabitant) -> Receipt:
        """Ask `who` to write `leaving` out; it is stopped when the receipt says so."""
        receipt = who.legislator.emigrate(who.now, leaving.id)
        return self._asked(who, receipt, "emigrate", leaving)

    def hint(self, who: Inhabitant, dead: str) -> None:
        """Tell `who` that the runtime knows this citizen to be dead, true or not."""
        if who.alive and not who.paused:
            who.legislator.unreachable(who.now, dead)
            self._after_input(who, f"is told that {dead} is dead" if self.note else "")

    def _asked(self, who: Inhabitant, receipt: Receipt, kind: str, subject: object) -> Receipt:
        if receipt.ticket is not None:
            who.tickets[receipt.ticket] = Ticket(kind, subject, receipt.ticket, self.agenda.now)
        told = f"is asked to {kind} {subject}: {receipt.why or receipt.ticket}" if self.note else ""
        self._after_input(who, told)
        return receipt

    # -- the network's side --------------------------------------------------------------

    def _deliver(self, envelope: Envelope) -> Reply | None:
        who = self.inhabitants.get(envelope.to)
        if who is None or not who.alive:
            return None
        reply = who.legislator.receive(who.now, envelope.request)
        if self.note:
            self.note(
                f"{who} receives {describe_request(envelope.request)} / {describe_reply(reply)}"
            )
        self._after_input(who, "")
        return reply

    def _give_back(self, pulse: Pulse, replies: dict[str, Reply | None]) -> None:
        who = self.inhabitants[pulse.sender]
        if not who.alive:
            return
        who.legislator.sent(who.now, pulse, replies)
        if self.note:
            self.note(f"{who} gets the results of {pulse.id}: {describe_replies(replies)}")
        self._after_input(who, "")

    # -- after each input ----------------------------------------------------------------

    def _after_input(self, who: Inhabitant, what: str) -> None:
        self.inputs += 1
        if self.note and what:
            self.note(f"{who} {what}")
        legislator, now = who.legislator, who.now
        # Asked only when it is said to be worth it: should that be wrong, nothing goes on.
        while (wakeup := legislator.wakeup) is not None and wakeup <= now:
            pulse = legislator.outbox()
            if pulse is None:
                break
            if self.note:
                self.note(
                    f"{who} gives {pulse.id} to {[envelope.to for envelope in pulse.envelopes]}"
                )
            self._carry(pulse)
        self.observer.observe(who)
        self._apply(who)
        outcomes = legislator.outcomes()
        if outcomes:
            self._settle(who, outcomes)
        self._alarm(who, wakeup)
        top = who.top
        self.digest = hash((self.digest, self.agenda.now, who.ordinal, top[0], top[1], self.inputs))

    def _carry(self, pulse: Pulse) -> None:
        self.network.carry(pulse)

    def _apply(self, who: Inhabitant) -> None:
        if who.stateful:
            if who.application.state.applied != who.top:
                missing = who.application.apply(who.fresh())
                if missing is not None:
                    self.observer.spilled(who, missing.promise)
        elif who.loading is None and (donor := who.legislator.donor) is not None:
            who.loading = donor
            self.agenda.after(1 + int(self.random.random() * self.load_ms), self._fetch, who)

    def _settle(self, who: Inhabitant, outcomes: tuple[Outcome, ...]) -> None:
        for ticket, promise in outcomes:
            asked = who.tickets.pop(ticket, None)
            asked = asked or Ticket("unknown", None, ticket, self.agenda.now)
            if self.note:
                self.note(f"{who} settles {asked}: {promise or 'retry'}")
            self.observer.settled(who, asked, promise)

    # -- alarms --------------------------------------------------------------------------

    def _alarm(self, who: Inhabitant, wakeup: int | None) -> None:
        """See that it is ticked when it asked for it, by its own clock, or a little later."""
        if wakeup is None:
            who.wakeup = None
            return
        who.wakeup = at_ms = max(wakeup - who.offset, self.agenda.now + 1)
        if who.alarm is None or at_ms < who.alarm:
            self._set_alarm(who, at_ms)

    def _set_alarm(self, who: Inhabitant, at_ms: int) -> None:
        who.alarm = at_ms
        late = int(self.random.random() * self.late_ms) if self.late_ms else 0
        self.agenda.at(at_ms + late, self._ring, who, at_ms)

    def _ring(self, who: Inhabitant, alarm: int) -> None:
        if who.alarm != alarm:
            return
        who.alarm = None
        if not who.alive or who.wakeup is None or who.paused:
            return
        if who.wakeup <= self.agenda.now:
            self.tick(who)
        else:
            self._set_alarm(who, who.wakeup)

    def tick(self, who: Inhabitant) -> None:
        """It looks what is due, be it asked to or not."""
        if who.alive and not who.paused:
            who.legislator.tick(who.now)
            self._after_input(who, "ticks")

    # -- snapshots -----------------------------------------------------------------------

    def _fetch(self, who: Inhabitant) -> None:
        """The donor makes the snapshot, if it is there and has one; it is on its way for long."""
        donor = self.inhabitants.get(who.loading or "")
        who.loading = None
        if not who.alive:
            return
        if donor is None or not donor.alive or donor.paused or not donor.stateful or donor is who:
            self.agenda.after(self.settings.ping, self._ask_again, who)
            return
        who.loading = donor.id
        snapshot = self._snapshot(donor)
        delay = 1 + int(self.random.random() * self.load_ms)
        self.agenda.after(delay, self._restore, who, donor, snapshot)

    def _snapshot(self, donor: Inhabitant) -> object:
        return donor.application.snapshot()

    def _ask_again(self, who: Inhabitant) -> None:
        if who.alive and who.loading is None:
            self._apply(who)

    def _restore(self, who: Inhabitant, donor: Inhabitant, snapshot: object) -> None:
        """The snapshot is here, unless its donor died meanwhile and the reference with it."""
        who.loading = None
        if not who.alive or who.stateful:
            return
        if donor.alive and not who.paused and who.restore(snapshot):
            who.legislator.acclimate(who.now)
            self._after_input(who, f"has the state of {donor}")
        else:
            self.agenda.after(self.settings.ping, self._ask_again, who)


def _number(who: Inhabitant) -> int:
    government = who.legislator.government
    return government.promise.government if government else 0
