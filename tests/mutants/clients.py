"""A client with a session against replicas: retries, late copies, gaps, snapshots, and a model.

What sessions promise does not depend on how the log is agreed on, so here is none: a log is
written at random, and every replica of it must answer as exactly-once says.
"""

from __future__ import annotations

from random import Random

from paxos_ray.core.log import NOTHING, Entry
from paxos_ray.core.promise import Promise
from paxos_ray.machines import ERROR, EXPIRED, GAP, OK, Replica, Reply, encode_batch, encode_open

EXACTLY_ONCE = "exactly once"
ORDER = "nothing is left out"
SAME_STATE = "one state"
OPEN = "a session stays open"

LIFETIME_MS = 1_000
STEPS = 40


class Broken(Exception):
    """An invariant is broken: its name."""


class Client:
    """Increments one counter by 1, so that the reply to operation n must be n."""

    def __init__(self, seed: int) -> None:
        self._random = Random(f"clients {seed}")
        self._replicas = [Replica()]
        self._number = self._stamp = 0
        self._applied = 0  # operations that have been applied, as the model has it
        self._acknowledged = 0
        self._bodies: list[bytes] = []  # all that was ever sent: late copies come from here
        self.session = self._open()

    def run(self) -> str | None:
        """Do something at random, many times; the name of what broke."""
        deeds = (self._next, self._next, self._retry, self._late_copy, self._skip, self._snapshot)
        try:
            for _ in range(STEPS):
                self._stamp += self._random.randrange(LIFETIME_MS // 2)
                self._random.choice(deeds)()
        except Broken as broken:
            return str(broken)
        return None

    def _open(self) -> Promise:
        self._append(encode_open(LIFETIME_MS))
        return self._replicas[0].applied

    def _append(self, body: bytes) -> list[Reply]:
        """Append to the log; the replies, which must be the same of all replicas."""
        self._number += 1
        previous = Promise(1, self._number - 1) if self._number > 1 else NOTHING
        entry = Entry(Promise(1, self._number), previous, self._stamp, body)
        self._bodies.append(body)
        answers = [replica.apply(entry) for replica in self._replicas]
        if len({replica.digest() for replica in self._replicas}) > 1:
            raise Broken(SAME_STATE)
        assert answers[0] is not None
        return answers[0].replies

    def _send(self, first: int, count: int) -> list[Reply]:
        operations = [("counter", "increment", (1,))] * count
        replies = self._append(encode_batch(self.session, first, self._acknowledged, operations))
        if any(reply.status == EXPIRED for reply in replies):
            raise Broken(OPEN)
        return replies

    def _next(self) -> None:
        """The next operations: each is applied, once."""
        count = self._random.randint(1, 3)
        self._expect(self._send(self._applied + 1, count), self._applied + 1, count)
        self._applied += count

    def _retry(self) -> None:
        """The replies were lost: the same are sent again, and perhaps some that follow them."""
        first = self._random.randint(self._acknowledged + 1, self._applied + 1)
        count = self._random.randint(1, 3)
        self._expect(self._send(first, count), first, count)
        self._applied = max(self._applied, first + count - 1)
        self._acknowledged = self._random.randint(self._acknowledged, self._applied)

    def _late_copy(self) -> None:
        """What was sent long ago arrives again, the opening of the session included."""
        replies = self._append(self._random.choice(self._bodies))
        if any(reply.status == ERROR for reply in replies):
            raise Broken(EXACTLY_ONCE)
        self._value()

    def _skip(self) -> None:
        """One is left out, whose message was lost: none after it is applied, nor settled."""
        ahead = self._applied + 2
        if any(reply.status != GAP for reply in self._send(ahead, 2)):
            raise Broken(ORDER)
        self._value()

    def _snapshot(self) -> None:
        """Another citizen begins with a snapshot."""
        copy = Replica()
        copy.restore(self._replicas[0].snapshot())
        self._replicas[1:] = [copy]

    def _expect(self, replies: list[Reply], first: int, count: int) -> None:
        if any(reply.status == GAP for reply in replies):
            raise Broken(ORDER)
        if replies != [Reply(OK, n) for n in range(first, first + count)]:
            raise Broken(EXACTLY_ONCE)

    def _value(self) -> None:
        if self._applied and self._replicas[0].query("counter", "value") != self._applied:
            raise Broken(EXACTLY_ONCE)


def clients(seed: int) -> str | None:
    """One client's life."""
    return Client(seed).run()
