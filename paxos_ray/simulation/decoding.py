"""From text back to what a Legislator takes: the other side of `encoding`.

What is read is JSON, and what is made of it are plain values and the core's own types, found in
the table below: whatever a forged record contains, none of it is run.
"""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Callable
from typing import Any

from paxos_ray.core.government import Citizen, Government
from paxos_ray.core.log import Entry
from paxos_ray.core.messages import (
    Accept,
    Behind,
    Denied,
    Envelope,
    Exiled,
    Lacks,
    Prepare,
    Promised,
    Pulse,
    Received,
    Refused,
    Register,
    Report,
    Synchronize,
    Write,
)
from paxos_ray.core.promise import Ballot, Promise
from paxos_ray.simulation.encoding import Foreign

MALFORMED = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What these functions raise for what `encoding` does not write."""


def value(read: Any) -> Any:
    """The general form."""
    if type(read) is list:
        return [value(each) for each in read]
    if type(read) is dict:
        ((form, content),) = read.items()
        return _FORMS[form](content)
    return read


def _values(read: list[Any]) -> list[Any]:
    if type(read) is not list:
        raise TypeError(f"a list is expected, not {read!r}")
    return [value(each) for each in read]


def _or_other(form: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """With null for None, and `{"!": …}` for anything else that stands in such a place."""

    def decoded(read: Any) -> Any:
        if read is None:
            return None
        if type(read) is dict and "!" in read:
            return value(read["!"])
        return form(read)

    return decoded


@_or_other
def promise(read: Any) -> Any:
    """`"7/3"`."""
    government, _, entry = read.partition("/")
    return Promise(int(government), int(entry))


@_or_other
def ballot(read: Any) -> Any:
    """`[7, "a"]`."""
    return Ballot(*_values(read))


@_or_other
def government(read: Any) -> Any:
    """Raises `InvalidGovernment`, a `ValueError`, as well."""
    told = read["government"]
    citizens = [value(each) for each in told["citizens"]]
    return Government(
        promise=promise(told["promise"]),
        majority=tuple(_values(told["majority"])),
        minority=tuple(_values(told["minority"])),
        constituents=tuple(_values(told["constituents"])),
        acclimated=tuple(_values(told["acclimated"])),
        arrived={id: promise(each) for id, each in told["arrived"].items()},
        citizens={each.id: each for each in citizens},
    )


def _citizen(read: dict[str, Any]) -> Citizen:
    return Citizen(
        id=value(read["id"]), cookie=value(read["cookie"]), properties=value(read["properties"])
    )


@_or_other
def entries(read: Any) -> Any:
    """Runs of entries, one after the other."""
    made: list[Entry] = []
    for run in read:
        at, previous, stamp = promise(run["at"]), promise(run["after"]), value(run["stamp"])
        for body in run["bodies"]:
            made.append(Entry(at, previous, stamp, value(body)))
            at, previous = Promise(at[0], at[1] + 1), at
    return tuple(made)


@_or_other
def register(read: Any) -> Any:
    """A ballot and entries."""
    return Register(ballot(read["ballot"]), entries(read["entries"]))


@_or_other
def report(read: Any) -> Any:
    """What is told upward."""
    return Report(
        value(read["government"]),
        promise(read["minimum"]),
        tuple(_values(read["acclimated"])),
        tuple(_values(read["reached"])),
        tuple(tuple(_values(pair)) for pair in read["silent"]),
        tuple(_values(read.get("loading", []))),
    )


_FIELDS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("republic", "sender", "sender_cookie", "to", "cookie", "stateful"), value),
    **dict.fromkeys(("number", "why"), value),
    **dict.fromkeys(("top", "minimum"), promise),
    **dict.fromkeys(("ballot", "written", "promised"), ballot),
    **dict.fromkeys(("entries", "proposals", "chain"), entries),
    "start": government,
    "register": register,
    "report": report,
}


def _message(kind: Callable[..., Any]) -> Callable[[Any], Any]:
    """A message's fields by name."""

    def decoded(read: dict[str, Any]) -> Any:
        return kind(**{name: _FIELDS[name](field) for name, field in read.items()})

    return decoded


def _named(kind: Callable[..., Any]) -> Callable[[Any], Any]:
    return lambda read: kind(*_values(read))


def _mapping(read: dict[str, Any]) -> dict[str, Any]:
    return {key: value(each) for key, each in read.items()}


def _dictionary(read: list[Any]) -> dict[Any, Any]:
    keys, each = read
    return dict(zip(_values(keys), _values(each), strict=True))


_FORMS: dict[str, Callable[[Any], Any]] = {
    "bytes": lambda read: read.encode("ascii"),
    "base64": lambda read: a2b_base64(read, strict_mode=True),
    "int": lambda read: int(read, 16),
    "float": float,
    "tuple": lambda read: tuple(_values(read)),
    "map": _mapping,
    "dict": _dictionary,
    "foreign": lambda read: Foreign(str(read)),
    "promise": _named(Promise),
    "ballot": _named(Ballot),
    "entry": _named(Entry),
    "register": _named(Register),
    "report": _named(Report),
    "envelope": _named(Envelope),
    "pulse": _named(Pulse),
    "citizen": _citizen,
    "government": lambda read: government({"government": read}),
    **{
        kind.__name__: _message(kind)
        for kind in (
            *(Write, Synchronize, Prepare, Accept),
            *(Received, Promised, Refused, Behind, Lacks, Exiled, Denied),
        )
    },
}
