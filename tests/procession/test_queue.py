"""What the state machine does not reach: memory, length, waiting, bad input."""

from __future__ import annotations

import asyncio
import copy
import gc
import pickle
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from paxos_ray.procession import (
    EMPTY,
    END,
    Destroyed,
    Ended,
    Full,
    Heft,
    InvalidSetting,
    Metrics,
    Node,
    Procession,
    ProcessionError,
    Shifted,
    Shifter,
)

LONG = 300_000  # far beyond what recursion could follow


class Thing:
    """A value that can be seen to go."""


def fate(queue: Procession[Thing]) -> weakref.ref[Thing]:
    thing = Thing()
    queue.push(thing)
    return weakref.ref(thing)


# -- memory: without a run of the collector, as nothing may lie about until there is one -----


@pytest.mark.parametrize("seen", [False, True])
def test_a_value_goes_when_the_last_consumer_has_passed_it(seen: bool) -> None:
    queue: Procession[Thing] = Procession()
    one, other = queue.shifter(), queue.shifter()
    if seen:
        queue.walk()
    things = [fate(queue) for _ in range(3)]
    for _ in range(2):
        one.shift()
    assert [thing() is None for thing in things] == [False, False, False]
    other.shift()
    assert [thing() is None for thing in things] == [True, False, False]
    other.destroy()
    assert [thing() is None for thing in things] == [True, True, False]
    one.shift()
    assert [thing() is None for thing in things] == [True, True, True]


def test_a_consumer_that_is_alone_holds_nothing_it_has_shifted() -> None:
    queue: Procession[Thing] = Procession()
    shifter = queue.shifter()
    first, second = fate(queue), fate(queue)
    shifter.shift()
    assert first() is None
    assert second() is not None


def test_without_consumers_nothing_is_held() -> None:
    queue: Procession[Thing] = Procession()
    assert fate(queue)() is None
    shifter = queue.shifter()
    thing = fate(queue)
    assert thing() is not None
    shifter.destroy()
    assert thing() is None


def test_an_iterator_holds_what_lies_before_it_and_no_more() -> None:
    queue: Procession[Thing] = Procession()
    shifter = queue.shifter()
    things = [fate(queue) for _ in range(3)]
    walk = queue.walk()
    next(walk)
    next(walk)
    assert len(list(shifter)) == 3
    assert [thing() is None for thing in things] == [True, False, False]
    assert walk.shifted
    next(walk)
    assert [thing() is None for thing in things] == [True, True, False]
    del walk
    assert [thing() is None for thing in things] == [True, True, True]


@pytest.mark.parametrize("seen", [False, True])
def test_a_queue_that_nobody_can_reach_is_free(seen: bool) -> None:
    queue: Procession[Thing] = Procession()
    shifter = queue.shifter()
    if seen:
        queue.walk()
    thing = fate(queue)
    del queue, shifter
    gc.collect()  # queue and consumer know each other
    assert thing() is None


# -- long queues: no recursion ---------------------------------------------------------------


@pytest.fixture
def long() -> tuple[Procession[int], Shifter[int], Shifter[int]]:
    queue: Procession[int] = Procession()
    shifters = queue.shifter(), queue.shifter()
    queue.extend(range(LONG))
    assert sum(1 for _ in queue) == LONG
    return queue, *shifters


def test_a_long_queue_is_let_go_of(long: Any) -> None:
    queue, one, other = long
    one.destroy()
    first = next(queue.walk())
    other.destroy()
    assert first.shifted
    del queue, long, one, other
    last = weakref.ref(first)
    del first  # all others hang on it
    gc.collect()
    assert last() is None


@pytest.mark.parametrize("way", [copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))])
def test_a_long_queue_is_copied(long: Any, way: Callable[[Any], Any]) -> None:
    _, one, other = long
    assert [other.shift() for _ in range(5)] == [0, 1, 2, 3, 4]
    queue, one, other = way(long)
    assert list(one) == list(range(LONG))
    assert list(other) == list(range(5, LONG))
    assert len(queue) == 0
    assert queue.peak == LONG


def test_a_consumer_is_copied_with_its_queue() -> None:
    queue: Procession[int] = Procession(bits=2)
    shifter = queue.shifter()
    queue.extend([1, 2])
    shifter.shift()
    twin = copy.deepcopy(shifter)
    queue.push(3)
    assert list(shifter) == [2, 3]
    assert list(twin) == [2]
    twin.destroy()
    assert copy.deepcopy(twin).destroyed
    assert list(copy.copy(shifter)) == []  # another of the same queue
    with pytest.raises(TypeError, match=r"copy\.deepcopy"):
        copy.copy(queue)
    queue.push(4)
    with pytest.raises(TypeError, match="not copied"):
        pickle.dumps(next(iter(queue)))


# -- the end and the limit -------------------------------------------------------------------


def test_the_end_is_told_from_emptiness() -> None:
    queue: Procession[int | None] = Procession()
    shifter = queue.shifter()
    assert shifter.shift() is EMPTY
    queue.push(None)
    assert shifter.shift() is None
    assert shifter.shift() is EMPTY
    queue.push(7)
    queue.end()
    queue.end()
    assert shifter.shift() == 7
    assert shifter.shift() is END
    assert not EMPTY
    assert not END
    with pytest.raises(Ended):
        queue.push(8)
    assert shifter.peek() is END
    assert queue.shifter().shift() is END


@pytest.mark.parametrize("seen", [False, True])
def test_the_limit_is_of_what_is_held_not_of_all_that_passes(seen: bool) -> None:
    queue: Procession[int] = Procession(bits=4)
    assert queue.limit == 15
    shifter = queue.shifter()
    if seen:
        queue.listen(Metrics())
    for number in range(1_000):
        queue.push(number)
        if number >= 14:
            assert len(queue) == 15
            with pytest.raises(Full, match="at most 15"):
                queue.push(-1)
            assert shifter.shift() == number - 14
    assert list(shifter) == list(range(986, 1_000))
    assert queue.peak == 15


def test_an_alarm_rings_before_the_limit_and_again_when_it_was_left() -> None:
    queue: Procession[int] = Procession(limit=10)
    shifter = queue.shifter()
    rung: list[tuple[int, int]] = []
    queue.alarm(0.8, lambda held, limit: rung.append((held, limit)))
    queue.extend(range(7))
    assert rung == []
    queue.push(7)
    queue.push(8)
    assert rung == [(8, 10)]
    shifter.shift()
    queue.push(9)  # never less than 8 in between
    assert rung == [(8, 10)]
    list(shifter)
    queue.extend(range(9))
    assert rung == [(8, 10), (9, 10)]


def test_an_alarm_rings_again_after_several_consumers_have_made_room() -> None:
    queue: Procession[int] = Procession(limit=7)
    one, other = queue.shifter(), queue.shifter()
    rung: list[int] = []
    queue.alarm(0.5, lambda held, _limit: rung.append(held))
    queue.extend(range(4))
    one.shift()
    other.shift()
    queue.push(4)
    assert rung == [4, 4]


def test_what_an_alarm_raises_comes_out_of_the_push_and_nothing_is_lost() -> None:
    queue: Procession[int] = Procession(limit=2)
    shifter = queue.shifter()

    def ring(_held: int, _limit: int) -> None:
        raise RuntimeError("too long")

    queue.alarm(0.5, ring)
    with pytest.raises(RuntimeError, match="too long"):
        queue.push(1)
    queue.push(2)
    assert list(shifter) == [1, 2]


@pytest.mark.parametrize(
    "setting",
    [
        {"bits": 0},
        {"bits": 65},
        {"bits": 2.0},
        {"bits": True},
        {"limit": 0},
        {"bits": 3, "limit": 8},
        {"limit": 1.5},
    ],
)
def test_settings_out_of_range(setting: dict[str, Any]) -> None:
    with pytest.raises(InvalidSetting) as raised:
        Procession(**setting)
    assert isinstance(raised.value, ProcessionError)


@pytest.mark.parametrize("share", [0, 1, -0.5, 2, float("nan")])
def test_shares_out_of_range(share: float) -> None:
    queue: Procession[int] = Procession(limit=10)
    with pytest.raises(InvalidSetting):
        queue.alarm(share, lambda _held, _limit: None)


def test_an_unbounded_counter_does_not_wrap() -> None:
    queue: Procession[int] = Procession(bits=None)
    queue.extend(range(2**20))
    shifter = queue.shifter()
    queue.push(1)
    assert next(queue.walk()).sequence == shifter.sequence == 2**20


# -- listeners -------------------------------------------------------------------------------


class Clerk:
    """Notes what it is told; leaves the queue at a word."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def pushed(self, node: Node[str]) -> None:
        self.told.append(f"+{node.value}")

    def shifted(self, node: Node[str]) -> None:
        self.told.append(f"-{node.value}")


def test_without_consumers_a_node_is_shifted_at_once() -> None:
    queue: Procession[str] = Procession()
    clerk = Clerk()
    queue.listen(clerk)
    queue.push("a")
    queue.extend("bc")
    assert clerk.told == ["+a", "-a", "+b", "+c", "-b", "-c"]
    assert len(queue) == queue.peak == 0


def test_a_listener_hears_of_what_is_pushed_since() -> None:
    queue: Procession[str] = Procession()
    shifter = queue.shifter()
    queue.extend("ab")
    clerk = Clerk()
    queue.listen(clerk)
    queue.push("c")
    assert list(shifter) == ["a", "b", "c"]
    assert clerk.told == ["+c", "-c"]
    queue.silence(clerk)
    queue.push("d")
    assert clerk.told == ["+c", "-c"]
    assert shifter.shift() == "d"


def test_metrics() -> None:
    queue: Procession[int] = Procession()
    shifter = queue.shifter()
    metrics = Metrics()
    queue.listen(metrics)
    queue.extend(range(5))
    assert len(list(shifter)) == 5
    queue.extend(range(2))
    assert (metrics.pushed_total, metrics.shifted_total, metrics.held, metrics.held_peak) == (
        *(7, 5, 2),
        5,
    )


# -- waiting ---------------------------------------------------------------------------------


async def collect(shifter: Shifter[int]) -> list[int]:
    return [value async for value in shifter]


def test_asynchronous_consumers_wait() -> None:
    async def main() -> list[list[int]]:
        queue: Procession[int] = Procession()
        tasks = [asyncio.create_task(collect(queue.shifter())) for _ in range(3)]
        for number in range(4):
            queue.push(number)
            await asyncio.sleep(0)
        queue.extend([4, 5])
        queue.end()
        return [await task for task in tasks]

    assert asyncio.run(main()) == [list(range(6))] * 3


def test_a_consumer_that_is_destroyed_waits_no_more() -> None:
    async def main() -> list[int]:
        queue: Procession[int] = Procession()
        shifter = queue.shifter()
        task = asyncio.create_task(collect(shifter))
        queue.push(1)
        await asyncio.sleep(0)
        shifter.destroy()
        return await task

    assert asyncio.run(main()) == [1]


def test_one_that_is_cancelled_leaves_the_queue_as_it_was() -> None:
    async def main() -> None:
        queue: Procession[int] = Procession()
        shifter = queue.shifter()
        task = asyncio.create_task(collect(shifter))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        queue.push(1)
        assert shifter.shift() == 1

    asyncio.run(main())


def test_a_push_from_another_thread_wakes_a_loop() -> None:
    async def main() -> list[int]:
        queue: Procession[int] = Procession()
        task = asyncio.create_task(collect(queue.shifter()))
        await asyncio.sleep(0)
        pusher = threading.Thread(target=lambda: (queue.push(1), queue.end()))
        pusher.start()
        values = await task
        pusher.join()
        return values

    assert asyncio.run(main()) == [1]


# -- places ----------------------------------------------------------------------------------


def test_a_consumer_moves_to_any_node_that_is_held() -> None:
    queue: Procession[int] = Procession(bits=3)
    one, other = queue.shifter(), queue.shifter()
    queue.extend(range(7))
    nodes = list(queue)
    one.move(nodes[5])
    assert (one.peek(), one.lag, len(queue)) == (5, 2, 7)
    one.move(nodes[2])
    other.move(nodes[3])
    assert (len(queue), nodes[1].shifted, nodes[2].shifted) == (5, True, False)
    assert queue.distance(nodes[2], nodes[6]) == 4
    with pytest.raises(Shifted):
        one.move(nodes[1])
    assert list(one) == [2, 3, 4, 5, 6]
    assert list(other) == [3, 4, 5, 6]
    with pytest.raises(Shifted):
        other.move(nodes[6])
    other.destroy()
    with pytest.raises(Destroyed):
        other.move(nodes[6])


def test_the_rest_of_a_walk() -> None:
    queue: Procession[int] = Procession()
    queue.shifter()
    queue.extend(range(5))
    walk = queue.walk()
    next(walk)
    assert [node.value for node in walk.rest()] == [1, 2, 3, 4]
    assert walk.rest() == []
    queue.push(5)
    assert [node.value for node in walk.rest()] == [5]
    assert walk.promote().peek() == 5


@pytest.mark.parametrize("wrong", [1.5, "x", None, True, -1, 6])
def test_a_skip_that_is_refused_leaves_the_consumer_as_it_is(wrong: Any) -> None:
    queue: Procession[int] = Procession()
    consumer = queue.shifter()
    queue.extend(range(5))
    with pytest.raises(InvalidSetting):
        consumer.skip(wrong)
    assert (consumer.shift(), consumer.sequence, consumer.lag) == (0, 1, 4)


def test_what_is_no_number_and_no_node_is_refused() -> None:
    queue: Procession[str] = Procession()
    consumer = queue.shifter()
    queue.extend("abc")
    calls: list[Callable[[], Any]] = [
        lambda: consumer.move(None),  # type: ignore[arg-type]
        lambda: queue.alarm("x", print),  # type: ignore[arg-type]
        lambda: Heft(queue, len, "x"),  # type: ignore[arg-type]
    ]
    for call in calls:
        with pytest.raises(InvalidSetting):
            call()
    assert list(consumer) == ["a", "b", "c"]


def test_an_alarm_rings_again_when_the_last_consumer_has_gone_meanwhile() -> None:
    queue: Procession[int] = Procession(bits=3, limit=2)
    rung: list[tuple[int, int]] = []
    queue.alarm(0.5, lambda held, limit: rung.append((held, limit)))
    for _ in range(2):
        with queue.shifter():
            queue.push(1)
    assert rung == [(1, 2), (1, 2)]
