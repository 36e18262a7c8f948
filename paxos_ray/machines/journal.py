"""The log as its readers see it: what each committed entry has done, in the users' words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from paxos_ray.core.government import Government
from paxos_ray.core.promise import Promise
from paxos_ray.machines.errors import Malformed
from paxos_ray.machines.operations import Batch, Open, Operation, decode
from paxos_ray.machines.outcomes import value_of
from paxos_ray.machines.replies import RAISED, RESULT, Reply, decode_replies
from paxos_ray.machines.standard import kind_meant
from paxos_ray.machines.travel import unpack


@dataclass(frozen=True, slots=True)
class LogOperation:
    """One operation that an entry has applied: what was called, and what came of it.

    `sequence` is its number in the session of its entry; `value` what it returned, None if it
    failed with `error`, which then has changed nothing. Named arguments, which only objects of
    users' classes take, come last, as a dict. What cannot be read here is there as it was pickled.
    """

    sequence: int
    object: str
    method: str
    arguments: tuple[Any, ...]
    value: Any
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One committed entry of the log; `stamp_ms` is its log time, which never goes back.

    A government has `government`. What a client wrote has `session`, which is its own promise if
    the entry opened that session, and the `operations` that it applied, in order: none for an
    entry that only keeps the session open. One that repeats operations, since its client could
    not know that they had been applied, has only those that it applied itself: each is told once.
    A body that nobody could read, and that has changed nothing, is there as `raw`.
    """

    promise: Promise
    stamp_ms: int
    government: Government | None = None
    session: Promise | None = None
    operations: tuple[LogOperation, ...] = ()
    raw: Any = None


def read_entry(
    promise: Promise, stamp: int, body: Any, fresh: int, replies: bytes | None
) -> LogEntry:
    """The entry, given its body, and the replies to it (encoded) whose last `fresh` are to what it
    has applied. Raises `Malformed` for replies that are none."""
    if isinstance(body, Government):
        return LogEntry(promise, stamp, government=body)
    try:
        decoded: object = decode(body)
    except Malformed:
        return LogEntry(promise, stamp, raw=body)
    if isinstance(decoded, Open):
        return LogEntry(promise, stamp, session=promise)
    if not isinstance(decoded, Batch):
        return LogEntry(promise, stamp)
    operations: tuple[LogOperation, ...] = ()
    if fresh and replies is not None:
        operations = _operations(decoded, fresh, replies)
    return LogEntry(promise, stamp, session=decoded.session, operations=operations)


def _operations(batch: Batch, fresh: int, replies: bytes) -> tuple[LogOperation, ...]:
    before = len(batch.operations) - fresh
    called, answers = batch.operations[before:], decode_replies(replies)[-fresh:]
    if before < 0 or len(answers) != fresh:
        raise Malformed(f"{len(batch.operations)} operations, of which {fresh} were applied")
    told = []
    for sequence, call, reply in zip(
        range(batch.first + before, batch.first + before + fresh), called, answers, strict=True
    ):
        value, error = None, None
        try:
            value = value_of(reply)
        except Exception as raised:  # noqa: BLE001 - whatever the object has raised
            error = raised
        told.append(LogOperation(sequence, *_readable(call, reply), value, error))
    return tuple(told)


def _readable(call: Operation, reply: Reply) -> Operation:
    """The call with the arguments that its caller has given."""
    name, method, arguments = call
    kind = kind_meant(method)
    if kind is not None:
        return name, method[len(kind) + 1 :], arguments
    if reply.status not in (RESULT, RAISED) or len(arguments) != 1:
        return call
    try:
        positional, named = unpack(arguments[0])
    except Exception:  # noqa: BLE001 - a class of the caller's may not be here
        return call
    return name, method, (*positional, named) if named else tuple(positional)
