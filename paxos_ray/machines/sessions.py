"""Sessions: what makes a retry safe. The table of them is replicated state like any other.

1. A session is named by the promise of the entry that opened it, so that a late copy of that
   entry opens another session and never this one anew.
2. Operations carry 1, 2, 3, … One at or below the highest applied is never applied again: it gets
   the kept reply, or `ACKNOWLEDGED` when the client has said that it has it.
3. One that is not the next gets `GAP`: nothing is ever left out, so order holds.
4. One of a session that is not open gets `EXPIRED`.
5. Time is the stamps of the log. What a stamp shows to have expired goes before the entry of that
   stamp is applied; any entry of a session keeps it open.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heappop, heappush, heapreplace
from typing import Any

from paxos_ray.core.promise import Promise
from paxos_ray.machines.errors import InvalidSnapshot
from paxos_ray.machines.replies import ACKNOWLEDGED, GAP, Reply, Status, likeness


class Session:
    """One session. `replies` holds those to `acknowledged + 1` … `applied`, without a gap."""

    __slots__ = ("acknowledged", "applied", "lifetime_ms", "replies", "used")

    def __init__(self, lifetime_ms: int, used: int) -> None:
        self.lifetime_ms = lifetime_ms
        self.used = used  # the stamp of its last entry
        self.applied = 0  # the highest sequence number applied
        self.acknowledged = 0  # the highest whose reply has been let go
        self.replies: list[Reply] = []

    @property
    def deadline(self) -> int:
        """The last stamp, in ms, at which the session is still open."""
        return self.used + self.lifetime_ms

    def acknowledge(self, sequence: int) -> None:
        """Let go of the replies up to `sequence`: the client has them."""
        sequence = min(sequence, self.applied)  # nobody has the reply to what was never applied
        if sequence > self.acknowledged:
            del self.replies[: sequence - self.acknowledged]
            self.acknowledged = sequence

    def settled(self, first: int, count: int) -> list[Reply]:
        """The replies to those of `first`, `first + 1`, … (`count` of them) not to be applied now.

        They are a prefix, followed by what is to be applied and then given to `keep`.
        """
        if first == self.applied + 1:
            return []
        if first > self.applied + 1:
            return [Reply(GAP, None)] * count
        end = min(first + count, self.applied + 1)
        gone = max(0, min(end, self.acknowledged + 1) - first)
        start = first + gone - self.acknowledged - 1
        kept = self.replies[start : start + end - first - gone]
        return [Reply(ACKNOWLEDGED, None)] * gone + kept

    def keep(self, replies: Sequence[Reply]) -> None:
        """Remember the replies to the operations just applied, the next of this session."""
        self.replies.extend(replies)
        self.applied += len(replies)


class Sessions:
    """All open sessions.

    `_due` is a heap of `(deadline, session)`, one a session, whose deadlines may be earlier than
    true: using a session does not touch the heap, and what comes up early is put back. So an entry
    costs a look at the heap's head, and a session one move in it each lifetime.
    """

    __slots__ = ("_due", "_open")

    def __init__(self) -> None:
        self._open: dict[Promise, Session] = {}
        self._due: list[tuple[int, Promise]] = []

    def __len__(self) -> int:
        return len(self._open)

    def __contains__(self, name: Promise) -> bool:
        return name in self._open

    def expire(self, stamp: int) -> Sequence[Promise]:
        """Drop the sessions that `stamp` (ms of log time) shows to have expired: their names, in
        the order of their deadlines."""
        due = self._due
        if not due or due[0][0] >= stamp:  # nearly always
            return ()
        ended: list[tuple[int, Promise]] = []
        while due and due[0][0] < stamp:
            name = due[0][1]
            deadline = self._open[name].deadline
            if deadline < stamp:
                heappop(due)
                del self._open[name]
                ended.append((deadline, name))
            else:
                heapreplace(due, (deadline, name))
        if len(ended) > len(self._open):
            self._open = dict(self._open)  # one that is emptied stays as large as it was
        # The heap's own order depends on what was used when, and is another after a snapshot.
        return [name for _, name in sorted(ended)]

    def deadline(self) -> int | None:
        """The last stamp at which all sessions are open still, None if there are none."""
        due = self._due
        while due:
            name = due[0][1]
            deadline = self._open[name].deadline
            if deadline == due[0][0]:
                return deadline
            heapreplace(due, (deadline, name))
        return None

    def open(self, name: Promise, lifetime_ms: int, stamp: int) -> None:
        """Open a session, named by the promise of the entry that says so."""
        session = Session(lifetime_ms, stamp)
        self._open[name] = session
        heappush(self._due, (session.deadline, name))

    def use(self, name: Promise, stamp: int) -> Session | None:
        """The session, kept open from `stamp` on; None if it is not open."""
        session = self._open.get(name)
        if session is not None:
            session.used = stamp
        return session

    def snapshot(self) -> dict[tuple[int, int], tuple[Any, ...]]:
        """A plain copy: the name of each session to its fields."""
        return {
            (name.government, name.entry): (
                session.lifetime_ms,
                session.used,
                session.applied,
                session.acknowledged,
                bytes([reply[0] for reply in session.replies]),
                [reply[1] for reply in session.replies],
            )
            for name, session in self._open.items()
        }

    def likeness(self) -> dict[tuple[int, int], tuple[Any, ...]]:
        """As `snapshot`, of what is the same on every citizen."""
        alike = {}
        for name, fields in self.snapshot().items():
            replies = self._open[Promise(*name)].replies
            alike[name] = (*fields[:-1], [likeness(reply)[1] for reply in replies])
        return alike

    def restore(self, snapshot: Any) -> None:
        """Become what `snapshot` says, or raise `InvalidSnapshot` and stay."""
        try:
            restored = {Promise(*name): _restored(*fields) for name, fields in snapshot.items()}
        except (AttributeError, TypeError, ValueError):
            raise InvalidSnapshot("the sessions of the snapshot are malformed") from None
        self._open = restored
        self._due = [(session.deadline, name) for name, session in restored.items()]
        heapify(self._due)


def _restored(
    lifetime_ms: int, used: int, applied: int, acknowledged: int, statuses: bytes, values: list[Any]
) -> Session:
    if any(type(number) is not int for number in (lifetime_ms, used, applied, acknowledged)):
        raise TypeError
    session = Session(lifetime_ms, used)
    session.applied, session.acknowledged = applied, acknowledged
    session.replies = [
        Reply(Status(status), value) for status, value in zip(statuses, values, strict=True)
    ]
    if applied - acknowledged != len(values):
        raise ValueError
    return session
