"""The doors of an island's actors: every call comes sealed and, if there is a secret, signed; so
does every answer. What is not signed as it should be is refused before it is read.

`guarded` makes such a door of each public method of a class, so that none is forgotten; `Guarded`
is the other side of it, a handle whose methods are called as Ray's are.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator
from concurrent.futures import Future
from typing import Any, TypeVar

import ray
from ray.exceptions import RayTaskError

from paxos_ray.actors.authority import Authority
from paxos_ray.actors.connection import ask_ray
from paxos_ray.actors.errors import InvalidArgument, NotAdmitted
from paxos_ray.actors.wire import seal, unseal

INTRODUCTORY = frozenset({"greet", "testify"})
"""What one asks who does not know the island's republic yet."""

UNGUARDED = frozenset({"probe"})
"""What anybody may call: it does nothing and tells nothing."""

T = TypeVar("T", bound=type)


def pack(authority: Authority, method: str, arguments: tuple[Any, ...]) -> bytes:
    """A call of that method, as its door wants it."""
    return _serving(authority, method).sign(method + ">", seal(arguments))


def unpack(authority: Authority, method: str, signed: object) -> tuple[Any, ...]:
    """The arguments of a call. Raises `NotAdmitted`, `InvalidArgument`."""
    arguments = unseal(_serving(authority, method).verify(method + ">", signed))
    if not isinstance(arguments, tuple):
        raise InvalidArgument(f"that is no call of {method}")
    return arguments


def pack_answer(authority: Authority, method: str, result: Any) -> bytes:
    """What such a call has come to."""
    return _serving(authority, method).sign(method + "<", seal(result))


def unpack_answer(authority: Authority, method: str, signed: object) -> Any:
    """The result of a call. Raises `NotAdmitted`."""
    return unseal(_serving(authority, method).verify(method + "<", signed))


def _serving(authority: Authority, method: str) -> Authority:
    return authority.introductory if method in INTRODUCTORY else authority


def guarded(cls: T) -> T:
    """Make a door of each public method that this class inherits; what it defines itself it guards
    itself. Its instances have an `_authority`."""
    for name, method in inspect.getmembers(cls, inspect.isfunction):
        if not name.startswith("_") and name not in UNGUARDED and name not in cls.__dict__:
            setattr(cls, name, _door(name, method))
    return cls


def _door(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    door: Callable[..., Any]
    if inspect.iscoroutinefunction(method):

        async def door(self: Any, signed: object = None, *_: object) -> bytes:
            arguments = unpack(self._authority, name, signed)
            return pack_answer(self._authority, name, await method(self, *arguments))
    else:

        def door(self: Any, signed: object = None, *_: object) -> bytes:
            arguments = unpack(self._authority, name, signed)
            return pack_answer(self._authority, name, method(self, *arguments))

    door.__dict__.update(method.__dict__)  # where Ray keeps what it was told of the method
    door.__name__ = door.__qualname__ = name
    door.__doc__ = method.__doc__
    return door


class Asked:
    """A call under way: to be awaited, or waited for. Gives its result, or raises what Ray raises,
    and `NotAdmitted`; of whoever answers without being the one that was asked, too."""

    __slots__ = ("_authority", "_method", "reference")

    def __init__(self, reference: Any, authority: Authority, method: str) -> None:
        self.reference = reference
        self._authority = authority
        self._method = method

    def __await__(self) -> Generator[Any, None, Any]:
        return self.read((yield from self.reference.__await__()))

    def get(self, timeout: float | None = None) -> Any:
        """The result, waited for, at most so many seconds. Raises also `RayNotInitialised`."""
        try:
            return self.read(ask_ray(ray.get, self.reference, timeout=timeout))
        except RayTaskError as error:
            raise (refusal(error) or error) from None

    def future(self) -> Future[Any]:
        """The result to come."""
        made: Future[Any] = Future()

        def back(done: Future[Any]) -> None:
            error = done.exception()
            if error is None:
                try:
                    result = self.read(done.result())
                except Exception as refused:  # noqa: BLE001 - whoever waits must hear of it
                    error = refused
                else:
                    made.set_result(result)
                    return
            made.set_exception(error)

        self.reference.future().add_done_callback(back)
        return made

    def read(self, signed: object) -> Any:
        """What the answer says. Raises `NotAdmitted`."""
        return unpack_answer(self._authority, self._method, signed)


class Method:
    """A method of an actor behind a door."""

    __slots__ = ("_authority", "_method", "_remote")

    def __init__(self, remote: Callable[..., Any], authority: Authority, method: str) -> None:
        self._remote = remote
        self._authority = authority
        self._method = method

    def remote(self, *arguments: Any) -> Asked:
        """Call it. Raises `RayNotInitialised`."""
        signed = pack(self._authority, self._method, arguments)
        return Asked(ask_ray(self._remote, signed), self._authority, self._method)


class Guarded:
    """A handle of a guarded actor: `guarded.method.remote(…)` is an `Asked`."""

    def __init__(self, actor: Any, authority: Authority) -> None:
        self.actor = actor
        self.authority = authority
        self._methods: dict[str, Method] = {}  # Ray makes one anew each time that it is asked

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            return getattr(self.actor, name)
        method = self._methods.get(name)
        if method is None:
            remote = getattr(self.actor, name).remote
            method = self._methods[name] = Method(remote, self.authority, name)
        return method


def refusal(error: object) -> NotAdmitted | None:
    """Why one was not let in, if that is what such an error of Ray's says."""
    cause = error.cause if isinstance(error, RayTaskError) else error
    return cause if isinstance(cause, NotAdmitted) else None
