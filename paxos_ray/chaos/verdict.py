"""Whether what clients were told, and what the log and the citizens say, can all be true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from paxos_ray.chaos.book import Trouble
from paxos_ray.chaos.habits import owner
from paxos_ray.core.promise import Promise
from paxos_ray.machines.journal import LogEntry, LogOperation
from paxos_ray.simulation.exactly_once import REFUSED, Applied, Attempt, Place, faults
from paxos_ray.simulation.histories import CounterModel, InvalidHistory, Operation
from paxos_ray.simulation.linearizability import TooManyOrders, check

MOST = 10
"""Sentences that are kept of what is wrong in one respect; of more, how many there are."""


@dataclass(frozen=True, slots=True)
class Check:
    """One respect in which a run is judged. `good`, or what is `wrong`, a sentence or table each;
    `says` is what was looked at."""

    name: str
    says: str
    wrong: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return not self.wrong


def linearizable(history: Sequence[Operation]) -> Check:
    """Whether there is an order of these calls; what nobody could decide counts as wrong."""
    unknown = sum(operation.returned is None for operation in history)
    objects = len({operation.object for operation in history})
    says = f"{len(history):,} calls of {objects} objects, {unknown:,} of unknown outcome"
    try:
        window = check(history)
    except (TooManyOrders, InvalidHistory) as error:
        return Check("linearizable", says, (f"not decided: {error}",))
    return Check("linearizable", says, () if window is None else (str(window),))


class Tale:
    """The log as it was read during the run: what it has applied to the clients' own counters."""

    def __init__(self, run: str) -> None:
        self.applied: dict[Place, Applied] = {}
        self.wrong: list[str] = []
        self.entries = 0
        self._run = run
        self._model = CounterModel()
        self._states: dict[str, int] = {}
        self._last: Promise | None = None

    def add(self, entry: LogEntry) -> None:
        """The next entry of the log."""
        self.entries += 1
        if self._last is not None and entry.promise <= self._last:
            self.wrong.append(f"the log gives {entry.promise} after {self._last}")
        self._last = entry.promise
        for operation in entry.operations:
            if entry.session is not None and owner(self._run, operation.object) is not None:
                self._apply((entry.session, operation.sequence), operation, entry.promise)

    def _apply(self, place: Place, operation: LogOperation, promise: Promise) -> None:
        name, call = operation.object, (operation.object, operation.method, operation.arguments)
        result: Any = REFUSED
        try:
            self._states[name], result = self._model.step(
                self._states.get(name, 0), operation.method, operation.arguments
            )
        except InvalidHistory as error:
            self.wrong.append(f"{promise}: {error}")
        if operation.value != result:
            self.wrong.append(
                f"{promise}: {call} came to {operation.value!r} there, {result!r} is right"
            )
        before = self.applied.get(place)
        if before is not None:
            self.wrong.append(
                f"{call} is applied again at {promise}, after {before.promise}: it is the same "
                f"number {place[1]} of session {place[0]}"
            )
        self.applied[place] = Applied(call, result, promise)


def exactly_once(owned: Sequence[Operation], tale: Tale) -> Check:
    """Whether each acknowledged operation on the clients' own counters is in the log once and with
    the result that was told, each of unknown outcome at most once, and nothing else at all."""
    places: dict[Any, list[Place]] = {}
    for place, applied in tale.applied.items():
        places.setdefault(applied.call, []).append(place)
    attempts = []
    for operation in owned:
        call = (operation.object, operation.method, operation.arguments)
        known = operation.returned is not None
        at = tuple(places.get(call, ()))
        attempts.append(Attempt(operation.client, call, at, known, operation.result))
    wrong = [*tale.wrong, *faults(tale, attempts)]
    acknowledged = sum(attempt.acknowledged for attempt in attempts)
    says = (
        f"{acknowledged:,} acknowledged and {len(attempts) - acknowledged:,} other operations "
        f"looked for in {tale.entries:,} entries of the log"
    )
    return Check("exactly once", says, _few(wrong))


def same_state(digests: Mapping[str, str | None], divergences: Sequence[object]) -> Check:
    """Whether all citizens hold the same state in the end, and audits found nothing on the way."""
    wrong = [f"an audit has found {divergence}" for divergence in divergences]
    wrong += [f"{id} does not say what its state is" for id, it in digests.items() if it is None]
    if len(set(digests.values())) != 1:
        wrong.append(", ".join(f"{id}: {str(digest)[:16]}" for id, digest in digests.items()))
    return Check("same state", f"the states of {len(digests)} citizens", _few(wrong))


def healed(troubles: Sequence[str]) -> Check:
    """Whether the island came to rest after each round of faults, and in the end."""
    return Check("healed", "the island, after each round and in the end", _few(troubles))


def tried(asked: Iterable[str], took_place: Mapping[str, int]) -> Check:
    """Whether each kind of fault that was asked for took place: what was not tried is not shown."""
    kinds = list(asked)
    wrong = [f"{kind} was asked for and never took place" for kind in kinds if not took_place[kind]]
    return Check("all tried", f"{len(kinds)} kinds of fault", _few(wrong))


def undisturbed(troubles: Sequence[Trouble], answered: int) -> Check:
    """Whether clients met with no error that a fault does not explain, and got answers at all."""
    same = Counter(f"{trouble.error}" for trouble in troubles)
    wrong = [f"{error} ({count} times)" for error, count in same.most_common()]
    if not answered:
        wrong.append("no call was answered")
    return Check("no other errors", f"{answered:,} answers", _few(wrong))


def _few(wrong: Sequence[str]) -> tuple[str, ...]:
    more = len(wrong) - MOST
    return (*wrong[:MOST], *([f"and {more:,} more"] if more > 0 else []))
