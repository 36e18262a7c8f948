"""Sessions that read wherever a citizen has applied enough, in virtual time.

A Legislator knows nothing of this: whether a citizen may answer is said by the promise that its
application has applied. So what is checked is that no answer of a session reflects less than the
session had seen, and that what is answered is the state as of the promise that comes with it.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from paxos_ray.core.log import NOTHING
from paxos_ray.core.promise import Promise
from paxos_ray.machines import encode_open
from paxos_ray.simulation.counters import Counters
from paxos_ray.simulation.customer_schedule import CustomerSchedule
from paxos_ray.simulation.customers import Customers
from paxos_ray.simulation.exactly_once import Replay
from paxos_ray.simulation.guarantees import check_sessions
from paxos_ray.simulation.histories import HistoryRecorder, OpenCall, Operation
from paxos_ray.simulation.inhabitant import Inhabitant
from paxos_ray.simulation.watch import Violation

READERS = 3
TRIES = 3
WRITE, LOOK = "write", "look"


class Sight(NamedTuple):
    """What a session was told: a counter's value as of a promise; of a write, the promise."""

    promise: Promise
    counter: str = ""
    value: int = 0


class Reader:
    """One session: `seen` is the highest promise that an answer to it has reflected."""

    def __init__(self, name: str, readers: Readers, random: Random) -> None:
        self.name = name
        self.seen: Promise = NOTHING
        self._readers = readers
        self._random = random

    def act(self) -> None:
        """Write or read something."""
        if self._random.random() < 0.3:
            self._write()
        else:
            self._look()

    def _write(self) -> None:
        customers = self._readers.customers
        leader = customers.somebody(self._random)
        if leader is None:
            return
        open = self._readers.recorder.begin(self.name, "log", WRITE)

        def heard(at: Inhabitant, promise: Promise | None) -> None:
            if promise is not None:
                customers.post.send(self._told, open, Sight(promise))

        # What is written does not matter, but that it is nobody else's.
        lifetime_ms = customers.habits.lifetime_ms
        customers.post.send(customers.post.write, leader, encode_open(lifetime_ms), heard)

    def _look(self) -> None:
        counter = self._readers.customers.counter(self._random)
        open = self._readers.recorder.begin(self.name, "log", LOOK)
        self._ask(open, counter, self.since(), TRIES)

    def since(self) -> Promise:
        """What an answer must reflect at least."""
        return self.seen

    def _ask(self, open: OpenCall, counter: str, since: Promise, tries: int) -> None:
        post = self._readers.customers.post
        if tries:
            who = self._readers.anybody(self._random)
            post.send(self._asked, open, counter, since, tries, who)
            return
        leader = self._readers.customers.somebody(self._random)

        def heard(at: Inhabitant, promise: Promise | None) -> None:
            if promise is not None and at.stateful:
                post.send(self._told, open, sight(at, counter))

        if leader is not None:
            post.read(leader, self._readers.customers.acknowledged_promise, heard)

    def _asked(
        self, open: OpenCall, counter: str, since: Promise, tries: int, who: Inhabitant
    ) -> None:
        """At that citizen."""
        post = self._readers.customers.post
        if not who.alive or who.paused:
            return  # and nobody is ever told
        if who.stateful and who.application.state.applied >= since:
            post.send(self._told, open, sight(who, counter))
        else:
            post.send(self._ask, open, counter, since, tries - 1)

    def _told(self, open: OpenCall, sight: Sight) -> None:
        if self._readers.customers.answer(open, sight):
            self.see(sight.promise)

    def see(self, promise: Promise) -> None:
        """An answer reflects that."""
        self.seen = max(self.seen, promise)


class Readers:
    """All of them, beside the customers of an island, whose ways they use."""

    def __init__(self, seed: int, schedule: CustomerSchedule) -> None:
        self.customers: Customers = schedule.customers
        self.recorder = HistoryRecorder()
        self._island = schedule.island
        self._plan = schedule.plan
        self._random = Random(f"readers {seed}")
        self._readers = [
            Reader(f"reader-{number}", self, Random(self._random.getrandbits(64)))
            for number in range(READERS)
        ]

    def anybody(self, random: Random) -> Inhabitant:
        """One of those who live, or lived last under their ids."""
        return random.choice(list(self._island.inhabitants.values()))

    def start(self) -> None:
        """Begin."""
        self._go_on()

    def _go_on(self) -> None:
        if self.customers.post.faulty:  # until the island is healed
            self._random.choice(self._readers).act()
            delay = 1 + int(self._random.expovariate(1 / self._plan.write_ms))
            self._island.agenda.after(delay, self._go_on)


class ReaderSchedule(CustomerSchedule):
    """The schedule of a seed with customers, and sessions that read anywhere."""

    def _trouble(self) -> None:
        self.readers = Readers(self.seed, self)
        self.readers.start()
        super()._trouble()

    def _look_back(self) -> None:
        super()._look_back()
        history = self.readers.recorder.operations()
        broken = check_sessions(history, _promise, writes=(WRITE,))
        if broken is not None:
            raise Violation("session", str(broken))
        for operation in history:
            if operation.method == LOOK and operation.returned is not None:
                self._check_value(operation)

    def _check_value(self, operation: Operation) -> None:
        sight: Sight = operation.result
        chain = [promise for promise in self.history.chain if promise <= sight.promise]
        replay = Replay(self.history.entries[promise] for promise in chain)
        value = replay.states.get(sight.counter, 0)
        if value != sight.value:
            raise Violation("one state", f"{operation}; the log says {value} as of then")


def sight(who: Inhabitant, counter: str) -> Sight:
    """What that citizen says."""
    assert isinstance(who.application, Counters)
    return Sight(who.application.state.applied, counter, who.application.value(counter))


def _promise(operation: Operation) -> Promise | None:
    found: Promise = operation.result.promise
    return found
