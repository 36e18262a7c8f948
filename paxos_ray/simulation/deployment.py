"""How customers' calls of the bank travel: packed, as those of all objects of users' classes."""

from __future__ import annotations

from functools import cache
from typing import Any

from paxos_ray.machines import ERROR, RAISED, RESULT, Operation, Reply, value_of
from paxos_ray.machines.blueprint import blueprint_of
from paxos_ray.machines.objects import REGISTRY
from paxos_ray.machines.travel import pack, unpack
from paxos_ray.simulation.bank import CLASSES
from paxos_ray.simulation.models import BANK, Refused

Call = Operation
"""A call as customers and models have it: of the bank, "deploy" and "retire" are calls, too, and
the arguments are as they are given."""


def packed(call: Call) -> Operation:
    """The call as it stands in the log."""
    name, method, arguments = call
    if name != BANK:
        return call
    if method == "deploy":
        cls, accounts, each = arguments
        return REGISTRY, "deploy", (BANK, *_blueprint(cls), pack((accounts, {"each": each})))
    if method == "retire":
        return REGISTRY, "retire", (BANK,)
    return BANK, method, (pack((arguments, {})),)


def unpacked(operation: Operation) -> Call:
    """The call of an operation in the log."""
    name, method, arguments = operation
    if name == BANK:
        given, _ = unpack(arguments[0])
        return BANK, method, given
    if (name, method) == (REGISTRY, "deploy"):
        _, fingerprint, _, payload = arguments
        (cls,) = (each for each in CLASSES if _blueprint(each)[0] == fingerprint)
        accounts, named = unpack(payload)
        return BANK, "deploy", (cls, accounts, named["each"])
    if (name, method) == (REGISTRY, "retire"):
        return BANK, "retire", ()
    return operation


def told(reply: Reply) -> Any:
    """What a reply means, in values that can be hashed; a `Refused` if the call raised."""
    if reply.status is ERROR:
        return Refused(reply.value[0])
    if reply.status is RAISED:
        return Refused(reply.value[1])
    return _hashable(value_of(reply)) if reply.status is RESULT else reply.value


def _hashable(value: Any) -> Any:
    if type(value) is dict:
        return tuple(
            (key, *held) if type(held) is tuple else (key, held) for key, held in value.items()
        )
    return value


@cache
def _blueprint(cls: str) -> tuple[str, bytes]:
    return blueprint_of(CLASSES[cls])
