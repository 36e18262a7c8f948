"""A stage: an island of Legislators in which every single message is moved by an explicit step.

What `Island` leaves to a seeded network, a story decides here: which envelope of which pulse
arrives when and how often, and which replies come home. The same checkers look at every citizen
after every step. What happens is told line by line in the words of `core.describe`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field

from paxos_ray.core.describe import describe_reply
from paxos_ray.core.government import Citizen, Cookie, Republic
from paxos_ray.core.legislator import Legislator
from paxos_ray.core.messages import Pulse, Receipt, Reply
from paxos_ray.simulation.agenda import Agenda
from paxos_ray.simulation.application import Snapshot
from paxos_ray.simulation.inhabitant import Inhabitant, Ticket
from paxos_ray.simulation.island import REPUBLIC, Make, Settings
from paxos_ray.simulation.news import Look, describe_outcome, describe_pulse
from paxos_ray.simulation.schedule import invariants
from paxos_ray.simulation.watch import History, Violation, Watch

STORY = Settings(ping=100, timeout=1_000)
"""How citizens are made unless a story says otherwise: times that are easy to reckon with."""


class Unknown(Exception):
    """A step refers to somebody or something that is not there; nothing was changed."""


@dataclass(slots=True)
class Flight:
    """One giving of a pulse. `replies` are on their way home, by name: b's first is `b`, of a
    request that was delivered again `b/2`, and so on."""

    pulse: Pulse
    key: int
    name: str = ""
    replies: dict[str, Reply] = field(default_factory=dict)
    delivered: dict[str, int] = field(default_factory=dict)  # how often, by recipient


class Stage:
    """Citizens by id, and what is on its way between them.

    `flights` are all givings that have a name. `untouched` are those that no step has taken up:
    a run carries them. A giving is named when it is given, by its sender and how many this sender
    gave before it (`a1`, `a2`, …; of an id that ends in a digit `b7.1`); within a run only what
    is still under way at its end. `tell` is given a line for everything that happens; while
    `running`, only for what is news: governments, who leads, outcomes.
    """

    def __init__(
        self,
        settings: Settings = STORY,
        make: Make = Legislator,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self.agenda = Agenda()
        self.settings = settings
        self.make = make
        self.tell = tell
        self.running = False
        self.inhabitants: dict[str, Inhabitant] = {}
        self.incarnations: dict[tuple[str, object], Inhabitant] = {}
        self.history = History()
        self.watch = Watch(self.history, invariants(self.history, self, self))
        self.flights: dict[str, Flight] = {}
        self.untouched: dict[int, Flight] = {}
        self.snapshots: dict[str, Snapshot] = {}
        self.cut: set[tuple[str, str]] = set()  # nothing passes from the first to the second
        self.paused: set[str] = set()  # stand still while others run
        self.idle: set[str] = set()  # do not load a state by themselves
        self._looks: dict[int, Look] = {}
        self._given: dict[str, int] = {}
        self._first: dict[str, str] = {}  # a pulse -> the name of its first giving
        self._flown = 0

    # -- who lives here ------------------------------------------------------------------

    def found(self, id: str, seed: int | None = None, ahead_ms: int = 0) -> Inhabitant:
        """The first citizen: it founds the island. Its clock is ahead by `ahead_ms`."""
        if self.inhabitants:
            raise Unknown(f"{id} cannot found the island: it is founded")
        who = self._settle_in(id, seed, ahead_ms)
        who.legislator.bootstrap(who.now, REPUBLIC, {})
        self._enter(who, REPUBLIC)
        return who

    def join(
        self,
        id: str,
        cookie: Cookie | None = None,
        seed: int | None = None,
        ahead_ms: int = 0,
        republic: Republic = REPUBLIC,
    ) -> Inhabitant:
        """A newcomer, under an id that nobody lives under; it waits to be written in."""
        if cookie is None:
            cookie = f"{id}.{len(self.incarnations)}"
        if (id, cookie) in self.incarnations:
            raise Unknown(f"there was a {id} with the cookie {cookie} already")
        who = self._settle_in(id, seed, ahead_ms)
        who.legislator.join(who.now, republic, cookie)
        self._enter(who, cookie)
        return who

    def _settle_in(self, id: str, seed: int | None, ahead_ms: int) -> Inhabitant:
        if id in self.inhabitants and self.inhabitants[id].alive:
            raise Unknown(f"{id} lives")
        ordinal = len(self.incarnations)
        chosen = 1 + ordinal if seed is None else seed
        legislator = self.make(id, seed=chosen, **asdict(self.settings))
        who = Inhabitant(id, legislator, self.agenda, ahead_ms, ordinal)
        self.inhabitants[id] = who
        self._looks[ordinal] = Look()
        return who

    def _enter(self, who: Inhabitant, cookie: Cookie) -> None:
        who.cookie = cookie
        self.incarnations[(who.id, cookie)] = who
        self._after_input(who)

    def who(self, id: str) -> Inhabitant:
        """Who lives under this id, or lived there last. Raises `Unknown`."""
        if id not in self.inhabitants:
            raise Unknown(f"nobody is called {id}")
        return self.inhabitants[id]

    def alive(self, id: str) -> Inhabitant:
        """Who lives under this id now. Raises `Unknown`."""
        who = self.who(id)
        if not who.alive:
            raise Unknown(f"{id} is dead")
        return who

    def living(self) -> Iterator[Inhabitant]:
        """Everybody who lives, in the order in which their ids were first used."""
        return (who for who in self.inhabitants.values() if who.alive)

    def crash(self, id: str) -> None:
        """Its process is gone, and its memory with it; what it gave can still be delivered."""
        who = self.alive(id)
        who.alive = False
        who.tickets.clear()
        for key in [key for key, f in self.untouched.items() if f.pulse.sender == id]:
            del self.untouched[key]

    # -- what is asked of a citizen ------------------------------------------------------

    def tick(self, id: str) -> None:
        """Let it do what is due."""
        who = self.alive(id)
        who.legislator.tick(who.now)
        self._after_input(who)

    def hint(self, id: str, dead: str) -> None:
        """Tell it that the runtime knows `dead` to be dead, true or not. Raises `Unknown`."""
        who = self.alive(id)
        who.legislator.unreachable(who.now, self.who(dead).id)
        self._after_input(who)

    def enqueue(self, id: str, body: bytes) -> Receipt:
        """Propose an entry to it."""
        who = self.alive(id)
        receipt = who.legislator.enqueue(who.now, REPUBLIC, body)
        return self._asked(who, receipt, "write", body)

    def confirm(self, id: str) -> Receipt:
        """Read at it; the answer must reflect all that was acknowledged before."""
        who = self.alive(id)
        receipt = who.legislator.confirm(who.now)
        return self._asked(who, receipt, "read", self.history.acknowledged)

    def embark(self, id: str, newcomer: str, acclimated: bool = False) -> Receipt:
        """Ask it to write `newcomer` in, as who lives under that id or lived there last."""
        who, subject = self.alive(id), self.who(newcomer)
        assert subject.cookie is not None
        if subject.citizen is None:
            subject.citizen = Citizen(id=newcomer, properties={}, cookie=subject.cookie)
        receipt = who.legislator.embark(who.now, REPUBLIC, subject.citizen, acclimated)
        return self._asked(who, receipt, "embark", subject)

    def emigrate(self, id: str, leaving: str) -> Receipt:
        """Ask it to write `leaving` out."""
        who, subject = self.alive(id), self.who(leaving)
        receipt = who.legislator.emigrate(who.now, leaving)
        return self._asked(who, receipt, "emigrate", subject)

    def _asked(self, who: Inhabitant, receipt: Receipt, kind: str, subject: object) -> Receipt:
        if receipt.ticket is not None:
            who.tickets[receipt.ticket] = Ticket(kind, subject, receipt.ticket, self.agenda.now)
        if not receipt.accepted:
            other = receipt.leader not in (None, who.id)
            self.say(f"{who} refuses: {receipt.why}" + (f"; ask {receipt.leader}" if other else ""))
        elif receipt.why:
            self.say(f"{who} says: {receipt.why}")
        self._after_input(who)
        return receipt

    # -- messages ------------------------------------------------------------------------

    def flight(self, name: str) -> Flight:
        """The giving of that name; `a~0` is what a gave last, `a~1` what before, and so on: names
        that hold when earlier steps are left out. Raises `Unknown`."""
        sender, _, back = name.partition("~")
        if back.isdecimal():
            name = flight_name(sender, self._given.get(sender, 0) - int(back))
        if name not in self.flights:
            raise Unknown(f"no pulse was given that is called {name}")
        return self.flights[name]

    def take_up(self, flight: Flight) -> None:
        """Somebody has this giving in hand: a run does not carry it."""
        self.untouched.pop(flight.key, None)

    def deliver(self, flight: Flight, to: str) -> Reply | None:
        """Deliver the envelope for `to`; once more is a duplicate. Its reply is then on its way
        home, None when nobody lives at that address. Raises `Unknown`."""
        request = next((e.request for e in flight.pulse.envelopes if e.to == to), None)
        if request is None:
            raise Unknown(f"{flight.name} has no envelope for {to}")
        self.take_up(flight)
        who = self.inhabitants.get(to)
        if who is None or not who.alive:
            self.detail(f"{to} is dead")
            return None
        reply = who.legislator.receive(who.now, request)
        times = flight.delivered[to] = flight.delivered.get(to, 0) + 1
        name = to if times == 1 else f"{to}/{times}"
        flight.replies[name] = reply
        if self.tell and not self.running:
            self.tell(f"{name} answers {describe_reply(reply, reports=False)}")
        self._after_input(who)
        return reply

    def answer(self, flight: Flight, names: Sequence[str] | None = None) -> None:
        """Hand the results to the sender: these replies, or the first of everybody's that there
        is; the rest is lost. Raises `Unknown`."""
        self.take_up(flight)
        if names is None:
            names = list(flight.replies)
        for name in names:
            if name not in flight.replies:
                raise Unknown(f"there is no reply to {flight.name} called {name}")
        replies: dict[str, Reply | None] = {}
        for name in names:
            replies.setdefault(name.partition("/")[0], flight.replies[name])
        who = self.inhabitants[flight.pulse.sender]
        if not who.alive:
            self.detail(f"{who} is dead")
            return
        complete = {e.to: replies.get(e.to) for e in flight.pulse.envelopes}
        who.legislator.sent(who.now, flight.pulse, complete)
        self._after_input(who)

    def reaches(self, sender: str, to: str) -> bool:
        """Whether a message from one to the other passes when the story does not move it."""
        return (sender, to) not in self.cut

    def carry(self, flight: Flight, to: Iterable[str] | None = None) -> None:
        """There and back: deliver to all (or `to`) that can be reached, answer with what comes."""
        self.take_up(flight)
        sender, names = flight.pulse.sender, []
        wanted = None if to is None else list(to)
        for envelope in flight.pulse.envelopes:
            other = envelope.to
            if (wanted is None or other in wanted) and self.reaches(sender, other):
                arrived = self.deliver(flight, other) is not None
                if arrived and self.reaches(other, sender):
                    times = flight.delivered[other]
                    names.append(other if times == 1 else f"{other}/{times}")
        self.answer(flight, names)

    # -- snapshots -----------------------------------------------------------------------

    def snapshot(self, donor: str) -> str:
        """What the donor's application holds now, under a name: `s1`, `s2`, and so on."""
        who = self.alive(donor)
        if not who.stateful:
            raise Unknown(f"{donor} has no state")
        name = f"s{len(self.snapshots) + 1}"
        self.snapshots[name] = who.application.state
        return name

    def restore(self, id: str, snapshot: str) -> bool:
        """It takes that snapshot (`s~0` is the last) for its state; False when its log cannot
        continue it. Raises `Unknown`."""
        who = self.alive(id)
        back = snapshot.removeprefix("s~")
        if back != snapshot and back.isdecimal():
            snapshot = f"s{len(self.snapshots) - int(back)}"
        if snapshot not in self.snapshots:
            raise Unknown(f"there is no snapshot called {snapshot}")
        if who.stateful:
            raise Unknown(f"{id} has its state")
        if not who.restore(self.snapshots[snapshot]):
            return False
        who.legislator.acclimate(who.now)
        self._after_input(who)
        return True

    # -- after each input ----------------------------------------------------------------

    def say(self, line: str) -> None:
        """Something to tell in any case."""
        if self.tell:
            self.tell(line)

    def detail(self, line: str) -> None:
        """Something to tell unless everybody runs."""
        if self.tell and not self.running:
            self.tell(line)

    def _after_input(self, who: Inhabitant) -> None:
        """Drain, check, apply, settle: the same round as in `Island`."""
        legislator = who.legislator
        given = []
        while (pulse := legislator.outbox()) is not None:
            given.append(self._give(pulse))
        before = len(self.history.governments)
        self.watch.observe(who)
        if who.stateful and who.application.state.applied != who.top:
            missing = who.application.apply(who.fresh())
            if missing is not None:
                applied = who.application.state.applied
                detail = f"{who} has applied {applied}, not {missing.promise}"
                raise Violation("nothing unapplied is let go", detail)
        if self.tell:
            founded = self.history.governments[before:]
            for line in self._looks[who.ordinal].news(who, founded, self.running):
                self.tell(line)
        for number, promise in legislator.outcomes():
            unknown = Ticket("unknown", None, number, self.agenda.now)
            ticket = who.tickets.pop(number, unknown)
            self.say(f"{who} tells: {describe_outcome(ticket, promise)}")
            self.watch.settled(who, ticket, promise)
        if not self.running:
            for flight in given:
                self.name(flight)

    def _give(self, pulse: Pulse) -> Flight:
        self._flown += 1
        flight = Flight(pulse, self._flown)
        self.untouched[flight.key] = flight
        return flight

    def name(self, flight: Flight) -> None:
        """Give it the next name of its sender, and tell of it."""
        sender = flight.pulse.sender
        number = self._given[sender] = self._given.get(sender, 0) + 1
        flight.name = flight_name(sender, number)
        self.flights[flight.name] = flight
        first = self._first.setdefault(flight.pulse.id, flight.name)
        if first != flight.name:
            self.say(f"{sender} gives {first} again, as {flight.name}")
        elif self.tell:
            for line in describe_pulse(flight.pulse):
                self.tell(f"{sender} gives {flight.name} {line}")


def flight_name(sender: str, number: int) -> str:
    """What the giving of that number, from 1, of this sender is called."""
    return f"{sender}.{number}" if sender[-1].isdigit() else f"{sender}{number}"
