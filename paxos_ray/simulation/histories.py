"""Histories: what clients called, when, and what they were told.

A time is any integer, so long as its order is that in which things happened: an event's number, a
virtual clock, the monotonic clock of one machine. One call precedes another if it returned at a
time below that at which the other was invoked; else the two are concurrent.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable
from enum import Enum
from itertools import count
from types import NoneType
from typing import Any, NamedTuple, Protocol

from paxos_ray.core.errors import PaxosError


class InvalidHistory(PaxosError, ValueError):
    """The operations are not a history: a time is missing or runs backwards, a call ends twice, or
    the model does not know it."""


class Outcome(Enum):
    """What stands for a result that nobody knows."""

    UNKNOWN = "unknown"


UNKNOWN = Outcome.UNKNOWN


class Operation(NamedTuple):
    """One call of one client on one object.

    `returned` is None if the outcome is unknown: the call took effect at any time after `invoked`,
    or never. `result` then means nothing.
    """

    client: str
    object: str
    method: str
    arguments: tuple[Any, ...]
    invoked: int
    returned: int | None
    result: Any = None

    @property
    def outcome(self) -> Any:
        """The result, or `UNKNOWN`."""
        return UNKNOWN if self.returned is None else self.result

    @property
    def call(self) -> str:
        """The call as one writes it: `sold.increment(2)`."""
        return f"{self.object}.{self.method}({', '.join(map(repr, self.arguments))})"

    def __str__(self) -> str:
        outcome = "unknown" if self.returned is None else repr(self.result)
        return f"{self.client}: {self.call} → {outcome}"


class Effect(NamedTuple):
    """What a model can say of a call with this result, whatever the state, to shorten the search.

    `changes`: it may change the state. `before`: the only states in which it has this result (for
    an unknown result: in which it changes anything), None if they cannot be listed. `shift`: all
    that it does is to add so much to a state that is an integer, so it commutes with its like; only
    for a call whose result is unknown. The default says nothing, and is right for every call.
    """

    changes: bool = True
    before: tuple[Hashable, ...] | None = None
    shift: int | None = None


class Model(Protocol):
    """An object as if it had one caller only: pure functions on states that can be hashed."""

    @property
    def initial(self) -> Hashable:
        """The state before any call."""
        ...

    def step(self, state: Any, method: str, arguments: tuple[Any, ...]) -> tuple[Hashable, Any]:
        """The state after a call, and its result. Raises `InvalidHistory` for what is no call."""
        ...

    def effect(self, method: str, arguments: tuple[Any, ...], outcome: Any) -> Effect:
        """What the search may know of a call with this outcome, which may be `UNKNOWN`."""
        ...


class CounterModel:
    """The replicated counter: `increment(n)`, `value()` and `compare_and_set(expected, new)`.

    One that never came into being reads as 0 here.
    """

    initial = 0

    def step(self, state: int, method: str, arguments: tuple[Any, ...]) -> tuple[int, int | bool]:
        """See `Model.step`."""
        match method, arguments:
            case "increment", (int() as n,):
                return state + n, state + n
            case "value", ():
                return state, state
            case "compare_and_set", (int() as expected, int() as new):
                return (new, True) if state == expected else (state, False)
        raise InvalidHistory(f"a counter has no {method}{arguments!r}")

    def effect(self, method: str, arguments: tuple[Any, ...], outcome: Any) -> Effect:
        """See `Model.effect`."""
        self.step(0, method, arguments)
        if method == "compare_and_set":
            expected, new = arguments
            if outcome is False:
                return Effect(False)
            possible = outcome is True or outcome is UNKNOWN
            return Effect(expected != new, (expected,) if possible else ())
        (n,) = arguments or (0,)  # to read is to add nothing
        if outcome is UNKNOWN:
            return Effect(n != 0, None, n)
        return Effect(n != 0, (outcome - n,) if type(outcome) is int else ())


class OpenCall:
    """A call that was invoked: say what it returned, or leave it unknown."""

    __slots__ = ("_recorder", "_started")

    def __init__(self, recorder: HistoryRecorder, started: Operation) -> None:
        self._recorder = recorder
        self._started = started

    def returned(self, result: Any) -> None:
        """It returned `result`, just now. Raises `InvalidHistory` if its end is known already."""
        self._recorder.close(self, self._started, result)

    def refused(self) -> None:
        """It certainly had no effect, and never will: it is no part of the history. Raises
        `InvalidHistory` if its end is known already."""
        self._recorder.drop(self, self._started)


class HistoryRecorder:
    """Records the calls of many threads: `begin` before a call, `returned` right after it.

    What is never said to have returned has an unknown outcome. `clock` gives the times; without
    one they are the numbers of the events, which is all that one process needs.
    """

    def __init__(self, clock: Callable[[], int] | None = None) -> None:
        numbers = count(1)
        self._clock = clock or (lambda: next(numbers))
        self._lock = threading.Lock()
        self._calls: dict[OpenCall, Operation] = {}

    def begin(self, client: str, object: str, method: str, *arguments: Any) -> OpenCall:
        """A client is about to make this call."""
        with self._lock:
            started = Operation(client, object, method, arguments, self._clock(), None)
            call = OpenCall(self, started)
            self._calls[call] = started
            return call

    def operations(self) -> list[Operation]:
        """The history so far, in the order in which the calls were invoked."""
        with self._lock:
            return list(self._calls.values())

    def operation(self, call: OpenCall) -> Operation | None:
        """What is known of that call; None if it is no part of the history."""
        with self._lock:
            return self._calls.get(call)

    def close(self, call: OpenCall, started: Operation, result: Any) -> None:
        """For `OpenCall`."""
        with self._lock:
            self._check_open(call, started)
            self._calls[call] = started._replace(returned=self._clock(), result=result)

    def drop(self, call: OpenCall, started: Operation) -> None:
        """For `OpenCall`."""
        with self._lock:
            self._check_open(call, started)
            del self._calls[call]

    def _check_open(self, call: OpenCall, started: Operation) -> None:
        """To end once more would move the time at which it returned, and hide what is wrong."""
        if self._calls.get(call) is not started:
            raise InvalidHistory(f"{started.client}: {started.call} has ended already")


def by_object(operations: Iterable[Operation]) -> dict[str, list[Operation]]:
    """The history of each object, by name: a history is linearizable if and only if each of them
    is (Herlihy & Wing 1990, theorem 1). Raises `InvalidHistory`."""
    histories: dict[str, list[Operation]] = {}
    for operation in operations:
        if type(operation.object) is not str:
            raise InvalidHistory(f"an object is named by a text, not {operation.object!r}")
        if type(operation.invoked) is not int or type(operation.returned) not in (int, NoneType):
            raise InvalidHistory(f"a time of {operation} is missing, or is no whole number")
        if operation.returned is not None and operation.returned < operation.invoked:
            raise InvalidHistory(f"{operation} returned before it was invoked")
        # A copy, so that each is an object of its own, though one may be in the list twice.
        histories.setdefault(operation.object, []).append(operation._replace())
    return dict(sorted(histories.items()))
