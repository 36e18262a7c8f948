"""Handles of replicated elections."""

from __future__ import annotations

from typing import Any

from paxos_ray.actors.standard.base import Change, Query, StandardObject
from paxos_ray.actors.standard.deeds import Deed, Holding, wait, wait_async
from paxos_ray.actors.standard.line import Line, obtain
from paxos_ray.actors.standard.observation import Observation
from paxos_ray.machines.election import Election as Machine


class Election(StandardObject):
    """A replicated election: one leader at a time among those who stand; see
    `paxos_ray.machines.Election`.

    `stand` is the machine's `campaign`, which waits for nothing: it answers with a term, or with a
    ticket for the line."""

    __slots__ = ()

    machine = Machine

    stand = Change(Machine.campaign)
    proclaim = Change(Machine.proclaim)
    resign = Change(Machine.resign)
    renew = Change(Machine.renew)
    cancel = Change(Machine.cancel)

    leader = Query(Machine.leader)
    candidates = Query(Machine.candidates)
    state = Query(Machine.state)

    def campaign(
        self, value: Any = None, *, timeout_s: float | None = None, lease_ms: int | None = None
    ) -> int:
        """Stand, and wait until elected, at most `timeout_s` seconds if that is given; the term.
        One leads until one resigns, or this process's session ends; with `lease_ms` also no longer
        than that, unless renewed. `value` is told to observers.

        Whoever gives up, by time, `KeyboardInterrupt` or being cancelled, neither stands nor leads.
        Raises `TimedOut`, `NoQuorum`, `InvalidArguments`; `NotHeld` if one was elected and lost
        that at once, or the election was retired."""
        return wait(self._campaign(value, lease_ms), timeout_s)

    async def campaign_async(
        self, value: Any = None, *, timeout_s: float | None = None, lease_ms: int | None = None
    ) -> int:
        """The same in a coroutine."""
        return await wait_async(self._campaign(value, lease_ms), timeout_s)

    def leading(
        self, value: Any = None, *, timeout_s: float | None = None, lease_ms: int | None = None
    ) -> Holding[int]:
        """`with election.leading("me") as term:`, or `async with`: elected, and resigned at the
        end. Raises as `campaign`; and `NotHeld` at the end, if one does not lead any more."""
        return Holding(
            lambda: self._campaign(value, lease_ms), timeout_s, int, self.resign, self.resign
        )

    def observe(self, *, timeout_s: float | None = None) -> Observation:
        """Who leads, and then each time who does from then on: `for leader in election.observe():`,
        or `async for`. See `Observation`. Raises `InvalidArgument`."""
        return Observation(self, timeout_s)

    def _campaign(self, value: Any, lease_ms: int | None) -> Deed[int]:
        line = Line(
            self,
            self.stand,
            (value, lease_ms),
            state=self.state,
            cancel=self.cancel,
            give_back=self.resign,
            held="elected",
        )
        answer, _ = yield from obtain(line)
        term: int = answer[1]
        return term
