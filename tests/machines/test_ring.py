"""The latest events: what is held of each object, and what is said of the rest."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paxos_ray.core.log import NOTHING
from paxos_ray.core.promise import Promise
from paxos_ray.machines.context import Event
from paxos_ray.machines.ring import (
    A_VALUE,
    ABSENT,
    AHEAD,
    AN_EVENT,
    GONE,
    HELD,
    Ring,
    heft_of,
    minds,
    weight_of,
)

ONE = weight_of("k", 0)


def event(entry: int, object: str = "a", key: Any = "k", value: Any = 0) -> Event:
    return Event(Promise(1, entry), 0, object, key, value)


def filled(limit: int, *entries: list[Event]) -> Ring:
    ring = Ring(limit)
    for number, events in enumerate(entries, 1):
        ring.append(Promise(1, number), events)
    return ring


def values(ring: Ring, entry: int, object: str = "a", keys: Any = None) -> list[Any]:
    found = ring.after(Promise(1, entry), object, keys, 1 << 20)
    assert (found.verdict, found.upto) == (HELD, ring.top)
    return [value for _, _, _, value in found.events]


def test_nothing_is_said_before_there_is_a_state() -> None:
    ring = Ring(1_000)
    assert ring.after(NOTHING, "a", None, 1).verdict == ABSENT
    ring.restart(Promise(3, 4))
    assert ring.after(Promise(3, 4), "a", None, 1).verdict == HELD
    assert ring.after(Promise(3, 3), "a", None, 1).verdict == GONE
    assert ring.after(Promise(3, 5), "a", None, 1).verdict == AHEAD


def test_events_are_found_by_object_and_key_in_order() -> None:
    ring = filled(
        1 << 20,
        [event(1, value=1), event(1, "b", value=2), event(1, key="l", value=3)],
        [],
        [event(3, key=["no", "hash"], value=4), event(3, value=5)],
    )
    assert values(ring, 0) == [1, 3, 4, 5]
    assert values(ring, 1) == values(ring, 2) == [4, 5]
    assert values(ring, 3) == []
    assert values(ring, 0, "b") == [2]
    assert values(ring, 0, "c") == []
    assert values(ring, 0, keys=frozenset("k")) == [1, 5]
    assert values(ring, 0, keys=(["no", "hash"], "l")) == [3, 4]
    found = ring.after(NOTHING, "a", frozenset("l"), 1 << 20)
    assert found.events == ((Promise(1, 1), 0, "l", 3),)
    assert found.weight == weight_of("l", 3)


def test_what_is_handed_out_is_bounded_but_never_part_of_an_entry() -> None:
    ring = filled(1 << 20, [event(1), event(1)], [event(2, "b")], [event(3)], [event(4)])
    for size, upto, count in ((0, 0, 0), (1, 1, 2), (2 * ONE, 1, 2), (2 * ONE + 1, 3, 3)):
        found = ring.after(Promise(1, 0), "a", None, size)
        assert (found.upto, len(found.events)) == (Promise(1, upto), count)
    assert ring.after(Promise(1, 0), "a", None, 3 * ONE + 1).upto == ring.top
    assert ring.after(Promise(1, 0), "c", None, 0).upto == ring.top


def test_the_earliest_are_let_go_of_and_that_is_said() -> None:
    ring = filled(3 * ONE, *([event(number, value=number)] for number in range(1, 6)))
    assert (ring.weight, ring.earliest, len(ring)) == (3 * ONE, Promise(1, 2), 3)
    assert values(ring, 2) == [3, 4, 5]
    assert ring.after(Promise(1, 1), "a", None, 9).verdict == GONE
    assert ring.after(Promise(1, 1), "another", None, 9).verdict == GONE
    ring.append(Promise(2, 0), [event(0, value="x" * 9_999)])
    assert (len(ring), ring.earliest) == (1, Promise(1, 5))
    assert values(ring, 5) == ["x" * 9_999]


def test_it_goes_on_from_a_snapshot_without_what_was_before() -> None:
    ring = filled(1 << 20, [event(1)], [event(2)])
    ring.restart(Promise(1, 7))
    assert (ring.weight, len(ring)) == (0, 0)
    ring.append(Promise(1, 8), [event(8, value=8)])
    assert values(ring, 7) == [8]
    assert ring.after(Promise(1, 6), "a", None, 9).verdict == GONE


def test_entries_come_in_order() -> None:
    ring = filled(1_000, [event(1)])
    with pytest.raises(AssertionError):
        ring.append(Promise(1, 1), [])


@given(
    st.integers(1, 8 * ONE),
    st.lists(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("kl")), max_size=3)),
    st.integers(0, 20),
    st.integers(0, 4 * ONE),
)
def test_what_is_held_is_all_since_the_earliest(
    limit: int, entries: list[list[tuple[str, str]]], since: int, size: int
) -> None:
    told = [
        [event(number, object, key, (number, at)) for at, (object, key) in enumerate(each)]
        for number, each in enumerate(entries, 1)
    ]
    ring = filled(limit, *told)
    assert ring.weight <= limit or len(ring) == 1
    for name in "abc":
        for keys in (None, frozenset("k")):
            after, heard = max(ring.earliest, Promise(1, min(since, len(told)))), []
            began = after
            while told and after < ring.top:
                found = ring.after(after, name, keys, size + 1)
                assert found.verdict == HELD
                assert found.upto > after
                heard += [value for _, _, _, value in found.events]
                after = found.upto
            assert heard == [
                one.value
                for each in told
                for one in each
                if one.promise > began and one.object == name
                if keys is None or one.key in keys
            ]


def test_weights() -> None:
    assert heft_of(None) == heft_of(7) == A_VALUE
    assert heft_of("abc") == heft_of(b"abc") == A_VALUE + 3
    assert heft_of(("abc", [1])) == 4 * A_VALUE + 3
    assert heft_of({"a": 1}) == 3 * A_VALUE + 1
    assert weight_of("k", 0) == AN_EVENT + 2 * A_VALUE + 1


def test_keys_are_compared_as_python_does() -> None:
    assert minds(frozenset((1, "a")), True)
    assert not minds(frozenset((1, "a")), "b")
    assert not minds(frozenset((1, "a")), [1])
    assert minds(([1],), [1])
