"""The replicated semaphore: so many permits, granted in the order of asking."""

from __future__ import annotations

from typing import Any

from paxos_ray.core.promise import Promise
from paxos_ray.machines.context import Context
from paxos_ray.machines.errors import ConfiguredOtherwise
from paxos_ray.machines.grants import Grants
from paxos_ray.machines.standard import Standard, change, query
from paxos_ray.machines.values import FLAG, NATURAL, PLAIN, POSITIVE, maybe


class Semaphore(Standard):
    """As a `Lock` with more than one permit, at first 1; `configure` or `resize` it.

    The line is strict: who waits for many permits is not passed by who asks for few, so nobody
    starves. Numbers, leases and events are those of `Lock`, and `("resized", limit)` under None.
    """

    __slots__ = ("_configured", "_grants")

    kind = "semaphore"

    def __init__(self) -> None:
        self._grants = Grants()
        self._configured = False

    @change(permits=POSITIVE)
    def configure(self, context: Context, permits: int) -> bool:
        """Say how many permits there are; whether that was news. So each client can say what it
        takes for granted: raises `ConfiguredOtherwise` if another number has been said."""
        if self._configured:
            if self._grants.limit != permits:
                raise ConfiguredOtherwise(f"there are {self._grants.limit} permits, not {permits}")
            return False
        self.resize(context, permits)
        return True

    @change(permits=POSITIVE)
    def resize(self, context: Context, permits: int) -> int:
        """Change how many permits there are, whatever was said before; how many there were. What is
        granted beyond stays granted."""
        before = self._grants.limit
        self._configured = True
        if before != permits:
            context.publish(("resized", permits))
        self._grants.resize(context, permits)
        return before

    @change(permits=POSITIVE, lease_ms=maybe(POSITIVE), wait=FLAG, label=PLAIN)
    def acquire(
        self,
        context: Context,
        permits: int = 1,
        lease_ms: int | None = None,
        wait: bool = True,
        label: Any = None,
    ) -> tuple[bool, int | None]:
        """Ask for permits, all or none: as `Lock.acquire`. Raises `InvalidArguments` for more than
        there are."""
        return self._grants.ask(context, permits, lease_ms, wait, label)

    @change(token=NATURAL)
    def release(self, context: Context, token: int) -> None:
        """Give back all that was granted by this token. Raises `NotHeld`."""
        self._grants.give_back(context, token)

    @change(token=NATURAL, lease_ms=maybe(POSITIVE))
    def renew(self, context: Context, token: int, lease_ms: int | None = None) -> int | None:
        """As `Lock.renew`. Raises `NotHeld`."""
        return self._grants.renew(context, token, lease_ms)

    @change(ticket=NATURAL)
    def cancel(self, context: Context, ticket: int) -> str:
        """As `Lock.cancel`: `"cancelled"`, `"granted"` or `"gone"`. Raises `NotHeld`."""
        return self._grants.cancel(context, ticket)

    @change(token=NATURAL)
    def revoke(self, context: Context, token: int) -> bool:
        """As `Lock.revoke`."""
        return self._grants.revoke(context, token)

    @query()
    def limit(self) -> int:
        """How many permits there are."""
        return self._grants.limit

    @query()
    def available(self) -> int:
        """How many permits are granted to nobody."""
        return max(0, self._grants.free)

    @query()
    def holders(self) -> list[tuple[int, Any, int, int | None, tuple[int, ...]]]:
        """`(token, label, permits, expires, session)` of each grant, in order."""
        return self._grants.holders()

    @query(most=maybe(POSITIVE))
    def waiters(self, most: int | None = None) -> list[tuple[int, Any, int, tuple[int, ...]]]:
        """`(ticket, label, permits, session)` of the first in the line, at most so many."""
        return self._grants.line(most)

    @query(number=NATURAL)
    def state(self, number: int) -> tuple[str, int]:
        """As `Lock.state`."""
        return self._grants.state(number)

    def session_ended(self, session: Promise, context: Context) -> None:
        """What the session holds and waits for goes."""
        self._grants.session_ended(session, context)

    def due(self) -> int | None:
        """When the next lease is over."""
        return self._grants.due()

    def tick(self, context: Context) -> None:
        """End leases that are over."""
        self._grants.tick(context)

    def snapshot(self) -> Any:
        """Whether it was configured, and `Grants.snapshot`."""
        return self._configured, self._grants.snapshot()

    def load(self, snapshot: Any) -> None:
        """See `Standard.load`."""
        configured, grants = snapshot
        assert type(configured) is bool
        self._configured = configured
        self._grants.load(grants)
