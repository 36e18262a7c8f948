"""Bodies of log entries: how operations travel as bytes.

A body is a pickle (protocol 5) of plain values only: numbers, text, bytes, None and tuples, lists
and dicts of them. It is made once, by who sends the operations, and read once by each citizen.
Neither side ever looks up a class: a body can run no code, and means the same to every citizen
whatever is installed there.
"""

from __future__ import annotations

import pickle
import pickletools
from collections.abc import Sequence
from io import BytesIO
from typing import Any, NamedTuple, NoReturn

from paxos_ray.core.promise import Promise
from paxos_ray.machines.errors import Malformed

Operation = tuple[str, str, tuple[Any, ...]]
"""An object's name, a method of it, the arguments."""

_OPEN = "open"
_BATCH = "batch"
_PASS = "pass"
_AUDIT = "audit"


class Open(NamedTuple):
    """Open a session that ends when it has not been used for `lifetime_ms` of log time."""

    lifetime_ms: int


class Batch(NamedTuple):
    """Operations of one session, with the sequence numbers `first`, `first + 1`, ….

    The client has all replies up to and with `acknowledged`, which is below `first`. A batch
    without operations keeps the session open.
    """

    session: Promise
    first: int
    acknowledged: int
    operations: Sequence[Operation]


class Pass(NamedTuple):
    """Nothing but log time passes: what is due is done. With `audit`, each citizen also makes a
    digest of its state, as of this entry."""

    audit: bool


def encode_pass(audit: bool = False) -> bytes:
    """The body of an entry that asks for nothing, see `Pass`."""
    return _pickled((_AUDIT if audit else _PASS,))


def encode_open(lifetime_ms: int) -> bytes:
    """The body that opens a session. Raises `Malformed` unless it is a positive integer."""
    return _pickled((_OPEN, _checked_open(lifetime_ms).lifetime_ms))


def encode_batch(
    session: Promise, first: int, acknowledged: int, operations: Sequence[Operation]
) -> bytes:
    """The body of a batch, see `Batch`. Raises `Malformed`; so do arguments that are not plain."""
    try:
        government, entry = session
        listed = list(operations)
    except (TypeError, ValueError):
        raise Malformed("a session is a promise, and its operations are a sequence") from None
    batch = _checked_batch(government, entry, first, acknowledged, listed)
    return _pickled((_BATCH, *session, first, acknowledged, batch.operations))


def decode(body: object) -> Open | Batch | Pass:
    """Read a body. Raises `Malformed` for everything that the functions above do not make, and
    `MemoryError` for what this process has no memory for, though others may."""
    if type(body) is not bytes:
        raise Malformed(f"a body is bytes, not {type(body).__name__}")
    try:
        fields = _PlainUnpickler(BytesIO(body)).load()
    except MemoryError:
        if _is_sound(body):
            raise
        raise Malformed("a body claims to hold more than it does") from None
    except Exception:  # noqa: BLE001 - forged input raises nearly anything
        raise Malformed("a body is a pickle of plain values") from None
    match fields:
        case ("open", lifetime_ms):
            return _checked_open(lifetime_ms)
        case ("batch", government, entry, first, acknowledged, operations):
            return _checked_batch(government, entry, first, acknowledged, operations)
        case ("pass",):
            return Pass(audit=False)
        case ("audit",):
            return Pass(audit=True)
        case _:
            raise Malformed("a body opens a session or is a batch of one")


def _is_sound(body: bytes) -> bool:
    """Whether nothing in it claims a size beyond its own: that fails wherever it is read."""
    try:
        found = pickletools.genops(body)
        places = [argument for opcode, argument, _ in found if opcode.name.endswith("PUT")]
    except ValueError:
        return False
    return all(isinstance(place, int) and place <= len(body) for place in places)


def _checked_open(lifetime_ms: Any) -> Open:
    if type(lifetime_ms) is not int or lifetime_ms <= 0:
        raise Malformed("a session's lifetime is a positive integer of milliseconds")
    return Open(lifetime_ms)


def _checked_batch(
    government: Any, entry: Any, first: Any, acknowledged: Any, operations: Any
) -> Batch:
    for number in (government, entry, first, acknowledged):
        if type(number) is not int or number < 0:
            raise Malformed("a session and its sequence numbers are integers, none below 0")
    if acknowledged >= first:
        raise Malformed("what a batch carries cannot have been acknowledged already")
    if type(operations) is not list:
        raise Malformed("the operations of a batch are a list")
    for operation in operations:
        if type(operation) is not tuple or len(operation) != 3:
            raise Malformed("an operation is an object's name, a method and its arguments")
        name, method, arguments = operation
        if type(name) is not str or type(method) is not str or type(arguments) is not tuple:
            raise Malformed(
                "an operation names its object and method, and its arguments are a tuple"
            )
    return Batch(Promise(government, entry), first, acknowledged, operations)


class _PlainPickler(pickle.Pickler):
    """Refuses what is not plain. The override is not called for plain values: it costs nothing."""

    def reducer_override(self, value: object) -> NoReturn:
        raise Malformed(f"arguments are plain values, {type(value).__name__} is not")


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> NoReturn:
        raise Malformed(f"plain values only, not {module}.{name}")


def _pickled(fields: tuple[Any, ...]) -> bytes:
    buffer = BytesIO()
    try:
        _PlainPickler(buffer, protocol=5).dump(fields)
    except RecursionError:
        raise Malformed("arguments are nested too deeply") from None
    return buffer.getvalue()
