"""A machine and its model, driven alike: results, what can be asked, events and due times agree."""

from __future__ import annotations

from typing import Any

from paxos_ray.core.promise import Promise
from paxos_ray.machines import Context, MachineError
from paxos_ray.machines.digest import canonical, digest
from paxos_ray.machines.standard import Standard
from paxos_ray.simulation.models import MODELS, Refused, Where, passed
from tests.machines.standard.expected import expected_events

SESSIONS = tuple(Promise(1, number) for number in (1, 2, 3))


class Twins:
    """One machine, and the state of its model. A call's stamp is `now`, as for an entry."""

    def __init__(self, machine: type[Standard]) -> None:
        self.machine = machine()
        self.model = MODELS[machine.kind]
        self.state = self.model.initial
        self.now = 1_000
        self.entry = 0

    def call(self, session: Promise, method: str, *arguments: Any) -> Any:
        """Have both called; the result, an exception if it raised."""
        before = self.state, self.machine.snapshot()
        where = Where(tuple(session), self.now)
        self.state, result = self.model.step(self.state, method, (where, *arguments))
        told, events = self._done(session, method, arguments)
        if isinstance(result, Refused):
            assert isinstance(told, MachineError), f"{told!r}, not {result.error}"
            assert type(told).__name__ == result.error
            assert self.state == before[0]
            assert canonical(self.machine.snapshot()) == canonical(before[1])
            assert not events
        else:
            assert not isinstance(told, Exception), f"{told!r}, not {result!r}"
            assert canonical(told) == canonical(result), f"{told!r}, not {result!r}"
        self._agree(before[0], method, events)
        return told

    def ask(self, method: str, *arguments: Any) -> Any:
        """Have both asked; the answer."""
        told = self.machine.query(method, arguments)
        _, right = self.model.step(self.state, method, (Where((1, 1), self.now), *arguments))
        assert canonical(told) == canonical(right), f"{told!r}, not {right!r}"
        return told

    def wait(self, span_ms: int) -> None:
        """Time passes, and what is due is done."""
        self.now += span_ms
        before = self.state
        over = passed(self.model, self.state, self.now)
        self.state, _ = self.model.step(self.state, "over", (Where((0, 0), self.now), over))
        context = self._context(SESSIONS[0])
        while hasattr(self.machine, "due") and (at := self.machine.due()) and at <= self.now:
            self.machine.tick(context)
        self._agree(before, "over", context.events)

    def end(self, session: Promise) -> None:
        """A session ends."""
        before = self.state
        where = Where(tuple(session), self.now)
        self.state, _ = self.model.step(self.state, "session_ended", (where,))
        context = self._context(SESSIONS[0])
        if hasattr(self.machine, "session_ended"):
            self.machine.session_ended(session, context)
        self._agree(before, "session_ended", context.events)

    def restore(self) -> None:
        """Go on with another machine that has loaded the snapshot."""
        snapshot = self.machine.snapshot()
        other = type(self.machine)()
        other.restore(snapshot)
        assert digest(other.snapshot()) == digest(snapshot)
        self.machine = other

    def _done(self, session: Promise, method: str, arguments: tuple[Any, ...]) -> Any:
        context = self._context(session)
        try:
            return self.machine.apply(method, arguments, context), context.events
        except MachineError as error:
            return error, context.events

    def _agree(self, before: Any, method: str, events: list[Any]) -> None:
        expected_events(self.machine.kind, before, self.state, method, events)
        due = self.model.due(self.state)
        right = due[0][0] if due else None
        assert getattr(self.machine, "due", lambda: None)() == right

    def _context(self, session: Promise) -> Any:
        self.entry += 1
        return Recording(Promise(2, self.entry), self.now, session)


class Recording(Context):
    """Keeps what is published as `(key, event)`."""

    def __init__(self, promise: Promise, stamp: int, session: Promise) -> None:
        super().__init__(promise, stamp, session)
        self.events: list[tuple[Any, Any]] = []

    def publish(self, event: Any, key: Any = None) -> None:
        self.events.append((key, event))
