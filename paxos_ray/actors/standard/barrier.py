"""Handles of replicated barriers."""

from __future__ import annotations

from typing import Any, NamedTuple

from paxos_ray.actors.standard.base import Change, Query, StandardObject
from paxos_ray.actors.standard.deeds import Deed, ask, wait, wait_async
from paxos_ray.actors.standard.line import GONE, WAITING, Line, Verdict, obtain, until
from paxos_ray.machines.barrier import Barrier as Machine
from paxos_ray.machines.errors import InvalidArguments, UnknownObject


class Inside(NamedTuple):
    """A party that has entered with others: the gathering's number, and its own."""

    gathering: int
    ticket: int


class Barrier(StandardObject):
    """A replicated barrier: gatherings that open when as many have arrived as they wait for, and a
    gate; see `paxos_ray.machines.Barrier`. `arrive`, `leave` and `held` wait for nothing."""

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

    def enter(self, parties: int, *, timeout_s: float | None = None, label: Any = None) -> Inside:
        """Wait likewise, and stay inside, to leave with the others by `exit`: a double barrier.
        Who dies inside has left once its session ends. Raises as `wait`."""
        return wait(self._enter(parties, label), timeout_s)

    async def enter_async(
        self, parties: int, *, timeout_s: float | None = None, label: Any = None
    ) -> Inside:
        """The same in a coroutine."""
        return await wait_async(self._enter(parties, label), timeout_s)

    def exit(self, inside: Inside, *, timeout_s: float | None = None) -> None:
        """Leave, and wait until all who stayed at that gathering have left, at most `timeout_s`
        seconds if that is given; who gives up waiting has left all the same. Raises `TimedOut`,
        `NoQuorum`, `InvalidArguments`; `NotHeld` if this process's session ended meanwhile, or it
        has left before."""
        return wait(self._exit(inside), timeout_s)

    async def exit_async(self, inside: Inside, *, timeout_s: float | None = None) -> None:
        """The same in a coroutine."""
        return await wait_async(self._exit(inside), timeout_s)

    def pass_gate(self, *, timeout_s: float | None = None) -> None:
        """Wait until the gate is not held, at most `timeout_s` seconds if that is given. A barrier
        that was never used, or is retired meanwhile, holds nobody. Raises `TimedOut`, `NoQuorum`.
        """
        return wait(self._pass(), timeout_s)

    async def pass_gate_async(self, *, timeout_s: float | None = None) -> None:
        """The same in a coroutine."""
        return await wait_async(self._pass(), timeout_s)

    def _arrive(self, parties: int, label: Any) -> Deed[int]:
        answer, _ = yield from obtain(_Gathering(self, parties, False, label))
        gathering: int = answer[2]
        return gathering

    def _enter(self, parties: int, label: Any) -> Deed[Inside]:
        answer, _ = yield from obtain(_Gathering(self, parties, True, label))
        return Inside(answer[2], answer[1])

    def _exit(self, inside: Inside) -> Deed[None]:
        if type(inside) is not Inside:
            raise InvalidArguments(f"exit takes what enter has returned, not {inside!r}")
        Barrier.inside.check((inside.gathering,))  # before it has left

        def is_empty() -> Deed[bool | None]:
            there = yield from ask(self.inside, inside.gathering)
            return None if there else True

        last, _ = yield from ask(self.leave, inside.ticket)
        if not last:
            late = f"not found in time that all have left gathering {inside.gathering}"
            yield from until(self, inside.gathering, is_empty, f"{late}; this party has")

    def _pass(self) -> Deed[None]:
        def is_open() -> Deed[bool | None]:
            try:
                held = yield from ask(self.held)
            except UnknownObject:
                held = False
            return None if held else True

        yield from until(self, "gate", is_open, "its gate was not found open in time")


class _Gathering(Line):
    """Its events are published under the gathering, of all who wait for it."""

    def __init__(self, barrier: Barrier, parties: int, stays: bool, label: Any) -> None:
        super().__init__(
            barrier,
            barrier.arrive,
            (parties, stays, label),
            state=barrier.state,
            cancel=barrier.cancel,
            give_back=barrier.leave if stays else None,
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
