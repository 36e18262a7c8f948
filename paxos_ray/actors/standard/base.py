"""What the handles of all standard objects share: methods that are those of a machine.

A handle says of which machine it is, and lists the machine's methods: their arguments, their
results and what they mean are stated once, there. Type checkers see the signatures, and who calls
with arguments that do not fit is told so before anything is sent.
"""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

from paxos_ray.actors.authority import Authority
from paxos_ray.actors.client import Client
from paxos_ray.actors.handles import AnyMethod
from paxos_ray.actors.lanes import Consistency
from paxos_ray.actors.objects import check_name
from paxos_ray.actors.response import Response
from paxos_ray.actors.watch import Watch, watch
from paxos_ray.core.promise import Promise
from paxos_ray.machines import Context, Operation, Standard
from paxos_ray.machines.errors import InvalidArguments
from paxos_ray.machines.standard import Method as Told
from paxos_ray.machines.standard import qualified

P = ParamSpec("P")
R = TypeVar("R")

_ATOMS = frozenset((bool, int, float, str, bytes, type(None)))


class StandardObject:
    """A handle of a standard object. It comes into being with the first call that changes it; until
    then, queries are answered as of an object that nothing has been done to.

    Each method has `remote(…)`, which returns a response at once, and `submit(…)`, the same for
    coroutines; called as it is, it waits for the answer. Calls of an object of another kind raise
    `WrongKind`. What the calling process holds, by whatever handle, belongs to its session; see
    docs/objects.md. A handle may be passed to tasks and actors, where it opens a session
    of its own.
    """

    __slots__ = ("_client", "name")

    machine: ClassVar[type[Standard]]
    """What it is a handle of."""

    def __init__(self, client: Client, name: str) -> None:
        check_name(name)
        self._client = client
        self.name = name

    @property
    def client(self) -> Client:
        """By whom it calls."""
        return self._client

    def watch(
        self,
        key: Any = None,
        *,
        keys: Iterable[Any] | None = None,
        after: Promise | None = None,
        timeout_s: float | None = None,
    ) -> Watch:
        """What the object publishes, all or under these keys, from now on or after an entry; which
        events there are is said at the machine. See `paxos_ray.actors.watch.watch`. Raises
        `InvalidArgument`, `TimedOut`."""
        return watch(self._client, self.name, key, keys=keys, after=after, timeout_s=timeout_s)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r} of island {self._client.island!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        client = self._client
        return _again, (client.island, self.machine.kind, self.name, client.authority)


class Verb(Generic[P, R]):
    """A method of a machine, as an attribute of a handle's class: of the handle it is a `Call`."""

    reads: ClassVar[bool]
    """Whether it is a query."""

    def __init__(self, function: Callable[..., R]) -> None:
        self.name = function.__name__
        self.wire_name = self.name
        self.__doc__ = function.__doc__
        self.__signature__ = _signature(function, 1 if self.reads else 2)
        self._told: Told

    def __set_name__(self, owner: type[StandardObject], name: str) -> None:
        machine = owner.machine
        self._told = (machine.queries if self.reads else machine.changes)[self.name]
        self.wire_name = qualified(machine.kind, self.name)

    @overload
    def __get__(self, handle: None, owner: type) -> Self: ...

    @overload
    def __get__(self, handle: StandardObject, owner: type) -> Call[P, R]: ...

    def __get__(self, handle: StandardObject | None, owner: type) -> Self | Call[P, R]:
        return self if handle is None else Call(handle.client, handle.name, self)

    def __repr__(self) -> str:
        return f"{self.wire_name}{self.__signature__}"

    def arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """What is sent of a call's arguments: copies, which stay as they are whatever becomes of
        the originals. Raises `InvalidArguments`."""
        if kwargs:
            args = self._in_order(args, kwargs)
        self.check(args)
        return tuple([each if type(each) in _ATOMS else _copied(each) for each in args])

    def check(self, arguments: tuple[Any, ...]) -> None:
        """Raises `InvalidArguments` for what the machine would refuse, whatever its state."""
        told, given = self._told, len(arguments)
        if not told.least <= given <= told.most:
            count = str(told.most) if told.least == told.most else f"{told.least} to {told.most}"
            what = "argument" if count == "1" else "arguments"
            were = f"{given} was given" if given == 1 else f"{given} were given"
            raise InvalidArguments(f"{self.name}{self.__signature__} takes {count} {what}, {were}")
        told.check(arguments)

    def _in_order(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        try:
            bound = self._told.signature.bind(*args, **kwargs)
        except TypeError as error:
            raise InvalidArguments(f"{self.name}{self.__signature__}: {error}") from None
        last = list(self._told.parameters).index(next(reversed(bound.arguments)))
        bound.apply_defaults()
        return bound.args[: last + 1]


class Change(Verb[P, R]):
    """A method that goes through the log, exactly once."""

    reads = False

    def __init__(self, function: Callable[Concatenate[Any, Context, P], R]) -> None:
        super().__init__(function)


class Query(Verb[P, R]):
    """A method that only looks: a linearizable read, unless `options(consistency=…)` say less."""

    reads = True

    def __init__(self, function: Callable[Concatenate[Any, P], R]) -> None:
        super().__init__(function)


class Call(AnyMethod[R], Generic[P, R]):
    """A method of a standard object: `remote(…)` returns a response, a call waits for it.

    For a limit of time: `lock.holder.remote().result(timeout_s=5)`.
    """

    __slots__ = ("_verb",)

    def __init__(
        self,
        client: Client,
        object: str,
        verb: Verb[P, R],
        patience_s: float | None = None,
        consistency: Consistency = "linearizable",
    ) -> None:
        super().__init__(client, object, verb.wire_name, patience_s, consistency)
        self._verb = verb

    def __repr__(self) -> str:
        return f"{self._verb!r} of {self._object!r}"

    @property
    def __signature__(self) -> inspect.Signature:
        return self._verb.__signature__

    def _with(self, patience_s: float | None, consistency: Consistency) -> Self:
        return type(self)(self._client, self._object, self._verb, patience_s, consistency)

    @property
    def _reads(self) -> bool:
        return self._verb.reads

    def remote(self, *args: P.args, **kwargs: P.kwargs) -> Response[R]:
        """Call the method with copies of these arguments. The response raises what it raises.

        Raises `InvalidArguments` and `Overloaded`, without calling it."""
        return self._send(self._operation(args, kwargs))

    async def submit(self, *args: P.args, **kwargs: P.kwargs) -> Response[R]:
        """The same from a coroutine: what is awaited is that the call may be made."""
        return await self._send_async(self._operation(args, kwargs))

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """The same as `remote`, waited for."""
        return self.remote(*args, **kwargs).result()

    def _operation(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Operation:
        return self._object, self._method, self._verb.arguments(args, kwargs)


def _signature(function: Callable[..., Any], skip: int) -> inspect.Signature:
    """That of a machine's method, without those that only the machine is given."""
    whole = inspect.signature(function, eval_str=True)
    return whole.replace(parameters=list(whole.parameters.values())[skip:])


def _copied(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value, protocol=5))  # a plain value, and checked


def _again(island: str, kind: str, name: str, authority: Authority) -> Any:
    from paxos_ray.actors.island import enter  # a handle knows how to find its island

    return getattr(enter(island, authority), kind)(name)
