"""The index against a scan of what is held."""

from __future__ import annotations

import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paxos_ray.procession import Node, Procession, Search

KEYS = st.integers(0, 12)
RISING = st.lists(KEYS, max_size=30).map(sorted)
STEP = st.tuples(st.integers(1, 4), st.integers(0, 4), KEYS)


def values(nodes: list[Node[tuple[int, int]]]) -> list[tuple[int, int]]:
    return [node.value for node in nodes]


@given(st.lists(KEYS, max_size=30) | RISING, st.lists(STEP, max_size=30))
@settings(deadline=None)
def test_it_finds_what_a_scan_finds(keys: list[int], steps: list[tuple[int, int, int]]) -> None:
    """Each value is its key and its number, by which equal keys are told apart."""
    queue: Procession[tuple[int, int]] = Procession(bits=5)
    shifter = queue.shifter()
    queue.push((0, -1))  # of before
    search = Search(queue, lambda value: value[0])
    held = [(0, -1)]
    for number, key in enumerate(keys):
        pushes, shifts, asked = steps[number % len(steps)] if steps else (1, 0, key)
        queue.push((key, number))
        held.append((key, number))
        for _ in range(shifts if number % pushes == 0 else 0):
            shifter.shift()
            held = held[1:]
        known = [value for value in held if value[1] >= 0]
        assert len(search) == len(known)
        after = sorted(value for value in known if value[0] >= asked)
        assert values(list(search.walk(asked))) == after
        found = search.at_or_after(asked)
        assert (found and found.value) == (after[0] if after else None)
        exact = search.exact(asked)
        equal = [value for value in after if value[0] == asked]
        assert (exact and exact.value) == (equal[0] if equal else None)


class Thing:
    def __init__(self, key: int) -> None:
        self.key = key


@pytest.mark.parametrize("keys", [[1, 2, 3], [3, 1, 2]])
def test_what_is_not_held_is_not_held_by_the_index(keys: list[int]) -> None:
    queue: Procession[Thing] = Procession()
    shifter = queue.shifter()
    search = Search(queue, lambda thing: thing.key)
    things = []
    for key in keys:
        thing = Thing(key)
        things.append(weakref.ref(thing))
        queue.push(thing)
        del thing
    shifter.shift()
    assert [thing() is None for thing in things] == [True, False, False]
    assert len(search) == 2
    search.close()
    assert len(search) == 0
    queue.push(Thing(0))
    assert search.at_or_after(0) is None


def test_what_has_no_key_is_only_not_found() -> None:
    queue: Procession[str] = Procession()
    shifter = queue.shifter()
    search: Search[str, int] = Search(queue, int)
    queue.push("1")
    with pytest.raises(ValueError, match="none"):
        queue.push("none")
    queue.push("2")
    assert shifter.shift() == "1"
    assert shifter.shift() == "none"
    found = search.exact(2)
    assert found is not None
    assert found.value == "2"


def test_a_found_node_can_become_a_consumer() -> None:
    queue: Procession[int] = Procession()
    queue.shifter()
    search: Search[int, int] = Search(queue, lambda value: value)
    queue.extend(range(0, 100, 2))
    found = search.at_or_after(31)
    assert found is not None
    consumer = queue.walk(found).promote()
    assert (consumer.shift(), consumer.shift()) == (32, 34)
