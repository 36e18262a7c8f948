"""When two states are the same: values by content, objects by what they do from here on.

What never changes (entries, governments, messages) is kept once, by content, and shared by all
copies. What changes is copied by pickling, and told apart by its *form*: a walk through all that it
is made of, from which is left out what cannot make a difference later:

* times, but for how far they lie from the citizen's own `now`: each citizen reads a clock of its
  own, no message carries its time, and what it does depends on differences only;
* the numbers of pulses: a pulse that is waited for goes by its place among those that are, and
  results of one that is no longer waited for count for nothing;
* times to come, where no clock ever moves (`timeless`): they do not come;
* chance, which is taken out: each random delay is its least (see `Least`), and when an alarm rings
  is for the search to choose;
* whom a citizen would ask for the application's state: the search lets it load whoever that is.

Everything else is told apart, caches too. A field that this module does not know is compared as it
is: that costs a merger, never a state.
"""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from hashlib import blake2b
from io import BytesIO
from random import Random
from types import FunctionType, MappingProxyType, MethodType
from typing import Any

from paxos_ray.core.government import Citizen, Government
from paxos_ray.core.legislator import Legislator
from paxos_ray.core.log import Entry, Log
from paxos_ray.core.messages import (
    Accept,
    Behind,
    Denied,
    Exiled,
    Lacks,
    Prepare,
    Promised,
    Received,
    Refused,
    Register,
    Report,
    Synchronize,
    Write,
)
from paxos_ray.core.promise import Ballot, Promise
from paxos_ray.core.representation import Representation
from paxos_ray.core.state import Limits
from paxos_ray.simulation.island import Settings

REQUESTS = (Synchronize, Write, Prepare, Accept)
REPLIES = (Received, Promised, Refused, Behind, Lacks, Exiled, Denied)
SHARED = frozenset(
    (*REQUESTS, *REPLIES, Entry, Government, Citizen, Register, Report, Limits, Settings)
)
"""Types whose values never change."""

PLAIN = frozenset((int, str, bytes, bool, type(None)))

TIMES = frozenset(
    (
        *("now", "stand_at", "stateless_since", "heard_at", "due", "first_at", "last_at"),
        *("next_ping", "_clock"),
    )
)
"""Fields that hold a time of the citizen's own clock."""
DEADLINES = frozenset(("shunned", "_loading"))
"""Fields that map ids to such times."""
LEFT_OUT = frozenset(("random", "_pulses", "patron", "legislator", "_agenda", "_now"))
"""Fields that make no difference, or that are the search's own."""

VACANT = Legislator("nobody")
"""Stands in a copy where the search puts a Legislator in."""


class Least:
    """Chance taken out: of all that may be drawn, the least."""

    def randint(self, least: int, most: int) -> int:
        """`least`."""
        return least


_LEAST = Least()


class Likeness:
    """The values met so far, by number; copies and forms of objects that are made of them."""

    def __init__(self, timeless: bool = False) -> None:
        self.timeless = timeless
        self.values: list[Any] = []
        self.digests: list[bytes] = []
        self._numbers: dict[bytes, int] = {}
        self._identities: dict[int, int] = {}  # of those in `values`, which stay alive

    def __len__(self) -> int:
        return len(self.values)

    # -- values --------------------------------------------------------------------------

    def number(self, value: Any) -> int:
        """The number of a shared value: the same for all that are equal."""
        known = self._identities.get(id(value))
        if known is not None:
            return known
        content = (type(value).__name__, *map(self._content, _parts(value)))
        digest = blake2b(repr(content).encode(), digest_size=16).digest()
        number = self._numbers.setdefault(digest, len(self.values))
        if number == len(self.values):
            self.values.append(value)
            self.digests.append(digest)
            self._identities[id(value)] = number
        return number

    def digest(self, value: Any) -> bytes:
        """The digest of a shared value."""
        return self.digests[self.number(value)]

    def value(self, digest: bytes) -> Any:
        """The value of that digest."""
        return self.values[self._numbers[digest]]

    def told(self, numbers: Iterable[int]) -> list[bytes]:
        """These values, each for a likeness that knows all values it is made of (`hear`)."""
        return [self.freeze(self.values[number], root=True) for number in numbers]

    def hear(self, values: Iterable[bytes]) -> list[int]:
        """The numbers of values told by another likeness, in their order."""
        return [self.number(self.thaw(value)) for value in values]

    def _content(self, value: Any) -> Any:
        kind = type(value)
        if kind in PLAIN:
            return value
        if kind in SHARED:
            return self.digests[self.number(value)]
        if isinstance(value, tuple):
            return (kind.__name__, *map(self._content, value))
        if isinstance(value, Mapping):
            return ("map", *((key, self._content(item)) for key, item in value.items()))
        raise TypeError(f"no value: {value!r}")

    # -- copies --------------------------------------------------------------------------

    def freeze(
        self, thing: Any, named: Mapping[int, str] = MappingProxyType({}), root: bool = False
    ) -> bytes:
        """What `thaw` makes a copy of; shared values stay shared, and chance is taken out.

        Of the objects whose identities are `named` nothing but the name is kept; `root` says that
        the thing is itself a shared value, whose parts are wanted."""
        buffer = BytesIO()
        _Freezer(buffer, self, named, thing if root else None).dump(thing)
        return buffer.getvalue()

    def thaw(self, frozen: bytes, named: Mapping[str, Any] = MappingProxyType({})) -> Any:
        """A copy, with these for what was named."""
        return _Thawer(BytesIO(frozen), self, named).load()

    # -- forms ---------------------------------------------------------------------------

    def form(
        self,
        thing: Any,
        now: int = 0,
        pulses: Iterable[str] = (),
        sort: bool = False,
        named: Mapping[int, str] = MappingProxyType({}),
    ) -> bytes:
        """The digest of what matters of `thing`; `pulses` are the ids of those waited for.

        With `sort` the order of mappings does not matter, else it does. Of the objects whose
        identities are `named` only the name matters.
        """
        places = {id: ("pulse", place) for place, id in enumerate(pulses)}
        walk = _Walk(self, now, places, sort, named)
        walk.visit(thing)
        return blake2b(repr(walk.told).encode(), digest_size=16).digest()


class _Walk:
    """One walk through an object; what is met a second time is told by its place."""

    def __init__(
        self,
        likeness: Likeness,
        now: int,
        pulses: Mapping[str, Any],
        sort: bool,
        named: Mapping[int, str],
    ) -> None:
        self.told: list[Any] = []
        self._named = named
        self._likeness = likeness
        self._now = now
        self._pulses = pulses
        self._sort = sort
        self._met: dict[int, int] = {}

    def visit(self, value: Any) -> None:
        kind, tell = type(value), self.told.append
        if kind is str:
            tell(self._pulses.get(value, value))
        elif kind in PLAIN:
            tell(value)
        elif kind is Promise or kind is Ballot:
            tell(tuple(value))
        elif kind in SHARED:
            tell(self._likeness.digests[self._likeness.number(value)])
        elif isinstance(value, tuple):
            self._several(kind.__name__, value)
        elif kind in (Representation, MethodType, FunctionType):
            tell(kind.__name__)  # follows from the government; what is the code's
        elif id(value) in self._named:
            tell(("named", self._named[id(value)]))
        elif id(value) in self._met:
            tell(("met", self._met[id(value)]))
        else:
            self._met[id(value)] = len(self._met)
            self._object(kind, value)

    def _several(self, name: str, values: Iterable[Any]) -> None:
        self.told.append((name, "("))
        for value in values:
            self.visit(value)
        self.told.append(")")

    def _object(self, kind: type, value: Any) -> None:
        if kind is list or kind is deque:
            self._several("list", value)
        elif isinstance(value, dict):
            items: Any = value.items()
            if self._sort:
                items = sorted(items, key=lambda item: repr(item[0]))
            self._several("dict", (part for item in items for part in item))
        elif kind is Log:  # where in its list an entry lies makes no difference
            self._several("log", (value.base, value.top, *value))
        else:
            self.told.append(kind.__name__)
            for name, item in _attributes(value):
                if name not in LEFT_OUT:
                    self._attribute(name, item)

    def _attribute(self, name: str, value: Any) -> None:
        self.told.append(name)
        if name in TIMES and value is not None:
            away = value - self._now
            self.told.append("later" if away > 0 and self._likeness.timeless else away)
        elif name in DEADLINES:
            self._several("dict", ((key, time - self._now) for key, time in value.items()))
        else:
            self.visit(value)


class _Freezer(pickle.Pickler):
    def __init__(
        self, buffer: BytesIO, likeness: Likeness, named: Mapping[int, str], root: Any
    ) -> None:
        super().__init__(buffer, protocol=5)
        self._likeness = likeness
        self._named = named
        self._root = root

    def persistent_id(self, value: Any) -> Any:
        kind = type(value)
        if kind in PLAIN:
            return None
        if kind in SHARED:
            return None if value is self._root else self._likeness.digest(value)
        if kind is Random or kind is Least:
            return "chance"
        if value is VACANT:
            return "vacant"
        return self._named.get(id(value))


class _Thawer(pickle.Unpickler):
    def __init__(self, buffer: BytesIO, likeness: Likeness, named: Mapping[str, Any]) -> None:
        super().__init__(buffer)
        self._likeness = likeness
        self._named = named

    def persistent_load(self, known: Any) -> Any:
        if type(known) is bytes:
            return self._likeness.value(known)
        if known == "chance":
            return _LEAST
        if known == "vacant":
            return VACANT
        return self._named[known]


def _parts(value: Any) -> Iterable[Any]:
    """What a shared value is made of, in order."""
    if isinstance(value, tuple):
        return value
    if is_dataclass(value):
        return (getattr(value, field.name) for field in fields(value))
    return (getattr(value, name) for name in type(value).model_fields)


def _attributes(value: Any) -> Iterable[tuple[str, Any]]:
    """The names and values of an object's attributes, in the order of its class or its making."""
    names = _slots(type(value))
    if names:
        return [(name, getattr(value, name)) for name in names]
    attributes: dict[str, Any] = vars(value)
    return attributes.items()


def _slots(kind: type) -> tuple[str, ...]:
    names = _SLOTS.get(kind)
    if names is None:
        slots = [getattr(base, "__slots__", ()) for base in reversed(kind.__mro__)]
        names = _SLOTS[kind] = tuple(name for several in slots for name in several)
    return names


_SLOTS: dict[type, tuple[str, ...]] = {}
