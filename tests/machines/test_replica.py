"""The replica: applying, errors as replies, snapshots, digests."""

from __future__ import annotations

import json
import os
import pickle
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paxos_ray.core.log import NOTHING, Entry
from paxos_ray.core.promise import Promise
from paxos_ray.machines import (
    ERROR,
    OK,
    InvalidArguments,
    InvalidSnapshot,
    MachineError,
    OperationFailed,
    Replica,
    Reply,
    UnknownMethod,
    UnknownObject,
    encode_batch,
    encode_open,
    from_reply,
)
from paxos_ray.machines import replica as replica_module
from paxos_ray.machines.digest import canonical, digest


def test_it_begins_with_nothing() -> None:
    replica = Replica()
    assert (replica.applied, replica.last_stamp, replica.objects()) == (NOTHING, 0, {})
    with pytest.raises(UnknownObject, match="'a'"):
        replica.query("a", "value")


def test_it_says_what_it_reflects(chronicle: Any, increment: Any) -> None:
    session = chronicle.open(1_000, stamp=40)
    applied = chronicle.append(encode_batch(session, 1, 0, [increment("b"), increment("a")]), 70)
    assert applied.promise == chronicle.replica.applied == Promise(1, 2)
    assert chronicle.replica.last_stamp == 70
    assert chronicle.replica.objects() == {"a": "counter", "b": "counter"}
    assert list(chronicle.replica.objects()) == ["a", "b"]
    chronicle.govern(stamp=80)
    assert (chronicle.replica.applied, chronicle.replica.last_stamp) == (Promise(2, 0), 80)


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        (("a", "decrement", (1,)), UnknownMethod),
        (("a", "value", ()), UnknownMethod),
        (("a", "increment", (True,)), InvalidArguments),
        (("a", "increment", (1.0,)), InvalidArguments),
        (("a", "increment", ()), InvalidArguments),
    ],
)
@pytest.mark.parametrize("known", [False, True])
def test_an_error_is_a_reply_and_changes_nothing(
    chronicle: Any, increment: Any, operation: Any, error: type[MachineError], known: bool
) -> None:
    session = chronicle.open()
    chronicle.batch(session, 1, [increment("a", 4)] if known else [])
    objects = chronicle.replica.objects()
    first = 2 if known else 1
    replies = chronicle.batch(session, first, [operation, increment("z"), operation])
    assert [reply.status for reply in replies] == [ERROR, OK, ERROR]
    raised = from_reply(replies[0].value)
    assert type(raised) is error
    assert str(raised) == replies[0].value[1]
    assert chronicle.replica.objects() == {**objects, "z": "counter"}
    if known:
        assert chronicle.replica.query("a", "value") == 4
    assert chronicle.batch(session, first, [operation, increment("z"), operation]) == replies
    assert chronicle.replica.query("z", "value") == 1


class Faulty:
    """A machine that raises what it is told to."""

    def apply(self, method: str, arguments: tuple, context: object) -> object:
        raise {"key": KeyError("k"), "memory": MemoryError()}[method]


def test_any_error_of_a_machine_replicates(chronicle: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(replica_module.KINDS, "counter", Faulty)
    session = chronicle.open()
    (reply,) = chronicle.batch(session, 1, [("a", "key", ())])
    assert reply == (ERROR, ("KeyError", "'k'"))
    raised = from_reply(reply.value)
    assert type(raised) is OperationFailed
    assert str(raised) == "KeyError: 'k'"


def test_an_error_of_this_process_alone_does_not(
    chronicle: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(replica_module.KINDS, "counter", Faulty)
    session = chronicle.open()
    with pytest.raises(MemoryError):
        chronicle.batch(session, 1, [("a", "memory", ())])


@pytest.mark.parametrize("body", [b"", b"junk", None, 7, pickle.dumps(("batch", 1))])
def test_a_malformed_body_in_the_log_is_passed_by_all_alike(
    chronicle: Any, increment: Any, body: object
) -> None:
    session = chronicle.open(100, stamp=0)
    chronicle.batch(session, 1, [increment("a")])
    applied = chronicle.append(body, stamp=50)
    assert applied.promise == chronicle.replica.applied
    assert [reply.status for reply in applied.replies] == [ERROR]
    assert chronicle.replica.last_stamp == 50
    assert chronicle.batch(session, 2, [increment("a")]) == [Reply(OK, 2)]
    assert chronicle.replay(Replica()).digest() == chronicle.replica.digest()


def test_it_skips_what_it_reflects_and_asserts_order(chronicle: Any, increment: Any) -> None:
    session = chronicle.open()
    chronicle.batch(session, 1, [increment("a")])
    before = chronicle.replica.digest()
    for entry in chronicle.entries:
        assert chronicle.replica.apply(entry) is None
    assert chronicle.replica.digest() == before
    with pytest.raises(AssertionError):
        chronicle.replica.apply(Entry(Promise(1, 5), Promise(1, 4), 0, encode_open(1)))
    with pytest.raises(AssertionError):
        chronicle.replica.apply(Entry(Promise(1, 3), Promise(1, 2), -1, encode_open(1)))
    assert chronicle.replica.digest() == before


def test_a_snapshot_is_a_copy_that_travels(chronicle: Any, increment: Any) -> None:
    session = chronicle.open()
    chronicle.batch(session, 1, [increment("a"), increment("b", 2), increment("b", "x")])
    snapshot = chronicle.replica.snapshot()
    before = chronicle.replica.digest()
    chronicle.batch(session, 4, [increment("a"), increment("c")], acknowledged=3)
    newcomer, other = Replica(), Replica()
    newcomer.restore(pickle.loads(pickle.dumps(snapshot)))
    other.restore(snapshot)
    assert newcomer.digest() == other.digest() == before
    assert chronicle.replay(newcomer).digest() == chronicle.replica.digest()
    assert other.digest() == before
    assert newcomer.query("a", "value") == 2


def test_a_malformed_snapshot_is_refused_and_changes_nothing(
    chronicle: Any, increment: Any
) -> None:
    session = chronicle.open()
    chronicle.batch(session, 1, [increment("a")])
    good, before = chronicle.replica.snapshot(), chronicle.replica.digest()
    bad = [
        None,
        {},
        7,
        {**good, "version": 99},
        {**good, "applied": (1,)},
        {**good, "applied": ("x", "y")},
        {**good, "last_stamp": None},
        {**good, "sessions": {(1, 1): (1, 2)}},
        {**good, "sessions": {(1, 1): (10, 0, 5, 0, b"", [])}},
        {**good, "sessions": {(1, 1): ("x", 0, 0, 0, b"", [])}},
        {**good, "sessions": [1]},
        {**good, "objects": {"counter": {"a": "x"}}},
        {**good, "objects": {"piano": {"a": 1}}},
        {name: part for name, part in good.items() if name != "objects"},
    ]
    for snapshot in bad:
        with pytest.raises(InvalidSnapshot):
            chronicle.replica.restore(snapshot)
        assert chronicle.replica.digest() == before
    chronicle.batch(session, 2, [increment("a")])
    with pytest.raises(InvalidSnapshot, match="at 1/3"):
        chronicle.replica.restore(good)
    assert chronicle.replica.query("a", "value") == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("applied", (1, "x")),
        ("applied", (1.5, 0)),
        ("applied", (1, -1)),
        ("applied", (1, 2, 3)),
        ("last_stamp", -5),
        ("last_stamp", 1.5),
        ("last_stamp", "5"),
        ("citizens", "ab"),
        ("acclimated", (1,)),
    ],
)
def test_a_field_of_another_type_is_refused(chronicle: Any, field: str, value: Any) -> None:
    fresh = Replica()
    with pytest.raises(InvalidSnapshot):
        fresh.restore({**chronicle.replica.snapshot(), field: value})
    assert (fresh.applied, fresh.last_stamp) == (NOTHING, 0)


def test_an_answer_is_not_the_state_itself(chronicle: Any) -> None:
    session = chronicle.open()
    chronicle.batch(session, 1, [("m", "map.put", ("k", [1, 2]))])
    before = chronicle.replica.digest()
    chronicle.replica.query("m", "get", ("k",)).append(3)
    assert chronicle.replica.query("m", "get", ("k",)) == [1, 2]
    assert chronicle.replica.digest() == before


def test_the_digest_tells_every_part_of_the_state(chronicles: Any, increment: Any) -> None:
    def made(
        *, name: str = "a", n: int = 1, lifetime: int = 1_000, stamp: int = 5, **more: int
    ) -> str:
        chronicle = chronicles()
        session = chronicle.open(lifetime, stamp=0)
        chronicle.batch(session, 1, [increment(name, n)], stamp=stamp)
        chronicle.batch(session, 2, [], acknowledged=more.get("acknowledged", 0))
        if "late" in more:
            chronicle.append(b"malformed")
        return chronicle.replica.digest()

    digests = [
        made(),
        made(name="b"),
        made(n=2),
        made(lifetime=999),
        made(stamp=6),
        made(acknowledged=1),
        made(late=1),
    ]
    assert len(set(digests)) == len(digests)
    assert made() == digests[0]
    assert len(digests[0]) == 64


def test_the_digest_does_not_depend_on_the_order_things_came_about(
    chronicles: Any, increment: Any
) -> None:
    digests = []
    for names in (["a", "b", "c"], ["c", "a", "b"]):
        chronicle = chronicles()
        session = chronicle.open()
        for sequence, name in enumerate(names, 1):
            chronicle.batch(session, sequence, [increment(name)], acknowledged=sequence - 1)
        chronicle.batch(session, 4, [], acknowledged=3)
        digests.append(chronicle.replica.digest())
    assert digests[0] == digests[1]


SCRIPT = """
import json, random, sys
sys.path.insert(0, sys.argv[1])
from paxos_ray.core.log import Entry
from paxos_ray.core.promise import Promise
from paxos_ray.machines import Replica, encode_batch, encode_open

chance = random.Random(5)
replica, previous = Replica(), Promise(0, 0)
bodies = [None, encode_open(50), encode_open(9_000)]
for entry in range(60):
    session = Promise(1, chance.choice((1, 2, 9)))
    names = chance.sample(["a", "b", "\\u00e9", "\\ud800", "word"], 3)
    bodies.append(encode_batch(session, chance.randint(1, 40), 0,
        [(name, "increment", (chance.choice((1, -7, 2**90, None)),)) for name in names]))
for entry, body in enumerate(bodies):
    promise = Promise(1, entry)
    replica.apply(Entry(promise, previous, 3 * entry, body))
    previous = promise
words = {"x": {"deep": {1, "one", 2.5, None, b"b"}}, "y": frozenset("abcdefg")}
from paxos_ray.machines.digest import digest
print(json.dumps([replica.digest(), digest(words)]))
"""


def test_digests_are_the_same_under_any_hash_seed() -> None:
    root = str(Path(replica_module.__file__).parents[2])
    digests = []
    for seed in ("0", "1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, root],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        digests.append(json.loads(done.stdout))
    assert digests[0] == digests[1] == digests[2]


def test_canonical_tells_types_and_bounds() -> None:
    different = [
        1, True, 1.0, "1", b"1", bytearray(b"1"), None, False, 0, -0.0, 0.0, "", b"",
        (1,), [1], {1}, frozenset([1]), {1: 1}, (), [], {}, ("ab", "c"), ("a", "bc"),
        (("a",), "bc"),
    ]  # fmt: skip
    assert len({canonical(value) for value in different}) == len(different)
    assert canonical({"a": 1, "b": 2}) == canonical({"b": 2, "a": 1})
    assert canonical(10**5000) != canonical(10**5000 + 1)
    with pytest.raises(TypeError):
        digest(object())


names = st.sampled_from(["a", "b", "c"])
operation = st.tuples(
    names,
    st.sampled_from(["increment", "increment", "value"]),
    st.tuples(st.integers() | st.none()),
)
entries = st.lists(
    st.one_of(
        st.integers(1, 40).map(encode_open),
        st.builds(
            lambda session, first, back, ops: encode_batch(
                Promise(1, session), first, max(0, first - back), ops
            ),
            st.integers(1, 6), st.integers(1, 9), st.integers(1, 9),
            st.lists(operation, max_size=4),
        ),
        st.binary(max_size=4),
    ),
    max_size=30,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(entries, st.data())
def test_a_snapshot_anywhere_leads_to_the_same_state_and_replies(
    bodies: list[bytes], data: st.DataObject
) -> None:
    one, other = Replica(), Replica()
    cut = data.draw(st.integers(0, len(bodies)))
    previous, stamp = NOTHING, 0
    for position, body in enumerate([b"government", *bodies]):
        stamp += data.draw(st.sampled_from((0, 1, 30)))
        entry = Entry(Promise(1, position), previous, stamp, body)
        previous = entry.promise
        assert one.apply(entry) == other.apply(entry)
        if position == cut:
            other = Replica()
            other.restore(one.snapshot())
    assert one.digest() == other.digest()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40))
def test_each_operation_counts_once_whatever_is_lost_doubled_or_late(seed: int, total: int) -> None:
    """A client that follows the rules, under a network that follows none."""
    chance = random.Random(seed)
    replica, previous, position = Replica(), NOTHING, 0
    copies: list[bytes] = []
    answers: dict[int, Reply] = {}

    def commit(body: bytes) -> list[Reply]:
        nonlocal previous, position
        entry = Entry(Promise(1, position), previous, position, body)
        previous, position = entry.promise, position + 1
        applied = replica.apply(entry)
        return applied.replies if applied else []

    commit(b"government")
    commit(encode_open(10**9))
    session = Promise(1, 1)
    asked = 0
    while len(answers) < total:
        asked = min(total, asked + chance.randint(0, 3))
        unanswered = [n for n in range(1, asked + 1) if n not in answers]
        if unanswered:
            first = unanswered[0]
            start = chance.choice(unanswered)  # an earlier call of its may still be on the way
            ops = [("a", "increment", (1 << n,)) for n in range(start, asked + 1)]
            copies.append(encode_batch(session, start, min(first, start) - 1, ops))
            replies = commit(copies[-1]) if chance.random() < 0.7 else []
            if chance.random() < 0.7:
                for sequence, reply in enumerate(replies, start):
                    if reply.status == OK:
                        assert answers.setdefault(sequence, reply) == reply
        if copies and chance.random() < 0.5:
            commit(chance.choice(copies))
    assert replica.query("a", "value") == sum(1 << n for n in range(1, total + 1))
    assert [answers[n].value for n in range(1, total + 1)] == [
        (1 << n + 1) - 2 for n in range(1, total + 1)
    ]


def test_large_batches_are_applied_whole() -> None:
    replica, previous = Replica(), NOTHING
    session = Promise(1, 1)
    batch = [(f"word{n % 500}", "increment", (1,)) for n in range(2_000)]
    bodies = [encode_batch(session, 1 + n * 2_000, n * 2_000, batch) for n in range(10)]
    for position, body in enumerate([b"government", encode_open(1_000), *bodies]):
        entry = Entry(Promise(1, position), previous, position, body)
        previous = entry.promise
        replica.apply(entry)
    assert replica.query("word0", "value") == 40
