"""Handles of replicated semaphores."""

from __future__ import annotations

from typing import Any

from paxos_ray.actors.standard.base import Change, Query, StandardObject
from paxos_ray.actors.standard.deeds import Deed, Holding, wait, wait_async
from paxos_ray.actors.standard.line import Line, obtain
from paxos_ray.machines.semaphore import Semaphore as Machine


class Semaphore(StandardObject):
    """A replicated semaphore: so many permits (1 until it is configured), granted in the order of
    asking; see `paxos_ray.machines.Semaphore`.

    `ask` is the machine's `acquire`, which waits for nothing: it answers with a token, or with a
    ticket for the line."""

    __slots__ = ()

    machine = Machine

    configure = Change(Machine.configure)
    resize = Change(Machine.resize)
    ask = Change(Machine.acquire)
    release = Change(Machine.release)
    renew = Change(Machine.renew)
    cancel = Change(Machine.cancel)
    revoke = Change(Machine.revoke)

    limit = Query(Machine.limit)
    available = Query(Machine.available)
    holders = Query(Machine.holders)
    waiters = Query(Machine.waiters)
    state = Query(Machine.state)

    def acquire(
        self,
        permits: int = 1,
        *,
        timeout_s: float | None = None,
        lease_ms: int | None = None,
        label: Any = None,
    ) -> int:
        """Wait for so many permits, all or none: as `Lock.acquire`. The token, by which all of them
        are released. Raises `InvalidArguments` for more than there are."""
        return wait(self._acquire(permits, lease_ms, label), timeout_s)

    async def acquire_async(
        self,
        permits: int = 1,
        *,
        timeout_s: float | None = None,
        lease_ms: int | None = None,
        label: Any = None,
    ) -> int:
        """The same in a coroutine."""
        return await wait_async(self._acquire(permits, lease_ms, label), timeout_s)

    def held(
        self,
        permits: int = 1,
        *,
        timeout_s: float | None = None,
        lease_ms: int | None = None,
        label: Any = None,
    ) -> Holding[int]:
        """`with semaphore.held() as token:`, or `async with`: as `Lock.held`."""
        return Holding(
            lambda: self._acquire(permits, lease_ms, label),
            timeout_s,
            int,
            self.release,
            self.release,
        )

    def _acquire(self, permits: int, lease_ms: int | None, label: Any) -> Deed[int]:
        line = Line(
            self,
            self.ask,
            (permits, lease_ms, True, label),
            state=self.state,
            cancel=self.cancel,
            give_back=self.release,
            held="granted",
        )
        answer, _ = yield from obtain(line)
        token: int = answer[1]
        return token
