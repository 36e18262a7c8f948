"""Whom a client asks, and whom then: with citizens that answer when they are told to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest
from ray.exceptions import ActorDiedError, ActorUnavailableError

from paxos_ray import NoQuorum, Promise, UnknownObject
from paxos_ray.actors import nearby
from paxos_ray.actors.errors import InvalidArgument
from paxos_ray.actors.lanes import check_consistency
from paxos_ray.actors.nearby import Nearby, Ways
from paxos_ray.actors.response import Response
from paxos_ray.actors.session import BATCH
from paxos_ray.actors.wire import Answer, Look, Roster, seal, unseal
from paxos_ray.machines import ERROR, OK, Reply, encode_replies
from tests.actors.busy import Busy
from tests.actors.collector import comes_in_between

SOON_S = 30.0
QUERY: Any = ("sold", "value", ())


def at(entry: int) -> Promise:
    return Promise(7, entry)


class Asked:
    """A call of a citizen that is not answered yet."""

    def __init__(self, id: str, request: bytes) -> None:
        self.id = id
        self.look = Look(*unseal(request))
        self.queries = unseal(self.look.queries)
        self.future: Future[Any] = Future()

    def answers(
        self, value: int, promise: Promise, count: int | None = None, roster: Roster | None = None
    ) -> None:
        replies = [Reply(OK, value)] * (len(self.queries) if count is None else count)
        self.future.set_result(seal((promise, encode_replies(replies), roster)))

    def has_none(self, promise: Promise | None) -> None:
        """Its state is only of that promise, or there is none."""
        self.future.set_result(seal((promise, None, None)))

    def says(self, sealed: Any) -> None:
        self.future.set_result(sealed)

    def dies(self) -> None:
        self.future.set_exception(ActorDiedError())


class World:
    """The island as one client knows it, but for what it is told."""

    def __init__(self, *citizens: str) -> None:
        self.roster: Roster | None = Roster(1, citizens)
        self.lost: set[str] = set()  # who is not to be found
        self.learned = 0
        self.left: list[tuple[int, int]] = []
        self.leader: list[tuple[Any, Callable[[Answer], None], Callable[[Exception], None]]] = []
        self._asked: list[Asked] = []
        self._news = threading.Condition()
        self.nearby = Nearby(
            "i",
            Ways(self._learn, self._find, self._ask_leader, lambda *left: self.left.append(left)),
        )

    def begin(self) -> World:
        """One read, after which the citizens are known."""
        read = self.read()
        self.asked().answers(0, at(0))
        read.result(SOON_S)
        self.left.clear()
        return self

    def _learn(self) -> Roster | None:
        self.learned += 1
        return self.roster

    def _find(self, id: str) -> Callable[[bytes], Future[Any]] | None:
        return None if id in self.lost else lambda request: self._ask(id, request)

    def _ask(self, id: str, request: bytes) -> Future[Any]:
        asked = Asked(id, request)
        with self._news:
            self._asked.append(asked)
            self._news.notify_all()
        return asked.future

    def _ask_leader(self, queries: bytes, done: Any, failed: Any) -> None:
        with self._news:
            self.leader.append((unseal(queries), done, failed))
            self._news.notify_all()

    def read(self, consistency: Any = "eventual") -> Response[Any]:
        return self.nearby.read(QUERY, 10, consistency)

    def asked(self) -> Asked:
        """The next call."""
        with self._news:
            assert self._news.wait_for(lambda: self._asked, SOON_S), "nobody was asked"
            return self._asked.pop(0)

    def asked_of_leader(self) -> Any:
        with self._news:
            assert self._news.wait_for(lambda: self.leader, SOON_S), "the leader was not asked"
            return self.leader.pop(0)

    @property
    def quiet(self) -> bool:
        return not self._asked and not self.leader


@pytest.fixture
def world() -> Iterator[World]:
    made = World("a", "b", "c").begin()
    yield made
    made.nearby.close(RuntimeError("the test has ended"))


def test_all_are_asked_in_turns_and_the_leader_last(world: World) -> None:
    responses = [world.read() for _ in range(3)]
    calls = [world.asked() for _ in range(3)]
    assert [call.id for call in calls] == ["c", "b", "a"]
    for call in calls:
        call.answers(5, at(1))
    assert [response.result(SOON_S) for response in responses] == [5, 5, 5]
    world.read()
    world.read()
    assert [world.asked().id, world.asked().id] == ["c", "b"]
    assert world.learned == 1
    assert world.left == [(10, 1)] * 3


def test_what_waits_goes_in_one_call_to_the_next_who_is_free(world: World) -> None:
    responses = [world.read()]
    first = world.asked()
    responses += [world.read() for _ in range(2)]
    calls = [world.asked() for _ in range(2)]
    responses += [world.read() for _ in range(BATCH + 5)]
    assert world.quiet
    first.answers(0, at(1))
    whole = world.asked()
    assert (whole.id, len(whole.queries)) == (first.id, BATCH)
    calls[0].answers(0, at(1))
    rest = world.asked()
    assert (rest.id, len(rest.queries)) == (calls[0].id, 5)
    for call in (whole, rest, calls[1]):
        call.answers(0, at(1))
    assert {response.result(SOON_S) for response in responses} == {0}


def test_a_session_asks_for_no_less_than_any_answer_has_shown(world: World) -> None:
    world.nearby.saw(at(4))
    world.nearby.saw(at(3))
    read = world.read("session")
    call = world.asked()
    assert call.look.since == at(4)
    call.answers(0, at(9))
    read.result(SOON_S)
    glance = world.read("eventual")
    call = world.asked()
    assert call.look.since < at(0), "whatever there is"
    call.answers(0, at(12))
    glance.result(SOON_S)
    assert world.nearby.seen == at(12)
    world.read("session")
    assert world.asked().look.since == at(12)


def test_a_session_asks_first_who_has_what_it_has_seen(world: World) -> None:
    world.nearby.saw(at(3))
    read = world.read("session")
    world.asked().has_none(at(2))
    call = world.asked()
    assert call.id == "c"
    call.answers(0, at(3))
    read.result(SOON_S)
    for _ in range(2):
        read = world.read("session")
        call = world.asked()
        assert call.id == "c"
        call.answers(0, at(3))
        read.result(SOON_S)


def test_who_are_behind_are_tried_then_the_leader_then_the_leader_by_confirmation(
    cluster_of_five: World,
) -> None:
    world = cluster_of_five
    world.nearby.saw(at(3))
    read = world.read("session")
    for id in ("b", "c", "a"):
        call = world.asked()
        assert (call.id, call.look.since) == (id, at(3))
        call.has_none(at(2))
    queries, done, _ = world.asked_of_leader()
    assert queries == [QUERY]
    done(Answer(at(5), encode_replies([Reply(OK, 8)])))
    assert read.result(SOON_S) == 8
    assert world.quiet
    assert world.left == [(10, 1)]


@pytest.fixture
def cluster_of_five() -> Iterator[World]:
    made = World("a", "b", "c", "d", "e").begin()
    yield made
    made.nearby.close(RuntimeError("the test has ended"))


def test_when_the_leader_cannot_be_asked_all_are_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nearby, "_PAUSE_S", 0.0)
    world.nearby.saw(at(3))
    read = world.read("session")
    for _ in range(3):
        world.asked().has_none(at(2))
    _, _, failed = world.asked_of_leader()
    assert world.nearby.waiting_for_leader() == [read]
    failed(NoQuorum("two are missing"))
    world.asked().answers(4, at(3))
    assert read.result(SOON_S) == 4
    assert not world.nearby.waiting_for_leader()


@pytest.mark.parametrize("count", [0, 2])
def test_a_leader_that_answers_more_or_less_than_it_was_asked_has_not_answered(
    world: World, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(nearby, "_PAUSE_S", 0.0)
    world.nearby.saw(at(3))
    read = world.read("session")
    for _ in range(3):
        world.asked().has_none(at(2))
    _, done, failed = world.asked_of_leader()
    with pytest.raises(ValueError, match="zip"):
        done(Answer(at(5), encode_replies([Reply(OK, 8)] * count)))
    failed(ValueError("so the client says then"))
    world.asked().answers(4, at(3))
    assert read.result(SOON_S) == 4


def test_the_dead_are_asked_no_more(world: World) -> None:
    read = world.read()
    call = world.asked()
    call.dies()
    other = world.asked()
    assert other.id != call.id
    other.answers(1, at(1), roster=Roster(2, ("a", "b", "c")))
    assert read.result(SOON_S) == 1
    for _ in range(4):
        read = world.read()
        other = world.asked()
        assert other.id != call.id
        other.answers(1, at(1))
        read.result(SOON_S)


@pytest.mark.parametrize(
    "torn",
    [b"torn", None, seal(()), seal((at(9), b"torn", None)), seal((at(9), b"torn", Roster(2, ())))],
)
def test_an_answer_that_cannot_be_read_is_none(world: World, torn: Any) -> None:
    response = world.read("session")
    first = world.asked()
    first.says(torn)
    second = world.asked()
    assert second.id != first.id
    second.answers(5, at(1))
    assert response.result(SOON_S) == 5
    assert world.nearby.seen == at(1)


def test_who_is_not_to_be_had_or_has_no_state_is_left_out_for_a_while(world: World) -> None:
    read = world.read()
    first = world.asked()
    first.future.set_exception(ActorUnavailableError("away", None))
    second = world.asked()
    second.has_none(None)
    last = world.asked()
    assert {first.id, second.id, last.id} == {"a", "b", "c"}
    last.answers(2, at(1))
    assert read.result(SOON_S) == 2
    world.read()
    assert world.asked().id == last.id


def test_who_is_silent_is_left_out_and_what_it_says_late_counts_still(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nearby, "SILENCE_S", 0.05)
    read = world.read()
    silent, other = world.asked(), world.asked()
    assert silent.id != other.id
    silent.answers(3, at(1))
    assert read.result(SOON_S) == 3
    other.answers(4, at(2))
    assert read.result() == 3
    assert world.left == [(10, 1)], "it was one call for who asked"


def test_who_is_silent_is_noticed_while_others_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearby, "_PAUSE_S", 1_000.0)
    monkeypatch.setattr(nearby, "_PAUSE_MOST_S", 1_000.0)
    monkeypatch.setattr(nearby, "SILENCE_S", 0.05)
    world = World("a", "b").begin()
    world.read()
    for _ in range(2):
        world.asked().has_none(at(0))
    rests, pause = threading.Event(), world.nearby._pause

    def pauses() -> float | None:
        if world.nearby._lanes["eventual"].again:
            rests.set()
        return pause()

    monkeypatch.setattr(world.nearby, "_pause", pauses)
    assert rests.wait(SOON_S)
    read = world.read("session")
    silent, other = world.asked(), world.asked()
    assert silent.id != other.id
    other.answers(3, at(1))
    assert read.result(SOON_S) == 3
    world.nearby.close(RuntimeError("over"))


def test_who_answers_some_is_asked_for_the_rest_before_who_came_later() -> None:
    one = World("a").begin()
    one.read()
    held = one.asked()
    responses = [one.read() for _ in range(5)]
    held.answers(0, at(1))
    call = one.asked()
    late = one.read()
    call.answers(1, at(1), count=2)
    rest = one.asked()
    assert len(rest.queries) == 2, "as many as it had time for"
    rest.answers(2, at(1))
    last = one.asked()
    assert len(last.queries) == 2
    last.answers(3, at(1))
    assert [response.result(SOON_S) for response in (*responses, late)] == [1, 1, 2, 2, 3, 3]
    assert sum(calls for _, calls in one.left) == 7
    one.nearby.close(RuntimeError("over"))


def test_answers_bring_who_is_new_and_who_has_left(world: World) -> None:
    read = world.read()
    call = world.asked()
    assert call.look.known == 1
    call.answers(0, at(1), roster=Roster(2, ("c", "d", "a")))
    read.result(SOON_S)
    deadline = time.monotonic() + SOON_S
    asked: set[str] = set()
    while asked != {"a", "c", "d"}:
        assert time.monotonic() < deadline, asked
        responses = [world.read() for _ in range(3)]
        calls = [world.asked() for _ in range(3)]
        asked = {call.id for call in calls}
        for call in calls:
            call.answers(0, at(1))
        for response in responses:
            response.result(SOON_S)
    assert calls[0].look.known == 2
    assert world.learned == 1, "the coordinator is asked once"


def test_if_nobody_is_left_the_coordinator_is_asked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nearby, "_LEARN_S", 0.0)
    read = world.read()
    world.roster = Roster(4, ("d",))
    for _ in range(3):
        world.asked().dies()
    call = world.asked()
    assert call.id == "d"
    call.answers(6, at(1))
    assert read.result(SOON_S) == 6


def test_no_error_ends_the_thread_that_looks_who_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearby, "_LEARN_S", 0.0)
    world, fails = World("a"), [OSError("away"), ZeroDivisionError()]
    learn = world._learn

    def learn_late() -> Roster | None:
        if fails:
            raise fails.pop()
        return learn()

    world.nearby._ways = world.nearby._ways._replace(learn=learn_late)
    read = world.read()
    world.asked().answers(3, at(1))
    assert read.result(SOON_S) == 3
    world.nearby.close(RuntimeError("over"))


def test_who_waits_in_vain_is_told_and_answered_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearby, "_LEARN_S", 0.0)
    monkeypatch.setattr(nearby, "PATIENCE_S", 0.1)
    world = World("a")
    world.lost.add("a")
    read = world.read()
    with pytest.raises(NoQuorum, match="no citizen of island 'i' answers"):
        read.result(SOON_S)
    world.lost.clear()
    world.asked().answers(1, at(1))
    assert read.result(SOON_S) == 1
    world.nearby.close(RuntimeError("over"))


UNKNOWN = Reply(ERROR, ("UnknownObject", "none yet"))


def test_an_error_of_the_object_is_the_answer(world: World) -> None:
    read = world.read()
    call = world.asked()
    call.future.set_result(seal((at(1), encode_replies([UNKNOWN]), None)))
    with pytest.raises(UnknownObject):
        read.result(SOON_S)


def test_who_is_behind_the_client_is_not_believed_that_there_is_no_such_object(
    world: World,
) -> None:
    first, *others = [world.read() for _ in range(3)]
    calls = [world.asked() for _ in range(3)]
    world.nearby.saw(at(5))
    calls[0].future.set_result(seal((at(4), encode_replies([UNKNOWN]), None)))
    again = world.asked()
    assert again.look.since == at(5), "as a read of the session"
    again.answers(8, at(5))
    assert first.result(SOON_S) == 8
    replies = encode_replies([UNKNOWN])
    calls[1].future.set_result(seal((at(5), replies, None)))
    with pytest.raises(UnknownObject):
        others[0].result(SOON_S)
    calls[2].answers(1, at(4))
    assert others[1].result(SOON_S) == 1, "another answer may be old"


def test_of_some_reads_only_those_of_the_unknown_object_are_asked_again(world: World) -> None:
    for _ in range(3):
        world.read()
    first, *_ = [world.asked() for _ in range(3)]
    reads = [world.read() for _ in range(4)]
    world.nearby.saw(at(5))
    first.answers(0, at(4))
    call = world.asked()
    replies = [Reply(OK, 1), UNKNOWN, Reply(OK, 3)]
    call.future.set_result(seal((at(4), encode_replies(replies), None)))
    assert [reads[0].result(SOON_S), reads[2].result(SOON_S)] == [1, 3]
    calls = sorted([world.asked(), world.asked()], key=lambda each: each.look.since)
    assert [each.look.since for each in calls] == [Promise(0, 0), at(5)]
    for each, value in zip(calls, (4, 2), strict=True):
        each.answers(value, at(5))
    assert [each.result(SOON_S) for each in reads] == [1, 2, 3, 4]


def test_what_is_unanswered_and_what_comes_is_told_of_the_end(world: World) -> None:
    waiting = [world.read("session"), world.read("eventual")]
    calls = [world.asked(), world.asked()]
    waiting += [world.read() for _ in range(5)]
    world.nearby.close(RuntimeError("the end"))
    waiting.append(world.read())
    for response in waiting:
        with pytest.raises(RuntimeError, match="the end"):
            response.result(SOON_S)
    for call in calls:
        call.answers(1, at(1))
    with pytest.raises(RuntimeError, match="the end"):
        waiting[0].result(SOON_S)


def test_a_read_that_comes_as_it_is_closed_is_answered(world: World) -> None:
    queue = Busy(world.read)
    world.nearby._lanes["eventual"].waiting = queue
    asked = [world.read() for _ in range(4)]
    assert len(queue) == 1, "nobody is free for the last"
    queue.armed = True
    world.nearby.close(RuntimeError("the end"))
    for response in (*asked, queue.late.result(SOON_S)):
        with pytest.raises(RuntimeError, match="the end"):
            response.result(SOON_S)


@pytest.mark.parametrize("consistency", ["session", "eventual"])
def test_the_garbage_collector_may_make_a_read_at_any_moment(consistency: str) -> None:
    def ask(request: bytes) -> Future[Any]:
        asked = Asked("a", request)
        asked.answers(3, at(1))
        return asked.future

    world = World("a")
    world.nearby._ways = world.nearby._ways._replace(find=lambda _: ask)
    world.read().result(SOON_S)
    reads: list[Response[Any]] = []
    line = lines = 0
    while line <= lines:
        lines = comes_in_between(
            line,
            lambda: world.read(consistency).result(SOON_S),
            lambda: reads.append(world.read("session")),
        )
        line += 1
    assert {read.result(SOON_S) for read in reads} == {3}
    assert len(reads) == line - 1 > 50
    world.nearby.close(RuntimeError("over"))


@pytest.mark.parametrize("wrong", ["strong", "", None, 1, ["session"]])
def test_another_consistency_is_refused_with_the_names_of_the_three(wrong: object) -> None:
    with pytest.raises(InvalidArgument, match=r"'linearizable', 'session' or 'eventual'"):
        check_consistency(wrong)
    assert check_consistency("session") == "session"
