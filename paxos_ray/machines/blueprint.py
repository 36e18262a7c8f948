"""The class of a deployed object, as a citizen knows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from paxos_ray.machines.errors import InvalidArguments, InvalidClass, TooLarge, words
from paxos_ray.machines.likeness import examine
from paxos_ray.machines.replicated import (
    TOLD,
    check_class,
    hooks_of,
    methods_of,
    terms_of,
)
from paxos_ray.machines.room import roomy
from paxos_ray.machines.travel import Catalogue, pack, pack_class, unpack


class Blueprint:
    """A class and what there is to know of it, made of what `blueprint_of` says."""

    __slots__ = (
        "catalogue",
        "cls",
        "fingerprint",
        "functions",
        "hooks",
        "listens",
        "methods",
        "name",
        "packed",
        "terms",
    )

    def __init__(self, fingerprint: str, packed: bytes) -> None:
        """Raises `InvalidClass`."""
        try:
            cls: Any = roomy(lambda: unpack(packed))
        except BaseException as error:  # noqa: BLE001 - what is unpickled may raise anything
            why = f"the class cannot be read: {words(error)}"
            raise InvalidClass(why) from None
        self.terms = terms_of(cls)
        check_class(cls)
        self.fingerprint = fingerprint
        self.packed = packed
        self.cls: type = cls
        self.name: str = cls.__qualname__
        self.methods = methods_of(cls)
        self.functions: dict[str, Callable[..., Any]] = {
            name: getattr(cls, name) for name in self.methods
        }
        self.hooks = hooks_of(cls)
        listens = {"session_ended", "due"} & self.hooks
        self.listens = frozenset(listens | ({"governed"} if TOLD & self.hooks else set()))
        self.catalogue = Catalogue()
        for each in examine(cls)[1]:
            self.catalogue.own(each)

    def check_size(self, method: str, weight: int) -> None:
        """Raises `TooLarge` if arguments of that weight are too much."""
        check_size(f"{self.name}.{method}", weight, self.terms.argument_bytes)

    def describe(self) -> dict[str, Any]:
        """What a caller needs to know, of plain values."""
        return {
            "class": self.name,
            "fingerprint": self.fingerprint,
            "methods": dict(self.methods),
            "argument_bytes": self.terms.argument_bytes,
        }


def check_size(what: str, weight: int, limit: int) -> None:
    """Raises `TooLarge`."""
    if weight > limit:
        raise TooLarge(
            f"the arguments of {what} weigh {weight:,} bytes; the class lets them weigh {limit:,} "
            "(see argument_bytes of paxos_ray.replicated)"
        )


def pack_arguments(what: str, args: tuple[Any, ...], kwargs: dict[str, Any], limit: int) -> bytes:
    """The arguments of a call, as it travels. Raises `InvalidArguments`, `TooLarge`."""
    try:
        payload = pack((args, kwargs))
    except Exception as error:
        why = f"the arguments of {what} cannot be pickled: {words(error)}"
        raise InvalidArguments(why) from error
    check_size(what, len(payload), limit)
    return payload


def blueprint_of(cls: type) -> tuple[str, bytes]:
    """The fingerprint and the pickle of a class, to be deployed. Raises `InvalidClass`."""
    terms_of(cls)
    check_class(cls)
    try:
        return examine(cls)[0], pack_class(cls)
    except Exception as error:
        why = f"{cls.__qualname__} cannot be pickled: {words(error)}"
        raise InvalidClass(why) from error
