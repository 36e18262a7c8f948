"""The latest events that objects have published, as a citizen keeps them for who watches: bounded.

It is a function of the log as applied. One that goes on from another's snapshot holds no events
from before that, and says so.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from paxos_ray.core.log import NOTHING
from paxos_ray.core.promise import Promise
from paxos_ray.machines.context import Event
from paxos_ray.procession import Procession

HELD, GONE, AHEAD, ABSENT = "held", "gone", "ahead", "absent"
"""What is to be said of a promise: what follows it is here; was let go of; has not been applied
here; or nothing is to be said, as there is no state yet."""

A_VALUE = 56
"""What a value costs beside its content, in bytes, about."""

AN_EVENT = 256
"""What an event costs beside its key and itself: memory for its place."""


_FLAT = frozenset((int, bool, float, type(None)))
_LONG = frozenset((str, bytes, bytearray))
_NESTED = frozenset((tuple, list, set, frozenset))


class Found(NamedTuple):
    """What there is of an object's events after some promise, if that is `HELD`: all of them up
    to and with the entry `upto`, each `(promise, index, key, event)`, of so many bytes in all.

    The ring can be asked after any promise since `earliest`."""

    verdict: str
    events: tuple[tuple[Promise, int, Any, Any], ...]
    upto: Promise
    earliest: Promise
    weight: int = 0


class Group(NamedTuple):
    """The events of one object in one entry, which weigh so many bytes."""

    promise: Promise
    object: str
    events: tuple[Event, ...]
    weight: int


class Ring:
    """The latest events, which weigh `limit` bytes and those of one object in one entry at most."""

    def __init__(self, limit: int) -> None:
        self.weight = 0
        """Bytes."""
        self.earliest = NOTHING
        """What was published after this promise is held."""
        self.top = NOTHING
        """Up to where the log has been applied."""
        self._limit = limit
        self._there = False
        self._begin()

    def _begin(self) -> None:
        self._groups: Procession[Group] = Procession(bits=None)
        self._oldest = self._groups.shifter()
        self._shelves: dict[str, deque[Group]] = {}  # the same, by object

    def restart(self, earliest: Promise) -> None:
        """Begin anew: what comes next follows `earliest`."""
        self._begin()
        self.weight = 0
        self.earliest = self.top = earliest
        self._there = True

    def append(self, promise: Promise, events: Sequence[Event]) -> None:
        """The next entry has been applied, and has published that."""
        assert promise > self.top, f"{promise} after {self.top}"
        if events:
            by_object: dict[str, list[Event]] = {}
            for event in events:
                by_object.setdefault(event.object, []).append(event)
            for name, each in by_object.items():
                weight = sum(weight_of(event.key, event.value) for event in each)
                self._add(Group(promise, name, tuple(each), weight))
        self.top = promise
        self._there = True

    def after(self, since: Promise, object: str, keys: Collection[Any] | None, size: int) -> Found:
        """The events of that object under one of `keys` (None: all) after `since`: those of whole
        entries, until they weigh `size` bytes or more; none if that is 0."""
        if not self._there:
            return Found(ABSENT, (), since, self.earliest)
        if since < self.earliest:
            return Found(GONE, (), since, self.earliest)
        if since > self.top:
            return Found(AHEAD, (), since, self.earliest)
        groups: list[Group] = []
        for group in reversed(self._shelves.get(object, ())):
            if group.promise <= since:
                break
            groups.append(group)
        events: list[tuple[Promise, int, Any, Any]] = []
        weight, upto = 0, since
        for group in reversed(groups):
            if weight >= size:
                return Found(HELD, tuple(events), upto, self.earliest, weight)
            upto = group.promise
            for event in group.events:
                if keys is None or minds(keys, event.key):
                    events.append((upto, event.index, event.key, event.value))
                    weight += weight_of(event.key, event.value)
        return Found(HELD, tuple(events), self.top, self.earliest, weight)

    def groups(self) -> tuple[Group, ...]:
        """All that is held, in order."""
        return tuple(node.value for node in self._groups)

    def __len__(self) -> int:
        return len(self._groups)

    def _add(self, group: Group) -> None:
        self._groups.push(group)
        self._shelves.setdefault(group.object, deque()).append(group)
        self.weight += group.weight
        while self.weight > self._limit and len(self._groups) > 1:
            oldest = self._oldest.shift()
            assert isinstance(oldest, Group)
            shelf = self._shelves[oldest.object]
            shelf.popleft()
            if not shelf:
                del self._shelves[oldest.object]
            self.weight -= oldest.weight
            self.earliest = oldest.promise


def weight_of(key: Any, event: Any) -> int:
    """What holding an event costs, in bytes, about."""
    return AN_EVENT + heft_of(key) + heft_of(event)


def heft_of(value: Any) -> int:
    """What a plain value weighs, in bytes, about."""
    kind = type(value)
    if kind in _FLAT:
        return A_VALUE
    if kind in _LONG:
        return A_VALUE + len(value)
    weight = A_VALUE
    if kind is dict:
        for key, each in value.items():
            weight += heft_of(key) + heft_of(each)
    elif kind in _NESTED:
        for each in value:
            weight += heft_of(each)
    return weight


def minds(keys: Collection[Any], key: Any) -> bool:
    """Whether the key is equal to one of these."""
    try:
        return key in keys
    except TypeError:  # it cannot be hashed, and they are a set
        return any(key == each for each in keys)
