"""Objects of users' classes on an island: deployed, found, called by handles as of Ray's actors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, cast

from paxos_ray.actors.authority import Authority
from paxos_ray.actors.client import Client
from paxos_ray.actors.errors import InvalidArgument
from paxos_ray.actors.feed import limit_of
from paxos_ray.actors.handles import AnyMethod
from paxos_ray.actors.lanes import Consistency
from paxos_ray.actors.response import Response
from paxos_ray.actors.watch import Watch, watch
from paxos_ray.core.promise import Promise
from paxos_ray.machines import Operation
from paxos_ray.machines.blueprint import blueprint_of, pack_arguments
from paxos_ray.machines.errors import (
    AlreadyDeployed,
    UnknownMethod,
    WrongKind,
)
from paxos_ray.machines.objects import HOSTED, REGISTRY
from paxos_ray.machines.replicated import methods_of, terms_of

T = TypeVar("T")
P = ParamSpec("P")
R = TypeVar("R")

_NOTHING: Mapping[str, Any] = {}

LIMIT_S = 120.0
"""How long deploying, finding and retiring may take."""


class ObjectMethod(AnyMethod[Any]):
    """A method of a deployed object: `remote(…)` returns a response, a call waits for it.

    Which of them are queries, to whom `consistency` matters, is known by the object's class.
    """

    __slots__ = ("_about",)

    def __init__(
        self,
        client: Client,
        object: str,
        method: str,
        patience_s: float | None = None,
        consistency: Consistency = "linearizable",
        about: Mapping[str, Any] = _NOTHING,
    ) -> None:
        super().__init__(client, object, method, patience_s, consistency)
        self._about = about

    def __repr__(self) -> str:
        return f"{self._what} of {self._object!r}"

    def _with(self, patience_s: float | None, consistency: Consistency) -> Self:
        where = (self._client, self._object, self._method)
        return type(self)(*where, patience_s, consistency, self._about)

    @property
    def _reads(self) -> bool:
        """Whether it is a query."""
        return bool(self._about["methods"][self._method])

    def remote(self, *args: Any, **kwargs: Any) -> Response[Any]:
        """Call the method with copies of these arguments: through the log, exactly once, or, if it
        is a query, at the leader, unless `options` say otherwise. The response raises what the
        method raises.

        Raises `InvalidArguments`, `TooLarge` and `Overloaded`, without calling it."""
        return self._send(self._packed(args, kwargs))

    async def submit(self, *args: Any, **kwargs: Any) -> Response[Any]:
        """The same from a coroutine: what is awaited is that the call may be made."""
        return await self._send_async(self._packed(args, kwargs))

    def __call__(self, *args: Any, timeout_s: float | None = None, **kwargs: Any) -> Any:
        """The same as `remote`, waited for; at most `timeout_s` seconds."""
        limit_s = limit_of(timeout_s)
        return self.remote(*args, **kwargs).result(limit_s)

    @property
    def _what(self) -> str:
        return f"{self._about['class']}.{self._method}"

    def _packed(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Operation:
        payload = pack_arguments(self._what, args, kwargs, self._about["argument_bytes"])
        return self._object, self._method, (payload,)


class Handle(Generic[T]):
    """A deployed object, an instance of `T`. Its methods are attributes of the handle, each with
    `remote`: `stock.reserve.remote("sku", 2).result()`.

    A handle may be passed to tasks and actors, where it opens a session of its own.
    """

    __slots__ = ("_about", "_client", "_object")

    def __init__(self, client: Client, object: str, about: Mapping[str, Any]) -> None:
        self._client = client
        self._object = object
        self._about = about

    def __getattr__(self, name: str) -> ObjectMethod:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._method(name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._about["methods"]})

    def __repr__(self) -> str:
        what = f"{self._about['class']} {self._object!r}"
        return f"Handle({what} of island {self._client.island!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        client = self._client
        return _handle, (client.island, self._object, dict(self._about), client.authority)

    def call(
        self, method: Callable[Concatenate[T, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> Response[R]:
        """The same as `remote` of that method, for type checkers: `handle.call(Inventory.reserve,
        "sku", 2)` is a `Response` of what `Inventory.reserve` is declared to return. Raises as
        that, and `InvalidArgument` for what is no method."""
        name = getattr(method, "__name__", None)
        if type(name) is not str:
            raise InvalidArgument(
                f"call takes a method of the class, such as {self._about['class']}.method, and its "
                f"arguments, not {method!r}"
            )
        return cast("Response[R]", self._method(name).remote(*args, **kwargs))

    def watch(
        self,
        key: Any = None,
        *,
        keys: Iterable[Any] | None = None,
        after: Promise | None = None,
        timeout_s: float | None = None,
    ) -> Watch:
        """What the object publishes (`context().publish`), all or under these keys; from now on, or
        after an entry: `async for change in stock.watch("rope")`. See `paxos_ray.actors.watch`.

        If the class has a method of that name, `call` calls it. Raises `InvalidArgument`,
        `TimedOut`."""
        name = self._object
        return watch(self._client, name, key, keys=keys, after=after, timeout_s=timeout_s)

    def _method(self, name: str) -> ObjectMethod:
        methods = self._about["methods"]
        if name not in methods:
            known = ", ".join(methods)
            what = f"{self._about['class']} has no public method {name!r}"
            raise UnknownMethod(f"{what}, but {known}")
        return ObjectMethod(self._client, self._object, name, about=self._about)


def deploy(
    client: Client, name: str, cls: type[T], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Handle[T]:
    """See `Island.deploy`."""
    check_name(name)
    fingerprint, packed = blueprint_of(cls)
    limit = terms_of(cls).argument_bytes
    payload = pack_arguments(f"{cls.__qualname__}.__init__", args, kwargs, limit)
    client.write((REGISTRY, "deploy", (name, fingerprint, packed, payload))).result(LIMIT_S)
    about = {
        "class": cls.__qualname__,
        "fingerprint": fingerprint,
        "methods": methods_of(cls),
        "argument_bytes": limit,
    }
    return Handle(client, name, about)


def find(client: Client, name: str, cls: type[T] | None) -> Handle[T]:
    """See `Island.get`."""
    check_name(name)
    about = client.read((REGISTRY, "describe", (name,))).result(LIMIT_S)
    if about["kind"] != HOSTED:
        raise WrongKind(f"{name!r} is a {about['kind']}, not an object of a class")
    if cls is not None and about["fingerprint"] != blueprint_of(cls)[0]:
        raise AlreadyDeployed(
            f"{name!r} is an object of another class than this {cls.__qualname__}: of "
            f"{about['class']}, fingerprint {about['fingerprint'][:8]}"
        )
    return Handle(client, name, about)


def listed(client: Client) -> dict[str, str]:
    """See `Island.objects`."""
    found = client.read((REGISTRY, "objects", ())).result(LIMIT_S)
    return {name: of or kind for name, kind, of in found}


def retire(client: Client, name: str) -> None:
    """See `Island.retire`."""
    check_name(name)
    client.write((REGISTRY, "retire", (name,))).result(LIMIT_S)


def check_name(name: object) -> None:
    """Raises `InvalidArgument` for what cannot be an object's name."""
    if type(name) is not str or not name:
        raise InvalidArgument(f"an object's name is a text that is not empty, not {name!r}")


def _handle(
    island: str, object: str, about: Mapping[str, Any], authority: Authority
) -> Handle[Any]:
    from paxos_ray.actors.island import enter  # a handle knows how to find its island

    return enter(island, authority).handle(object, about)
