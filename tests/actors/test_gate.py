"""Who gets through a client's gate, and when."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import Any

import pytest

from paxos_ray import NoQuorum, Overloaded
from paxos_ray.actors import gate as module
from paxos_ray.actors.gate import CALL_BYTES, Gate, weigh

SOON_S = 30.0


def full() -> Gate:
    gate = Gate(limit=100)
    assert gate.enter(60)
    assert gate.enter(60), "a limit is exceeded by one"
    assert not gate.enter(1)
    return gate


def waiting(gate: Gate, count: int) -> None:
    """Wait until so many wait."""
    while len(gate._waiters) < count:
        pass


def test_calls_go_in_until_the_limit_is_reached_and_again_when_there_is_room() -> None:
    gate = full()
    assert (gate.weight, gate.calls) == (120, 2)
    gate.leave(60, 1)
    assert gate.enter(10_000), "whatever it weighs"
    assert not gate.enter(1)


def test_who_waits_gets_in_in_order_and_nobody_passes() -> None:
    gate, order = full(), []

    def come(name: str) -> None:
        gate.wait(50, None)
        order.append(name)

    threads = []
    for count, name in enumerate("abc", start=1):
        threads.append(threading.Thread(target=come, args=(name,)))
        threads[-1].start()
        waiting(gate, count)
    gate.leave(60, 1)  # 60 are in: the first
    threads[0].join(SOON_S)
    assert order == ["a"]
    assert not gate.enter(1), "two wait already"
    gate.leave(60, 1)
    threads[1].join(SOON_S)
    gate.leave(50, 1)
    threads[2].join(SOON_S)
    assert order == ["a", "b", "c"]
    assert (gate.weight, gate.calls, len(gate._waiters)) == (100, 2, 0)


@pytest.mark.parametrize("patience_s", [0.0, 0.01])
def test_who_has_no_patience_is_told_and_leaves_nothing_behind(patience_s: float) -> None:
    gate = full()
    with pytest.raises(Overloaded, match="2 calls are unanswered, of 120 bytes; 100 may be"):
        gate.wait(7, patience_s)
    with pytest.raises(Overloaded):
        asyncio.run(gate.wait_async(7, patience_s))
    assert (gate.weight, gate.refused, len(gate._waiters)) == (120, 2, 0)
    gate.leave(120, 2)
    assert gate.enter(1)


def test_a_loop_never_stands_still() -> None:
    gate = full()

    async def come() -> None:
        with pytest.raises(Overloaded, match="submit"):
            gate.wait(7, None)
        first = asyncio.create_task(gate.wait_async(50, None))
        second = asyncio.create_task(gate.wait_async(50, None))
        cancelled = asyncio.create_task(gate.wait_async(50, None))
        await asyncio.sleep(0)
        cancelled.cancel()
        gate.leave(60, 1)
        await first
        assert not second.done()
        gate.leave(60, 1)
        await second
        with pytest.raises(asyncio.CancelledError):
            await cancelled

    asyncio.run(come())
    assert (gate.weight, gate.calls, len(gate._waiters)) == (100, 2, 0)


def test_who_is_cancelled_at_the_moment_of_its_turn_gives_it_back() -> None:
    gate = full()

    async def come() -> None:
        task = asyncio.create_task(gate.wait_async(30, None))
        await asyncio.sleep(0)
        gate.leave(60, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(come())
    assert (gate.weight, gate.calls) == (60, 1)


@pytest.mark.parametrize("its_turn", [False, True])
def test_who_is_interrupted_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, its_turn: bool
) -> None:
    gate = full()

    class Interrupted(list[None]):
        put = list[None].append

        def get(self, **_: object) -> None:
            if its_turn:
                gate.leave(60, 1)
            raise KeyboardInterrupt

    monkeypatch.setattr(module, "SimpleQueue", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        gate.wait(50, None)
    if not its_turn:
        gate.leave(60, 1)
    assert (gate.weight, gate.calls, len(gate._waiters)) == (60, 1, 0)


@pytest.mark.parametrize("its_turn", [False, True])
def test_a_coroutine_that_is_let_go_of_leaves_nothing_behind(its_turn: bool) -> None:
    gate = full()

    async def come() -> None:
        waits = gate.wait_async(30, None)
        waits.send(None)
        if its_turn:
            gate.leave(60, 1)
        waits.close()

    asyncio.run(come())
    if not its_turn:
        gate.leave(60, 1)
    assert (gate.weight, gate.calls, len(gate._waiters)) == (60, 1, 0)


def test_a_coroutine_whose_loop_has_ended_gives_nothing_back_twice() -> None:
    gate, loop = full(), asyncio.new_event_loop()

    async def come() -> Any:
        waits = gate.wait_async(30, None)
        waits.send(None)
        return waits

    waits = loop.run_until_complete(come())
    loop.close()
    gate.leave(60, 1)
    assert (gate.weight, gate.calls, len(gate._waiters)) == (60, 1, 0)
    waits.close()
    assert (gate.weight, gate.calls) == (60, 1)


def test_the_garbage_collector_may_let_go_of_who_waits_at_any_moment() -> None:
    gate = full()

    class Garbage(deque[Any]):
        """Is collected as somebody joins the line, by the same thread."""

        waits: Any = None

        def append(self, waiter: Any) -> None:
            super().append(waiter)
            if self.waits is not None:
                waits, self.waits = self.waits, None
                waits.close()

    async def come() -> None:
        gate._waiters = line = Garbage()
        waits = gate.wait_async(30, None)
        waits.send(None)
        line.waits = waits
        with pytest.raises(Overloaded):
            await gate.wait_async(30, 0.01)

    thread = threading.Thread(target=asyncio.run, args=(come(),), daemon=True)
    thread.start()
    thread.join(SOON_S)
    assert not thread.is_alive()
    assert (gate.weight, gate.calls, len(gate._waiters)) == (120, 2, 0)


def test_a_wider_gate_and_a_closed_one_let_in_who_waits() -> None:
    gate = full()
    thread = threading.Thread(target=gate.wait, args=(50, None))
    thread.start()
    waiting(gate, 1)
    gate.widen(150)
    thread.join(SOON_S)
    assert gate.weight == 170
    thread = threading.Thread(target=gate.wait, args=(50, None))
    thread.start()
    waiting(gate, 1)
    gate.close()
    thread.join(SOON_S)
    assert gate.enter(1_000_000)


def test_who_waits_while_there_is_no_majority_is_told_so() -> None:
    gate, told = full(), []

    def come() -> None:
        with pytest.raises(Overloaded, match=r"2 calls are unanswered.*: b is dead") as refused:
            gate.wait(7, None)
        told.append(refused.value.__cause__)

    async def come_async() -> None:
        task = asyncio.create_task(gate.wait_async(7, None))
        await asyncio.sleep(0)
        gate.turn_away(NoQuorum("b is dead"))
        with pytest.raises(Overloaded, match="b is dead"):
            await task

    thread = threading.Thread(target=come)
    thread.start()
    waiting(gate, 1)
    gate.turn_away(NoQuorum("b is dead"))
    thread.join(SOON_S)
    assert isinstance(told[0], NoQuorum)
    asyncio.run(come_async())
    assert (gate.weight, gate.calls, gate.refused, len(gate._waiters)) == (120, 2, 2, 0)
    gate.leave(60, 1)
    assert gate.enter(1)


@pytest.mark.parametrize(
    ("arguments", "least"),
    [
        ((1,), 0),
        ((1 << 80_000,), 10_000),
        ((b"x" * 500, "y" * 500), 1_000),
        (([b"x" * 500, {"a": ("y" * 500, 3)}],), 1_000),
        ((None, 1.5, True), 0),
    ],
)
def test_a_call_weighs_what_it_carries(arguments: tuple[Any, ...], least: int) -> None:
    weight = weigh(("object", "method", arguments))
    assert CALL_BYTES + least <= weight <= CALL_BYTES + least + 1_000
