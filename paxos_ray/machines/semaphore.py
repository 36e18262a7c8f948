"""The replicated semaphore: so many permits, granted in the order of asking."""

from __future__ import annotations

from typing import Any

from paxos_ray.machines.context import Context
from paxos_ray.machines.errors import ConfiguredOtherwise
from paxos_ray.machines.granting import Held
from paxos_ray.machines.standard import change, query
from paxos_ray.machines.values import FLAG, NATURAL, PLAIN, POSITIVE, maybe, shown


class Semaphore(Held):
    """As a `Lock` with more than one permit, at first 1; `configure` or `resize` it.

    The line is strict: who waits for many permits is not passed by who asks for few, so nobody
    starves. Numbers, leases and events are those of `Lock`, and `("resized", limit)` under None.
    """

    __slots__ = ("_configured",)

    kind = "semaphore"

    def __init__(self) -> None:
        super().__init__()
        self._configured = False

    @change(permits=POSITIVE)
    def configure(self, context: Context, permits: int) -> bool:
        """Say how many permits there are; whether that was news. So each client can say what it
        takes for granted: raises `ConfiguredOtherwise` if another number has been said."""
        if self._configured:
            if self._grants.limit != permits:
                raise ConfiguredOtherwise(
                    f"there are {shown(self._grants.limit)} permits, not {shown(permits)}"
                )
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

    def snapshot(self) -> Any:
        """Whether it was configured, and `Granting.snapshot`."""
        return self._configured, super().snapshot()

    def load(self, snapshot: Any) -> None:
        """See `Standard.load`."""
        configured, grants = snapshot
        assert type(configured) is bool
        self._configured = configured
        super().load(grants)
