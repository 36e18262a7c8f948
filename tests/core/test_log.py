"""The log against a plain list."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paxos_ray.core import Entry, Government, Promise
from paxos_ray.core.log import NOTHING, Log, heft
from paxos_ray.procession import END, Ended
from tests.core.harness import government

MANY = 10**9


def body(number: int, entry: int, size: int) -> Any:
    return government("a", number=number) if entry == 0 else b"x" * size


def history(shape: list[tuple[int, list[int]]]) -> list[Entry]:
    """Entries of governments that follow each other: (step in number, sizes of its entries)."""
    entries: list[Entry] = []
    previous, number = NOTHING, 0
    for step, sizes in shape:
        number += step
        for place, size in enumerate([0, *sizes]):
            promise = Promise(number, place)
            entries.append(Entry(promise, previous, len(entries), body(number, place, size)))
            previous = promise
    return entries


HISTORIES = st.lists(
    st.tuples(st.integers(1, 3), st.lists(st.integers(0, 90), max_size=5)), min_size=1, max_size=6
).map(history)


def ruling(entries: list[Entry], at: int) -> Government:
    """The government in force at that entry."""
    return next(e.body for e in reversed(entries[: at + 1]) if e.promise.entry == 0)


def since(held: list[Entry], promise: Promise, entries: int, size: int) -> tuple[Entry, ...] | None:
    """What `Log.since` promises, by a scan."""
    if held and promise == held[0].previous:
        rest = held
    else:
        places = [place for place, entry in enumerate(held) if entry.promise == promise]
        if not places:
            return None
        rest = held[places[0] + 1 :]
    return bounded(rest, entries, size)


def bounded(rest: list[Entry], entries: int, size: int) -> tuple[Entry, ...]:
    taken: list[Entry] = []
    total = 0
    for entry in rest[:entries]:
        total += heft(entry.body)
        if taken and total > size:
            break
        taken.append(entry)
    return tuple(taken)


def agree(log: Log, held: list[Entry], everything: list[Entry], first: int) -> None:
    """The log shows what the list holds, and so does its queue."""
    assert [node.value for node in copy.deepcopy(log.queue)] == held
    assert len(log.queue) == len(held)
    assert list(log) == held
    assert len(log) == len(held)
    assert log.heft == sum(heft(entry.body) for entry in held)
    assert log.first == (held[0] if held else None)
    assert log.last == (held[-1] if held else None)
    if held:
        assert log.top == held[-1].promise
        assert log.base == ruling(everything, first)
    for entry in everything if held else ():
        rest = log.after(entry.promise)
        expected = since(held, entry.promise, MANY, MANY)
        assert (rest if rest is None else tuple(rest)) == expected
    for entries, size in ((MANY, MANY), (2, MANY), (MANY, 70), (3, 100), (1, 1)):
        assert log.opening(entries, size) == bounded(held, entries, size)
        for entry in everything:
            if held:
                assert log.since(entry.promise, entries, size) == since(
                    held, entry.promise, entries, size
                )


@given(HISTORIES, st.data())
@settings(max_examples=30, deadline=None)
def test_the_log_is_a_list(entries: list[Entry], data: st.DataObject) -> None:
    """Extended by pieces and trimmed at any time, it holds and finds what the list does."""
    log = Log()
    taken, head = 0, 0
    while taken < len(entries):
        piece = data.draw(st.integers(1, len(entries) - taken))
        log.extend(entries[taken : taken + piece])
        taken += piece
        agree(log, entries[head:taken], entries, head)
        place = data.draw(st.integers(0, len(entries) - 1))
        log.trim(entries[place].promise)
        head = max(head, min(place, taken - 1))
        agree(log, entries[head:taken], entries, head)


@given(HISTORIES, st.data())
@settings(max_examples=20, deadline=None)
def test_a_log_begins_anywhere(entries: list[Entry], data: st.DataObject) -> None:
    """Restarted at any entry, after holding something else, it goes on as one that always did."""
    log = Log()
    log.extend(entries)
    first = data.draw(st.integers(0, len(entries) - 1))
    log.restart(ruling(entries, first), entries[first])
    assert (len(log), log.heft, log.top) == (0, 0, entries[first].previous)
    log.extend(entries[first:])
    agree(log, entries[first:], entries, first)
    place = data.draw(st.integers(0, len(entries) - 1))
    log.trim(entries[place].promise)
    head = max(first, place)
    agree(log, entries[head:], entries, head)


@given(HISTORIES, st.data())
@settings(max_examples=30, deadline=None)
def test_a_gap_is_an_assertion(entries: list[Entry], data: st.DataObject) -> None:
    log = Log()
    log.extend(entries[:1])
    if len(entries) < 3:
        return
    missing = data.draw(st.integers(2, len(entries) - 1))
    try:
        log.extend(entries[missing:])
    except AssertionError:
        return
    raise AssertionError("a gap was taken")


def test_trimming_below_and_beyond() -> None:
    entries = history([(1, [1, 2]), (2, [3])])
    log = Log()
    log.trim(Promise(9, 0))
    assert len(log) == 0
    log.extend(entries)
    log.trim(NOTHING)
    assert len(log) == 5
    log.trim(Promise(2, 0))  # never in the log: who asks for it is not understood, nothing goes
    assert len(log) == 5
    log.trim(Promise(9, 0))
    assert list(log) == entries[-1:]


def test_heft_counts_bytes_and_text() -> None:
    assert [heft(item) for item in (b"abc", bytearray(4), "ab", {"a": 1})] == [3, 4, 2, 64]


@given(HISTORIES, st.booleans(), st.data())
@settings(max_examples=30, deadline=None)
def test_a_follower_gets_every_entry_however_the_log_is_trimmed(
    entries: list[Entry], seen: bool, data: st.DataObject
) -> None:
    """What it has not had yet is held for it by the queue, and by the log no more."""
    log = Log()
    follower = log.queue.shifter()
    if seen:
        log.queue.walk()
    taken, followed = 0, []
    while taken < len(entries):
        piece = data.draw(st.integers(1, len(entries) - taken))
        log.extend(entries[taken : taken + piece])
        taken += piece
        log.trim(entries[data.draw(st.integers(0, len(entries) - 1))].promise)
        followed += [follower.shift() for _ in range(data.draw(st.integers(0, follower.lag)))]
        assert len(log.queue) == max(len(log), follower.lag)
    assert followed + list(follower) == entries


def test_a_restart_ends_what_is_followed() -> None:
    entries = history([(1, [1, 2]), (2, [3])])
    log = Log()
    log.extend(entries[:2])
    follower = log.queue.shifter()
    before = log.queue
    log.restart(ruling(entries, 3), entries[3])
    with pytest.raises(Ended):
        before.push(entries[0])
    assert follower.shift() is END
    again = log.queue.shifter()
    log.extend(entries[3:])
    assert list(again) == entries[3:]


def test_an_alarm_tells_of_a_long_log() -> None:
    entries = history([(1, [0] * 5)])
    log = Log()
    rung: list[int] = []
    log.queue.alarm(3 / log.queue.limit, lambda held, _limit: rung.append(held))
    for entry in entries:
        log.extend([entry])
    assert rung == [3]


@given(HISTORIES, st.data())
@settings(max_examples=30, deadline=None)
@pytest.mark.parametrize("way", [copy.deepcopy, lambda log: pickle.loads(pickle.dumps(log))])
def test_a_copy_goes_on_like_the_original(
    way: Callable[[Log], Log], entries: list[Entry], data: st.DataObject
) -> None:
    log = Log()
    taken = data.draw(st.integers(0, len(entries)))
    log.extend(entries[:taken])
    place = data.draw(st.integers(0, len(entries) - 1))
    log.trim(entries[place].promise)
    twin = way(log)
    head = min(place, max(taken - 1, 0))
    agree(twin, entries[head:taken], entries, head)
    twin.extend(entries[taken:])
    log.trim(entries[-1].promise)
    agree(twin, entries[head:], entries, head)
    twin.trim(entries[-1].promise)
    agree(twin, entries[-1:], entries, len(entries) - 1)


def test_a_copy_of_a_log_that_waits_for_its_first_entry() -> None:
    entries = history([(1, [1, 2, 3]), (2, [4])])
    log = Log()
    log.extend(entries[:1])
    log.restart(ruling(entries, 2), entries[2])
    twin = copy.deepcopy(log)
    twin.extend(entries[2:])
    agree(twin, entries[2:], entries, 2)
