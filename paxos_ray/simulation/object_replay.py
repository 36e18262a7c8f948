"""The log of standard objects, played again from its beginning by their models.

What sessions are is said in `exactly_once`, and here what becomes of objects with log time: before
an entry is applied, each session that its stamp shows to have expired ends, in the order of its
deadline, for all objects by name; then, for each object, all ends whose lease or time is over.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from paxos_ray.core.log import Entry
from paxos_ray.core.promise import Promise
from paxos_ray.machines.errors import Malformed
from paxos_ray.machines.operations import Batch, Open, decode
from paxos_ray.machines.operations import Operation as Call
from paxos_ray.machines.standard import kind_meant
from paxos_ray.simulation.deployment import unpacked
from paxos_ray.simulation.exactly_once import Applied, Place
from paxos_ray.simulation.histories import CounterModel
from paxos_ray.simulation.models import BANK, MODELS, Where, passed

NOBODY = Promise(0, 0)


class Ending(NamedTuple):
    """What happened to an object before the entry of this promise: `session_ended` of a session,
    or `over` of what was due."""

    promise: Promise
    object: str
    method: str
    session: Promise
    arguments: tuple[Any, ...]


class _Session:
    def __init__(self, lifetime_ms: int, stamp: int) -> None:
        self.lifetime_ms = lifetime_ms
        self.used = stamp
        self.last = 0

    @property
    def deadline(self) -> int:
        return self.used + self.lifetime_ms


class ObjectReplay:
    """What was applied where, what ended when, and the state of each object's model at the end.

    `kinds` are the objects that were created, or came into being with a call that tells its kind;
    all others are counters, and not looked at.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.applied: dict[Place, Applied] = {}
        self.places: dict[Place, Where] = {}
        self.endings: list[Ending] = []
        self.kinds: dict[str, str] = {}
        self.states: dict[str, Any] = {}
        self.stamp = 0
        self._sessions: dict[Promise, _Session] = {}
        for entry in entries:
            self._end(entry)
            if entry.promise.entry:
                self._play(entry)

    def ask(self, name: str, method: str, *arguments: Any) -> Any:
        """What that object's model answers to a query now."""
        where = Where((0, 0), self.stamp)
        model = MODELS[self.kinds[name]]
        return model.step(self.states[name], method, (where, *arguments))[1]

    def _end(self, entry: Entry) -> None:
        self.stamp = stamp = entry.stamp
        expired = [(s.deadline, name) for name, s in self._sessions.items() if s.deadline < stamp]
        for _, session in sorted(expired):
            del self._sessions[session]
            for name in sorted(self.kinds):
                self._ends(entry, name, "session_ended", session, ())
        for name in sorted(self.kinds):
            over = passed(MODELS[self.kinds[name]], self.states[name], stamp)
            if over:
                self._ends(entry, name, "over", NOBODY, (over,))

    def _ends(
        self, entry: Entry, name: str, method: str, session: Promise, arguments: tuple[Any, ...]
    ) -> None:
        before = self.states[name]
        where = Where((session.government, session.entry), entry.stamp)
        model = MODELS[self.kinds[name]]
        self.states[name], _ = model.step(before, method, (where, *arguments))
        if self.states[name] != before:
            self.endings.append(Ending(entry.promise, name, method, session, arguments))

    def _play(self, entry: Entry) -> None:
        try:
            body = decode(entry.body)
        except Malformed:
            return
        if isinstance(body, Open):
            self._sessions[entry.promise] = _Session(body.lifetime_ms, entry.stamp)
        if not isinstance(body, Batch):
            return
        session = self._sessions.get(body.session)
        if session is None:
            return
        session.used = entry.stamp
        if body.first > session.last + 1:
            return
        for index, operation in enumerate(body.operations):
            if body.first + index > session.last:
                session.last = place = body.first + index
                call = self._meant(unpacked(operation))
                where = _where(body.session, entry.stamp, entry.promise, index)
                result = self._perform(call, where)
                self.places[(body.session, place)] = where
                self.applied[(body.session, place)] = Applied(call, result, entry.promise)

    def _meant(self, call: Call) -> Call:
        """The call by its method's own name. One that tells its kind is of an object of that kind,
        which comes into being with the first of them."""
        name, method, arguments = call
        kind = kind_meant(method)
        if kind is None:
            return call
        self._create(name, kind)
        assert self.kinds[name] == kind, f"{call} is meant for another object"
        return name, method[len(kind) + 1 :], arguments

    def _perform(self, call: Call, where: Where) -> Any:
        name, method, arguments = call
        if name == BANK and name not in self.kinds:
            self._create(BANK, BANK)
        if name == "":
            assert method == "create"
            return self._create(*arguments)
        if name not in self.kinds:
            model: Any = CounterModel()
            state = self.states.get(name, model.initial)
        else:
            model, state = MODELS[self.kinds[name]], self.states[name]
            arguments = (where, *arguments)
        self.states[name], result = model.step(state, method, arguments)
        return result

    def _create(self, name: str, kind: str) -> bool:
        if name in self.kinds:
            return False
        self.kinds[name], self.states[name] = kind, MODELS[kind].initial
        return True


def _where(session: Promise, stamp: int, promise: Promise, index: int) -> Where:
    return Where((session.government, session.entry), stamp, (str(promise), index))
