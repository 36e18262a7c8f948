"""What is the same of all objects that grant something: how grants and waits come to their ends."""

from __future__ import annotations

from typing import Any

from paxos_ray.core.promise import Promise
from paxos_ray.machines.context import Context
from paxos_ray.machines.grants import Grants
from paxos_ray.machines.standard import Standard, change
from paxos_ray.machines.values import NATURAL, POSITIVE, maybe


class Granting(Standard):
    """A standard object whose state is its grants, see `grants`."""

    __slots__ = ("_grants",)

    def __init__(self, grants: Grants | None = None) -> None:
        self._grants = Grants() if grants is None else grants

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
        """See `Grants.snapshot`."""
        return self._grants.snapshot()

    def load(self, snapshot: Any) -> None:
        """See `Standard.load`."""
        self._grants.load(snapshot)

    def load_single(self, snapshot: Any) -> None:
        """The same, of an object that has one grant at a time."""
        self._grants.load(snapshot)
        assert self._grants.limit == 1 and len(self._grants.held) <= 1


class Held(Granting):
    """What is held by a *token*, and waited for with a *ticket*: a lock, the permits of a
    semaphore."""

    __slots__ = ()

    @change(token=NATURAL)
    def release(self, context: Context, token: int) -> None:
        """Give back all that was granted by this token; the next in the line gets it. Raises
        `NotHeld` if the session holds nothing by it: it was lost, or given back before."""
        self._grants.give_back(context, token)

    @change(token=NATURAL, lease_ms=maybe(POSITIVE))
    def renew(self, context: Context, token: int, lease_ms: int | None = None) -> int | None:
        """Have the lease last so long from now on, None: while the session does; the stamp at which
        it ends. Raises `NotHeld`."""
        return self._grants.renew(context, token, lease_ms)

    @change(ticket=NATURAL)
    def cancel(self, context: Context, ticket: int) -> str:
        """Stop waiting: `"cancelled"`; `"granted"` if it was granted meanwhile, and is held until
        it is released; `"gone"` if it was, and is no more. Raises `NotHeld` for a ticket of another
        session."""
        return self._grants.cancel(context, ticket)

    @change(token=NATURAL)
    def revoke(self, context: Context, token: int) -> bool:
        """Take it from whoever holds it by this token; False if nobody does."""
        return self._grants.revoke(context, token)
