"""What a test of a class to be replicated fails with."""

from __future__ import annotations

from typing import Any

from paxos_ray.core.errors import PaxosError
from paxos_ray.machines.errors import MachineError


class Diverged(PaxosError, AssertionError):
    """Two copies of an object, given the same, have come to differ: so would citizens.

    `object` is the class's name, `call` the number of the call, deploying being 0, `method` what
    was called, with `args` and `kwargs`. `what` differs: the result, the state, …; `path` is where
    in it, as `.items['a'].left`; `first` and `second` are what is there, as text.
    """

    def __init__(
        self,
        object: str,
        call: int,
        method: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        what: str,
        path: str = "",
        first: str = "",
        second: str = "",
    ) -> None:
        super().__init__(object, call, method, args, kwargs, what, path, first, second)
        self.object, self.call, self.method = object, call, method
        self.args_of_call, self.kwargs_of_call = args, kwargs
        self.what, self.path, self.first, self.second = what, path, first, second

    def __str__(self) -> str:
        given = [_short(each) for each in self.args_of_call]
        given += [f"{name}={_short(value)}" for name, value in self.kwargs_of_call.items()]
        where = f" at {self.path}" if self.path else ""
        told = f"call {self.call}, {self.object}.{self.method}({', '.join(given)}): {self.what}"
        if not self.first and not self.second:
            return told + where
        return f"{told}{where}\n  one copy:  {self.first}\n  the other: {self.second}"


class NotCheckedFirst(MachineError, AssertionError):
    """A method of a class that is marked with `checks_first` has changed the object and raised."""


class CopyLost(PaxosError, RuntimeError):
    """The process of a copy has ended, or not answered in time."""


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else text[:97] + "…"
