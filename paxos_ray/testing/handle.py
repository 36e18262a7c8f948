"""What a test calls instead of a deployed object: the same methods, without Ray."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, cast

from paxos_ray.core.errors import InvalidArgument
from paxos_ray.machines import Event, value_of
from paxos_ray.machines.blueprint import blueprint_of, pack_arguments
from paxos_ray.machines.errors import UnknownMethod
from paxos_ray.machines.objects import REGISTRY
from paxos_ray.machines.replicated import methods_of, terms_of
from paxos_ray.testing.answer import Answer
from paxos_ray.testing.copy import NAME
from paxos_ray.testing.pair import FOR_EVER_MS, Call, Pair, Session

T = TypeVar("T")
P = ParamSpec("P")
R = TypeVar("R")


class TwiceMethod:
    """A method of an object under test: `remote(…)`, `await submit(…)` and a plain call, as of a
    deployed object's handle."""

    __slots__ = ("_cls", "_method", "_pair", "_session")

    def __init__(self, pair: Pair, session: Session, cls: type, method: str) -> None:
        self._pair = pair
        self._session = session
        self._cls = cls
        self._method = method

    def options(self, **_: Any) -> Self:
        """This method: nothing ever waits here."""
        return self

    def remote(self, *args: Any, **kwargs: Any) -> Answer[Any]:
        """Call the method on both copies; the answer raises what the method raises.

        Raises `InvalidArguments` and `TooLarge`, as a deployed object does; `Diverged` if the
        copies differ now, and again at each later call; `CopyLost`."""
        what, limit = f"{self._cls.__qualname__}.{self._method}", terms_of(self._cls).argument_bytes
        payload = pack_arguments(what, args, kwargs, limit)
        call = Call(self._method, args, kwargs)
        if methods_of(self._cls)[self._method]:
            reply = self._pair.read(self._method, payload, call)
        else:
            operation = (NAME, self._method, (payload,))
            reply = self._pair.write(self._session, operation, call)
        return Answer(partial(value_of, reply))

    async def submit(self, *args: Any, **kwargs: Any) -> Answer[Any]:
        """The same from a coroutine."""
        return self.remote(*args, **kwargs)

    def __call__(self, *args: Any, timeout_s: float | None = None, **kwargs: Any) -> Any:
        """The same as `remote`, and its result."""
        return self.remote(*args, **kwargs).result(timeout_s)


class Twice(Generic[T]):
    """An object under test, an instance of `T`, on two copies. Its methods are attributes, as of a
    deployed object's handle; those that are called as one of this class's own are reached by
    `call`. Ends with `close`, as a context manager, or when nobody refers to it."""

    __slots__ = ("_cls", "_pair", "_session")

    def __init__(self, cls: type[T], pair: Pair, session: Session) -> None:
        self._cls = cls
        self._pair = pair
        self._session = session

    def __getattr__(self, name: str) -> TwiceMethod:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._method(name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *methods_of(self._cls)})

    def __repr__(self) -> str:
        return f"Twice({self._cls.__qualname__})"

    def __reduce__(self) -> Any:
        raise TypeError(f"{self!r} is of this process: it cannot be passed to tasks and actors")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        try:
            self.close()
        except Exception:
            if error is None:  # else that one is what the test is to fail with
                raise

    def call(
        self, method: Callable[Concatenate[T, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> Answer[R]:
        """See `Handle.call`."""
        return cast("Answer[R]", self._method(method.__name__).remote(*args, **kwargs))

    def client(self, lifetime_ms: int = FOR_EVER_MS) -> Twice[T]:
        """The same object, for another client: one with a session of its own, which ends when it
        has not called for so many ms of log time. Raises `InvalidArgument`."""
        if type(lifetime_ms) is not int or lifetime_ms < 1:
            raise InvalidArgument(f"lifetime_ms is a whole number of at least 1: {lifetime_ms!r}")
        return Twice(self._cls, self._pair, Session(lifetime_ms))

    def advance(self, ms: int) -> None:
        """Let so many ms of log time pass; ticks come when they are due. Raises `InvalidArgument`,
        `Diverged`, `CopyLost`."""
        if type(ms) is not int or ms < 0:
            raise InvalidArgument(f"ms is a whole number of at least 0, not {ms!r}")
        self._pair.advance(ms)

    def renew(self) -> None:
        """Have one copy made anew of the other's snapshot, as a newcomer is, now and not only after
        a few calls. Raises `Diverged`, `CopyLost`."""
        self._pair.renew()

    def events(self) -> list[Event]:
        """What the object has published since this was last asked."""
        events, self._pair.events = self._pair.events, []
        return events

    def close(self) -> None:
        """End. Raises `Diverged` if the copies have come to differ, so that code under test which
        has caught that makes the test fail all the same."""
        self._pair.close()

    def _method(self, name: str) -> TwiceMethod:
        methods = methods_of(self._cls)
        if name not in methods:
            what = f"{self._cls.__qualname__} has no public method {name!r}"
            raise UnknownMethod(f"{what}, but {', '.join(methods)}")
        return TwiceMethod(self._pair, self._session, self._cls, name)


def twice(cls: type[T], *args: Any, **kwargs: Any) -> Twice[T]:
    """An object of that class, deployed on two copies that a correct class cannot tell apart.

    The copies are in processes of their own, with another order of sets, other addresses, chance
    and time; every few calls one is made anew of the other's snapshot. Both apply the same log.
    Raises what `__init__` raises, `InvalidClass`, `InvalidArguments`, `TooLarge`; `Diverged`,
    `CopyLost`.
    """
    fingerprint, packed = blueprint_of(cls)
    name = cls.__qualname__
    payload = pack_arguments(f"{name}.__init__", args, kwargs, terms_of(cls).argument_bytes)
    pair, session = Pair(name), Session(FOR_EVER_MS)
    operation = (REGISTRY, "deploy", (NAME, fingerprint, packed, payload))
    value_of(pair.write(session, operation, Call("__init__", args, kwargs)))
    return Twice(cls, pair, session)
