"""Handles of replicated objects, by Ray's conventions: `counter.increment.remote(1)`."""

from __future__ import annotations

from typing import Any, Generic, Literal, Self, TypeVar

from paxos_ray.actors.authority import Authority
from paxos_ray.actors.client import Client
from paxos_ray.actors.errors import InvalidArgument
from paxos_ray.actors.feed import limit_of
from paxos_ray.actors.lanes import Consistency, check_consistency
from paxos_ray.actors.response import Response
from paxos_ray.machines import Operation

T = TypeVar("T")


class Method(Generic[T]):
    """A method of a replicated object: `remote(…)` returns a response, a call waits for it.

    `remote` waits while as much is unanswered as may be, see `Limits.client_bytes`; by `options` it
    raises `Overloaded` instead. In a thread that runs an event loop it never waits but raises:
    `await method.submit(…)` waits there for the response, while the loop goes on.
    """

    __slots__ = ("_client", "_method", "_object", "_patience_s")

    def __init__(
        self, client: Client, object: str, method: str, patience_s: float | None = None
    ) -> None:
        self._client = client
        self._object = object
        self._method = method
        self._patience_s = patience_s

    def options(
        self,
        *,
        overload: Literal["wait", "raise"] = "wait",
        timeout_s: float | None = None,
        consistency: Consistency | None = None,
    ) -> Self:
        """This method, which when as much is unanswered as may be waits, at most `timeout_s`
        seconds if that is given, or raises `Overloaded` at once. Of a query, see `Query`, also
        what its answer must reflect. Raises `InvalidArgument`."""
        if consistency is not None:
            check_consistency(consistency)
            self._check_reads()
        return self._with(self.options_of(overload, timeout_s), consistency or self.consistency)

    @staticmethod
    def options_of(overload: str, timeout_s: float | None) -> float | None:
        """The patience that such options come to. Raises `InvalidArgument`."""
        if overload not in ("wait", "raise"):
            raise InvalidArgument(f"overload is 'wait' or 'raise', not {overload!r}")
        if timeout_s is not None:
            if type(timeout_s) not in (int, float) or not timeout_s >= 0:
                raise InvalidArgument(f"timeout_s is a number of seconds, not {timeout_s!r}")
            if overload == "raise":
                raise InvalidArgument("timeout_s is for those who wait")
        return 0.0 if overload == "raise" else timeout_s

    def _check_reads(self) -> None:
        """Raises `InvalidArgument`, unless it is a query."""
        raise InvalidArgument(f"consistency is for queries: {self._method} goes through the log")

    def _with(self, patience_s: float | None, consistency: Consistency) -> Self:
        return type(self)(self._client, self._object, self._method, patience_s)

    @property
    def consistency(self) -> Consistency:
        """What an answer must reflect."""
        return "linearizable"

    @property
    def patience_s(self) -> float | None:
        """How long a call waits to be let in, None: as long as it takes."""
        return self._patience_s

    def _write(self, *arguments: Any) -> Response[T]:
        call = (self._object, self._method, arguments)
        return self._client.write(call, self._patience_s)

    async def _submit(self, *arguments: Any) -> Response[T]:
        call = (self._object, self._method, arguments)
        return await self._client.write_async(call, self._patience_s)


class Query(Method[T]):
    """A method that only looks; `options(consistency=…)` say what its answer reflects.

    `linearizable`: every write that was acknowledged before, to anybody. The leader answers.
    `session`: every answer that this process's client had before, of writes and of reads; any
    citizen answers that has come so far. `eventual`: a state that was, some time; any citizen
    answers, at once, also when there is no majority.
    """

    __slots__ = ("_consistency",)

    def __init__(
        self,
        client: Client,
        object: str,
        method: str,
        patience_s: float | None = None,
        consistency: Consistency = "linearizable",
    ) -> None:
        super().__init__(client, object, method, patience_s)
        self._consistency = consistency

    def _check_reads(self) -> None:
        pass

    def _with(self, patience_s: float | None, consistency: Consistency) -> Self:
        return type(self)(self._client, self._object, self._method, patience_s, consistency)

    @property
    def consistency(self) -> Consistency:
        """What an answer must reflect."""
        return self._consistency

    def _read(self, *arguments: Any) -> Response[T]:
        call = (self._object, self._method, arguments)
        return self._client.read(call, self._patience_s, self._consistency)

    async def _submit(self, *arguments: Any) -> Response[T]:
        call = (self._object, self._method, arguments)
        return await self._client.read_async(call, self._patience_s, self._consistency)


class AnyMethod(Query[T]):
    """A method that only looks or goes through the log: which of them is `_reads`'s to say."""

    __slots__ = ()

    @property
    def _reads(self) -> bool:
        """Whether it only looks."""
        raise NotImplementedError

    def _check_reads(self) -> None:
        if not self._reads:
            raise InvalidArgument(f"consistency is for queries: {self!r} goes through the log")

    def _send(self, call: Operation) -> Response[T]:
        if self._reads:
            return self._client.read(call, self._patience_s, self._consistency)
        return self._client.write(call, self._patience_s)

    async def _send_async(self, call: Operation) -> Response[T]:
        if self._reads:
            return await self._client.read_async(call, self._patience_s, self._consistency)
        return await self._client.write_async(call, self._patience_s)


class Increment(Method[int]):
    """`Counter.increment`."""

    __slots__ = ()

    def remote(self, n: int = 1) -> Response[int]:
        """Add `n`, exactly once: the counter's new value.

        Raises `InvalidArgument`, `Overloaded`."""
        return self._write(*_integers("increment", n))

    async def submit(self, n: int = 1) -> Response[int]:
        """The same from a coroutine: what is awaited is that the call may be made."""
        return await self._submit(*_integers("increment", n))

    def __call__(self, n: int = 1, *, timeout_s: float | None = None) -> int:
        """Add `n`, and wait for the counter's new value, at most `timeout_s` seconds."""
        limit_s = limit_of(timeout_s)
        return self.remote(n).result(limit_s)


class CompareAndSet(Method[bool]):
    """`Counter.compare_and_set`."""

    __slots__ = ()

    def remote(self, expected: int, new: int) -> Response[bool]:
        """Make the value `new` if it is `expected`, at one moment, exactly once: whether it was.

        Raises `InvalidArgument`, `Overloaded`."""
        return self._write(*_integers("compare_and_set", expected, new))

    async def submit(self, expected: int, new: int) -> Response[bool]:
        """The same from a coroutine: what is awaited is that the call may be made."""
        return await self._submit(*_integers("compare_and_set", expected, new))

    def __call__(self, expected: int, new: int, *, timeout_s: float | None = None) -> bool:
        """The same, waited for; at most `timeout_s` seconds."""
        limit_s = limit_of(timeout_s)
        return self.remote(expected, new).result(limit_s)


class Value(Query[int]):
    """`Counter.value`."""

    __slots__ = ()

    def remote(self) -> Response[int]:
        """The value, not older than this moment (a linearizable read), unless `options` say
        otherwise. Raises `Overloaded`."""
        return self._read()

    async def submit(self) -> Response[int]:
        """The same from a coroutine: what is awaited is that the call may be made."""
        return await self._submit()

    def __call__(self, *, timeout_s: float | None = None) -> int:
        """The same, waited for; at most `timeout_s` seconds."""
        limit_s = limit_of(timeout_s)
        return self.remote().result(limit_s)


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
        return _counter, (self._client.island, self.name, self._client.authority)


def _integers(method: str, *arguments: int) -> tuple[int, ...]:
    """The arguments, if they are integers. Raises `InvalidArgument`."""
    for argument in arguments:
        if type(argument) is not int:  # which refuses bool, an int by inheritance only
            an = "an integer" if len(arguments) == 1 else "integers"
            raise InvalidArgument(f"{method} takes {an}, not {argument!r}")
    return arguments


def _counter(island: str, name: str, authority: Authority) -> Counter:
    from paxos_ray.actors.island import enter  # a handle knows how to find its island

    return enter(island, authority).counter(name)
