"""Calls that wait on a real Ray: for a lock, a turn, an item; given up, and killed under."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import uuid
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import ray

import paxos_ray
from paxos_ray import Island, NotHeld, TimedOut, launch
from tests.actors.soon import SOON_S, await_status, is_whole, until

pytestmark = pytest.mark.usefixtures("cluster")


@pytest.fixture(scope="module")
def island(cluster: str) -> Iterator[Island]:
    island = launch(f"waiting-{uuid.uuid4().hex[:8]}")
    yield island
    island.shutdown()


@pytest.fixture
def name() -> str:
    return uuid.uuid4().hex


@pytest.fixture(scope="module")
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as pool:
        yield pool


async def until_async(told: Callable[[], Awaitable[Any]]) -> None:
    async with asyncio.timeout(SOON_S):
        while not await told():  # noqa: ASYNC110 - it waits for the island
            await asyncio.sleep(0.02)


def fail(*_: object) -> None:
    raise ZeroDivisionError


def kill_leader(island: Island) -> None:
    pid = await_status(island, is_whole).leader_pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def test_a_lock_is_waited_for_in_order(
    island: Island, name: str, threads: ThreadPoolExecutor
) -> None:
    lock = island.lock(name)
    with lock.held(label="first") as token:
        assert token == 1
        waiting = []
        for n in range(3):
            waiting.append(threads.submit(lock.acquire, timeout_s=SOON_S))
            until(lambda n=n: len(lock.waiters()) == n + 1)
        assert not any(each.done() for each in waiting)
    for n, each in enumerate(waiting):
        assert each.result(SOON_S) == n + 2
        assert lock.holder()[0] == n + 2
        lock.release(n + 2)
    assert lock.holder() is None


def test_who_does_not_get_it_in_time_waits_no_more(island: Island, name: str) -> None:
    lock = island.lock(name)
    token = lock.acquire(timeout_s=SOON_S)
    for timeout_s in (0.3, 0):
        with pytest.raises(TimedOut):
            lock.acquire(timeout_s=timeout_s)
    with pytest.raises(TimedOut), lock.held(timeout_s=0.3):
        raise AssertionError("it is not held")
    until(lambda: lock.waiters() == [])
    lock.release(token)
    until(lambda: lock.holder() is None)
    with pytest.raises(paxos_ray.InvalidArgument):
        lock.acquire(timeout_s=-1)
    with pytest.raises(paxos_ray.InvalidArguments):
        lock.acquire(lease_ms=0)


def test_what_was_lost_is_told_at_the_end(island: Island, name: str) -> None:
    lock = island.lock(name)
    with pytest.raises(NotHeld), lock.held() as token:
        assert lock.revoke(token)
    with pytest.raises(ZeroDivisionError), lock.held() as token:
        fail(lock.revoke(token))
    first = lock.held(lease_ms=300)  # log time passes by itself when something is due
    with pytest.raises(NotHeld), first as token, lock.held(timeout_s=SOON_S) as second:
        assert second > token
    assert lock.holder() is None


def test_coroutines_wait_and_are_cancelled(island: Island, name: str) -> None:
    lock = island.lock(name)

    async def scenario() -> None:
        order = []

        async def waiting(count: int) -> None:
            async def there() -> bool:
                return len(await lock.waiters.remote()) == count

            await until_async(there)

        async def enter(n: int) -> None:
            async with lock.held(timeout_s=SOON_S) as token:
                order.append((n, token))

        async with lock.held() as token:
            assert token == 1
            first = asyncio.create_task(enter(1))
            await waiting(1)
            second = asyncio.create_task(lock.acquire_async())
            await waiting(2)
            third = asyncio.create_task(enter(3))
            await waiting(3)
            second.cancel()
            with pytest.raises(asyncio.CancelledError):
                await second
            await waiting(2)
            with pytest.raises(TimedOut):
                await lock.acquire_async(timeout_s=0.2)
        await asyncio.gather(first, third)
        assert order == [(1, 2), (3, 4)]

    asyncio.run(scenario())
    until(lambda: lock.holder() is None)


def test_who_is_cancelled_before_it_is_answered_holds_nothing(island: Island, name: str) -> None:
    lock = island.lock(name)

    async def scenario() -> None:
        for _ in range(20):
            asked = asyncio.create_task(lock.acquire_async())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            asked.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asked

    asyncio.run(scenario())
    token = lock.acquire(timeout_s=SOON_S)
    assert token == 21
    lock.release(token)


def test_who_is_interrupted_leaves_the_line(island: Island, name: str) -> None:
    lock = island.lock(name)
    token = lock.acquire()

    def interrupt() -> None:
        until(lock.waiters)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        lock.acquire(timeout_s=4 * SOON_S)
    until(lambda: lock.waiters() == [])
    lock.release(token)
    assert lock.holder() is None


def test_a_lock_that_is_retired_is_waited_for_no_more(
    island: Island, name: str, threads: ThreadPoolExecutor
) -> None:
    lock = island.lock(name)
    lock.acquire()
    waiting = threads.submit(lock.acquire, timeout_s=SOON_S)
    until(lock.waiters)
    island.retire(name)
    with pytest.raises(NotHeld):
        waiting.result(SOON_S)


@ray.remote(max_concurrency=4)
class Rival:
    """Another client: an actor that runs an event loop."""

    def __init__(self, handle: Any) -> None:
        self.handle = handle

    async def acquire(self) -> int:
        return await self.handle.acquire_async(timeout_s=SOON_S)

    async def release(self, token: int) -> None:
        await self.handle.release.remote(token)

    async def take(self) -> Any:
        async with self.handle.taking(timeout_s=SOON_S) as taken:
            return taken.value


def test_a_leader_is_killed_while_clients_wait_for_a_lock(island: Island, name: str) -> None:
    lock = island.lock(name)
    rivals = [Rival.remote(lock) for _ in range(2)]
    with lock.held(timeout_s=SOON_S):
        waiting = [rival.acquire.remote() for rival in rivals]
        until(lambda: len(lock.waiters()) == 2)
        kill_leader(island)
    tokens = []
    for _ in rivals:
        (done,), waiting = ray.wait(waiting, timeout=SOON_S)
        tokens.append(ray.get(done))
        assert lock.holder()[0] == tokens[-1]
        holder = lock.holder()
        assert len(lock.waiters()) == len(waiting)
        released = [rival.release.remote(holder[0]) for rival in rivals]
        outcomes = []
        for each in released:
            try:
                ray.get(each, timeout=SOON_S)
                outcomes.append("released")
            except NotHeld:
                outcomes.append("not held")
        assert sorted(outcomes) == ["not held", "released"]
    assert tokens == [2, 3]
    assert lock.holder() is None


def test_a_semaphore_an_election(island: Island, name: str, threads: ThreadPoolExecutor) -> None:
    semaphore = island.semaphore(name, 2)
    with semaphore.held(2):
        waiting = threads.submit(semaphore.acquire, timeout_s=SOON_S)
        until(semaphore.waiters)
        semaphore.resize(3)
        token = waiting.result(SOON_S)
        with pytest.raises(TimedOut):
            semaphore.acquire(3, timeout_s=0.2)
    semaphore.release(token)
    assert semaphore.available() == 3

    election = island.election(f"{name} 2")
    observed = election.observe(timeout_s=SOON_S)
    assert next(observed) is None
    with election.leading("a") as term:
        assert next(observed) == (term, "a")
        election.proclaim(term, "a again")
        assert next(observed) == (term, "a again")
        election.proclaim(term, "a")
        assert next(observed) == (term, "a")
        assert election.leader()[:2] == (term, "a")
        next_one = threads.submit(election.campaign, "b", timeout_s=SOON_S)
        until(election.candidates)
        with pytest.raises(TimedOut):
            election.campaign("c", timeout_s=0.2)
    assert next_one.result(SOON_S) == 2
    assert election.leader()[:2] == (2, "b")
    assert [next(observed), next(observed)] == [None, (2, "b")]
    observed.close()

    async def campaign() -> int:
        assert await semaphore.acquire_async(timeout_s=SOON_S) > 0
        async for leader in election.observe(timeout_s=SOON_S):
            assert leader == (2, "b")
            break
        asked = asyncio.create_task(election.campaign_async("d", timeout_s=SOON_S))
        await until_async(election.candidates.remote)
        await election.resign.remote(2)
        return await asked

    assert asyncio.run(campaign()) == 4


def test_a_barrier(island: Island, name: str, threads: ThreadPoolExecutor) -> None:
    barrier = island.barrier(name)
    for gathering in (1, 2):
        there = [threads.submit(barrier.wait, 3, timeout_s=SOON_S) for _ in range(2)]
        until(lambda: len(barrier.waiting()) == 2)
        with pytest.raises(paxos_ray.ConfiguredOtherwise):
            barrier.wait(4, timeout_s=SOON_S)
        assert asyncio.run(barrier.wait_async(3, timeout_s=SOON_S)) == gathering
        assert [each.result(SOON_S) for each in there] == [gathering] * 2
    with pytest.raises(TimedOut):
        barrier.wait(2, timeout_s=0.2)
    assert barrier.waiting() == []


def test_a_double_barrier(island: Island, name: str, threads: ThreadPoolExecutor) -> None:
    barrier = island.barrier(name)
    for gathering in (1, 2):
        coming = [threads.submit(barrier.enter, 3, timeout_s=SOON_S) for _ in range(2)]
        until(lambda: len(barrier.waiting()) == 2)
        inside = asyncio.run(barrier.enter_async(3, timeout_s=SOON_S))
        others = [each.result(SOON_S) for each in coming]
        assert {each.gathering for each in (inside, *others)} == {gathering}
        leaving = threads.submit(barrier.exit, inside, timeout_s=SOON_S)
        until(lambda: len(barrier.inside()) == 2)
        assert not leaving.done()
        with pytest.raises(TimedOut):
            barrier.exit(others[0], timeout_s=0.3)
        assert not leaving.done(), "one is inside still"
        asyncio.run(barrier.exit_async(others[1], timeout_s=SOON_S))
        leaving.result(SOON_S)
        with pytest.raises(NotHeld):
            barrier.exit(inside, timeout_s=SOON_S)
    with pytest.raises(TimedOut):
        barrier.enter(2, timeout_s=0.2)
    assert barrier.waiting() == barrier.inside() == []


def test_who_gives_up_as_the_others_come_is_not_left_inside(island: Island, name: str) -> None:
    barrier = island.barrier(name)

    async def run() -> None:
        asked = asyncio.create_task(barrier.enter_async(2))
        await until_async(barrier.waiting.remote)
        arrived = barrier.arrive.remote(2)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        await arrived

    for _ in range(5):
        asyncio.run(run())
        if barrier.waiting():  # it left first: the other waits for somebody else
            barrier.arrive(2)
        until(lambda: not barrier.waiting() and not barrier.inside())


def test_a_gate(island: Island, name: str, threads: ThreadPoolExecutor) -> None:
    barrier = island.barrier(name)
    barrier.pass_gate(timeout_s=SOON_S)
    barrier.hold()
    passing = [threads.submit(barrier.pass_gate, timeout_s=SOON_S) for _ in range(2)]
    with pytest.raises(TimedOut):
        barrier.pass_gate(timeout_s=0.2)

    async def both() -> None:
        asked = asyncio.create_task(barrier.pass_gate_async(timeout_s=SOON_S))
        await asyncio.sleep(0.05)
        assert not asked.done()
        assert not any(each.done() for each in passing)
        await barrier.lift.remote()
        await asked

    asyncio.run(both())
    for each in passing:
        each.result(SOON_S)
    barrier.hold()
    passing = [threads.submit(barrier.pass_gate, timeout_s=SOON_S)]
    island.retire(name)
    passing[0].result(SOON_S)


def test_a_leader_is_killed_while_parties_are_inside(island: Island, name: str) -> None:
    barrier = island.barrier(name)
    with ThreadPoolExecutor(3) as threads:
        coming = [threads.submit(barrier.enter, 3, timeout_s=SOON_S) for _ in range(3)]
        there = [each.result(SOON_S) for each in coming]
        barrier.hold()
        leaving = [threads.submit(barrier.exit, each, timeout_s=SOON_S) for each in there[:2]]
        passing = threads.submit(barrier.pass_gate, timeout_s=SOON_S)
        kill_leader(island)
        barrier.exit(there[2], timeout_s=SOON_S)
        barrier.lift()
        for each in (*leaving, passing):
            each.result(SOON_S)


def test_a_queue(island: Island, name: str, threads: ThreadPoolExecutor) -> None:
    queue = island.queue(name, limit=2)
    taking = threads.submit(queue.take, timeout_s=SOON_S)
    until(queue.waiters)
    assert queue.put("a") == 1
    taken = taking.result(SOON_S)
    assert (taken.value, taken.attempts, taken.id) == ("a", 1, 1)
    with pytest.raises(TimedOut):
        queue.take(timeout_s=0.2)
    assert queue.put("b", timeout_s=SOON_S) == 2
    with pytest.raises(TimedOut):
        queue.put("too much", timeout_s=0.2)
    putting = [threads.submit(queue.put, n, timeout_s=SOON_S) for n in range(4)]
    joined = threads.submit(queue.join, timeout_s=SOON_S)
    queue.acknowledge(taken.delivery)
    with pytest.raises(ZeroDivisionError), queue.taking(timeout_s=SOON_S) as taken:
        fail(taken)
    assert taken.value == "b"
    values = []
    for _ in range(5):
        with queue.taking(timeout_s=SOON_S) as taken:
            values.append(taken.value)
            assert not joined.done()
    assert values[0] == "b"
    assert sorted(values[1:]) == [0, 1, 2, 3]
    assert len({each.result(SOON_S) for each in putting}) == 4
    joined.result(SOON_S)

    async def both() -> Any:
        asked = asyncio.create_task(queue.take_async(timeout_s=SOON_S))
        await until_async(queue.waiters.remote)
        await queue.put_async("z", timeout_s=SOON_S)
        taken = await asked
        await queue.acknowledge.remote(taken.delivery)
        await queue.join_async(timeout_s=SOON_S)
        return taken.value

    assert asyncio.run(both()) == "z"


def test_a_leader_is_killed_while_clients_wait_for_items(island: Island, name: str) -> None:
    queue = island.queue(name)
    rival = Rival.remote(queue)
    waiting = [rival.take.remote() for _ in range(4)]
    until(lambda: len(queue.waiters()) == 4)
    kill_leader(island)
    for n in range(4):
        queue.put(n, timeout_s=SOON_S)
    assert sorted(ray.get(waiting, timeout=SOON_S)) == [0, 1, 2, 3]
    queue.join(timeout_s=SOON_S)
