"""The replicated counter: an integer without bounds that starts at 0."""

from __future__ import annotations

from typing import Any

from paxos_ray.machines.errors import InvalidArguments, InvalidSnapshot, UnknownMethod
from paxos_ray.machines.machine import Context


class Counter:
    """`increment(n) -> int`, the new value, applied through the log; `value() -> int`, a query."""

    __slots__ = ("_value",)

    def __init__(self) -> None:
        self._value = 0

    def apply(self, method: str, arguments: tuple[Any, ...], context: Context) -> int:
        """See `Machine.apply`. Raises `UnknownMethod`, `InvalidArguments`."""
        if method != "increment":
            raise UnknownMethod(f"a counter has no method {method!r} that changes it")
        if len(arguments) != 1:
            raise InvalidArguments(f"increment takes 1 argument, {len(arguments)} were given")
        n = arguments[0]
        if type(n) is not int:  # which refuses bool, an int by inheritance only
            raise InvalidArguments(f"increment takes an integer, not {type(n).__name__}")
        self._value += n
        return self._value

    def query(self, method: str, arguments: tuple[Any, ...]) -> int:
        """See `Machine.query`. Raises `UnknownMethod`, `InvalidArguments`."""
        if method != "value":
            raise UnknownMethod(f"a counter has no method {method!r} that reads it")
        if arguments:
            raise InvalidArguments(f"value takes no arguments, {len(arguments)} were given")
        return self._value

    def snapshot(self) -> int:
        """The value."""
        return self._value

    def restore(self, snapshot: Any) -> None:
        """Take the value of `snapshot`. Raises `InvalidSnapshot`."""
        if type(snapshot) is not int:
            raise InvalidSnapshot(
                f"a counter's snapshot is an integer, not {type(snapshot).__name__}"
            )
        self._value = snapshot
