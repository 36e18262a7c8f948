"""Where events are put up: who waits is called when there is something for them, and not else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from paxos_ray.actors import board as boards
from paxos_ray.actors.board import Board, Want
from paxos_ray.core.log import NOTHING
from paxos_ray.core.promise import Promise
from paxos_ray.machines.context import Event
from paxos_ray.machines.ring import AHEAD, GONE, HELD, Found

SOON_S = 30.0


def put(board: Board, entry: int, object: str = "a", key: Any = "k", value: Any = 0) -> None:
    promise = Promise(1, entry)
    board.append(promise, [Event(promise, 0, object, key, value)])


def want(entry: int, object: str = "a", keys: Any = None, size: int = 1 << 20) -> Want:
    return Want(Promise(1, entry), object, keys, size)


class Waiting:
    """A call of `wait` in a thread."""

    def __init__(self, board: Board, who: str, *wants: Want) -> None:
        self.found: tuple[Found, ...] | None = None
        self._board = board
        self._who = who

        def work() -> None:
            self.found = board.wait(who, wants, SOON_S)

        before = board._waiters.get(who)
        self._thread = threading.Thread(target=work)
        self._thread.start()
        until(lambda: board._waiters.get(who) not in (None, before))

    def values(self) -> list[list[Any]]:
        self._thread.join(SOON_S)
        assert self.found is not None
        return [[value for _, _, _, value in each.events] for each in self.found]

    @property
    def waits(self) -> bool:
        return self.found is None and not self._board._waiters[self._who].called.is_set()


def until(there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON_S
    while not there():
        assert time.monotonic() < deadline
        time.sleep(0.001)


@pytest.fixture
def board() -> Board:
    board = Board(1 << 20)
    board.append(Promise(1, 0), ())
    return board


def test_what_is_there_is_told_at_once(board: Board) -> None:
    put(board, 1, value=1)
    put(board, 2, "b", value=2)
    found = board.wait("me", [want(0), want(0, "b"), want(1)], SOON_S)
    assert [each.events for each in found] == [
        ((Promise(1, 1), 0, "k", 1),),
        ((Promise(1, 2), 0, "k", 2),),
        (),
    ]
    assert {each.upto for each in found} == {Promise(1, 2)}


def test_who_waits_is_called_for_what_it_wants_only(board: Board) -> None:
    waiting = Waiting(board, "me", want(0, keys=frozenset("k")), want(0, "b"))
    put(board, 1, key="l")
    put(board, 2, "c")
    board.append(Promise(1, 3), ())
    assert waiting.waits
    put(board, 4, value=4)
    assert waiting.values() == [[4], []]
    assert board._minders == board._waiters == {}


def test_who_waits_in_vain_is_told_how_far_it_is(board: Board) -> None:
    put(board, 1, "b")
    (found,) = board.wait("me", [want(0)], 0.01)
    assert (found.verdict, found.events, found.upto) == (HELD, (), Promise(1, 1))
    (found,) = board.wait("me", [want(7)], 0.01)
    assert (found.verdict, found.upto) == (AHEAD, Promise(1, 7))


def test_who_asks_after_what_is_to_come_waits_for_it(board: Board) -> None:
    waiting = Waiting(board, "me", want(2))
    put(board, 1, value=1)
    put(board, 2, value=2)
    put(board, 3, value=3)
    assert waiting.values() == [[3]]


def test_what_is_gone_is_told_at_once(board: Board) -> None:
    board.restart(Promise(1, 5))
    assert board.wait("me", [want(5), want(4)], SOON_S)[1].verdict == GONE
    waiting = Waiting(board, "me", want(5))
    board.restart(Promise(1, 9))
    assert waiting.values() == [[]]
    assert waiting.found is not None
    assert waiting.found[0].verdict == GONE


def test_another_call_of_the_same_ends_the_first(board: Board) -> None:
    first, other = Waiting(board, "me", want(0)), Waiting(board, "other", want(0))
    second = Waiting(board, "me", want(0), want(0, "b"))
    assert first.values() == [[]]
    assert second.waits
    put(board, 1, "b", value=1)
    assert second.values() == [[], [1]]
    assert other.waits
    put(board, 2, value=2)
    assert other.values() == [[2]]
    assert board._minders == board._waiters == {}


def test_an_answer_is_bounded_and_those_who_got_nothing_stay(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boards, "BYTES", 1)
    put(board, 1, value=1)
    put(board, 2, value=2)
    found = board.wait("me", [want(0), want(0)], SOON_S)
    assert [(len(each.events), each.upto) for each in found] == [
        (1, Promise(1, 1)),
        (0, Promise(1, 0)),
    ]


def test_in_a_crowd_nobody_waits_for_long(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boards, "CROWD", 2)
    monkeypatch.setattr(boards, "CROWDED_S", 0.01)
    others = [Waiting(board, f"{number}", want(0)) for number in range(2)]
    assert [each.events for each in board.wait("me", [want(0)], SOON_S)] == [()]
    put(board, 1, value=1)
    assert [other.values() for other in others] == [[[1]], [[1]]]


def test_nothing_is_missed_between_looking_and_waiting(board: Board) -> None:
    """One writes as fast as it can, four wait: each hears all, in order."""
    heard: dict[int, list[int]] = {number: [] for number in range(4)}

    def follow(number: int) -> None:
        since = NOTHING
        while len(heard[number]) < 500:
            (found,) = board.wait(str(number), [Want(since, "a", None, 1_000)], SOON_S)
            assert found.events or found.upto > since
            heard[number] += [value for _, _, _, value in found.events]
            since = found.upto

    threads = [threading.Thread(target=follow, args=(number,)) for number in heard]
    for thread in threads:
        thread.start()
    for entry in range(1, 501):
        put(board, entry, value=entry)
    for thread in threads:
        thread.join(SOON_S)
    assert heard == {number: list(range(1, 501)) for number in range(4)}
