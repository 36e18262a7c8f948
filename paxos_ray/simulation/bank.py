"""An object as a user would write it, for the customers of a schedule: a bank.

It is never richer or poorer, whatever happens to it: what is held is no longer in an account, and
goes back when the hold, or the session that made it, has ended. It uses all that a method may use.
"""

from __future__ import annotations

from paxos_ray.core.promise import Promise
from paxos_ray.machines.context import context
from paxos_ray.machines.replicated import query, replicated

ACCOUNTS = ("ann", "bob", "cyd")
EACH = 5


class Overdrawn(Exception):
    """There is not enough in an account."""


class NotYours(Exception):
    """The hold is another session's, or has ended."""


class Hold:
    """Money that is in no account for a while."""

    def __init__(self, account: str, amount: int, expires: int | None) -> None:
        self.account = account
        self.amount = amount
        self.expires = expires
        self.session = context().session
        self.id = context().fresh_id()


@replicated
class Bank:
    """Moves first and looks then: when a method raises, it has to be undone."""

    def __init__(self, *accounts: str, each: int) -> None:
        self.balances = dict.fromkeys(accounts, each)
        self.holds: dict[int, Hold] = {}
        self.last = 0

    def transfer(self, source: str, target: str, amount: int) -> tuple[int, int]:
        """Move money: what both have then."""
        self.balances[source] -= amount
        self.balances[target] += amount
        self._check(source)
        return self.balances[source], self.balances[target]

    def earmark(
        self, account: str, amount: int, lease_ms: int | None
    ) -> tuple[int, str, int | None]:
        """Take money out of an account for a while: number, id and end of the hold."""
        self.last += 1
        expires = None if lease_ms is None else context().stamp + lease_ms
        self.holds[self.last] = hold = Hold(account, amount, expires)
        self.balances[account] -= amount
        self._check(account)
        return self.last, hold.id, expires

    def settle(self, number: int, target: str) -> int:
        """Put what the session holds into an account: what is in it then."""
        hold = self.holds.pop(number, None)
        if hold is None or hold.session != context().session:
            raise NotYours(number)
        self.balances[target] += hold.amount
        return self.balances[target]

    def raffle(self, amount: int) -> tuple[str, str]:
        """Move money from one account to another, by chance."""
        source, target = context().random.sample(list(self.balances), 2)
        self.transfer(source, target, amount)
        return source, target

    @query
    def accounts(self) -> dict[str, int]:
        """What is in each."""
        return self.balances

    @query
    def held(self) -> dict[int, tuple[str, int, str]]:
        """What is held: account, amount and id, by number."""
        return {number: (h.account, h.amount, h.id) for number, h in self.holds.items()}

    def session_ended(self, session: Promise) -> None:
        """What it holds goes back."""
        for number in [n for n, hold in self.holds.items() if hold.session == session]:
            self._give_back(number)

    def due(self) -> int | None:
        """When the next hold ends."""
        ends = (hold.expires for hold in self.holds.values() if hold.expires is not None)
        return min(ends, default=None)

    def tick(self) -> None:
        """End the holds whose time has come."""
        now = context().stamp
        for number, hold in list(self.holds.items()):
            if hold.expires is not None and hold.expires <= now:
                self._give_back(number)

    def _give_back(self, number: int) -> None:
        hold = self.holds.pop(number)
        self.balances[hold.account] += hold.amount

    def _check(self, account: str) -> None:
        if self.balances[account] < 0:
            raise Overdrawn(account)


@replicated(checks_first=True)
class CarefulBank(Bank):
    """The same bank, that looks first: it is kept by a journal, and not by its pickled state."""

    def transfer(self, source: str, target: str, amount: int) -> tuple[int, int]:
        """See `Bank.transfer`."""
        self._afford(source, amount)
        self.balances[target]  # raises what an unknown account raises, before anything has changed
        return super().transfer(source, target, amount)

    def earmark(
        self, account: str, amount: int, lease_ms: int | None
    ) -> tuple[int, str, int | None]:
        """See `Bank.earmark`."""
        self._afford(account, amount)
        return super().earmark(account, amount, lease_ms)

    def settle(self, number: int, target: str) -> int:
        """See `Bank.settle`."""
        hold = self.holds.get(number)
        if hold is None or hold.session != context().session:
            raise NotYours(number)
        self.balances[target]
        return super().settle(number, target)

    def _afford(self, account: str, amount: int) -> None:
        if self.balances[account] < amount:
            raise Overdrawn(account)


CLASSES: dict[str, type[Bank]] = {"Bank": Bank, "CarefulBank": CarefulBank}
"""What may be deployed."""
