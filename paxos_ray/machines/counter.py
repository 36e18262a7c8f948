"""The replicated counter: an integer without bounds that starts at 0."""

from __future__ import annotations

from typing import Any

from paxos_ray.machines.errors import InvalidArguments, InvalidSnapshot, UnknownMethod
from paxos_ray.machines.machine import Context


class Counter:
    """`increment(n) -> int`, the new value, and `compare_and_set(expected, new) -> bool`, whether
    the value was the expected one and is now the new one, are applied through the log;
    `value() -> int` is a query."""

    __slots__ = ("_value",)

    def __init__(self) -> None:
        self._value = 0

    def apply(self, method: str, arguments: tuple[Any, ...], context: Context) -> int | bool:
        """See `Machine.apply`. Raises `UnknownMethod`, `InvalidArguments`."""
        if method == "increment":
            (n,) = _integers(method, arguments, 1)
            self._value += n
            return self._value
        if method == "compare_and_set":
            expected, new = _integers(method, arguments, 2)
            if self._value != expected:
                return False
            self._value = new
            return True
        raise UnknownMethod(f"a counter has no method {method!r} that changes it")

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


def _integers(method: str, arguments: tuple[Any, ...], count: int) -> tuple[int, ...]:
    """The arguments, if they are so many integers. Raises `InvalidArguments`."""
    if len(arguments) != count:
        plural = "s" if count > 1 else ""
        raise InvalidArguments(
            f"{method} takes {count} argument{plural}, {len(arguments)} were given"
        )
    for argument in arguments:
        if type(argument) is not int:  # which refuses bool, an int by inheritance only
            an = "an integer" if count == 1 else "integers"
            raise InvalidArguments(f"{method} takes {an}, not {type(argument).__name__}")
    return arguments
