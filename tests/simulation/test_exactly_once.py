"""Applied once: the checker says so of what is right, and what is wrong with what is not."""

from __future__ import annotations

from paxos_ray.core.log import NOTHING, Entry
from paxos_ray.core.promise import Promise
from paxos_ray.machines import encode_batch, encode_open
from paxos_ray.simulation.exactly_once import Attempt, Replay, faults

FIRST, SECOND = Promise(1, 1), Promise(1, 2)
ADD = ("x", "increment", (1,))


def log(*bodies: tuple[int, bytes]) -> list[Entry]:
    """Two sessions are opened at 0, that live for 100 ms; then these, each at its stamp."""
    opened = [(0, encode_open(100)), (0, encode_open(100))]
    entries, previous = [], NOTHING
    for number, (stamp, body) in enumerate([*opened, *bodies], 1):
        entries.append(Entry(Promise(1, number), previous, stamp, body))
        previous = entries[-1].promise
    return entries


def batch(session: Promise, first: int, count: int = 1, stamp: int = 0) -> tuple[int, bytes]:
    return stamp, encode_batch(session, first, first - 1, [ADD] * count)


def attempt(*places: tuple[Promise, int], result: int | None = None) -> Attempt:
    return Attempt("a", ADD, places, result is not None, result)


def test_what_is_sent_twice_is_applied_once() -> None:
    replay = Replay(log(batch(FIRST, 1), batch(FIRST, 1, 2)))
    assert replay.states == {"x": 2}
    told = [attempt((FIRST, 1), result=1), attempt((FIRST, 2), result=2)]
    assert faults(replay, told) == []
    assert faults(replay, [told[0], attempt((FIRST, 2))]) == []


def test_a_gap_and_an_expired_session_apply_nothing() -> None:
    late = batch(FIRST, 1, stamp=101)
    replay = Replay(log(batch(FIRST, 2), batch(SECOND, 1, stamp=90), late))
    assert list(replay.applied) == [(SECOND, 1)]
    kept = Replay(log(batch(FIRST, 1, stamp=90), batch(FIRST, 2, stamp=190)))
    assert kept.states == {"x": 2}


def test_what_is_wrong_is_told() -> None:
    replay = Replay(log(batch(FIRST, 1), batch(SECOND, 1)))
    once = attempt((FIRST, 1), result=1), attempt((SECOND, 1), result=2)
    assert faults(replay, once) == []
    for attempts, says in (
        ([attempt((FIRST, 1), (SECOND, 1))], "is applied 2 times, at 1/3, 1/4"),
        ([*once, attempt((FIRST, 2), result=3)], "was acknowledged and is not applied"),
        ([once[0], attempt((SECOND, 1), result=1)], "1 was told, 2 is right"),
        ([once[0]], "is of nobody"),
        ([once[0]._replace(call=("y", "increment", (1,))), once[1]], "is in the log as"),
        ([*once, attempt((FIRST, 1))], "were both sent as 1 of session 1/1"),
    ):
        (fault,) = faults(replay, attempts)
        assert says in fault
