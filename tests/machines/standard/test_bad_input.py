"""What standard objects refuse, and that it changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from paxos_ray.machines import (
    ERROR,
    STANDARD,
    InvalidArguments,
    InvalidSnapshot,
    Map,
    Replica,
    Standard,
    UnknownMethod,
    from_reply,
)
from paxos_ray.machines.digest import digest
from paxos_ray.machines.values import BYTES, DEPTH, PARTS, is_plain, same
from tests.machines.standard.twins import SESSIONS, Twins

TOKEN = [-1, True, None, "1", 1.0]
LEASE = [0, -1, True, 1.5, "1"]
NOT_TEXT = [None, 1, b"a", ("a",)]
NOT_PLAIN = [object(), {1: object()}, [int], 1j]


def nested(depth: int) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


def shared(doublings: int) -> Any:
    value: Any = 0
    for _ in range(doublings):
        value = (value, value)
    return value


BAD: dict[str, dict[str, list[tuple[Any, ...]]]] = {
    "map": {
        "put": [
            (),
            ("a",),
            ("a", 1, None, False, 0),
            *((key, 1) for key in NOT_TEXT),
            *(("a", value) for value in NOT_PLAIN),
            ("a", nested(DEPTH + 1)),
            ("a", shared(40)),
            *(("a", 1, ttl) for ttl in LEASE),
            ("a", 1, None, 1),
        ],
        "put_if_absent": [("a",), (1, 1), ("a", 1, 0), ("a", 1, None, None)],
        "put_if_version": [("a", 1), ("a", -1, 1), ("a", None, 1), ("a", True, 1)],
        "compare_and_set": [("a", 1), ("a", object(), 1), ("a", 1, object()), (1, 1, 1)],
        "increment": [(), (1,), ("a", 1.0), ("a", True), ("a", "1")],
        "delete": [(), (1,), ("a", 0), ("a", True)],
        "delete_range": [(1,), ("a", 1), ("a", "b", "c")],
        "delete_prefix": [(), (None,)],
        "touch": [(), ("a", 0), (1, None)],
        "transaction": [
            (),
            ([],),
            (None, []),
            ([], [], {}),
            (["a"], []),
            ([("a", "value", "==")], []),
            ([(1, "value", "==", 1)], []),
            ([("a", "value", "<", 1)], []),
            ([("a", "value", "==", object())], []),
            ([("a", "exists", "==", 1)], []),
            ([("a", "exists", "<", True)], []),
            ([("a", "version", "==", "1")], []),
            ([("a", "version", "=", 1)], []),
            ([("a", "version", ["=="], 1)], []),
            ([("a", "owner", "==", None)], []),
            ([], ["put"]),
            ([], [()]),
            ([], [(1,)]),
            ([], [("put", "a")]),
            ([], [("transaction", [], [])]),
            ([], [("apply", "put")]),
            ([], [("put", "a", 1)], [("put", "a", object())]),
        ],
    },
    "lock": {
        "acquire": [*((lease,) for lease in LEASE), (None, 1), (None, True, object()), (1,) * 4],
        **{key: [(), *((t,) for t in TOKEN), (1, 1)] for key in ("release", "cancel", "revoke")},
        "renew": [(), *((1, lease) for lease in LEASE), (-1, 1)],
    },
    "semaphore": {
        "acquire": [(0,), (True,), ("1",), (2,), (1, 0), (1, None, 1)],
        **{key: [(), *((t,) for t in TOKEN)] for key in ("release", "cancel", "revoke")},
        "renew": [(), *((1, lease) for lease in LEASE)],
        "configure": [(), (0,), (True,), (None,)],
        "resize": [(), (0,), (-1,), ("1",)],
    },
    "election": {
        "campaign": [(object(),), *((None, lease) for lease in LEASE)],
        **{key: [(), *((t,) for t in TOKEN)] for key in ("resign", "cancel")},
        "proclaim": [(1,), (1, object()), (-1, None)],
        "renew": [(), *((1, lease) for lease in LEASE)],
    },
    "barrier": {
        "arrive": [(), (0,), (True,), (None,), (1, 1), (1, True, object())],
        **{key: [(), *((t,) for t in TOKEN)] for key in ("leave", "cancel")},
        **{key: [(1,), (None,)] for key in ("hold", "lift")},
    },
    "queue": {
        "put": [(), (object(),), (1, 1.0), (1, True), (1, None), (1, 1, 1)],
        "take": [*((lease,) for lease in LEASE), (None, 1), (None, True, 1)],
        **{key: [(), *((t,) for t in TOKEN)] for key in ("acknowledge", "release", "cancel")},
        "renew": [(), *((1, lease) for lease in LEASE)],
        "configure": [(), (0,), (True,), ("1",)],
        "resize": [(), (0,), (-1,)],
        "clear": [(1,)],
    },
    "sequence": {
        "reserve": [(0,), (-1,), (True,), (1.0,), (1, 1)],
        "advance": [(), (-1,), (True,), (None,)],
    },
}
CASES = [
    (machine, method, arguments)
    for machine in STANDARD
    for method, many in BAD[machine.kind].items()
    for arguments in many
]
TWICE = {
    "map": [("put", "a", 1, 50, True), ("put", "b", [1], None, False)],
    "lock": [("acquire", 50, True, "x"), ("acquire",)],
    "semaphore": [("acquire", 1, 50), ("acquire",)],
    "election": [("campaign", "x", 50), ("campaign", "y")],
    "barrier": [("arrive", 1, True, "x"), ("arrive", 2)],
    "queue": [("put", "x", 1), ("put", "y"), ("take", 50)],
    "sequence": [("reserve", 5)],
}
"""Calls after which there is something of everything."""


def filled(machine: type[Standard]) -> Twins:
    twins = Twins(machine)
    for call in TWICE[machine.kind]:
        context = twins._context(SESSIONS[0])
        twins.machine.apply(call[0], call[1:], context)
    return twins


def test_all_methods_are_in_the_table() -> None:
    assert {m.kind: set(m.changes) for m in STANDARD} == {k: set(BAD[k]) for k in BAD}


@pytest.mark.parametrize(("machine", "method", "arguments"), CASES)
def test_bad_arguments_change_nothing(
    machine: type[Standard], method: str, arguments: tuple[Any, ...]
) -> None:
    twins = filled(machine)
    before = digest(twins.machine.snapshot())
    context = twins._context(SESSIONS[0])
    with pytest.raises(InvalidArguments) as raised:
        twins.machine.apply(method, arguments, context)
    assert "0x" not in str(raised.value), "an address differs from process to process"
    assert digest(twins.machine.snapshot()) == before
    assert not context.events


@pytest.mark.parametrize("machine", STANDARD, ids=lambda machine: machine.kind)
def test_unknown_methods(machine: type[Standard]) -> None:
    twins = filled(machine)
    context = twins._context(SESSIONS[0])
    for method in ("", "apply", "snapshot", "load", "due", "_store", *machine.queries):
        with pytest.raises(UnknownMethod):
            twins.machine.apply(method, (), context)
    for method in ("", "apply", "snapshot", "load", "due", "_store", *machine.changes):
        if method not in machine.queries:
            with pytest.raises(UnknownMethod):
                twins.machine.query(method, ())
    for method in machine.queries:
        with pytest.raises(InvalidArguments):
            twins.machine.query(method, (object(),) * 5)


@pytest.mark.parametrize("machine", STANDARD, ids=lambda machine: machine.kind)
def test_a_malformed_snapshot_changes_nothing(machine: type[Standard]) -> None:
    twins = filled(machine)
    snapshot = twins.machine.snapshot()
    refused = 0
    for broken in broken_ones(snapshot):
        try:
            twins.machine.restore(broken)
        except InvalidSnapshot:
            refused += 1
            assert digest(twins.machine.snapshot()) == digest(snapshot)
        else:
            twins.machine.restore(snapshot)
    assert refused >= 5


def broken_ones(value: Any) -> Any:
    """The value with each part of it, one after the other, replaced by something else."""
    yield from (None, "x", -1, (), {}, [()])
    if isinstance(value, tuple | list):
        for place, each in enumerate(value):
            for other in broken_ones(each):
                yield type(value)((*value[:place], other, *value[place + 1 :]))
    elif isinstance(value, dict):
        for key, each in value.items():
            yield {other: part for other, part in value.items() if other != key}
            for other in broken_ones(each):
                yield {**value, key: other}


def test_values_are_the_same_only_with_their_types() -> None:
    assert same([1, {"a": (1.5, None)}], [1, {"a": (1.5, None)}])
    assert same(float("nan"), float("nan"))
    for one, other in ((1, True), (1, 1.0), ([1], (1,)), ([True], [1]), ({1: 2}, {1: 3}), (0, "0")):
        assert not same(one, other)
    twins = Twins(Map)
    context = twins._context(SESSIONS[0])
    twins.machine.apply("put", ("a", True), context)
    assert twins.machine.apply("compare_and_set", ("a", 1, 2), context) is False
    compare = [("a", "value", "==", 1)]
    assert twins.machine.apply("transaction", (compare, []), context) == (False, [])


def test_values_that_would_take_for_ever() -> None:
    endless: list[Any] = []
    endless += [endless, endless]
    assert is_plain(nested(DEPTH))
    assert not is_plain(nested(DEPTH + 1))
    assert not is_plain(endless)
    assert is_plain(shared(15))
    assert not is_plain(shared(45))
    assert not is_plain([0] * PARTS)
    assert is_plain([0] * (PARTS - 1))
    assert is_plain([nested(DEPTH - 1), (nested(DEPTH - 1),)[0]])
    deep = nested(DEPTH - 1)
    assert not is_plain([deep, [deep]])  # too deep where it is met again


LONG = [
    ("x" * 100_000,) * 2_000,
    [b"x" * 100_000] * 2_000,
    [{"a": bytearray(100_000)}] * 2_000,
    [1 << 800_000] * 2_000,
    {n: "x" * 100_000 for n in range(2_000)},
]


@pytest.mark.parametrize("value", LONG)
def test_a_small_body_does_not_unfold_to_a_large_value(value: Any) -> None:
    """It would be whole in the memory of each citizen when it is compared, or digested."""
    assert is_plain("x" * (BYTES + 1))
    assert is_plain(["x" * (BYTES // 2)] * 2)
    assert not is_plain(value)
    twins = Twins(Map)
    context = twins._context(SESSIONS[0])
    for method, arguments in (
        ("put", ("a", value)),
        ("compare_and_set", ("a", value, 1)),
        ("transaction", ([("a", "value", "==", value)], [])),
    ):
        with pytest.raises(InvalidArguments):
            twins.machine.apply(method, arguments, context)


def test_a_transaction_does_not_unfold_to_more_than_a_value() -> None:
    """Its calls and compares may share theirs."""
    call = ("put", "a", list(range(1_000)))
    Map.plan([], [call] * 900)
    half = ("put", "a", ["x" * (BYTES // 2)])
    Map.plan([], [half], [])
    for arguments in (
        ([], [call] * 1_000, []),
        ([], [call] * 500, [call] * 500),
        ([("a", "value", "==", call)] * 500, [call] * 500),
        ([], [half, half, half], []),
    ):
        with pytest.raises(InvalidArguments, match="all of it together"):
            Map.plan(*arguments)
    Map.plan([("a", "value", "==", nested(DEPTH))], [("put", "a", nested(DEPTH))])


HUGE = 10**5_000  # decimal text of it is refused by processes that are not set otherwise


@pytest.mark.parametrize(
    "method",
    [
        "semaphore.configure",
        "semaphore.acquire",
        "semaphore.release",
        "lock.release",
        "queue.configure",
        "queue.acknowledge",
        "barrier.arrive",
        "barrier.cancel",
        "barrier.leave",
        "election.resign",
    ],
)
def test_the_text_of_an_error_does_not_depend_on_the_process(chronicle: Any, method: str) -> None:
    session = chronicle.open()
    first = [("s", "semaphore.configure", (1,)), ("q", "queue.configure", (1,))]
    first += [("b", "barrier.arrive", (2,))]
    replies = chronicle.batch(session, 1, first)
    assert not any(reply.status == ERROR for reply in replies)
    (reply,) = chronicle.batch(session, 4, [(method[0], method, (HUGE,))])
    assert reply.status == ERROR
    assert reply.value[0] in ("NotHeld", "ConfiguredOtherwise", "InvalidArguments")
    assert len(reply.value[1]) < 200


def test_an_error_reaches_the_caller_by_its_name(chronicle: Any) -> None:
    session = chronicle.open()
    replies = chronicle.batch(
        session,
        1,
        [
            ("", "create", ("l", "lock")),
            ("l", "release", (1,)),
            ("", "create", ("q", "queue")),
            ("q", "configure", (1,)),
            ("q", "put", ("x",)),
            ("q", "put", ("y",)),
            ("q", "configure", (2,)),
            ("", "create", ("m", "map")),
            ("m", "put", ("a", "x")),
            ("m", "increment", ("a",)),
        ],
    )
    errors = [type(from_reply(r.value)).__name__ for r in replies if r.status is ERROR]
    assert errors == ["NotHeld", "QueueFull", "ConfiguredOtherwise", "WrongValue"]
    other = Replica()
    other.restore(chronicle.replica.snapshot())
    assert other.digest() == chronicle.replica.digest()
