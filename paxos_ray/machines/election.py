"""The replicated election: one leader at a time among those who stand, the next in their order."""

from __future__ import annotations

from typing import Any

from paxos_ray.machines.context import Context
from paxos_ray.machines.granting import Granting
from paxos_ray.machines.grants import GRANTED, Grants
from paxos_ray.machines.standard import change, query
from paxos_ray.machines.values import NATURAL, PLAIN, POSITIVE, maybe

ELECTED = "elected"


class Election(Granting):
    """Who stands gets a number, which once elected is the *term*: higher than those of all leaders
    before, to be given as a fencing token with what the leader does. See `grants`.

    Events, under the number: `("elected", term, value)`, also of one who need not wait,
    `("proclaimed", term, value)`, `("resigned", …)`, `("expired", …)` (the lease is over),
    `("ended", …)` (the session is), `("cancelled", …)`. Who observes the leader watches all of
    them, without a key.
    """

    __slots__ = ()

    kind = "election"

    def __init__(self) -> None:
        super().__init__(Grants(ELECTED, "resigned"))

    @change(value=PLAIN, lease_ms=maybe(POSITIVE))
    def campaign(
        self, context: Context, value: Any = None, lease_ms: int | None = None
    ) -> tuple[bool, int | None]:
        """Stand: `(True, term)` if elected at once, else `(False, ticket)`.

        The leader is who it is until it resigns or its session ends; with `lease_ms` also no longer
        than that from the election or the last `renew` on, in ms of log time. `value` is told to
        observers: who or where the leader is."""
        elected, number = self._grants.ask(context, 1, lease_ms, True, value)
        if elected:
            context.publish((ELECTED, number, value), number)
        return elected, number

    @change(term=NATURAL, value=PLAIN)
    def proclaim(self, context: Context, term: int, value: Any) -> None:
        """Tell observers another value, as the leader. Raises `NotHeld` if one is not, any more."""
        self._grants.relabel(context, term, value)
        context.publish(("proclaimed", term, value), term)

    @change(term=NATURAL)
    def resign(self, context: Context, term: int) -> None:
        """Lead no more: the next leads. Raises `NotHeld` if one does not lead by this term."""
        self._grants.give_back(context, term)

    @change(ticket=NATURAL)
    def cancel(self, context: Context, ticket: int) -> str:
        """Stand no more: `"cancelled"`; `"elected"` if elected meanwhile, which it stays until it
        resigns; `"gone"` if it was, and is no more. Raises `NotHeld` for another session's."""
        answer = self._grants.cancel(context, ticket)
        return ELECTED if answer == GRANTED else answer

    @change(term=NATURAL, lease_ms=maybe(POSITIVE))
    def renew(self, context: Context, term: int, lease_ms: int | None = None) -> int | None:
        """Have the lease last so long from now on, None: while the session does; the stamp at which
        it ends. Raises `NotHeld`."""
        return self._grants.renew(context, term, lease_ms)

    @query()
    def leader(self) -> tuple[int, Any, int | None, tuple[int, ...]] | None:
        """`(term, value, expires, session)`, or None."""
        for term, value, _, expires, session in self._grants.holders():
            return term, value, expires, session
        return None

    @query(most=maybe(POSITIVE))
    def candidates(self, most: int | None = None) -> list[tuple[int, Any, tuple[int, ...]]]:
        """`(ticket, value, session)` of those who stand, in the order in which they will lead."""
        return [(ticket, value, session) for ticket, value, _, session in self._grants.line(most)]

    @query(number=NATURAL)
    def state(self, number: int) -> tuple[str, int]:
        """`("elected", 0)`, `("waiting", how many are before it)` or `("gone", 0)`."""
        state, before = self._grants.state(number)
        return (ELECTED, 0) if state == GRANTED else (state, before)

    def load(self, snapshot: Any) -> None:
        """See `Standard.load`."""
        self.load_single(snapshot)
