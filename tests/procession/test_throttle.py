"""Heft and its limit; who waits for room gets in in order, and nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paxos_ray.procession import (
    EMPTY,
    END,
    Ended,
    Full,
    Heft,
    InvalidSetting,
    Outlet,
    Procession,
    Throttle,
    TimedOut,
)

SOON_S = 60


def until(true: Callable[[], bool]) -> None:
    """Let other threads go on until it is so."""
    pause = threading.Event()
    for _ in range(60_000):
        if true():
            return
        pause.wait(0.001)
    raise AssertionError("it never came to be")


# -- heft ------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 9)), st.lists(st.integers(0, 3)), st.integers(1, 20))
@settings(deadline=None)
def test_heft_is_a_sum(weights: list[int], shifts: list[int], limit: int) -> None:
    queue: Procession[str] = Procession(bits=4)
    asked: list[str] = []
    heft = Heft(queue, lambda text: len((asked.append(text), text)[1]), limit)
    shifter = queue.shifter()
    held: list[str] = []
    taken: list[str] = []
    peak = 0
    for weight, many in zip(weights, shifts, strict=False):
        text = "x" * weight
        if held and sum(map(len, held)) + weight > limit:
            with pytest.raises(Full) as raised:
                heft.push(text)
            assert raised.value.limit == limit
        elif len(held) < 15:
            heft.push(text)
            held.append(text)
            taken.append(text)
        peak = max(peak, sum(map(len, held)))
        for _ in range(many):
            assert shifter.shift() == (held.pop(0) if held else EMPTY)
        assert (heft.current, heft.peak) == (sum(map(len, held)), peak)
        assert heft.full == (heft.current >= limit)
    assert len(asked) <= len(weights)  # each weighed once


def test_a_value_may_change_its_weight_while_it_is_held() -> None:
    queue: Procession[list[int]] = Procession()
    shifter = queue.shifter()
    heft = Heft(queue, len)
    value = [1, 2, 3]
    queue.push(value)
    value.clear()
    assert heft.current == 3
    shifter.shift()
    assert heft.current == 0


def test_floats_do_not_pile_up() -> None:
    queue: Procession[float] = Procession()
    shifter = queue.shifter()
    heft: Heft[float] = Heft(queue, lambda value: value)
    queue.extend([0.1, 0.2, 0.7])
    list(shifter)
    assert heft.current == 0


def test_what_cannot_be_weighed_does_not_come_in() -> None:
    queue: Procession[float] = Procession()
    shifter = queue.shifter()
    heft: Heft[float] = Heft(queue, lambda value: value, 10)
    for weight in (-1, float("nan")):
        with pytest.raises(InvalidSetting):
            heft.push(weight)
    assert len(queue) == 0
    with pytest.raises(InvalidSetting):
        queue.push(-1)  # past the scales: it is in, and weighs nothing
    heft.push(4)
    assert heft.current == 4
    assert list(shifter) == [-1, 4]
    assert heft.current == 0
    for limit in (0, -1, float("nan")):
        with pytest.raises(InvalidSetting):
            Heft(queue, lambda value: value, limit)


def test_heft_is_of_what_came_since_and_until_it_is_closed() -> None:
    queue: Procession[str] = Procession()
    shifter = queue.shifter()
    queue.push("before")
    heft = Heft(queue, len)
    queue.push("abc")
    shifter.shift()
    assert heft.current == 3
    heft.close()
    shifter.shift()
    assert heft.current == 3


# -- waiting for room ------------------------------------------------------------------------


def test_who_waits_comes_in_in_order() -> None:
    throttle: Throttle[str] = Throttle(len, 4)
    outlet = throttle.shifter()
    throttle.enqueue("aaaa")
    with ThreadPoolExecutor(3) as pool:
        waiting = []
        for number, value in enumerate(("bbbb", "c", "dd")):
            waiting.append(pool.submit(throttle.enqueue, value))
            until(lambda number=number: throttle.waiting == number + 1)
        assert outlet.shift() == "aaaa"
        waiting[0].result(SOON_S)
        assert (throttle.waiting, throttle.heft) == (2, 4)  # "c" waits behind "bbbb"
        assert outlet.shift() == "bbbb"
        for each in waiting:
            each.result(SOON_S)
    assert list(outlet) == ["c", "dd"]
    assert (throttle.heft, throttle.heft_peak, throttle.limit, len(throttle)) == (0, 4, 4, 0)


def test_a_light_one_does_not_pass_a_heavy_one() -> None:
    async def main() -> None:
        throttle: Throttle[str] = Throttle(len, 4)
        outlet = throttle.shifter()
        throttle.enqueue("aaa")
        heavy = asyncio.create_task(throttle.enqueue_async("bbbb"))
        await asyncio.sleep(0)
        light = asyncio.create_task(throttle.enqueue_async("c"))
        await asyncio.sleep(0)
        assert (throttle.waiting, throttle.heft) == (2, 3)
        assert outlet.shift() == "aaa"
        await heavy
        assert throttle.waiting == 1
        assert outlet.shift() == "bbbb"
        await light
        assert list(outlet) == ["c"]

    asyncio.run(main())


def test_heavier_than_the_limit_comes_in_alone() -> None:
    throttle: Throttle[str] = Throttle(len, 2)
    outlet = throttle.shifter()
    throttle.enqueue("far too heavy")
    with pytest.raises(TimedOut):
        throttle.enqueue("a", timeout_s=0)
    assert outlet.shift() == "far too heavy"
    throttle.enqueue("a", timeout_s=0)
    with pytest.raises(TimedOut):
        throttle.enqueue("far too heavy", timeout_s=0)
    assert list(outlet) == ["a"]


def test_whose_time_is_up_is_not_in_and_lets_others_pass() -> None:
    async def main() -> None:
        throttle: Throttle[str] = Throttle(len, 4)
        outlet = throttle.shifter()
        throttle.enqueue("aaa")
        heavy = asyncio.create_task(throttle.enqueue_async("bb", timeout_s=0.01))
        await asyncio.sleep(0)
        light = asyncio.create_task(throttle.enqueue_async("c"))
        with pytest.raises(TimedOut):
            await heavy
        await light
        assert list(outlet) == ["aaa", "c"]

    asyncio.run(main())


def test_who_is_cancelled_is_not_in_and_lets_others_pass() -> None:
    async def main() -> None:
        throttle: Throttle[str] = Throttle(len, 4)
        outlet = throttle.shifter()
        throttle.enqueue("aaa")
        heavy = asyncio.create_task(throttle.enqueue_async("bb"))
        await asyncio.sleep(0)
        light = asyncio.create_task(throttle.enqueue_async("c"))
        await asyncio.sleep(0)
        heavy.cancel()
        with pytest.raises(asyncio.CancelledError):
            await heavy
        await light
        assert list(outlet) == ["aaa", "c"]

    asyncio.run(main())


def test_the_end_refuses_who_waits() -> None:
    async def main() -> None:
        throttle: Throttle[str] = Throttle(len, 1)
        outlet = throttle.shifter()
        throttle.enqueue("a")
        waiting = asyncio.create_task(throttle.enqueue_async("b"))
        await asyncio.sleep(0)
        throttle.end()
        with pytest.raises(Ended):
            await waiting
        with pytest.raises(Ended):
            throttle.enqueue("c")
        assert [value async for value in outlet] == ["a"]
        assert outlet.shift() is END

    asyncio.run(main())


def test_values_are_kept_while_there_is_no_consumer() -> None:
    throttle: Throttle[str] = Throttle(len, 3)
    throttle.enqueue("a")
    with throttle.shifter() as first:
        throttle.enqueue("b")
        assert first.peek() == "a"
        assert (first.shift(), first.lag) == ("a", 1)
        with first.shifter() as second:
            assert list(second) == ["b"]
        assert throttle.heft == 1
    throttle.enqueue("c")
    assert list(throttle.shifter()) == ["b", "c"]
    assert list(throttle.shifter()) == []


def test_room_is_made_by_the_last_of_several_consumers() -> None:
    throttle: Throttle[str] = Throttle(len, 1)
    one = throttle.shifter()
    other = one.shifter()
    throttle.enqueue("a")
    one.shift()
    with pytest.raises(TimedOut):
        throttle.enqueue("b", timeout_s=0)
    other.destroy()
    throttle.enqueue("b", timeout_s=0)
    assert list(one) == ["b"]


def test_what_has_no_weight_is_refused_at_once() -> None:
    throttle: Throttle[int] = Throttle(lambda value: value, 1)
    with pytest.raises(InvalidSetting):
        throttle.enqueue(-1)
    assert len(throttle) == 0


def test_threads_and_loops_together_lose_nothing() -> None:
    """Four threads and two tasks of one loop bring values, a task of another loop takes them."""
    throttle: Throttle[tuple[str, int]] = Throttle(lambda _: 1, 3)
    outlet = throttle.shifter()
    many = 300

    def bring(name: str) -> None:
        for number in range(many):
            throttle.enqueue((name, number), timeout_s=SOON_S)

    async def bring_async(name: str) -> None:
        for number in range(many):
            await throttle.enqueue_async((name, number), timeout_s=SOON_S)

    async def bring_two() -> None:
        await asyncio.gather(bring_async("e"), bring_async("f"))

    async def take(outlet: Outlet[tuple[str, int]]) -> list[tuple[str, int]]:
        return [value async for value in outlet]

    with ThreadPoolExecutor(6) as pool:
        taking = pool.submit(asyncio.run, take(outlet))
        bringing = [pool.submit(bring, name) for name in "abcd"]
        bringing.append(pool.submit(asyncio.run, bring_two()))
        for each in bringing:
            each.result(SOON_S)
        throttle.end()
        taken = taking.result(SOON_S)
    assert throttle.heft_peak <= 3
    for name in "abcdef":
        assert [number for who, number in taken if who == name] == list(range(many))
    assert len(taken) == 6 * many
