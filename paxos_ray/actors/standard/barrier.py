"""Handles of replicated barriers."""

from __future__ import annotations

from typing import Any

from paxos_ray.actors.standard.base import Change, Query, StandardObject
from paxos_ray.actors.standard.deeds import Deed, ask, wait, wait_async
from paxos_ray.actors.standard.line import GONE, WAITING, Line, Verdict, obtain
from paxos_ray.machines.barrier import Barrier as Machine


class Barrier(StandardObject):
    """A replicated barrier: gatherings that open when as many have arrived as they wait for, and a
    gate; see `paxos_ray.machines.Barrier`. `arrive` waits for nothing."""

    __slots__ = ()

    machine = Machine

    arrive = Change(Machine.arrive)
    cancel = Change(Machine.cancel)
    leave = Change(Machine.leave)
    hold = Change(Machine.hold)
    lift = Change(Machine.lift)

    held = Query(Machine.held)
    opened = Query(Machine.opened)
    parties = Query(Machine.parties)
    waiting = Query(Machine.waiting)
    inside = Query(Machine.inside)
    state = Query(Machine.state)

    def wait(self, parties: int, *, timeout_s: float | None = None, label: Any = None) -> int:
        """Arrive, and wait until so many have, at most `timeout_s` seconds if that is given; the
        gathering's number, the same for all of them.

        Whoever gives up, by time, `KeyboardInterrupt` or being cancelled, has not arrived: unless
        the gathering opened before, which is then told. Raises `TimedOut`, `NoQuorum`,
        `InvalidArguments`; `ConfiguredOtherwise` if others wait for another number; `NotHeld` if
        this process's session ended meanwhile, or the barrier was retired."""
        return wait(self._arrive(parties, label), timeout_s)

    async def wait_async(
        self, parties: int, *, timeout_s: float | None = None, label: Any = None
    ) -> int:
        """The same in a coroutine."""
        return await wait_async(self._arrive(parties, label), timeout_s)

    def _arrive(self, parties: int, label: Any) -> Deed[int]:
        answer, _ = yield from obtain(_Gathering(self, parties, label))
        gathering: int = answer[2]
        return gathering


class _Gathering(Line):
    """Its events are published under the gathering, of all who wait for it."""

    def __init__(self, barrier: Barrier, parties: int, label: Any) -> None:
        super().__init__(
            barrier,
            barrier.arrive,
            (parties, False, label),
            state=barrier.state,
            cancel=barrier.cancel,
            give_back=None,
            held="opened",
        )
        self._opened = barrier.opened

    def key(self, answer: tuple[Any, ...]) -> Any:
        return answer[2]

    def look(self, answer: tuple[Any, ...], must: bool = False) -> Deed[Verdict]:
        opened = yield from ask(self._opened, must=must)
        if opened >= answer[2]:
            return Verdict("held")
        state = yield from ask(self.state, answer[1], must=must)
        # It may have opened in between.
        return WAITING if state == "waiting" else (yield from self._gone(answer, must))

    def _gone(self, answer: tuple[Any, ...], must: bool) -> Deed[Verdict]:
        opened = yield from ask(self._opened, must=must)
        return Verdict("held") if opened >= answer[2] else GONE

    def read(self, answer: tuple[Any, ...], event: Any) -> Verdict:
        what, number = event
        if what == self.held:
            return Verdict("held")
        return GONE if number == answer[1] else WAITING
