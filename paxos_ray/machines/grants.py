"""Grants in fair order: what a lock, a semaphore and an election have in common.

1. Whoever asks gets a *number*, each higher than all before. It names the place in the line, and
   once granted it is the fencing token: grants are made in the order of the numbers, so a later
   grant's token is always the higher one.
2. The line is served strictly in order: while its first must wait, nobody passes it.
3. A grant lasts until it is given back, its session ends, or its lease is over. A lease is counted
   in log time from the grant on, and lasts while stamps are below its end.
4. Numbers belong to the session that asked; no other gives back, renews or cancels them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sortedcontainers import SortedDict

from paxos_ray.core.promise import Promise
from paxos_ray.machines.context import Context
from paxos_ray.machines.errors import InvalidArguments, NotHeld
from paxos_ray.machines.standard import BySession, Deadlines, natural, session_of
from paxos_ray.machines.values import is_plain, shown

CANCELLED, GRANTED, GONE, WAITING = "cancelled", "granted", "gone", "waiting"
"""What a number's state may be, and what a cancel may answer."""


class Grant(NamedTuple):
    """Something granted: to whom, how much, until which stamp (None: until the session ends)."""

    session: tuple[int, ...]
    permits: int
    expires: int | None
    label: Any


class Waiter(NamedTuple):
    """Somebody in the line, and the lease that is asked for."""

    session: tuple[int, ...]
    permits: int
    lease_ms: int | None
    label: Any


class Grants:
    """`limit` permits, who holds them, and who waits for some.

    Publishes `(what, number, label)` under the number; `what` is `granted` when it is granted
    later than asked for, `released`, or `cancelled`, `expired`, `ended` (by its session).
    """

    __slots__ = (
        "_due",
        "_granted",
        "_owned",
        "_released",
        "_used",
        "held",
        "last",
        "limit",
        "waiting",
    )

    def __init__(self, granted: str = GRANTED, released: str = "released", limit: int = 1) -> None:
        self.limit = limit
        self.last = 0  # the highest number so far
        self.held: dict[int, Grant] = {}
        self.waiting: SortedDict = SortedDict()  # number: Waiter
        self._used = 0
        self._due = Deadlines()
        self._owned = BySession()
        self._granted = granted
        self._released = released

    @property
    def free(self) -> int:
        """How many permits are granted to nobody; below 0 after the limit was lowered."""
        return self.limit - self._used

    def ask(
        self, context: Context, permits: int, lease_ms: int | None, wait: bool, label: Any
    ) -> tuple[bool, int | None]:
        """Whether it is granted at once, and the number; None if it is not and nobody waits.

        Raises `InvalidArguments` if there are never so many permits."""
        if permits > self.limit:
            raise InvalidArguments(
                f"{shown(permits)} permits were asked for, there are {shown(self.limit)}"
            )
        at_once = not self.waiting and permits <= self.free
        if not at_once and not wait:
            return False, None
        self.last = number = self.last + 1
        session = tuple(context.session)
        self._owned.add(session, number)
        waiter = Waiter(session, permits, lease_ms, label)
        if at_once:
            self._hold(number, waiter, context.stamp)
        else:
            self.waiting[number] = waiter
        return at_once, number

    def give_back(self, context: Context, number: int) -> None:
        """End a grant. Raises `NotHeld`."""
        self.mine(context, number)
        self._let_go(context, number, self._released)
        self.serve(context)

    def revoke(self, context: Context, number: int) -> bool:
        """End a grant, whoever holds it; False if nobody does."""
        if number not in self.held:
            return False
        self._let_go(context, number, self._released)
        self.serve(context)
        return True

    def renew(self, context: Context, number: int, lease_ms: int | None) -> int | None:
        """Have the lease last so long from now on; its new end. Raises `NotHeld`."""
        grant = self.mine(context, number)
        expires = None if lease_ms is None else context.stamp + lease_ms
        self._due.remove(grant.expires, number)
        self._due.add(expires, number)
        self.held[number] = grant._replace(expires=expires)
        return expires

    def relabel(self, context: Context, number: int, label: Any) -> None:
        """Have a grant called otherwise. Raises `NotHeld`."""
        self.held[number] = self.mine(context, number)._replace(label=label)

    def cancel(self, context: Context, number: int) -> str:
        """Leave the line: `cancelled`; `granted` if it has been granted, which it then stays;
        `gone` if it is neither. Raises `NotHeld` for another session's number."""
        there = self.held.get(number) or self.waiting.get(number)
        if there is None:
            return GONE
        if there.session != context.session:
            raise NotHeld(f"{number} is another session's")
        if number in self.held:
            return GRANTED
        self._leave(context, number, CANCELLED)
        self.serve(context)
        return CANCELLED

    def resize(self, context: Context, limit: int) -> None:
        """From now on there are so many permits; what is granted beyond stays granted. Whoever
        waits for more than that waits, and is not passed."""
        self.limit = limit
        self.serve(context)

    def serve(self, context: Context) -> None:
        """Grant what can be, first come first served."""
        while self.waiting:
            number, waiter = self.waiting.peekitem(0)
            if waiter.permits > self.free:
                return
            del self.waiting[number]
            self._hold(number, waiter, context.stamp)
            context.publish((self._granted, number, waiter.label), number)

    def session_ended(self, session: Promise, context: Context) -> None:
        """All that is the session's goes, and others are served."""
        for number in self._owned.of(session):
            if number in self.held:
                self._let_go(context, number, "ended")
            else:
                self._leave(context, number, "ended")
        self.serve(context)

    def due(self) -> int | None:
        """When the next lease is over."""
        return self._due.first()

    def tick(self, context: Context) -> None:
        """Leases that are over end, and others are served."""
        for number in self._due.passed(context.stamp):
            self._let_go(context, number, "expired")
        self.serve(context)

    def state(self, number: int) -> tuple[str, int]:
        """`granted`, `waiting` or `gone`, and how many are before it in the line."""
        if number in self.held:
            return GRANTED, 0
        if number in self.waiting:
            return WAITING, int(self.waiting.bisect_left(number))
        return GONE, 0

    def holders(self) -> list[tuple[int, Any, int, int | None, tuple[int, ...]]]:
        """Of each grant the number, the label, the permits, its end, the session; in order."""
        return [
            (number, grant.label, grant.permits, grant.expires, grant.session)
            for number, grant in sorted(self.held.items())
        ]

    def line(self, most: int | None) -> list[tuple[int, Any, int, tuple[int, ...]]]:
        """Of each in the line the number, the label, the permits, the session; in order."""
        return [
            (number, waiter.label, waiter.permits, waiter.session)
            for number, waiter in self.waiting.items()[:most]
        ]

    def snapshot(self) -> Any:
        """The limit, the last number, what is held, who waits."""
        held = {number: tuple(grant) for number, grant in self.held.items()}
        waiting = {number: tuple(waiter) for number, waiter in self.waiting.items()}
        return self.limit, self.last, held, waiting

    def load(self, snapshot: Any) -> None:
        """Become what `snapshot` says, of an object just made; may raise anything if that is
        malformed."""
        limit, last, held, waiting = snapshot
        self.limit, self.last = natural(limit), natural(last)
        for number, (session, permits, expires, label) in held.items():
            expires = None if expires is None else natural(expires)
            grant = Grant(session_of(session), natural(permits), expires, label)
            self.held[natural(number)] = grant
            self._used += grant.permits
            self._due.add(expires, number)
        for number, (session, permits, lease_ms, label) in waiting.items():
            lease_ms = None if lease_ms is None else natural(lease_ms)
            waiter = Waiter(session_of(session), natural(permits), lease_ms, label)
            self.waiting[natural(number)] = waiter
        for number, there in [*self.held.items(), *self.waiting.items()]:
            assert number <= self.last and is_plain(there.label)
            self._owned.add(there.session, number)

    def mine(self, context: Context, number: int) -> Grant:
        """The caller's grant of that number. Raises `NotHeld`."""
        grant = self.held.get(number)
        if grant is not None and grant.session == context.session:
            return grant
        if grant is not None:
            raise NotHeld(f"{number} is held by another session")
        if number in self.waiting:
            raise NotHeld(f"{number} still waits")
        if number <= self.last:
            raise NotHeld(f"{number} is held no more")
        raise NotHeld(f"{shown(number)} was never given out")

    def _hold(self, number: int, waiter: Waiter, stamp: int) -> None:
        session, permits, lease_ms, label = waiter
        expires = None if lease_ms is None else stamp + lease_ms
        self.held[number] = Grant(session, permits, expires, label)
        self._used += permits
        self._due.add(expires, number)

    def _let_go(self, context: Context, number: int, why: str) -> None:
        grant = self.held.pop(number)
        self._used -= grant.permits
        self._due.remove(grant.expires, number)
        self._owned.remove(grant.session, number)
        context.publish((why, number, grant.label), number)

    def _leave(self, context: Context, number: int, why: str) -> None:
        waiter = self.waiting.pop(number)
        self._owned.remove(waiter.session, number)
        context.publish((why, number, waiter.label), number)
