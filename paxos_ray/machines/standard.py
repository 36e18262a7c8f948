"""What all standard objects share: tables of methods with checked arguments, and due times.

A method that changes the state is a function `(self, context, …)` under `@change`, one that only
looks is `(self, …)` under `@query`; both are given the kinds of their arguments, by name. Calls
that do not fit raise `UnknownMethod` or `InvalidArguments` before the method begins.

A method is called by its name, or by its kind's and its own, as `"lock.acquire"`: who calls it so
can be sure that it is no method of another kind, as `put` is one of maps and of queues.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, TypeVar

from sortedcontainers import SortedList

from paxos_ray.machines.context import Context
from paxos_ray.machines.errors import InvalidArguments, InvalidSnapshot, UnknownMethod
from paxos_ray.machines.values import Kind

_CHANGE, _QUERY = "change_of", "query_of"
Function = TypeVar("Function", bound=Callable[..., Any])


class Method:
    """One method: its name, what it takes, and what it does.

    `parameters` are the names of its arguments, in order, with their kinds; the last
    `most - least` of them may be left out.
    """

    __slots__ = ("_checks", "function", "least", "most", "name", "parameters", "signature")

    def __init__(self, function: Callable[..., Any], kinds: dict[str, Kind], skip: int) -> None:
        signature = inspect.signature(function)
        given = list(signature.parameters.values())[skip:]
        assert [each.name for each in given] == list(kinds), f"{function} has other arguments"
        self.name = function.__name__
        self.function = function
        self.parameters = kinds
        self.signature = signature.replace(parameters=given)
        self.most = len(given)
        self.least = sum(each.default is each.empty for each in given)
        self._checks = [(name, *kind) for name, kind in kinds.items()]

    def check(self, arguments: tuple[Any, ...]) -> None:
        """Raises `InvalidArguments`, unless the method can be called with these."""
        if not self.least <= len(arguments) <= self.most:
            count = str(self.most) if self.least == self.most else f"{self.least} to {self.most}"
            raise InvalidArguments(
                f"{self.name}{self.signature} takes {count} arguments, {len(arguments)} were given"
            )
        for (name, says, fits), argument in zip(self._checks, arguments, strict=False):
            if not fits(argument):
                raise InvalidArguments(f"{self.name}: {name} is {says}, not {_describe(argument)}")


def qualified(kind: str, method: str) -> str:
    """The name by which only an object of that kind has the method."""
    return f"{kind}.{method}"


def kind_meant(method: str) -> str | None:
    """The kind that a method's name demands of its object, None if it demands none."""
    kind, dot, _ = method.partition(".")
    return kind if dot else None


def change(**kinds: Kind) -> Callable[[Function], Function]:
    """A method that changes the state; the kinds of its arguments by name."""
    return _marked(_CHANGE, kinds)


def query(**kinds: Kind) -> Callable[[Function], Function]:
    """A method that only looks; the kinds of its arguments by name."""
    return _marked(_QUERY, kinds)


def _marked(mark: str, kinds: dict[str, Kind]) -> Callable[[Function], Function]:
    def marked(function: Function) -> Function:
        setattr(function, mark, kinds)
        return function

    return marked


class Standard:
    """A machine (see `Machine`) made of marked methods."""

    __slots__ = ()

    kind: ClassVar[str]
    """Its name among the kinds."""
    changes: ClassVar[dict[str, Method]] = {}
    """The methods that go through the log, by name."""
    queries: ClassVar[dict[str, Method]] = {}
    """The methods that only look, by name."""
    _changes: ClassVar[dict[str, Method]] = {}  # by both names
    _queries: ClassVar[dict[str, Method]] = {}

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        cls.changes, cls.queries = dict(cls.changes), dict(cls.queries)
        for name, function in vars(cls).items():
            if hasattr(function, _CHANGE):
                cls.changes[name] = Method(function, getattr(function, _CHANGE), 2)
            elif hasattr(function, _QUERY):
                cls.queries[name] = Method(function, getattr(function, _QUERY), 1)
        if not hasattr(cls, "kind"):
            return  # what several kinds have in common
        cls._changes, cls._queries = (
            table | {qualified(cls.kind, name): method for name, method in table.items()}
            for table in (cls.changes, cls.queries)
        )

    def apply(self, method: str, arguments: tuple[Any, ...], context: Context) -> Any:
        """See `Machine.apply`. Raises `UnknownMethod`, `InvalidArguments`, what the method does."""
        found = self._changes.get(method)
        if found is None:
            raise UnknownMethod(f"a {self.kind} has no method {method!r} that changes it")
        found.check(arguments)
        return found.function(self, context, *arguments)

    def query(self, method: str, arguments: tuple[Any, ...]) -> Any:
        """See `Machine.query`. Raises `UnknownMethod`, `InvalidArguments`."""
        found = self._queries.get(method)
        if found is None:
            raise UnknownMethod(f"a {self.kind} has no method {method!r} that reads it")
        found.check(arguments)
        return found.function(self, *arguments)

    def snapshot(self) -> Any:
        """See `Machine.snapshot`."""
        raise NotImplementedError

    def restore(self, snapshot: Any) -> None:
        """See `Machine.restore`. Raises `InvalidSnapshot`."""
        restored = type(self)()
        try:
            restored.load(snapshot)
        except (AssertionError, AttributeError, LookupError, TypeError, ValueError):
            raise InvalidSnapshot(f"the snapshot of a {self.kind} is malformed") from None
        for owner in type(self).__mro__:
            for field in vars(owner).get("__slots__", ()):
                setattr(self, field, getattr(restored, field))

    def load(self, snapshot: Any) -> None:
        """Fill an object just made; may raise anything that a malformed snapshot leads to."""
        raise NotImplementedError


class Deadlines:
    """Stamps (ms of log time) at which something is due, for keys that can be ordered."""

    __slots__ = ("_sorted",)

    def __init__(self) -> None:
        self._sorted: SortedList = SortedList()

    def __len__(self) -> int:
        return len(self._sorted)

    def add(self, stamp: int | None, key: Any) -> None:
        """Something is due for the key; None: it is not."""
        if stamp is not None:
            self._sorted.add((stamp, key))

    def remove(self, stamp: int | None, key: Any) -> None:
        """What was added is due no more."""
        if stamp is not None:
            self._sorted.remove((stamp, key))

    def first(self) -> int | None:
        """The next stamp, None if there is none."""
        return self._sorted[0][0] if self._sorted else None

    def passed(self, stamp: int) -> Iterator[Any]:
        """The keys of what is due at `stamp` or before, in order; each is removed before the next
        is asked for."""
        while self._sorted and self._sorted[0][0] <= stamp:
            first = self._sorted[0]
            yield first[1]
            # A machine that forgets to would stand here for ever.
            assert not (self._sorted and self._sorted[0] is first), f"{first[1]!r} is still due"


class BySession:
    """What belongs to which session: numbers or text, told in order when the session ends."""

    __slots__ = ("_owned",)

    def __init__(self) -> None:
        # Of dicts, as sets have no order.
        self._owned: dict[tuple[int, ...], dict[Any, None]] = {}

    def add(self, session: tuple[int, ...], key: Any) -> None:
        """It belongs to the session."""
        self._owned.setdefault(session, {})[key] = None

    def remove(self, session: tuple[int, ...], key: Any) -> None:
        """It does no more."""
        owned = self._owned[session]
        del owned[key]
        if not owned:
            del self._owned[session]

    def of(self, session: tuple[int, ...]) -> list[Any]:
        """All that belongs to it."""
        return sorted(self._owned.get(session, ()))


def natural(value: Any) -> int:
    """Of a snapshot: an integer not below 0. Raises `TypeError`."""
    if type(value) is not int or value < 0:
        raise TypeError
    return value


def session_of(value: Any) -> tuple[int, int]:
    """Of a snapshot: the name of a session. Raises `TypeError`, `ValueError`."""
    government, entry = value
    return natural(government), natural(entry)


def _describe(argument: Any) -> str:
    """How an argument that does not fit is called: short, and the same everywhere."""
    kind = type(argument)
    if argument is None or kind is bool:
        return str(argument)
    if kind is int and abs(argument) < 10**18:
        return str(argument)
    return kind.__name__
