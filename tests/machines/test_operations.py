"""Bodies: what goes in comes out, and nothing else is taken."""

from __future__ import annotations

import pickle
import subprocess
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paxos_ray.core.promise import Promise
from paxos_ray.machines import (
    ERROR,
    EXPIRED,
    OK,
    Batch,
    Malformed,
    Open,
    Reply,
    decode,
    decode_replies,
    encode_batch,
    encode_open,
    encode_replies,
)
from paxos_ray.machines import operations as bodies

SESSION = Promise(3, 4)

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.binary()
    | st.floats(allow_nan=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=8,
)
operations = st.lists(st.tuples(st.text(), st.text(), st.lists(plain).map(tuple)), max_size=8)


@settings(max_examples=40, deadline=None)
@given(operations, st.integers(1, 10**20), st.integers(0, 10**20))
def test_a_batch_comes_back_as_it_went(ops: list, first: int, back: int) -> None:
    acknowledged = max(0, first - 1 - back)
    assert decode(encode_batch(SESSION, first, acknowledged, ops)) == Batch(
        SESSION, first, acknowledged, ops
    )


def test_an_opening_comes_back_as_it_went() -> None:
    assert decode(encode_open(30_000)) == Open(30_000)


def test_promises_have_no_upper_bound() -> None:
    session = Promise(2**70, 2**65)
    batch = decode(encode_batch(session, 2**66, 2**65, []))
    assert isinstance(batch, Batch)
    assert batch.session == session
    assert type(batch.session) is Promise


@pytest.mark.parametrize("lifetime_ms", [0, -1, True, 1.5, "1", None])
def test_a_lifetime_is_a_positive_integer(lifetime_ms: object) -> None:
    with pytest.raises(Malformed, match="positive integer"):
        encode_open(lifetime_ms)  # type: ignore[arg-type]
    with pytest.raises(Malformed, match="positive integer"):
        decode(pickle.dumps(("open", lifetime_ms)))


@pytest.mark.parametrize(
    "ops",
    [
        ["ab"],
        [("a", "b")],
        [("a", "b", (), ())],
        [(b"a", "b", ())],
        [("a", 1, ())],
        [("a", "b", [1])],
        [None],
    ],
)
def test_an_operation_is_a_name_a_method_and_arguments(ops: list) -> None:
    with pytest.raises(Malformed, match="operation"):
        encode_batch(SESSION, 1, 0, ops)
    with pytest.raises(Malformed, match="operation"):
        decode(pickle.dumps(("batch", 3, 4, 1, 0, ops)))


def test_what_there_is_no_memory_for_is_not_malformed(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(self: object) -> object:
        raise MemoryError

    monkeypatch.setattr(bodies._PlainUnpickler, "load", load, raising=False)
    with pytest.raises(MemoryError):
        decode(encode_batch(SESSION, 1, 0, [("x", "put", (b"x" * 1_000,))]))


@pytest.mark.parametrize(
    "claim",
    [b"\x8e" + (2**42).to_bytes(8, "little"), b"\x96" + (2**42).to_bytes(8, "little")],
    ids=["bytes", "bytearray"],
)
def test_a_body_that_claims_more_memory_than_there_is_is_malformed(claim: bytes) -> None:
    with pytest.raises(Malformed):
        decode(b"\x80\x05" + claim + b"x.")


def test_a_place_beyond_the_body_is_malformed(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(self: object) -> object:
        raise MemoryError

    monkeypatch.setattr(bodies._PlainUnpickler, "load", load, raising=False)
    with pytest.raises(Malformed):
        decode(b"\x80\x05Kr" + (2**31).to_bytes(4, "little") + b".")


@pytest.mark.parametrize(
    ("first", "acknowledged"), [(0, 0), (1, 1), (1, 2), (-1, -2), (True, 0), (2, "1"), (1.0, 0)]
)
def test_sequence_numbers_make_sense(first: object, acknowledged: object) -> None:
    with pytest.raises(Malformed):
        encode_batch(SESSION, first, acknowledged, [])  # type: ignore[arg-type]
    with pytest.raises(Malformed):
        decode(pickle.dumps(("batch", 3, 4, first, acknowledged, [])))


@pytest.mark.parametrize("argument", [object(), subprocess.Popen, SESSION, 1j, range(3)])
def test_only_plain_arguments_travel(argument: object) -> None:
    with pytest.raises(Malformed, match="plain values"):
        encode_batch(SESSION, 1, 0, [("a", "increment", (argument,))])


def test_arguments_nested_too_deeply() -> None:
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(Malformed, match="deep"):
        encode_batch(SESSION, 1, 0, [("a", "increment", (deep,))])


class _Evil:
    def __reduce__(self) -> tuple:
        return subprocess.check_call, (["false"],)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        None,
        "text",
        bytearray(encode_open(1)),
        encode_open(1)[:-1],
        encode_open(1)[:7],
        pickle.dumps(None),
        pickle.dumps(("close", 1)),
        pickle.dumps(("open",)),
        pickle.dumps(("open", 1, 2)),
        pickle.dumps(("batch", 1, 2, 3)),
        pickle.dumps(("batch", 1, 2, 3, 0, ())),
        pickle.dumps(["open", _Evil()]),
        pickle.dumps(_Evil()),
        pickle.dumps(SESSION),
    ],
)
def test_a_malformed_body_is_refused_and_runs_nothing(body: object) -> None:
    with pytest.raises(Malformed):
        decode(body)


@given(st.binary())
def test_any_bytes_are_a_body_or_malformed(body: bytes) -> None:
    try:
        decode(body)
    except Malformed:
        pass


def test_replies_travel() -> None:
    replies = [Reply(OK, 7), Reply(ERROR, ("UnknownMethod", "no")), Reply(EXPIRED, None)]
    assert decode_replies(encode_replies(replies)) == replies
    assert type(decode_replies(encode_replies(replies))[2].status) is type(EXPIRED)
    assert decode_replies(encode_replies([])) == []


@pytest.mark.parametrize(
    "body", [b"", b"x", pickle.dumps((b"\x00", [])), pickle.dumps((b"\x09", [1])), pickle.dumps(1)]
)
def test_malformed_replies(body: bytes) -> None:
    with pytest.raises(Malformed):
        decode_replies(body)


@pytest.mark.parametrize(
    ("session", "operations"),
    [(None, []), ("x", []), ((1,), []), ((1, 2, 3), []), (SESSION, None), (SESSION, 5)],
)
def test_a_batch_of_nothing_known_is_malformed(session: Any, operations: Any) -> None:
    with pytest.raises(Malformed):
        encode_batch(session, 1, 0, operations)
