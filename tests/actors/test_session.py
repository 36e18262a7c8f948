"""What a client sends again, and when it gives up a session."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from typing import Any

import pytest

from paxos_ray import OperationFailed, OutcomeUnknown, Promise, TimedOut
from paxos_ray.actors.response import Response
from paxos_ray.actors.session import BATCH, BATCH_BYTES, ENOUGH, WINDOW, Session
from paxos_ray.machines import (
    ACKNOWLEDGED,
    ERROR,
    EXPIRED,
    GAP,
    OK,
    RAISED,
    RESULT,
    Batch,
    Reply,
    decode,
)
from paxos_ray.machines.likeness import likeness
from paxos_ray.machines.replies import Pickled, Raised
from paxos_ray.machines.travel import pack

NAME = Promise(3, 5)


def waiting(count: int) -> deque[tuple[Any, Response[Any]]]:
    return deque((("ship", "increment", (n,)), Response()) for n in range(1, count + 1))


def send(session: Session, queue: deque[Any]) -> Any:
    batch = session.new(queue)
    if batch is not None:
        session.under_way += 1
    return batch


def decoded(session: Session, batch: Any) -> Batch:
    body = decode(session.encode(batch))
    assert isinstance(body, Batch)
    return body


def ok(batch: Any) -> list[Reply]:
    return [Reply(OK, n) for n in range(batch.first, batch.first + len(batch.operations))]


def test_all_that_waits_goes_in_one_call_and_more_only_if_it_is_worth_one() -> None:
    session, queue = Session(NAME), waiting(3)
    first = send(session, queue)
    assert (first.first, len(first.operations)) == (1, 3)
    queue.extend(waiting(ENOUGH - 1))
    assert send(session, queue) is None
    queue.extend(waiting(BATCH))
    second = send(session, queue)
    assert (second.first, len(second.operations)) == (4, BATCH)
    queue.extend(waiting(BATCH))
    assert send(session, queue) is None, "two calls are enough"


def test_what_is_acknowledged_is_what_is_answered_without_a_gap() -> None:
    session, queue = Session(NAME), waiting(2)
    first = send(session, queue)
    queue.extend(waiting(ENOUGH))
    second = send(session, queue)
    assert decoded(session, second).acknowledged == 0
    session.answer(second, ok(second))
    assert session.acknowledged == 0
    session.answer(first, ok(first))
    assert session.acknowledged == 2 + ENOUGH
    assert first.responses[1].result() == 2


def test_after_a_gap_all_that_is_unanswered_is_sent_again_in_one_call() -> None:
    session, queue = Session(NAME), waiting(2)
    first = send(session, queue)
    queue.extend(waiting(ENOUGH))
    second = send(session, queue)
    session.under_way -= 1
    assert session.answer(second, [Reply(GAP, None)] * ENOUGH)
    assert session.repeat() is None, "the other call is still under way"
    assert send(session, waiting(1)) is None, "nothing new before it"
    session.under_way -= 1
    session.again = True  # the first was lost
    again = session.repeat()
    assert again is not None
    assert (again.first, len(again.operations)) == (1, 2 + ENOUGH)
    assert session.repeat() is None
    session.answer(again, ok(again))
    assert second.responses[-1].result() == 2 + ENOUGH
    assert first.responses[0].result() == 1
    assert session.acknowledged == 2 + ENOUGH
    next_one = send(session, waiting(1))
    assert next_one.first == 3 + ENOUGH


def test_what_is_sent_again_keeps_its_numbers_though_some_of_it_is_answered() -> None:
    """The second call was answered, the first and the third were lost."""
    session, queue = Session(NAME), waiting(2)
    first = send(session, queue)
    queue.extend(waiting(ENOUGH))
    second = send(session, queue)
    told, lost = list(second.responses), list(first.responses)
    session.under_way -= 1
    session.answer(second, ok(second))
    queue.extend(waiting(ENOUGH))
    third = send(session, queue)
    session.under_way -= 2
    session.again = True
    again = session.repeat()
    assert again is not None
    assert decoded(session, again).acknowledged == 0
    assert again.first == 1
    assert again.operations == [*first.operations, *second.operations, *third.operations]
    session.answer(again, ok(again))
    assert [response.result() for response in lost] == [1, 2]
    assert told[0].result() == 3
    assert session.acknowledged == 2 + 2 * ENOUGH


def test_a_gap_where_all_before_is_answered_ends_the_session() -> None:
    """Its island has been recovered without something that it had answered: what follows that can
    never be applied, however often it is sent."""
    session, queue = Session(NAME), waiting(2)
    first = send(session, queue)
    session.under_way -= 1
    assert session.answer(first, ok(first))
    queue.extend(waiting(1))
    second = send(session, queue)
    session.under_way -= 1
    assert session.answer(second, [Reply(GAP, None)]), "one before it may be on its way"
    again = session.repeat()
    assert again is not None
    assert again.first == session.acknowledged + 1 == 3
    assert not session.answer(again, [Reply(GAP, None)])
    session.end(OutcomeUnknown("told more than is left"))
    with pytest.raises(OutcomeUnknown):
        again.responses[0].result(0.0)


def test_an_expired_session_leaves_the_outcome_unknown() -> None:
    session, queue = Session(NAME), waiting(2)
    batch = send(session, queue)
    assert not session.answer(batch, [Reply(EXPIRED, None)] * 2)
    session.end(OutcomeUnknown("expired"))
    for response in batch.responses:
        with pytest.raises(OutcomeUnknown):
            response.result()
    assert not session.answer(session.keepalive(), [Reply(EXPIRED, None)])


def test_errors_are_raised_where_the_result_is_asked_for() -> None:
    session, queue = Session(NAME), waiting(3)
    batch = send(session, queue)
    replies = [Reply(OK, 1), Reply(ERROR, ("InvalidArguments", "no")), Reply(ACKNOWLEDGED, None)]
    session.answer(batch, replies)
    assert batch.responses[0].result() == 1
    with pytest.raises(TypeError, match="no"):
        batch.responses[1].result()
    with pytest.raises(OutcomeUnknown):
        batch.responses[2].result()


class Exits:
    """Of a user's class: to unpickle it ends the process."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return sys.exit, ("of no use here",)


class Wordless(Exception):
    """Nor can it be said what is wrong with it."""

    def __str__(self) -> str:
        sys.exit("no words")


def fails() -> None:
    raise Wordless


class Fails:
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return fails, ()


@pytest.mark.parametrize("raised", [False, True])
@pytest.mark.parametrize("answer", [Exits(), Fails()])
def test_what_ends_a_process_that_reads_it_is_an_error_and_others_are_answered(
    answer: object, raised: bool
) -> None:
    session, queue = Session(NAME), waiting(3)
    batch = send(session, queue)
    told: tuple[Any, ...] = Pickled(likeness(1), pack(answer))
    if raised:
        told = Raised(likeness("Wrong"), "Wrong", "by the object", "", pack(answer))
    session.answer(batch, [Reply(OK, 1), Reply(RAISED if raised else RESULT, told), Reply(OK, 3)])
    assert [batch.responses[n].result(0.0) for n in (0, 2)] == [1, 3]
    with pytest.raises(OperationFailed, match="Wrong: by the object" if raised else "be read here"):
        batch.responses[1].result(0.0)


class Untouchable(Exception):
    def __setattr__(self, name: str, value: object) -> None:
        sys.exit("hands off")


def test_an_error_that_ends_who_is_told_of_it_is_another_one() -> None:
    session, queue = Session(NAME), waiting(2)
    batch = send(session, queue)
    told = Raised(likeness("Untouchable"), "Untouchable", "", "", pack(Untouchable()))
    session.answer(batch, [Reply(RAISED, tuple(told)), Reply(OK, 2)])
    assert batch.responses[1].result(0.0) == 2
    with pytest.raises(OperationFailed, match="cannot be read: SystemExit"):
        batch.responses[0].result(0.0)


def test_a_response_that_is_not_there_in_time() -> None:
    response: Response[int] = Response()
    with pytest.raises(TimedOut, match=r"within 0\.01 s"):
        response.result(0.01)
    assert not response.done()
    response.set_result(5)
    assert response.result(0.01) == 5


def heavy(count: int, weight: int) -> deque[tuple[Any, Response[Any]]]:
    return deque((("ship", "increment", (1,)), Response(weight)) for _ in range(count))


def test_a_batch_is_limited_in_bytes_too() -> None:
    session, queue = Session(NAME), heavy(10, BATCH_BYTES // 3)
    assert len(send(session, queue).operations) == 3
    queue.extend(heavy(ENOUGH, 2 * BATCH_BYTES))
    assert len(queue) > ENOUGH
    assert len(send(session, queue).operations) == 3, "and one at the least"


def test_what_is_dropped_is_told_when_nothing_before_it_is_unanswered() -> None:
    session, queue = Session(NAME), heavy(2, 70)
    first = send(session, queue)
    queue.extend(heavy(ENOUGH, 5))
    second = send(session, queue)
    session.answer(second, ok(second))
    assert session.dropped() == (0, 0), "it may have to be sent again"
    session.answer(first, ok(first))
    assert session.dropped() == (140 + 5 * ENOUGH, 2 + ENOUGH)
    assert session.dropped() == (0, 0)


def test_what_is_sent_again_keeps_its_weight_and_does_not_grow() -> None:
    session, queue = Session(NAME), heavy(2, 70)
    first = send(session, queue)
    queue.extend(heavy(ENOUGH, 5))
    second = send(session, queue)
    session.answer(second, ok(second))
    for _ in range(3):
        session.under_way, session.again = 0, True
        whole = session.repeat()
        assert whole is not None
        session.under_way += 1
        assert len(whole.operations) == 2 + ENOUGH
        queue.extend(heavy(ENOUGH, 5))
        assert send(session, queue) is None, "first what was lost"
    session.answer(whole, ok(whole))
    assert session.dropped() == (140 + 5 * ENOUGH, 2 + ENOUGH)
    assert first.responses[0].done()
    session.under_way = 0
    assert send(session, queue) is not None
    session.end(TimedOut("gone"))
    assert session.dropped() == (5 * 3 * ENOUGH, 3 * ENOUGH)


def test_there_are_only_so_many_batches_to_send_again() -> None:
    session, queue = Session(NAME), heavy(1, 1)
    send(session, queue)
    for _ in range(WINDOW - 1):
        queue.extend(heavy(ENOUGH, 1))
        batch = send(session, queue)
        session.under_way -= 1
        session.answer(batch, ok(batch))
    queue.extend(heavy(ENOUGH, 1))
    assert send(session, queue) is None
