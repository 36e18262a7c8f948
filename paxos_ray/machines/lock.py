"""The replicated lock: one holder at a time, in the order of asking, with fencing tokens."""

from __future__ import annotations

from typing import Any

from paxos_ray.machines.context import Context
from paxos_ray.machines.granting import Held
from paxos_ray.machines.standard import change, query
from paxos_ray.machines.values import FLAG, NATURAL, PLAIN, POSITIVE, maybe


class Lock(Held):
    """Who asks gets a number, which is the ticket while it waits and the fencing token once it
    holds the lock; each holder's token is higher than those of all holders before. See `grants`.

    Give the token to what the lock protects, and have that refuse a token below the highest that
    it has seen: a holder that was paused may not know yet that it has lost the lock.

    It is not reentrant: a session that asks twice gets two numbers, and waits for itself. Events,
    under the number: `("granted", number, label)` when a wait has come to its end, and
    `("released", …)`, `("expired", …)` (the lease is over), `("ended", …)` (the session is),
    `("cancelled", …)`.
    """

    __slots__ = ()

    kind = "lock"

    @change(lease_ms=maybe(POSITIVE), wait=FLAG, label=PLAIN)
    def acquire(
        self, context: Context, lease_ms: int | None = None, wait: bool = True, label: Any = None
    ) -> tuple[bool, int | None]:
        """Ask for the lock: `(True, token)`; `(False, ticket)` if it must wait, `(False, None)` if
        it must and does not want to.

        It is held until released or until the session ends; with `lease_ms` also no longer than
        that from the grant on, in ms of log time. `label` is shown to those who ask who holds it.
        """
        return self._grants.ask(context, 1, lease_ms, wait, label)

    @query()
    def holder(self) -> tuple[int, Any, int | None, tuple[int, ...]] | None:
        """`(token, label, expires, session)`, or None; `expires` is a stamp or None."""
        for token, label, _, expires, session in self._grants.holders():
            return token, label, expires, session
        return None

    @query(most=maybe(POSITIVE))
    def waiters(self, most: int | None = None) -> list[tuple[int, Any, tuple[int, ...]]]:
        """`(ticket, label, session)` of the first in the line, at most so many."""
        return [(ticket, label, session) for ticket, label, _, session in self._grants.line(most)]

    @query(number=NATURAL)
    def state(self, number: int) -> tuple[str, int]:
        """`("granted", 0)`, `("waiting", how many are before it)` or `("gone", 0)`."""
        return self._grants.state(number)

    def load(self, snapshot: Any) -> None:
        """See `Standard.load`."""
        self.load_single(snapshot)
