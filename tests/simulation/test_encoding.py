"""What a record says of a value is read back as that value, whoever reads it where."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paxos_ray.core import Ballot, Citizen, Entry, Envelope, Government, Promise, Pulse
from paxos_ray.core.messages import (
    Accept,
    Behind,
    Denied,
    Exiled,
    Lacks,
    Outcome,
    Prepare,
    Promised,
    Receipt,
    Received,
    Refused,
    Register,
    Report,
    Request,
    Synchronize,
    Write,
)
from paxos_ray.simulation import decoding
from paxos_ray.simulation.encoding import DEEPEST, Encoder, Foreign

numbers = st.integers(min_value=0, max_value=1 << 70)
texts = st.text(max_size=8)
ids = st.text(min_size=1, max_size=4)
names = texts | st.integers()
promises = st.builds(Promise, numbers, numbers)
ballots = st.builds(Ballot, numbers, texts)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
    | st.binary(max_size=12) | st.just(b"x" * 3_000) | st.just(-(1 << 5_000)),
    lambda inner: st.lists(inner, max_size=3)
    | st.lists(inner, max_size=3).map(tuple)
    | st.dictionaries(texts | st.integers() | st.binary(max_size=3), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@st.composite
def governments(draw: Any, number: int | None = None) -> Government:
    citizens = draw(st.lists(ids, min_size=1, max_size=5, unique=True))
    seats = draw(st.integers(1, len(citizens)))
    majority = seats // 2 + 1
    chosen = draw(st.integers(6, 1 << 40)) if number is None else number
    properties = st.dictionaries(texts, plain, max_size=2)
    return Government(
        promise=Promise(chosen, 0),
        majority=tuple(citizens[:majority]),
        minority=tuple(citizens[majority:seats]),
        constituents=tuple(citizens[seats:]),
        acclimated=tuple(draw(st.permutations(citizens)))[: draw(st.integers(0, 5))],
        arrived={id: Promise(1 + at, 0) for at, id in enumerate(citizens)},
        citizens={
            id: Citizen(id=id, cookie=draw(names), properties=draw(properties)) for id in citizens
        },
    )


@st.composite
def chains(draw: Any) -> tuple[Entry, ...]:
    """Entries as a log has them: runs of one stamp, now and then a government."""
    previous = Promise(draw(st.integers(5, 9)), draw(st.integers(0, 3)))
    stamp, entries = draw(st.integers(0, 99)), []
    for kind in draw(st.lists(st.sampled_from(["same", "same", "other", "new"]), max_size=6)):
        body = draw(plain)
        promise = Promise(previous.government, previous.entry + 1)
        if kind == "new":
            promise = Promise(previous.government + draw(st.integers(1, 3)), 0)
            body = draw(governments(promise.government))
        stamp += kind == "other"
        entries.append(Entry(promise, previous, stamp, body))
        previous = promise
    return tuple(entries)


registers = st.builds(Register, ballots, chains())
reports = st.builds(
    Report,
    numbers,
    promises,
    st.lists(texts, max_size=2).map(tuple),
    st.lists(texts, max_size=2).map(tuple),
    st.lists(st.tuples(texts, st.integers()), max_size=2).map(tuple),
    st.lists(texts, max_size=2).map(tuple),
)
heads = (
    names, ids, st.none() | names, ids, st.none() | names, ballots, promises, promises, chains(),
    st.none() | governments(), st.none() | ballots, st.booleans(),
)  # fmt: skip
requests = {
    Synchronize: st.builds(Synchronize, *heads),
    Prepare: st.builds(Prepare, *heads),
    Write: st.builds(Write, *heads, chains()),
    Accept: st.builds(Accept, *heads, chains()),
}
replies = {
    Received: st.builds(Received, promises, reports),
    Promised: st.builds(Promised, ballots, promises, st.none() | registers, reports),
    Refused: st.builds(Refused, ballots, promises, reports),
    Behind: st.builds(Behind, promises, chains(), st.none() | governments(), promises),
    Lacks: st.builds(Lacks, st.none() | promises, st.none() | reports),
    Exiled: st.builds(Exiled, numbers),
    Denied: st.builds(Denied, texts),
}
every_type = {
    **requests,
    **replies,
    Government: governments(),
    Citizen: st.builds(Citizen, id=ids, cookie=names, properties=st.dictionaries(texts, plain)),
    Promise: promises,
    Ballot: ballots,
    Register: registers,
    Report: reports,
    Pulse: st.builds(
        Pulse, texts, texts,
        st.lists(st.builds(Envelope, ids, st.one_of(*requests.values())), max_size=2).map(tuple),
    ),
    object: plain,
}  # fmt: skip


def there_and_back(value: object) -> Any:
    """In pure ASCII, and written the same from what was read."""
    text = Encoder().value(value)
    again = decoding.value(json.loads(text.encode("ascii")))
    assert Encoder().value(again) == text
    return again


@pytest.mark.parametrize("kind", every_type, ids=lambda kind: kind.__name__)
def test_each_type_is_read_back(kind: type) -> None:
    @settings(deadline=None, max_examples=25)
    @given(every_type[kind])
    def read_back(value: object) -> None:
        again = there_and_back(value)
        assert again == value
        assert type(again) is type(value)

    read_back()


def request(**change: Any) -> Request:
    head = Synchronize(
        "r", "a", "ca", "b", "cb", Ballot(7, "a"), Promise(7, 3), Promise(6, 2), (), None, None,
        True,
    )  # fmt: skip
    return replace(head, **change)


MALFORMED: tuple[object, ...] = (
    None, 1, "7/3", ["7", "a"], (7, "a"), Promise(7, "3"), Ballot("7", 3), Denied("x"), {"!": 1},
    {}, True, [Entry(Promise(7, 4), Promise(7, 3), 0, b"x")], (Entry(None, None, None, None),),
    (1, 2), Register(None, ()), Report(1, None, [], (), ()), float("inf"),
)  # fmt: skip


@pytest.mark.parametrize("field", [field.name for field in fields(Synchronize)])
@pytest.mark.parametrize("value", MALFORMED, ids=repr)
def test_what_a_peer_gets_wrong_is_read_back_as_wrong(field: str, value: object) -> None:
    wrong = request(**{field: value})
    again = there_and_back(wrong)
    assert again == wrong
    assert type(getattr(again, field)) is type(value)


@pytest.mark.parametrize("value", MALFORMED, ids=repr)
def test_so_are_wrong_reports_and_registers(value: object) -> None:
    for reply in (Received(value, value), Promised(value, value, value, value)):
        assert there_and_back(reply) == reply


def test_types_that_equal_each_other_are_told_apart() -> None:
    alike: list[Any] = [
        1,
        True,
        1.0,
        (7, 3),
        [7, 3],
        Promise(7, 3),
        {"promise": [7, 3]},
        Ballot(7, 3),
    ]
    texts = {Encoder().value(value) for value in alike}
    assert len(texts) == len(alike)
    assert [type(there_and_back(value)) for value in alike] == [type(value) for value in alike]


def test_the_order_of_a_mapping_is_kept() -> None:
    assert list(there_and_back({"b": 1, "a": 2})) == ["b", "a"]
    assert list(there_and_back({2: 1, "a": 2})) == [2, "a"]


def test_what_has_no_form_is_known_by_its_type() -> None:
    encoder = Encoder()
    text = encoder.value([object(), 1])
    assert encoder.foreign == "builtins.object"
    read, one = decoding.value(json.loads(text))
    assert (read.name, one) == ("builtins.object", 1)
    again = Encoder()
    assert again.value([read, 1]) == text
    assert again.foreign is None, "a placeholder has a form"
    assert isinstance(read, Foreign)


def test_a_value_that_is_nested_too_deeply_has_no_form() -> None:
    deep: list[Any] = []
    for _ in range(DEEPEST - 1):
        deep = [deep]
    assert there_and_back(deep) == deep
    for wrapped in ([[deep]], {"a": {"b": deep}}):
        encoder = Encoder()
        encoder.value(wrapped)
        assert encoder.foreign is not None
    endless: list[Any] = []
    endless.append(endless)
    encoder = Encoder()
    encoder.value(endless)
    assert encoder.foreign is not None


def entries(count: int, body: bytes = b"body", start: int = 1) -> tuple[Entry, ...]:
    numbers = range(start, start + count)
    return tuple(Entry(Promise(7, n), Promise(7, n - 1), 5, body + b"%d" % n) for n in numbers)


def test_a_digest_is_of_everything_in_the_entries() -> None:
    chain = entries(3)
    first, *rest = chain
    others = (
        entries(2),
        entries(3, b"tree"),
        entries(3, start=2),
        (first._replace(stamp=6), *rest),
        (*chain[:2], chain[2]._replace(body=b"other")),
        (first._replace(previous=Promise(6, 9)), *rest),
        (first._replace(body="body1"), *rest),
        (first._replace(body=bytearray(b"body1")), *rest),
    )
    digests = {Encoder().digest(each) for each in (chain, *others)}
    assert len(digests) == 1 + len(others)
    assert json.loads(Encoder().digest(chain)).startswith("7/1..7/3 (3) ")


def test_it_does_not_matter_which_objects_are_the_same() -> None:
    shared = b"x" * 2_000
    copy = bytes(bytearray(shared))
    encoder = Encoder()
    chain = entries(2, shared)
    told = [encoder.digest(chain), encoder.digest(chain), encoder.digest(entries(2, copy))]
    assert len(set(told)) == 1
    assert encoder.value([shared, shared]) == encoder.value([shared, copy])


def test_what_is_remembered_is_not_mistaken() -> None:
    """Identities are used again when objects are gone."""
    encoder = Encoder()
    for number in range(2_000):
        body = b"%d" % number * 1_000
        chain = entries(1, body)
        assert encoder.digest(chain) == Encoder().digest(chain)
        assert encoder.value(body) == Encoder().value(body)


def test_receipts_and_outcomes_are_short() -> None:
    encoder = Encoder()
    assert encoder.given_receipt(Receipt(True, 5, "a", None)) == "5"
    told = json.loads(encoder.given_receipt(Receipt(False, None, "b", "does not lead")))
    assert told == [None, "b", "does not lead"]
    rows = [(1, (7, 1)), (2, (7, 2)), (3, (7, 4)), (4, None), (5, None), (7, None), (8, (8, 0))]
    outcomes = tuple(Outcome(at, promise and Promise(*promise)) for at, promise in rows)
    assert json.loads(encoder.given_outcomes(outcomes)) == [
        [1, "7/1", 2], [3, "7/4", 1], [4, None, 2], [7, None, 1], [8, "8/0", 1],
    ]  # fmt: skip


def test_the_text_is_the_same_in_any_process() -> None:
    code = (
        "from tests.simulation.test_encoding import *\n"
        "value = {'b': 1, 'a': {3: (b'x', 2.5)}, 'g': request(entries=entries(4))}\n"
        "print(Encoder().value(value), Encoder().digest(entries(4)))"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            cwd=os.path.dirname(__file__) + "/../..",
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(told) == 1


FORGED = (
    {"os.system": "true"}, {"foreign": 1, "bytes": "x"}, {"bytes": "é"}, {"base64": "x"},
    {"int": 3}, {"promise": 7}, {"Write": {}}, {"Write": {"__class__": 1}}, {"citizen": {"id": ""}},
    {}, {"dict": [[1], []]}, {"dict": [[[]], [1]]}, {"government": {"promise": "7/1"}},
    {"Received": {"top": "7", "report": None}}, {"Synchronize": []}, {"tuple": "ab"}, {"map": []},
    {"entry": [1]},
)  # fmt: skip


@pytest.mark.parametrize("read", FORGED, ids=repr)
def test_what_nobody_writes_is_not_read(read: object) -> None:
    with pytest.raises(decoding.MALFORMED):
        decoding.value(read)
