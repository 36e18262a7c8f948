"""What a call returns: a response as of an island, whose result is there already."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Answer(Generic[T]):
    """Has what `paxos_ray.Response` has for callers: `result()`, `done()`, and can be awaited."""

    __slots__ = ("_result",)

    def __init__(self, result: Callable[[], Any]) -> None:
        self._result = result

    def done(self) -> bool:
        """Whether the result, or an error, is there: it is."""
        return True

    def result(self, timeout_s: float | None = None) -> T:
        """The result; raises what the method has raised."""
        value: T = self._result()
        return value

    def __await__(self) -> Generator[Any, None, T]:
        yield from ()  # there is nothing to wait for
        return self.result()
