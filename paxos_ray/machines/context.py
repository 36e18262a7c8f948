"""What a method may know of where in the log it is applied: the same on every citizen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from copy import deepcopy
from dataclasses import dataclass
from hashlib import sha256
from random import Random
from typing import Any

from paxos_ray.core.log import NOTHING
from paxos_ray.core.promise import Promise
from paxos_ray.machines.errors import InvalidArguments, NoContext
from paxos_ray.machines.plain import check_plain

_ATOMS = frozenset((bool, int, float, str, bytes, type(None)))


@dataclass(frozen=True, slots=True)
class Event:
    """What an object has published while an entry was applied: `index` is the operation's."""

    promise: Promise
    index: int
    object: str
    key: Any
    value: Any


class Context:
    """Where in the log a call is applied.

    `promise` and `stamp` (ms of log time) are those of the entry, `session` is the caller's
    (`0/0` for what no client has asked for).
    """

    __slots__ = (
        "_drawn",
        "_events",
        "_first",
        "_name",
        "_operations",
        "_replies",
        "promise",
        "session",
        "stamp",
    )

    def __init__(
        self,
        promise: Promise,
        stamp: int,
        session: Promise = NOTHING,
        *,
        index: int = 0,
        object: str = "",
        events: list[Event] | None = None,
    ) -> None:
        self.promise = promise
        self.stamp = stamp
        self.session = session
        self._first = index
        self._name: str | None = object
        self._events: list[Event] = [] if events is None else events
        self._drawn: _Drawn | None = None
        # Of a batch: which operation is applied is told by how many have been answered, so that
        # moving on to the next costs nothing.
        self._operations: Sequence[tuple[str, str, Any]] | None = None
        self._replies: Sequence[Any] = ()

    @property
    def index(self) -> int:
        """That of the operation within its entry; of what no operation asks for, below 0."""
        return self._first + len(self._replies)

    @property
    def object(self) -> str:
        """The name of the object that is applied to."""
        if self._name is not None:
            return self._name
        assert self._operations is not None
        return self._operations[len(self._replies)][0]

    @property
    def random(self) -> Random:
        """Chance that is the same on every citizen, and another for each operation and object."""
        drawn = self._draw()
        if drawn.random is None:
            seed = f"{self.promise}.{drawn.index} {self.object}".encode("utf-8", "surrogatepass")
            drawn.random = Random(int.from_bytes(sha256(seed).digest(), "big"))
        return drawn.random

    def fresh_id(self) -> str:
        """An id that nothing else in the island ever gets, as `"7/4.2-1"`."""
        drawn = self._draw()
        drawn.ids += 1
        return f"{self.promise}.{drawn.index}-{drawn.ids}"

    def _draw(self) -> _Drawn:
        if self._drawn is None or self._drawn.index != self.index:
            self._drawn = _Drawn(self.index)
        return self._drawn

    def publish(self, event: Any, key: Any = None) -> None:
        """Tell those who watch the object: plain values, copied. Raises `InvalidArguments`.

        `key` lets them choose. What is published by a call that raises is not told."""
        self._events.append(
            Event(self.promise, self.index, self.object, _copied(key), _copied(event))
        )

    @contextmanager
    def about(self, object: str) -> Iterator[None]:
        """For a while, this is about that object: one that the operation brings into being."""
        before, self._name = self._name, object
        try:
            yield
        finally:
            self._name = before

    def withdraw(self) -> None:
        """Drop what the present operation has published and drawn: it has failed."""
        self._drawn = None
        events, index = self._events, self.index
        while events and events[-1].index == index and events[-1].promise == self.promise:
            events.pop()


class BatchContext(Context):
    """The context of the operations of an entry from its `first` on: that of the one is applied to
    which the next of `replies` is to come."""

    __slots__ = ()

    def __init__(
        self,
        promise: Promise,
        stamp: int,
        session: Promise,
        first: int,
        operations: Sequence[tuple[str, str, Any]],
        replies: Sequence[Any],
        events: list[Event],
    ) -> None:
        # Not by way of the base: there is one of these for each entry.
        self.promise, self.stamp, self.session = promise, stamp, session
        self._first, self._name, self._events = first, None, events
        self._drawn = None
        self._operations, self._replies = operations, replies


class _Drawn:
    """What one operation has had of its context."""

    __slots__ = ("ids", "index", "random")

    def __init__(self, index: int) -> None:
        self.index = index
        self.ids = 0
        self.random: Random | None = None


class Reading:
    """What a query may know: what is applied, and the stamp of that (ms of log time)."""

    __slots__ = ("promise", "stamp")

    def __init__(self, promise: Promise, stamp: int) -> None:
        self.promise = promise
        self.stamp = stamp

    def __getattr__(self, name: str) -> Any:
        raise NoContext(f"a query has no {name}: it is answered by one citizen, and not in the log")


_present: ContextVar[Context | Reading | None] = ContextVar("paxos_ray context", default=None)


def context() -> Context:
    """Where in the log the method that asks is applied. Raises `NoContext` anywhere else.

    In a query only `promise` and `stamp` are to be had, of what is applied."""
    present = _present.get()
    if present is None:
        raise NoContext("there is no context outside of a method of a replicated object")
    return present  # type: ignore[return-value]


@contextmanager
def within(present: Context | Reading) -> Iterator[None]:
    """For a while, `context()` is this."""
    token = _present.set(present)
    try:
        yield
    finally:
        _present.reset(token)


def _copied(value: Any) -> Any:
    if type(value) in _ATOMS:
        return value
    if type(value) is tuple and all(type(each) in _ATOMS for each in value):
        return value  # what a deep copy comes to, at a tenth of its cost: most events are such
    try:
        check_plain(value)
    except TypeError as error:
        raise InvalidArguments(f"what is published is a plain value: {error}") from None
    return deepcopy(value)
