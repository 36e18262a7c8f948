"""The end of the log that a citizen keeps for readers: what is held, what is said of the rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paxos_ray.actors.tail import UNKNOWN, Tail
from paxos_ray.core.log import ENTRY_HEFT, NOTHING, Entry
from paxos_ray.core.promise import Promise
from paxos_ray.machines.ring import ABSENT, GONE, HELD


class Writer:
    """Writes entries to a tail, under governments that follow each other."""

    def __init__(self, limit: int) -> None:
        self.tail = Tail(limit)
        self.promises: list[Promise] = []

    def write(self, size: int = 0, govern: bool = False) -> Promise:
        before = self.promises[-1] if self.promises else self.tail.top
        if govern or not self.promises:
            promise = Promise(before.government + 1, 0)
        else:
            promise = Promise(before.government, before.entry + 1)
        self.tail.append(Entry(promise, before, 0, b"x" * size), 1, b"reply")
        self.promises.append(promise)
        return promise

    def follows(self, since: Promise, entries: int = 1_000, size: int = 1 << 20) -> list[Promise]:
        extract = self.tail.after(since, entries, size)
        assert extract.verdict == HELD
        return [record.promise for record in extract.records]


def test_nothing_is_said_before_there_is_a_state() -> None:
    assert Tail(1_000).after(NOTHING, 1, 1).verdict == ABSENT


def test_what_follows_is_bounded_in_entries_and_bytes_but_never_nothing() -> None:
    writer = Writer(1 << 20)
    for n in range(10):
        writer.write(size=100, govern=n == 5)
    assert writer.follows(NOTHING) == writer.promises
    assert writer.follows(Promise(1, 3)) == writer.promises[4:]
    assert writer.follows(Promise(1, 3), entries=2) == writer.promises[4:6]
    assert writer.follows(Promise(1, 3), size=3 * (ENTRY_HEFT + 105)) == writer.promises[4:7]
    assert writer.follows(Promise(1, 3), size=1) == writer.promises[4:5]
    assert writer.follows(writer.promises[-1]) == []


def test_who_is_ahead_of_this_citizen_waits() -> None:
    writer = Writer(1_000)
    writer.write()
    assert writer.follows(Promise(7, 3)) == []


def test_no_entry_is_no_place_to_go_on_from() -> None:
    writer = Writer(1 << 20)
    for n in range(4):
        writer.write(govern=n == 2)
    assert writer.tail.after(Promise(1, 9), 9, 9_999).verdict == UNKNOWN


def test_the_earliest_are_let_go_of() -> None:
    writer = Writer(3 * (ENTRY_HEFT + 5))
    for _ in range(5):
        writer.write()
    assert len(writer.tail) == 3
    assert writer.tail.earliest == writer.promises[1]
    gone = writer.tail.after(writer.promises[0], 9, 9_999)
    assert (gone.verdict, gone.earliest, gone.top) == (GONE, Promise(1, 1), Promise(1, 4))
    assert writer.follows(writer.promises[1]) == writer.promises[2:]
    large = writer.write(size=10_000)
    assert writer.follows(writer.promises[-2]) == [large]
    assert len(writer.tail) == 1, "one is held, whatever it weighs"


def test_a_state_from_elsewhere_begins_anew() -> None:
    writer = Writer(1_000)
    writer.write()
    writer.tail.restart(Promise(4, 7))
    assert writer.tail.after(Promise(1, 0), 9, 9_999).verdict == GONE
    writer.tail.append(Entry(Promise(4, 8), Promise(4, 7), 0, b""))
    assert writer.follows(Promise(4, 7)) == [Promise(4, 8)]
    with pytest.raises(AssertionError):
        writer.tail.append(Entry(Promise(4, 10), Promise(4, 9), 0, b""))


@given(
    st.lists(st.tuples(st.integers(0, 600), st.booleans()), min_size=1, max_size=80),
    st.integers(1, 3_000),
)
def test_what_is_held_is_the_end_of_what_was_written(
    sizes: list[tuple[int, bool]], limit: int
) -> None:
    writer = Writer(limit)
    weights: list[int] = []
    for size, govern in sizes:
        writer.write(size, govern)
        weights.append(ENTRY_HEFT + size + 5)
        held = len(writer.tail)
        assert writer.tail.weight == sum(weights[-held:])
        assert held == 1 or writer.tail.weight <= limit
        assert held == len(weights) or sum(weights[-held - 1 :]) > limit
        assert writer.follows(writer.tail.earliest) == writer.promises[-held:]
        for at, promise in enumerate(writer.promises):
            if promise >= writer.tail.earliest:
                assert writer.follows(promise) == writer.promises[at + 1 :]
            else:
                assert writer.tail.after(promise, 9, 9).verdict == GONE
