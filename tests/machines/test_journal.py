"""What readers of the log are told of each entry."""

from __future__ import annotations

from typing import Any

import pytest

from paxos_ray.core.changes import found
from paxos_ray.core.government import Citizen
from paxos_ray.core.promise import Promise
from paxos_ray.machines import (
    OK,
    InvalidArguments,
    LogEntry,
    LogOperation,
    Malformed,
    Reply,
    encode_batch,
    encode_open,
    encode_replies,
    read_entry,
)


def told(chronicle: Any, body: object) -> LogEntry:
    """An entry with that body is applied, and read."""
    applied = chronicle.append(body, stamp=40)
    entry = chronicle.entries[-1]
    replies = encode_replies(applied.replies)
    return read_entry(entry.promise, entry.stamp, entry.body, applied.fresh, replies)


def test_a_government_is_told_whole() -> None:
    government = found(Citizen(id="a", cookie=1))
    entry = read_entry(Promise(1, 0), 5, government, 0, None)
    assert entry == LogEntry(Promise(1, 0), 5, government=government)


def test_an_opened_session_is_its_own_promise(chronicle: Any) -> None:
    entry = told(chronicle, encode_open(1_000))
    assert entry == LogEntry(Promise(1, 1), 40, session=Promise(1, 1))


def test_operations_are_told_with_what_came_of_them(chronicle: Any, increment: Any) -> None:
    session = chronicle.open(stamp=30)
    body = encode_batch(session, 1, 0, [increment("a", 5), increment("a", "x"), increment("b")])
    entry = told(chronicle, body)
    assert (entry.session, entry.stamp_ms, entry.raw) == (session, 40, None)
    first, second, third = entry.operations
    assert first == LogOperation(1, "a", "increment", (5,), 5)
    assert (second.sequence, second.arguments, second.value) == (2, ("x",), None)
    assert isinstance(second.error, InvalidArguments)
    assert third == LogOperation(3, "b", "increment", (1,), 1)


def test_what_was_applied_before_is_told_once(chronicle: Any, increment: Any) -> None:
    session = chronicle.open(stamp=30)
    chronicle.batch(session, 1, [increment("a")] * 3, stamp=40)
    again = encode_batch(session, 2, 1, [increment("a")] * 4)
    assert [operation.sequence for operation in told(chronicle, again).operations] == [4, 5]
    assert told(chronicle, again).operations == ()


def test_what_is_not_applied_is_not_told(chronicle: Any, increment: Any) -> None:
    session = chronicle.open(stamp=30)
    gap = told(chronicle, encode_batch(session, 7, 0, [increment("a")]))
    assert (gap.session, gap.operations) == (session, ())
    nobody = Promise(9, 9)
    assert told(chronicle, encode_batch(nobody, 1, 0, [increment("a")])).operations == ()
    assert told(chronicle, encode_batch(session, 1, 0, [])).operations == ()


def test_a_body_that_nobody_can_read_stays_as_it_is(chronicle: Any) -> None:
    for body in (b"junk", 7):
        entry = told(chronicle, body)
        assert (entry.raw, entry.session, entry.operations) == (body, None, ())


def test_replies_that_are_not_to_that_batch_are_refused(increment: Any) -> None:
    body = encode_batch(Promise(1, 1), 1, 0, [increment("a")])
    for fresh, replies in ((2, encode_replies([Reply(OK, 1)] * 2)), (1, b"junk")):
        with pytest.raises(Malformed):
            read_entry(Promise(1, 2), 0, body, fresh, replies)
