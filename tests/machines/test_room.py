"""Who has more stack than others comes to the same."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from paxos_ray.core.promise import Promise
from paxos_ray.machines import RAISED, RESULT, Reply
from paxos_ray.machines.blueprint import blueprint_of
from paxos_ray.machines.room import ran_out, roomy, with_room
from paxos_ray.machines.travel import pack
from tests.machines.users import Descent, Plunge

FRAMES = 100
"""By how many frames the stack of one citizen is deeper, in these tests, than that of another."""


def deeper(work: Callable[[], Any], frames: int) -> Any:
    return work() if frames == 0 else deeper(work, frames - 1)


def descend(
    chronicles: Any,
    frames: int,
    depths: list[int],
    load_at: int | None = None,
    cls: type = Descent,
) -> Any:
    """A citizen with so much less stack, that may begin anew from a snapshot after some calls."""
    chronicle = chronicles()
    session: Promise = chronicle.open(10**9)
    payload = (("", "deploy", ("x", *blueprint_of(cls), pack(((), {})))),)
    chronicle.batch(session, 1, payload)
    replies: list[Reply] = []
    for sequence, depth in enumerate(depths, 2):
        call = [("x", "go", (pack(((depth,), {})),))]
        replies += deeper(lambda: chronicle.batch(session, sequence, call), frames)  # noqa: B023
        if sequence == load_at:
            snapshot = chronicle.replica.snapshot()
            deeper(lambda: chronicle.replica.restore(snapshot), frames)  # noqa: B023
    return chronicle, replies


def test_what_runs_out_of_stack_comes_to_the_same_with_less(chronicles: Any) -> None:
    least = sys.getrecursionlimit() - 3 * FRAMES
    depths = list(range(least, least + 6 * FRAMES, 3))
    shallow, replies = descend(chronicles, 0, depths)
    assert {reply.status for reply in replies} == {RESULT, RAISED}
    for frames in (7, FRAMES):
        deep, others = descend(chronicles, frames, depths, load_at=frames)
        assert [reply[0] for reply in others] == [reply[0] for reply in replies]
        # What was drawn is the same as well, the second time that it is drawn.
        assert [r[1][0] for r in others] == [r[1][0] for r in replies]
        assert deep.replica.digests() == shallow.replica.digests()


def test_what_was_published_by_what_ran_out_is_told_once(chronicles: Any) -> None:
    chronicle, _ = descend(chronicles, 0, [])
    depth = sys.getrecursionlimit() - 60
    body = [("x", "go", (pack(((depth,), {})),))]
    session = chronicle.entries[1].promise
    replies = deeper(lambda: chronicle.batch(session, 2, body), FRAMES)
    assert replies[0].status is RESULT
    entry = chronicle.entries[-1]
    again, _ = descend(chronicles, FRAMES, [])
    applied = deeper(lambda: again.replica.apply(entry), FRAMES)
    assert [event.value for event in applied.events] == [depth]


def test_a_journal_is_done_again_with_less_stack(chronicles: Any) -> None:
    limit = sys.getrecursionlimit()
    depths = [1, limit - 40, limit + 50, limit + 2 * FRAMES, 2]
    chronicle, replies = descend(chronicles, 0, depths, cls=Plunge)
    assert [reply.status for reply in replies] == [RESULT, RESULT, RESULT, RAISED, RESULT]
    other = chronicles().replica
    snapshot = chronicle.replica.snapshot()
    deeper(lambda: other.restore(snapshot), FRAMES)
    assert other.digests() == chronicle.replica.digests()
    assert other.deployed("x").deeds == 4
    assert chronicle.replica.deployed("x").state().depths == [1, limit - 40, limit + 50, 2]


def test_what_came_of_a_full_stack_is_seen() -> None:
    def endless() -> None:
        endless()

    def hidden() -> None:
        try:
            endless()
        except RecursionError:
            raise ValueError("too deep") from None

    for work in (endless, hidden):
        with pytest.raises((RecursionError, ValueError)) as told:
            work()
        assert ran_out(told.value)
    one, other = ValueError(), KeyError()
    one.__context__, other.__cause__ = other, one
    assert not ran_out(one)


def test_only_what_runs_out_of_stack_is_done_twice() -> None:
    done: list[int] = []

    def fail() -> None:
        done.append(1)
        raise KeyError

    with pytest.raises(KeyError):
        roomy(fail)
    assert done == [1]
    limit = sys.getrecursionlimit()
    assert with_room(sys.getrecursionlimit) > limit
    with pytest.raises(KeyError):
        with_room(lambda: {}["k"])
    assert sys.getrecursionlimit() == limit
