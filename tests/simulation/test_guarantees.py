"""The guarantees of a session, checked on histories: each is found broken, and only where it is."""

from __future__ import annotations

from typing import Any

import pytest

from paxos_ray.simulation import Operation, check_sessions

WRITES = ("increment",)


def call(
    method: str, invoked: int, returned: int | None, result: Any, client: str = "a"
) -> Operation:
    return Operation(client, "sold", method, (), invoked, returned, result)


def result_of(operation: Operation) -> Any:
    return operation.result


@pytest.mark.parametrize(
    ("first", "second", "guarantee"),
    [
        ("value", "value", "monotonic reads"),
        ("increment", "value", "read your writes"),
        ("increment", "increment", "monotonic writes"),
        ("value", "increment", "writes follow reads"),
    ],
)
def test_an_older_answer_breaks_it(first: str, second: str, guarantee: str) -> None:
    history = [call(first, 1, 2, 7), call(second, 3, 4, 6)]
    broken = check_sessions(history, result_of, writes=WRITES)
    assert broken is not None
    assert (broken.guarantee, broken.before, broken.after) == (guarantee, *history)
    said = f"{guarantee}: a: sold.{first}() → 7; then a: sold.{second}() → 6"
    assert str(broken) == said
    history[1] = call(second, 3, 4, 7)
    assert check_sessions(history, result_of, writes=WRITES) is None


def test_what_overlaps_and_what_others_saw_says_nothing() -> None:
    for other in (call("value", 2, 3, 6), call("value", 3, 4, 6, client="b")):
        history = [other, call("value", 1, 2, 7)]
        assert check_sessions(history, result_of, writes=WRITES) is None


def test_what_is_unknown_or_has_no_version_says_nothing() -> None:
    history = [
        call("increment", 1, None, 9),
        call("value", 2, 3, None),
        call("value", 4, 5, 3),
        call("value", 6, None, 1),
    ]
    assert check_sessions(history, result_of, writes=WRITES) is None


def test_the_newest_that_had_returned_counts() -> None:
    """Not the last: an overlapping call of an older state may return after it."""
    history = [
        call("value", 1, 9, 5),
        call("value", 2, 3, 8),
        call("value", 10, 11, 7),
        call("value", 12, 13, 8),
    ]
    broken = check_sessions(history, result_of, writes=WRITES)
    assert broken is not None
    assert (broken.before.result, broken.after.result) == (8, 7)


def test_a_weak_answer_may_be_old_and_is_seen_all_the_same() -> None:
    history = [call("value", 1, 2, 7), call("glance", 3, 4, 5), call("value", 5, 6, 7)]
    assert check_sessions(history, result_of, writes=WRITES, weak=("glance",)) is None
    history = [call("glance", 1, 2, 7), call("value", 3, 4, 6)]
    broken = check_sessions(history, result_of, writes=WRITES, weak=("glance",))
    assert broken is not None
    assert broken.guarantee == "monotonic reads"


def test_the_first_to_break_it_is_told() -> None:
    history = [
        call("value", 1, 2, 7, client="late"),
        call("value", 1, 2, 7),
        call("value", 3, 4, 6),
        call("value", 5, 6, 6, client="late"),
    ]
    broken = check_sessions(history, result_of, writes=WRITES)
    assert broken is not None
    assert broken.after.client == "a"
