"""What a watch has been told: in order, without a gap, each event once, whatever answers come."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paxos_ray.actors.errors import EventsGone, InvalidArgument
from paxos_ray.actors.feed import Calls
from paxos_ray.actors.post import Post
from paxos_ray.core.promise import Promise
from paxos_ray.machines.ring import weight_of
from paxos_ray.procession import EMPTY, END, Absent
from tests.actors.collector import ends

ONE = weight_of("k", 1)


def at(entry: int) -> Promise:
    return Promise(1, entry)


def events(*entries: int) -> list[tuple[Promise, int, Any, Any]]:
    return [(at(entry), 0, "k", entry) for entry in entries]


def taken(post: Post) -> list[Any]:
    found = []
    while not isinstance(change := post.take(), Absent):
        found.append(change.event)
    return found


def test_answers_that_come_late_or_leave_a_gap_do_nothing() -> None:
    post = Post("a", None, at(0), 1 << 20)
    post.put(at(0), events(1, 2), at(3))
    post.put(at(0), events(1, 2), at(2))
    post.put(at(4), events(5), at(5))
    assert taken(post) == [1, 2]
    post.put(at(1), events(2, 4), at(4))
    assert taken(post) == [4]
    assert post.reached == at(4)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 6))))
def test_whatever_answers_come_each_is_told_once_in_order(answers: list[tuple[int, int]]) -> None:
    post = Post("a", None, at(0), 1 << 20)
    for since, length in answers:
        post.put(at(since), events(*range(since + 1, since + length + 1)), at(since + length))
    assert post.reached is not None
    assert taken(post) == list(range(1, post.reached.entry + 1))


def test_before_it_is_known_where_it_begins_nothing_is_told() -> None:
    post = Post("a", None, None, 1 << 20)
    assert post.stand() is EMPTY
    post.put(at(0), events(1), at(1))
    assert post.take() is EMPTY
    post.begin(at(1))
    assert post.stand() is None
    post.put(at(0), events(1, 2), at(2))
    assert taken(post) == [2]


def test_it_begins_once_and_not_beyond_the_end_of_the_log() -> None:
    post = Post("a", None, None, 1 << 20)
    post.begin(at(1))
    post.begin(at(2))
    assert post.reached == at(1)
    post = Post("a", None, at(5), 1 << 20)
    assert not post.trusted
    post.check(at(5))
    assert post.trusted
    assert post.take() is EMPTY
    post.check(at(4))  # an older answer, when it is known already
    assert post.take() is EMPTY
    beyond = Post("a", None, at(5), 1 << 20)
    beyond.check(at(4))
    with pytest.raises(InvalidArgument, match="1/5 is not in it"):
        beyond.take()


def test_the_position_is_after_whole_entries() -> None:
    post = Post("a", None, at(0), 1 << 20)
    assert post.position == at(0)
    post.put(at(0), events(1, 2, 2, 3), at(5))
    expected = [at(0), at(1), at(1), at(2), at(5)]
    positions = [post.position]
    while post.take() is not EMPTY:
        positions.append(post.position)
    assert positions == expected
    post.put(at(5), events(6, 6), at(6))
    assert post.position == at(5)
    post.take()
    assert post.position == at(5)


def test_the_position_of_what_is_closed_is_before_what_was_not_given() -> None:
    post = Post("a", None, at(0), 1 << 20)
    post.put(at(0), events(1, 2), at(3))
    post.take()
    post.close()
    assert post.position == at(1)
    post.close()
    assert post.position == at(1)
    idle = Post("a", None, at(0), 1 << 20)
    idle.put(at(0), (), at(3))
    idle.close()
    assert idle.position == at(3)


def test_room_is_there_again_when_half_of_what_was_full_is_taken() -> None:
    post = Post("a", None, at(0), 4 * ONE)
    assert post.room == 4 * ONE
    post.put(at(0), events(1, 2, 3), at(3))
    assert post.room == ONE
    post.put(at(3), events(4, 5), at(5))
    assert post.room == 0
    for _ in range(2):
        post.take()
        assert post.room == 0
    post.take()
    assert post.room == 2 * ONE


def test_what_ends_it_comes_after_what_was_told() -> None:
    post, calls = Post("a", None, at(0), 1 << 20), []
    with post.calls.calling(lambda: calls.append(1)):
        post.put(at(0), (), at(1))
        assert calls == []
        post.put(at(1), events(2), at(2))
        post.end(EventsGone(at(2), at(9)))
        assert len(calls) == 2
    post.put(at(2), events(3), at(3))
    assert post.take() is not EMPTY
    for _ in range(2):
        with pytest.raises(EventsGone):
            post.take()
        with pytest.raises(EventsGone):
            post.stand()


def test_what_is_closed_gives_and_takes_nothing() -> None:
    post = Post("a", None, at(0), 1 << 20)
    post.put(at(0), events(1), at(1))
    post.close()
    assert post.take() is END
    post.put(at(1), events(2), at(2))
    assert post.take() is END
    assert post.over
    ended = Post("a", None, None, 1 << 20)
    ended.end()
    assert ended.take() is END
    assert ended.stand() is None


def test_a_watch_that_is_let_go_of_may_be_collected_while_it_is_told_something() -> None:
    class Watch:
        def __init__(self) -> None:
            self.itself = self

    post = Post("a", None, at(0), 1 << 20)
    weakref.finalize(Watch(), post.close)

    def collected() -> Iterator[tuple[Promise, int, Any, Any]]:
        yield from events(1)
        gc.collect()
        assert post.closed
        yield from events(2)

    assert ends(lambda: post.put(at(0), collected(), at(2)))
    assert post.over
    assert post.take() is END


def test_who_waits_may_be_collected_while_others_come_and_are_called() -> None:
    class Busy(list[Any]):
        def append(self, call: Any) -> None:
            super().append(call)
            if len(self) == 1:
                with calls.calling(rung.clear):
                    calls.ring()

        def remove(self, call: Any) -> None:
            super().remove(call)
            calls.ring()

    calls, rung = Calls(), [1]
    calls._calls = Busy()

    def come() -> None:
        with calls.calling(lambda: rung.append(2)):
            calls.ring()

    assert ends(come)
    assert (rung, len(calls)) == ([2, 2], 0)
