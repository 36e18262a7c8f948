"""Clients as they are on Ray, in virtual time: sessions, batches, retries, and what they heard.

Between a customer and the citizens messages are late, doubled and lost like everywhere. A customer
sends on what is new at once, sends all that is unanswered again when it was told `retry` or `gap`
or nothing at all, and says that an outcome is unknown when its session has expired or its own
patience has.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from paxos_ray.core.promise import Promise
from paxos_ray.machines import ERROR, EXPIRED, GAP, OK, Operation, Reply, encode_batch, encode_open
from paxos_ray.simulation.coordinator import Clients
from paxos_ray.simulation.counters import Counters
from paxos_ray.simulation.exactly_once import Attempt, Place
from paxos_ray.simulation.histories import HistoryRecorder, OpenCall
from paxos_ray.simulation.inhabitant import Inhabitant, Ticket
from paxos_ray.simulation.island import Island
from paxos_ray.simulation.plan import Plan
from paxos_ray.simulation.watch import History, Violation

MOST_UNANSWERED = 6

Heard = Callable[[Inhabitant, Promise | None], None]
"""What to do when a ticket is settled, at the citizen that settles it."""


@dataclass(frozen=True, slots=True)
class Habits:
    """How the customers of one schedule are: rates are probabilities, times ms."""

    customers: int
    counters: int
    lose: float
    double: float
    delay_ms: int
    lifetime_ms: int
    patience_ms: int  # how long a caller waits for its call
    again_ms: int  # how long nothing is heard before all is sent again


def habits(seed: int, plan: Plan) -> Habits:
    """The habits of that seed's customers; the seed's plan is as for every workload."""
    random = Random(f"workload {seed}")
    pick, timeout, ping = random.choice, plan.settings.timeout, plan.settings.ping
    return Habits(
        customers=pick((2, 3, 5)),
        counters=pick((1, 1, 2)),
        lose=pick((0.0, 0.02, 0.1)),
        double=pick((0.0, 0.05, 0.2)),
        delay_ms=pick((1, ping // 4, ping)),
        lifetime_ms=pick((4, 12, 50)) * timeout,
        patience_ms=pick((3, 10, 40)) * timeout,
        again_ms=pick((1, 2)) * timeout,
    )


@dataclass(slots=True, eq=False)
class Wish:
    """One operation that a customer wants done once."""

    call: Operation
    open: OpenCall
    asked_ms: int
    places: list[Place] = field(default_factory=list)
    answered: bool = False
    acknowledged: bool = False
    result: Any = None


class Post:
    """The way between customers and citizens; `faulty` until the island is healed."""

    def __init__(self, island: Island, habits: Habits, random: Random) -> None:
        self.faulty = True
        self._island = island
        self._habits = habits
        self._random = random
        self._heard: dict[tuple[int, int], Heard] = {}  # by incarnation and ticket
        self._early: dict[tuple[int, int], Promise | None] = {}  # settled while being asked

    def send(self, action: Callable[..., object], *arguments: Any) -> None:
        """Have it done a little later; never, or twice, if things go wrong."""
        drawn = self._random.random()
        habits = self._habits
        copies = 1
        if self.faulty:
            copies = 0 if drawn < habits.lose else 2 if drawn > 1 - habits.double else 1
        for _ in range(copies):
            late = self.faulty and self._random.random() < 0.05
            most = habits.delay_ms * (40 if late else 1)
            self._island.agenda.after(1 + int(self._random.random() * most), action, *arguments)

    def write(self, who: Inhabitant, body: bytes, heard: Heard) -> None:
        """Propose an entry there, if somebody is at home."""
        if who.alive and not who.paused:
            self._await(who, self._island.enqueue(who, body).ticket, heard)

    def read(self, who: Inhabitant, floor: Promise, heard: Heard) -> None:
        """Have the leader confirmed there."""
        if who.alive and not who.paused:
            self._await(who, self._island.confirm(who, floor).ticket, heard)

    def _await(self, who: Inhabitant, ticket: int | None, heard: Heard) -> None:
        if ticket is None:
            heard(who, None)
            return
        key = (who.ordinal, ticket)
        if key in self._early:
            heard(who, self._early.pop(key))
        else:
            self._heard[key] = heard

    def settled(self, who: Inhabitant, ticket: Ticket, promise: Promise | None) -> None:
        """A citizen has settled a ticket."""
        key = (who.ordinal, ticket.number)
        heard = self._heard.pop(key, None)
        if heard is not None:
            heard(who, promise)
        else:
            self._early[key] = promise


class Customer:
    """One client with one session at a time."""

    def __init__(self, name: str, customers: Customers, random: Random) -> None:
        self.name = name
        self.wishes: list[Wish] = []
        self.session: Promise | None = None
        self._had: set[Promise] = set()  # sessions: an answer that comes twice gives none again
        self._customers = customers
        self._random = random
        self._waiting: list[Wish] = []  # for a session, or to be sent for the first time
        # From the first that is unanswered on, by sequence number; what follows it may be answered
        # already, and is sent again with it: no number is ever left out.
        self._unanswered: dict[int, Wish] = {}
        self._next = 1
        self._sent_ms = 0
        self._attempt = 0  # how often all that is unanswered was sent again
        self._seen = 0  # the value that it saw last

    @property
    def busy(self) -> bool:
        """Whether anything is unanswered."""
        return bool(self._waiting or self._unanswered)

    # -- what it wants -------------------------------------------------------------------

    def want(self, leader: Inhabitant) -> None:
        """One write more, or some."""
        if len(self._waiting) + len(self._unanswered) < MOST_UNANSWERED:
            for _ in range(self._random.choice((1, 1, 1, 2, 3))):
                call = self._choose()
                name, method, arguments = call
                open = self._customers.recorder.begin(self.name, name, method, *arguments)
                self._waiting.append(Wish(call, open, self._customers.now))
                self.wishes.append(self._waiting[-1])
        self.flush(leader)

    def _choose(self) -> Operation:
        pick = self._random.choice
        counter = self._customers.counter(self._random)
        if self._random.random() < 0.25:
            return counter, "compare_and_set", (self._seen, self._seen + pick((-3, -1, 1, 7)))
        return counter, "increment", (pick((1, 1, 2, 3)),)

    def look(self, leader: Inhabitant) -> None:
        """One read."""
        counter = self._customers.counter(self._random)
        open = self._customers.recorder.begin(self.name, counter, "value")
        self._read(leader, counter, open, 3)

    def _read(self, who: Inhabitant, counter: str, open: OpenCall, attempts: int) -> None:
        customers = self._customers

        def heard(at: Inhabitant, promise: Promise | None) -> None:
            if promise is not None and at.stateful:
                assert isinstance(at.application, Counters)
                customers.post.send(told, at.application.value(counter))
            elif attempts:
                again = customers.somebody(self._random)
                customers.post.send(self._read, again or at, counter, open, attempts - 1)

        def told(value: int) -> None:
            if customers.answer(open, value):
                self._seen = value

        customers.post.read(who, customers.acknowledged_promise, heard)

    # -- sending -------------------------------------------------------------------------

    def flush(self, leader: Inhabitant) -> None:
        """Send what was not sent yet, in a session."""
        if self.session is None:
            self._open_session(leader)
        elif self._waiting:
            first = self._next
            for wish in self._waiting:
                self._unanswered[self._next] = wish
                wish.places.append((self.session, self._next))
                self._next += 1
            self._send(leader, first, self._waiting)
            self._waiting = []

    def again(self) -> None:
        """Send all that is unanswered, in order, in one batch."""
        leader = self._customers.somebody(self._random)
        if leader is not None and self._unanswered:
            self._attempt += 1
            first = min(self._unanswered)
            self._send(leader, first, [self._unanswered[n] for n in sorted(self._unanswered)])

    def _send(self, leader: Inhabitant, first: int, wishes: list[Wish]) -> None:
        session, attempt = self.session, self._attempt
        assert session is not None
        acknowledged = min(self._unanswered, default=first) - 1
        body = encode_batch(
            session, first, acknowledged, [self._sent(wish.call) for wish in wishes]
        )
        post = self._customers.post
        self._sent_ms = self._customers.now

        def heard(at: Inhabitant, promise: Promise | None) -> None:
            if promise is None:
                post.send(self._told_retry, session, attempt)
                return
            assert isinstance(at.application, Counters)
            replies = at.application.replies.get(promise)
            if replies is not None:  # else it has not its state yet, and cannot know
                post.send(self._told, session, attempt, first, replies)

        post.send(post.write, leader, body, heard)

    def _sent(self, call: Operation) -> Operation:
        """The call as it stands in the log."""
        return call

    def _open_session(self, leader: Inhabitant) -> None:
        self._sent_ms = self._customers.now
        post = self._customers.post

        def heard(at: Inhabitant, promise: Promise | None) -> None:
            if promise is not None:
                post.send(self._opened, promise)

        post.send(post.write, leader, encode_open(self._customers.habits.lifetime_ms), heard)

    # -- what comes back -----------------------------------------------------------------

    def _takes(self, session: Promise) -> bool:
        return self.session is None and session not in self._had

    def _opened(self, session: Promise) -> None:
        if self._takes(session):
            self.session, self._next = session, 1
            self._had.add(session)
            leader = self._customers.somebody(self._random)
            if leader is not None:
                self.flush(leader)

    def _told_retry(self, session: Promise, attempt: int) -> None:
        # Of many that were on their way one is enough to send all again, else they would multiply.
        if session == self.session and attempt == self._attempt:
            self.again()

    def _told(self, session: Promise, attempt: int, first: int, replies: list[Reply]) -> None:
        if session != self.session:
            return
        if replies[-1].status is EXPIRED:
            self._expired()
        elif replies[-1].status is GAP:
            if attempt == self._attempt:
                self._gap(first, replies)
        else:
            for sequence, reply in enumerate(replies, first):
                self._answered(sequence, reply)

    def _gap(self, first: int, replies: list[Reply]) -> None:
        self.again()

    def _answered(self, sequence: int, reply: Reply) -> None:
        wish = self._unanswered.get(sequence)
        if wish is None or wish.answered:
            return
        assert reply.status is not ERROR, reply
        if reply.status is not OK:
            raise Violation("exactly once", f"{self.name}'s {sequence} is unanswered: {reply}")
        wish.answered = True
        while self._unanswered and self._unanswered[min(self._unanswered)].answered:
            del self._unanswered[min(self._unanswered)]
        wish.acknowledged, wish.result = True, reply.value
        if self._customers.now - wish.asked_ms <= self._customers.habits.patience_ms:
            self._customers.answer(wish.open, reply.value)
        if type(reply.value) is int:
            self._seen = reply.value

    def _expired(self) -> None:
        """The outcome of all that is unanswered stays unknown."""
        self._unanswered.clear()
        self.session = None

    def remind(self) -> None:
        """See whether something has not been heard of for long."""
        if self.busy and self._customers.now - self._sent_ms > self._customers.habits.again_ms:
            self.again()
            leader = self._customers.somebody(self._random)
            if leader is not None:
                self.flush(leader)


class Customers(Clients):
    """All customers of a simulated island; `recorder` holds the history of their calls."""

    def __init__(
        self, seed: int, island: Island, history: History, plan: Plan, random: Random
    ) -> None:
        super().__init__(island, history, plan, random)
        self.habits = habits(seed, plan)
        self.recorder = HistoryRecorder()
        own = Random(f"customers {seed}")
        self.post = Post(island, self.habits, Random(own.getrandbits(64)))
        self._agenda = island.agenda
        self._own = own
        self._answered: set[OpenCall] = set()
        self._customers = [
            Customer(f"customer-{number}", self, Random(own.getrandbits(64)))
            for number in range(self.habits.customers)
        ]

    @property
    def now(self) -> int:
        """The island's time, ms."""
        return self._agenda.now

    @property
    def acknowledged_promise(self) -> Promise:
        """What a read that begins now must reflect."""
        return self._history.acknowledged

    def counter(self, random: Random) -> str:
        """One of the counters."""
        return f"counter-{random.randrange(self.habits.counters)}"

    def somebody(self, random: Random) -> Inhabitant | None:
        """Whom a customer takes for the leader: mostly the newest, sometimes one that was."""
        leaders = self._island.leaders()
        if not leaders:
            return None
        return leaders[-1] if not self.post.faulty or random.random() < 0.8 else leaders[0]

    def answer(self, open: OpenCall, result: Any) -> bool:
        """A call was answered; False if it was before."""
        if open in self._answered:
            return False
        self._answered.add(open)
        open.returned(result)
        return True

    def attempts(self) -> list[Attempt]:
        """All that was wanted of the log."""
        return [
            Attempt(customer.name, wish.call, tuple(wish.places), wish.acknowledged, wish.result)
            for customer in self._customers
            for wish in customer.wishes
        ]

    # -- as the other clients ------------------------------------------------------------

    def start(self) -> None:
        """Begin to write and read."""
        super().start()
        self._agenda.after(self._plan.settings.ping, self._remind)

    def stop(self) -> None:
        """Want nothing more; go on with what is unanswered, without faults."""
        super().stop()
        self.post.faulty = False

    def write(self, leader: Inhabitant) -> None:
        """Have somebody want something more."""
        self.written += 1
        self._own.choice(self._customers).want(leader)

    def read_at(self, leader: Inhabitant) -> None:
        """Have somebody read there."""
        self.read += 1
        self._own.choice(self._customers).look(leader)

    def _remind(self) -> None:
        for customer in self._customers:
            customer.remind()
        self._agenda.after(self._plan.settings.ping, self._remind)
