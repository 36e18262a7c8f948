"""Handles of replicated objects, by Ray's conventions: `counter.increment.remote(1)`."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from paxos_ray.actors.client import Client
from paxos_ray.actors.errors import InvalidArgument
from paxos_ray.actors.response import Response

T = TypeVar("T")


class Method(Generic[T]):
    """A method of a replicated object: `remote(…)` returns a response, a call waits for it."""

    __slots__ = ("_client", "_method", "_object")

    def __init__(self, client: Client, object: str, method: str) -> None:
        self._client = client
        self._object = object
        self._method = method


class Increment(Method[int]):
    """`Counter.increment`."""

    __slots__ = ()

    def remote(self, n: int = 1) -> Response[int]:
        """Add `n`, exactly once: the counter's new value. Raises `InvalidArgument`."""
        if type(n) is not int:
            raise InvalidArgument(f"increment takes an integer, not {n!r}")
        return self._client.write((self._object, self._method, (n,)))

    def __call__(self, n: int = 1, *, timeout_s: float | None = None) -> int:
        """Add `n`, and wait for the counter's new value, at most `timeout_s` seconds."""
        return self.remote(n).result(timeout_s)


class CompareAndSet(Method[bool]):
    """`Counter.compare_and_set`."""

    __slots__ = ()

    def remote(self, expected: int, new: int) -> Response[bool]:
        """Make the value `new` if it is `expected`, at one moment, exactly once: whether it was.

        Raises `InvalidArgument`."""
        for argument in (expected, new):
            if type(argument) is not int:
                raise InvalidArgument(f"compare_and_set takes integers, not {argument!r}")
        return self._client.write((self._object, self._method, (expected, new)))

    def __call__(self, expected: int, new: int, *, timeout_s: float | None = None) -> bool:
        """The same, waited for; at most `timeout_s` seconds."""
        return self.remote(expected, new).result(timeout_s)


class Value(Method[int]):
    """`Counter.value`."""

    __slots__ = ()

    def remote(self) -> Response[int]:
        """The value, not older than this moment (a linearizable read)."""
        return self._client.read((self._object, self._method, ()))

    def __call__(self, *, timeout_s: float | None = None) -> int:
        """The same, waited for; at most `timeout_s` seconds."""
        return self.remote().result(timeout_s)


class Counter:
    """A replicated integer. It comes into being, at 0, with its first increment or compare-and-set.

    A handle may be passed to tasks and actors, where it opens a session of its own.
    """

    __slots__ = ("_client", "compare_and_set", "increment", "name", "value")

    def __init__(self, client: Client, name: str) -> None:
        if type(name) is not str or not name:
            raise InvalidArgument(f"a counter's name is a text that is not empty, not {name!r}")
        self._client = client
        self.name = name
        self.increment = Increment(client, name, "increment")
        self.compare_and_set = CompareAndSet(client, name, "compare_and_set")
        self.value = Value(client, name, "value")

    def __repr__(self) -> str:
        return f"Counter({self.name!r} of island {self._client.island!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _counter, (self._client.island, self.name)


def _counter(island: str, name: str) -> Counter:
    from paxos_ray.actors.island import attach  # a handle knows how to find its island

    return attach(island).counter(name)
