"""Clients on a real Ray that write down what is asked of them, and the log: for the checkers that
the simulation has.

Whatever handle is used, and however (a call, one that waits, a `with`), what reaches the client is
in the history: when it was asked for, when it was answered, with what, and under which places the
log has it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from random import Random
from typing import Any

from paxos_ray import Island, IslandShutDown, OutcomeUnknown, Promise
from paxos_ray.actors.client import Client
from paxos_ray.actors.lanes import Consistency
from paxos_ray.actors.reader import Reader
from paxos_ray.actors.response import Response
from paxos_ray.actors.session import Batch, Session
from paxos_ray.core.log import Entry
from paxos_ray.machines.operations import Operation as Call
from paxos_ray.machines.standard import kind_meant
from paxos_ray.simulation.customers import Wish
from paxos_ray.simulation.exactly_once import Attempt, Place, faults
from paxos_ray.simulation.histories import CounterModel, HistoryRecorder, OpenCall, Operation
from paxos_ray.simulation.linearizability import check
from paxos_ray.simulation.models import MODELS, Refused
from paxos_ray.simulation.object_habits import untimed
from paxos_ray.simulation.object_histories import heard, history
from paxos_ray.simulation.object_invariants import broken
from paxos_ray.simulation.object_replay import ObjectReplay

SOON_S = 90.0
LIMIT = 200_000
"""Configurations that one history may cost."""


class Witness(Client):
    """A client with a session of its own, whichever others this process has."""

    def __init__(self, name: str, island: Island, recorder: HistoryRecorder) -> None:
        self.name = name
        self.wishes: list[Wish] = []
        self.reads: list[OpenCall] = []
        self._recorder = recorder
        self._responses: list[Response[Any]] = []
        self._places: dict[Response[Any], list[Place]] = {}
        super().__init__(island.name, island._client.coordinator)

    def _write_inside(self, operation: Call, weight: int) -> Response[Any]:
        name, method, arguments = call = _meant(operation)
        wish = Wish(call, self._recorder.begin(self.name, name, method, *arguments), 0)
        self.wishes.append(wish)
        response = super()._write_inside(operation, weight)
        wish.places = self._places.setdefault(response, wish.places)
        self._when_told(response, wish.open, method, wish)
        return response

    def _read_inside(self, query: Call, weight: int, consistency: Consistency) -> Response[Any]:
        assert consistency == "linearizable", "for other reads there are other checkers"
        name, method, arguments = _meant(query)
        open = self._recorder.begin(self.name, name, method, *arguments)
        self.reads.append(open)
        response = super()._read_inside(query, weight, consistency)
        self._when_told(response, open, method, None)
        return response

    def _write(self, session: Session, batch: Batch) -> None:
        for number, response in enumerate(batch.responses, batch.first):
            places = self._places.setdefault(response, [])
            if (session.name, number) not in places:
                places.append((session.name, number))
        super()._write(session, batch)

    def _when_told(
        self, response: Response[Any], open: OpenCall, method: str, wish: Wish | None
    ) -> None:
        told: list[Any] = []

        def tell() -> None:
            if told:
                return
            if not response.done():  # that nobody can answer it now is no answer
                response._call_when_done(tell)
                return
            try:
                told.append(response.result())
            except (OutcomeUnknown, IslandShutDown):
                return
            except Exception as error:  # noqa: BLE001 - whatever the object has raised
                told.append(Refused(type(error).__name__))
            open.returned(untimed(method, told[0]))
            if wish is not None:
                wish.answered = wish.acknowledged = True
                wish.result = told[0]

        self._responses.append(response)
        response._call_when_done(tell)

    def finish(self) -> None:
        """Wait until all is answered that anybody has asked for, threads that leave included."""
        for thread in threading.enumerate():
            if thread.name == "paxos_ray leaves":
                thread.join(SOON_S)
        for response in list(self._responses):
            try:
                response.result(SOON_S)
            except TimeoutError:
                raise
            except Exception:  # noqa: BLE001 - it is written down
                continue


def _meant(operation: Call) -> Call:
    """The call by its method's own name."""
    name, method, arguments = operation
    kind = kind_meant(method)
    return (name, method[len(kind) + 1 :], arguments) if kind else operation


class Log:
    """What is committed from now on, as citizens have it."""

    def __init__(self, island: Island) -> None:
        self._reader = Reader(island.name, island._client.coordinator, None)
        self._reader.begin()
        self._entries: list[Entry] = []
        self._from = self._reader.position

    def until(self, promise: Promise) -> list[Entry]:
        """The entries up to that one at least."""
        previous = self._entries[-1].promise if self._entries else self._from
        assert previous is not None
        while previous < promise:
            for record in self._reader.read():
                entry = Entry(record.promise, previous, record.stamp, record.body)
                self._entries.append(entry)
                previous = entry.promise
        return self._entries


def judge(
    name: str, kind: str, witnesses: Sequence[Witness], recorder: HistoryRecorder, log: list[Entry]
) -> list[Operation]:
    """Check what the witnesses saw of that object by all that the simulation checks: each call was
    applied once and answered as its model does, there is an order of all of them, and what is
    promised of the kind holds. The history, for who wants to see it refused."""
    replay = ObjectReplay(log)
    found = faults(replay, [_attempt(each, wish) for each in witnesses for wish in each.wishes])
    assert not found, found[:3]
    if kind == "counter":
        operations, model = [o for o in recorder.operations() if o.object == name], CounterModel()
    else:
        calls = heard(recorder, witnesses, replay)  # type: ignore[arg-type]
        items: frozenset[int] = frozenset()
        if kind == "queue":
            ready, taken = replay.ask(name, "peek", 10**6), replay.ask(name, "deliveries")
            items = frozenset((*(each[0] for each in ready), *(each[1] for each in taken)))
        found = broken(name, calls, replay, items)
        assert not found, found[:3]
        reads = [read for each in witnesses for read in each.reads]
        operations, model = history(recorder, reads, calls, replay), MODELS[kind]  # type: ignore
        assert len(operations) >= len(calls) > 0
    window = check(operations, model, LIMIT)
    assert window is None, str(window)
    return operations


def refuses_what_is_planted(operations: list[Operation], kind: str, chance: Random) -> None:
    """With one answer that somebody else's call has had, there is no order."""
    model = CounterModel() if kind == "counter" else MODELS[kind]
    numbered = [n for n, o in enumerate(operations) if o.returned is not None and _number(o)]
    at = chance.choice(numbered)
    wrong = operations[at]._replace(result=_planted(operations[at].result))
    planted = [*operations[:at], wrong, *operations[at + 1 :]]
    assert check(planted, model, LIMIT) is not None, wrong


def _number(operation: Operation) -> bool:
    """Whether its result says which one it was."""
    method, result = operation.method, operation.result
    if method in ("acquire", "campaign", "take", "arrive"):
        return type(result) is tuple and result[1] is not None
    return method in ("put", "reserve", "increment") and type(result) is int


def _planted(result: Any) -> Any:
    if type(result) is tuple:
        return result[0], result[1] + 10**6, *result[2:]
    return result + 10**6


def _attempt(witness: Witness, wish: Wish) -> Attempt:
    places = tuple(wish.places)
    return Attempt(witness.name, wish.call, places, wish.acknowledged, wish.result)
