"""Handles of replicated locks."""

from __future__ import annotations

from typing import Any

from paxos_ray.actors.standard.base import Change, Query, StandardObject
from paxos_ray.actors.standard.deeds import Deed, Holding, wait, wait_async
from paxos_ray.actors.standard.line import Line, obtain
from paxos_ray.machines.lock import Lock as Machine


class Lock(StandardObject):
    """A replicated lock: one holder at a time, in the order of asking, with fencing tokens; see
    `paxos_ray.machines.Lock`.

    `ask` is the machine's `acquire`, which waits for nothing: it answers with a token, or with a
    ticket for the line."""

    __slots__ = ()

    machine = Machine

    ask = Change(Machine.acquire)
    release = Change(Machine.release)
    renew = Change(Machine.renew)
    cancel = Change(Machine.cancel)
    revoke = Change(Machine.revoke)

    holder = Query(Machine.holder)
    waiters = Query(Machine.waiters)
    state = Query(Machine.state)

    def acquire(
        self, *, timeout_s: float | None = None, lease_ms: int | None = None, label: Any = None
    ) -> int:
        """Wait for the lock, at most `timeout_s` seconds if that is given; the token. It is held
        until it is released, or this process's session ends; with `lease_ms` also no longer than
        that, unless renewed.

        Whoever gives up, by time, `KeyboardInterrupt` or being cancelled, does not hold it. Raises
        `TimedOut`, `NoQuorum`, `InvalidArguments`; `NotHeld` if it was granted and lost at once,
        or retired."""
        return wait(self._acquire(lease_ms, label), timeout_s)

    async def acquire_async(
        self, *, timeout_s: float | None = None, lease_ms: int | None = None, label: Any = None
    ) -> int:
        """The same in a coroutine."""
        return await wait_async(self._acquire(lease_ms, label), timeout_s)

    def held(
        self, *, timeout_s: float | None = None, lease_ms: int | None = None, label: Any = None
    ) -> Holding[int]:
        """`with lock.held() as token:`, or `async with`: acquired, and released at the end. Raises
        as `acquire`; and `NotHeld` at the end, if it was lost meanwhile."""
        return Holding(
            lambda: self._acquire(lease_ms, label), timeout_s, int, self.release, self.release
        )

    def _acquire(self, lease_ms: int | None, label: Any) -> Deed[int]:
        line = Line(
            self,
            self.ask,
            (lease_ms, True, label),
            state=self.state,
            cancel=self.cancel,
            give_back=self.release,
            held="granted",
        )
        answer, _ = yield from obtain(line)
        token: int = answer[1]
        return token
