"""What a method of a user's class came to, as a reply that replicates; and back, at the caller."""

from __future__ import annotations

import pickle
import traceback
from types import TracebackType
from typing import Any

from paxos_ray.machines.errors import (
    MachineError,
    OperationFailed,
    RemoteTraceback,
    from_reply,
    words,
)
from paxos_ray.machines.likeness import likeness
from paxos_ray.machines.replies import ERROR, RAISED, RESULT, Pickled, Raised, Reply
from paxos_ray.machines.travel import pack, unpack

_ATOMS = frozenset((type(None), bool, int, float, str, bytes))
_MOST_TEXT = 8_192


class Refused(Exception):
    """An error of this package, raised among those of a user's code."""

    def __init__(self, why: MachineError) -> None:
        super().__init__(str(why))
        self.why = why


def returned(value: Any) -> Reply:
    """The reply that says what a method returned. Raises `Refused` if that cannot be pickled."""
    if type(value) in _ATOMS:
        return Reply(RESULT, (likeness(value), pickle.dumps(value, protocol=5)))
    try:
        return Reply(RESULT, tuple(Pickled(likeness(value), pack(value))))
    except BaseException as error:  # noqa: BLE001 - pickling raises nearly anything
        why = f"the result could not be pickled: {words(error)}"
        raise Refused(OperationFailed(why)) from None


def raised(error: BaseException) -> Reply:
    """The reply that says what a method raised. Where it did so, and with which words, may be
    told otherwise by another citizen; of what type it is may not."""
    name = type(error).__qualname__
    try:
        text = str(error)
        packed = pack(error)
        unpack(packed)  # many an exception can be pickled and not unpickled
    except BaseException:  # noqa: BLE001 - pickling raises nearly anything
        text, packed = traceback.format_exception_only(error)[-1].strip(), b""
    lines = traceback.format_exception(type(error), error, _inner(error.__traceback__))
    told = "".join(lines)[-_MOST_TEXT:]
    return Reply(RAISED, tuple(Raised(likeness(name), name, text[:_MOST_TEXT], told, packed)))


def value_of(reply: Reply) -> Any:
    """What the caller gets. Raises what a method, or a machine, has raised; and `OperationFailed`
    for a result that cannot be read here."""
    status, value = reply
    if status is RAISED:
        raise _error_of(Raised(*value))
    if status is ERROR:
        raise from_reply(value)
    if status is not RESULT:
        return value
    try:
        return unpack(Pickled(*value).pickle)
    except BaseException as error:  # what is unpickled may raise anything, and say it as it likes
        why = f"it was applied, and the result cannot be read here: {words(error)}"
        raise OperationFailed(why) from error


def _error_of(told: Raised) -> Exception:
    error: Any = None
    if told.pickle:
        try:
            error = unpack(told.pickle)
        except BaseException:  # noqa: BLE001 - its class may not be here, or may raise anything
            error = None
    here = error if isinstance(error, Exception) else None
    if here is None:
        here = OperationFailed(f"{told.name}: {told.text}")
    here.__cause__ = RemoteTraceback(told.traceback)
    return here


def _inner(trace: TracebackType | None) -> TracebackType | None:
    """Without the frames of this package, which are not what the reader looks for."""
    here = __name__.rpartition(".")[0]
    while trace is not None and trace.tb_frame.f_globals.get("__name__", "").startswith(here):
        trace = trace.tb_next
    return trace
