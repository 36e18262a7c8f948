"""Whether each operation was applied exactly once, told from the log.

The rules of sessions are written here once more, as plainly as can be and without looking at
`machines.sessions`: a mistake there shows as a difference.

1. An entry that opens a session names it by its promise. The session is open until the stamps show
   that it was not used for its lifetime, and every batch of it uses it.
2. Of a batch of an open session that begins at or before the next sequence number, what is beyond
   the last number applied is applied, in order. Of any other batch nothing is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from paxos_ray.core.log import Entry
from paxos_ray.core.promise import Promise
from paxos_ray.machines.errors import Malformed
from paxos_ray.machines.operations import Open, Pass, decode
from paxos_ray.machines.operations import Operation as Call
from paxos_ray.simulation.histories import CounterModel, InvalidHistory, Model

Place = tuple[Promise, int]
"""A session and a sequence number of it."""

REFUSED = object()
"""The result of what the model does not know: it changed nothing."""


class Attempt(NamedTuple):
    """What a client wanted done once: all places under which it ever sent it, and what it heard.

    An unknown outcome is `acknowledged=False`. `result` counts if it was acknowledged.
    """

    client: str
    call: Call
    places: tuple[Place, ...]
    acknowledged: bool
    result: Any = None


class Applied(NamedTuple):
    """What the log says was applied at a place."""

    call: Call
    result: Any
    promise: Promise


class _Session:
    def __init__(self, lifetime_ms: int, stamp: int) -> None:
        self.lifetime_ms = lifetime_ms
        self.used = stamp
        self.last = 0


class Replay:
    """The log, played again from its beginning: what was applied where, and each object's state."""

    def __init__(self, entries: Iterable[Entry], model: Model | None = None) -> None:
        self.applied: dict[Place, Applied] = {}
        self.states: dict[str, Any] = {}
        self._model: Model = model or CounterModel()
        self._sessions: dict[Promise, _Session] = {}
        for entry in entries:
            if entry.promise.entry:
                self._play(entry)

    def _play(self, entry: Entry) -> None:
        try:
            body = decode(entry.body)
        except Malformed:
            return
        if isinstance(body, Open):
            self._sessions[entry.promise] = _Session(body.lifetime_ms, entry.stamp)
            return
        if isinstance(body, Pass):
            return
        session = self._sessions.get(body.session)
        if session is None or session.used + session.lifetime_ms < entry.stamp:
            self._sessions.pop(body.session, None)
            return
        session.used = entry.stamp
        if body.first > session.last + 1:
            return
        for sequence, call in enumerate(body.operations, body.first):
            if sequence > session.last:
                session.last = sequence
                result = self._perform(call)
                self.applied[(body.session, sequence)] = Applied(call, result, entry.promise)

    def _perform(self, call: Call) -> Any:
        name, method, arguments = call
        state = self.states.get(name, self._model.initial)
        try:
            self.states[name], result = self._model.step(state, method, arguments)
        except InvalidHistory:
            return REFUSED
        return result


class Told(Protocol):
    """A log that was played again: what was applied where."""

    @property
    def applied(self) -> dict[Place, Applied]:
        """By place."""
        ...


def faults(replay: Told, attempts: Sequence[Attempt]) -> list[str]:
    """What is wrong, a sentence each; nothing if each acknowledged operation was applied once and
    with the result that was told, each of unknown outcome at most once, and nothing else at all."""
    found: list[str] = []
    expected: dict[Place, Attempt] = {}
    for attempt in attempts:
        what = f"{attempt.client}: {attempt.call}"
        there = [replay.applied[place] for place in attempt.places if place in replay.applied]
        found += [
            f"{what} and {expected[place].call} were both sent as {_name(place)}"
            for place in attempt.places
            if expected.setdefault(place, attempt) is not attempt
        ]
        if len(there) > 1:
            promises = ", ".join(str(applied.promise) for applied in there)
            found.append(f"{what} is applied {len(there)} times, at {promises}")
        elif attempt.acknowledged and not there:
            found.append(f"{what} was acknowledged and is not applied")
        for applied in there[:1]:
            if applied.call != attempt.call:
                found.append(f"{what} is in the log as {applied.call}, at {applied.promise}")
            elif attempt.acknowledged and applied.result != attempt.result:
                told = f"{attempt.result!r} was told, {applied.result!r} is right"
                found.append(f"{what}, at {applied.promise}: {told}")
    found += [
        f"{applied.call} at {applied.promise}, sent as {_name(place)}, is of nobody"
        for place, applied in replay.applied.items()
        if place not in expected
    ]
    return found


def _name(place: Place) -> str:
    return f"{place[1]} of session {place[0]}"
