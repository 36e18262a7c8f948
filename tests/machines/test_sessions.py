"""Exactly once: the rules of sessions, and the attacks on them."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paxos_ray.core.promise import Promise
from paxos_ray.machines import (
    ACKNOWLEDGED,
    EXPIRED,
    GAP,
    OK,
    Replica,
    Reply,
    encode_batch,
    encode_open,
)
from paxos_ray.machines.sessions import Session, Sessions

GONE = Reply(ACKNOWLEDGED, None)
LEFT_OUT = Reply(GAP, None)
CLOSED = Reply(EXPIRED, None)


def test_a_session_is_named_by_the_promise_of_its_opening(chronicle: Any) -> None:
    applied = chronicle.append(encode_open(1_000))
    assert (applied.promise, applied.replies, applied.events) == (Promise(1, 1), [], [])
    chronicle.govern()
    assert chronicle.open() == Promise(2, 1)


def test_a_retry_gets_the_first_answer(chronicle: Any, increment: Any) -> None:
    session = chronicle.open()
    first = chronicle.batch(session, 1, [increment("a", 5), increment("a"), increment("b")])
    assert first == [Reply(OK, 5), Reply(OK, 6), Reply(OK, 1)]
    assert chronicle.batch(session, 1, [increment("a", 5), increment("a"), increment("b")]) == first
    assert chronicle.replica.query("a", "value") == 6


def test_a_retry_that_overlaps_applies_only_what_is_new(chronicle: Any, increment: Any) -> None:
    session = chronicle.open()
    chronicle.batch(session, 1, [increment("a")] * 3)
    replies = chronicle.batch(session, 2, [increment("a")] * 4)
    assert replies == [Reply(OK, 2), Reply(OK, 3), Reply(OK, 4), Reply(OK, 5)]
    assert chronicle.replica.query("a", "value") == 5


def test_what_the_client_has_is_let_go_but_never_applied_again(
    chronicle: Any, increment: Any
) -> None:
    session = chronicle.open()
    chronicle.batch(session, 1, [increment("a")] * 3)
    chronicle.batch(session, 4, [increment("a")], acknowledged=2)
    late = chronicle.batch(session, 1, [increment("a")] * 5)
    assert late == [GONE, GONE, Reply(OK, 3), Reply(OK, 4), Reply(OK, 5)]
    assert chronicle.replica.query("a", "value") == 5


def test_a_late_acknowledgement_brings_nothing_back(chronicle: Any, increment: Any) -> None:
    session = chronicle.open()
    chronicle.batch(session, 1, [increment("a")] * 3)
    chronicle.batch(session, 4, [increment("a")], acknowledged=3)
    chronicle.batch(session, 2, [increment("a")], acknowledged=1)
    assert chronicle.batch(session, 3, [increment("a")]) == [GONE]
    assert chronicle.batch(session, 5, [increment("a")]) == [Reply(OK, 5)]


def test_an_acknowledgement_of_what_was_never_applied_counts_for_nothing(
    chronicle: Any, increment: Any
) -> None:
    session = chronicle.open()
    assert chronicle.batch(session, 100, [increment("a")], acknowledged=99) == [LEFT_OUT]
    assert chronicle.batch(session, 1, [increment("a")]) == [Reply(OK, 1)]
    assert chronicle.batch(session, 1, [increment("a")]) == [Reply(OK, 1)]


def test_attack_26_a_gap_is_no_outcome(chronicle: Any, increment: Any) -> None:
    """Nothing of a call after a gap is applied; sent again in order, all of it is, once."""
    session = chronicle.open()
    assert chronicle.batch(session, 1, [increment("a")]) == [Reply(OK, 1)]
    assert chronicle.batch(session, 3, [increment("a", 10), increment("b")]) == [LEFT_OUT] * 2
    assert chronicle.replica.query("a", "value") == 1
    assert list(chronicle.replica.objects()) == ["a"]
    replies = chronicle.batch(session, 2, [increment("a", 100), increment("a", 10), increment("b")])
    assert replies == [Reply(OK, 101), Reply(OK, 111), Reply(OK, 1)]


def test_attack_26_late_copies_in_any_order_apply_each_once_and_in_order(
    chronicle: Any, increment: Any
) -> None:
    session = chronicle.open()
    bodies = [encode_batch(session, n, 0, [increment("a", 10**n)]) for n in range(1, 5)]
    for body in (bodies[3], bodies[0], bodies[2], bodies[0], bodies[1], bodies[3], bodies[2]):
        chronicle.append(body)
    assert chronicle.replica.query("a", "value") == 1_110
    chronicle.append(bodies[3])
    assert chronicle.replica.query("a", "value") == 11_110
    # had the order been broken, some value on the way would not be a sum of the first few
    replies = chronicle.batch(session, 1, [increment("a")] * 4)
    assert [reply.value for reply in replies] == [10, 110, 1_110, 11_110]


def test_attack_11_a_late_copy_of_the_opening_opens_another_session(
    chronicle: Any, increment: Any
) -> None:
    opening = encode_open(1_000)
    session = chronicle.append(opening, stamp=0).promise
    work = encode_batch(session, 1, 0, [increment("a")])
    assert chronicle.append(work, stamp=0).replies == [Reply(OK, 1)]
    another = chronicle.append(opening, stamp=5_000).promise
    assert another != session
    assert chronicle.append(work, stamp=5_000).replies == [CLOSED]
    assert chronicle.replica.query("a", "value") == 1
    assert chronicle.batch(another, 1, [increment("a")]) == [Reply(OK, 2)]


def test_attack_11_a_late_copy_leaves_the_open_session_alone(
    chronicle: Any, increment: Any
) -> None:
    opening = encode_open(1_000)
    session = chronicle.append(opening).promise
    chronicle.batch(session, 1, [increment("a")])
    chronicle.append(opening)
    assert chronicle.batch(session, 1, [increment("a")]) == [Reply(OK, 1)]
    assert chronicle.batch(session, 2, [increment("a")]) == [Reply(OK, 2)]


def test_sessions_know_nothing_of_each_other(chronicle: Any, increment: Any) -> None:
    one, two = chronicle.open(), chronicle.open()
    assert chronicle.batch(one, 1, [increment("a")]) == [Reply(OK, 1)]
    assert chronicle.batch(two, 1, [increment("a")]) == [Reply(OK, 2)]
    assert chronicle.batch(one, 1, [increment("a")]) == [Reply(OK, 1)]


def test_a_session_that_never_was_is_not_open(chronicle: Any, increment: Any) -> None:
    for name in (Promise(0, 0), Promise(1, 0), Promise(9, 9)):
        assert chronicle.batch(name, 1, [increment("a")] * 2) == [CLOSED] * 2
        assert chronicle.batch(name, 1, []) == [CLOSED]
    assert chronicle.replica.objects() == {}


def test_expired_sessions_go_before_the_entry_is_applied(chronicle: Any, increment: Any) -> None:
    session = chronicle.open(1_000, stamp=10)
    assert chronicle.batch(session, 1, [increment("a")], stamp=1_010) == [Reply(OK, 1)]
    assert chronicle.batch(session, 2, [increment("a")], stamp=2_010) == [Reply(OK, 2)]
    assert chronicle.batch(session, 3, [increment("a")], stamp=3_011) == [CLOSED]
    assert chronicle.batch(session, 3, [increment("a")], stamp=3_011) == [CLOSED]
    assert chronicle.replica.query("a", "value") == 2


def test_any_entry_of_a_session_keeps_it_open(chronicle: Any, increment: Any) -> None:
    session = chronicle.open(100, stamp=0)
    assert chronicle.batch(session, 1, [], stamp=100) == []
    assert chronicle.batch(session, 9, [increment("a")], stamp=200) == [LEFT_OUT]
    assert chronicle.batch(session, 1, [increment("a")], stamp=300) == [Reply(OK, 1)]
    assert chronicle.batch(session, 1, [increment("a")], stamp=400) == [Reply(OK, 1)]
    assert chronicle.batch(session, 2, [increment("a")], stamp=500) == [Reply(OK, 2)]
    assert chronicle.batch(session, 1, [], stamp=601) == [CLOSED]


def test_a_government_expires_too(chronicle: Any, increment: Any) -> None:
    session = chronicle.open(100, stamp=0)
    chronicle.govern(stamp=101)
    assert chronicle.batch(session, 1, [increment("a")]) == [CLOSED]


def test_attack_27_only_differences_of_stamps_count(chronicles: Any, increment: Any) -> None:
    """A log whose stamps began anywhere expires the same sessions; only a real pause ends one."""
    outcomes = []
    for origin in (0, 1, 10**6, 10**15, 2**80):
        chronicle = chronicles()
        session = chronicle.open(1_000, stamp=origin)
        outcomes.append(
            [
                chronicle.batch(session, 1, [increment("a")], stamp=origin + 900),
                chronicle.batch(session, 2, [increment("a")], stamp=origin + 1_900),
                chronicle.batch(session, 3, [increment("a")], stamp=origin + 2_901),
            ]
        )
    assert all(outcome == outcomes[0] for outcome in outcomes)
    assert outcomes[0] == [[Reply(OK, 1)], [Reply(OK, 2)], [CLOSED]]


def test_lifetimes_differ(chronicle: Any, increment: Any) -> None:
    long, short = chronicle.open(10_000, stamp=0), chronicle.open(10, stamp=0)
    chronicle.batch(long, 1, [increment("a")], stamp=9)
    assert chronicle.batch(short, 1, [increment("a")], stamp=11) == [CLOSED]
    assert chronicle.batch(long, 2, [increment("a")], stamp=10_009) == [Reply(OK, 2)]


def test_sessions_are_in_the_snapshot(chronicle: Any, increment: Any) -> None:
    """Left out of it, a retry at the newcomer would apply twice (attack 11)."""
    session = chronicle.open(1_000, stamp=0)
    chronicle.batch(session, 1, [increment("a"), increment("a", None)], stamp=500)
    chronicle.batch(session, 3, [increment("a")], acknowledged=1, stamp=500)
    newcomer = Replica()
    newcomer.restore(chronicle.replica.snapshot())
    retry = [increment("a"), increment("a", None), increment("a"), increment("a")]
    replies = chronicle.batch(session, 1, retry, stamp=1_500)
    assert [reply.status.name for reply in replies] == ["ACKNOWLEDGED", "ERROR", "OK", "OK"]
    applied = newcomer.apply(chronicle.entries[-1])
    assert applied is not None
    assert applied.replies == replies
    assert newcomer.digest() == chronicle.replica.digest()
    assert chronicle.batch(session, 5, [], stamp=2_501) == [CLOSED]
    applied = newcomer.apply(chronicle.entries[-1])
    assert applied is not None
    assert applied.replies == [CLOSED]


@given(st.data())
def test_settled_agrees_with_a_table_of_all_replies(data: st.DataObject) -> None:
    applied = data.draw(st.integers(0, 8))
    session = Session(100, 0)
    session.keep([Reply(OK, n) for n in range(1, applied + 1)])
    session.acknowledge(data.draw(st.integers(0, 10)))
    first, count = data.draw(st.integers(1, 12)), data.draw(st.integers(0, 6))
    expected = []
    for sequence in range(first, first + count):
        if first > applied + 1:
            expected.append(LEFT_OUT)
        elif sequence <= session.acknowledged:
            expected.append(GONE)
        elif sequence <= applied:
            expected.append(Reply(OK, sequence))
    assert session.settled(first, count) == expected


@pytest.mark.parametrize("seed", range(20))
def test_expiry_agrees_with_a_scan_of_all_sessions(seed: int) -> None:
    chance = random.Random(seed)
    sessions, model, stamp = Sessions(), {}, 0
    for entry in range(1, 400):
        stamp += chance.choice((0, 1, 7, 60))
        sessions.expire(stamp)
        model = {n: (life, used) for n, (life, used) in model.items() if stamp - used <= life}
        name = Promise(1, chance.randint(max(1, entry - 30), entry))
        if name in model and chance.random() < 0.7:
            assert sessions.use(name, stamp) is not None
            model[name] = (model[name][0], stamp)
        elif Promise(1, entry) not in model:
            life = chance.choice((5, 50, 500))
            sessions.open(Promise(1, entry), life, stamp)
            model[Promise(1, entry)] = (life, stamp)
        if chance.random() < 0.05:
            copy = Sessions()
            copy.restore(sessions.snapshot())
            sessions = copy
        assert len(sessions) == len(model)
        assert all(name in sessions for name in model)


def test_expiry_looks_at_no_session_that_is_not_due(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = 0
    deadline = Session.deadline

    def counted(session: Session) -> int:
        nonlocal looked
        looked += 1
        return deadline.__get__(session)

    sessions = Sessions()
    for entry in range(1, 1_001):
        sessions.open(Promise(1, entry), 1_000, 0)
    monkeypatch.setattr(Session, "deadline", property(counted))
    for stamp in range(1_000):
        sessions.use(Promise(1, 1 + stamp % 1_000), stamp)
        sessions.expire(stamp)
    assert looked == 0
