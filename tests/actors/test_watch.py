"""Watching objects on a real Ray: each event once, in order, whoever dies; who is slow is told."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import ray

import paxos_ray
from paxos_ray import (
    Change,
    EntryGone,
    EventsGone,
    InvalidArgument,
    Island,
    Limits,
    Promise,
    TimedOut,
    Watch,
    launch,
)
from paxos_ray.actors.watch import watch
from paxos_ray.machines.objects import REGISTRY
from tests.actors.soon import SOON_S, await_status, is_whole, until

pytestmark = pytest.mark.usefixtures("cluster")


@paxos_ray.replicated
class Ticker:
    """Publishes what it is told to."""

    def __init__(self) -> None:
        self.count = 0

    def tell(self, key: Any = None, times: int = 1, text: str = "") -> int:
        for _ in range(times):
            self.count += 1
            paxos_ray.context().publish((self.count, text) if text else self.count, key)
        return self.count

    def fail(self) -> None:
        self.tell()
        raise ValueError("and nothing is told")


@pytest.fixture(scope="module")
def island(cluster: str) -> Iterator[Island]:
    """An island of three that nobody harms."""
    island = launch(f"watched-{uuid.uuid4().hex[:8]}", audit_s=0)
    yield island
    island.shutdown()


@pytest.fixture
def ticker(island: Island) -> Any:
    return island.deploy(uuid.uuid4().hex, Ticker)


def told(watch: Watch, count: int) -> list[Any]:
    """The next so many events."""
    changes = [watch.next(SOON_S) for _ in range(count)]
    assert all(isinstance(change, Change) for change in changes)
    return [change.event for change in changes if change is not None]


def test_all_that_is_asked_for_once_it_stands_is_told_and_nothing_from_before(ticker: Any) -> None:
    ticker.tell()
    with ticker.watch() as watch:
        ticker.tell.remote("a")
        with pytest.raises(ValueError, match="nothing is told"):
            ticker.fail()
        ticker.tell("b", 2)
        changes = [watch.next(SOON_S) for _ in range(3)]
        with pytest.raises(TimedOut, match=r"within 0\.05 s"):
            watch.next(0.05)
    assert [(c.object, c.key, c.event) for c in changes if c] == [
        (ticker._object, "a", 2),
        (ticker._object, "b", 3),
        (ticker._object, "b", 4),
    ]
    assert watch.closed
    assert watch.next() is None
    assert list(watch) == []


def test_watches_choose_by_key(ticker: Any) -> None:
    with ticker.watch("a") as one, ticker.watch(keys=["b", ("c", 1)]) as two:
        with ticker.watch() as all_of_them:
            for key in ("a", "b", None, ("c", 1), ["d"], "a"):
                ticker.tell.remote(key)
            assert told(all_of_them, 6) == [1, 2, 3, 4, 5, 6]
        assert told(one, 2) == [1, 6]
        assert told(two, 2) == [2, 4]


def test_one_goes_on_from_where_one_was(ticker: Any) -> None:
    with ticker.watch() as watch:
        ticker.tell("a", 3)
        ticker.tell("b", 2)
        assert told(watch, 1) == [1]
        whole = watch.position
        assert told(watch, 3) == [2, 3, 4]
        part = watch.position
        assert told(watch, 1) == [5]
        last = watch.position
    assert whole is not None
    assert part is not None
    assert last is not None
    assert whole < part < last
    with ticker.watch(after=whole) as again:
        assert told(again, 5) == [1, 2, 3, 4, 5]
    with ticker.watch("b", after=part) as again:
        assert told(again, 2) == [4, 5]
    with ticker.watch(after=last) as again:
        ticker.tell("c")
        assert told(again, 1) == [6]


def test_many_watches_in_threads_and_loops_share_a_call(island: Island, ticker: Any) -> None:
    heard: dict[int, list[Any]] = {}
    standing = [threading.Event() for _ in range(30)]

    async def follow(number: int) -> None:
        async with ticker.watch(number % 3) as watch:
            standing[number].set()
            heard[number] = [(await anext(watch)).event for _ in range(20)]

    async def all_of_them() -> None:
        await asyncio.gather(*(follow(number) for number in range(20)))

    def plainly(number: int) -> None:
        with ticker.watch(number % 3, timeout_s=SOON_S) as watch:
            standing[number].set()
            heard[number] = [next(watch).event for _ in range(20)]

    threads = [threading.Thread(target=lambda: asyncio.run(all_of_them()))]
    threads += [threading.Thread(target=plainly, args=(number,)) for number in range(20, 30)]
    for thread in threads:
        thread.start()
    assert all(event.wait(SOON_S) for event in standing)
    follower = island._client.follower
    assert follower is not None
    assert len(follower._polls) <= 1
    for number in range(60):
        ticker.tell.remote(number % 3)
    for thread in threads:
        thread.join(SOON_S)
    assert heard == {number: list(range(number % 3 + 1, 61, 3)) for number in range(30)}


def test_in_a_loop_what_is_called_after_it_is_in_it(ticker: Any) -> None:
    async def follow() -> list[Any]:
        await ticker.tell.remote("before")  # this process has heard of the island
        watch = ticker.watch()
        calls = [await ticker.tell.submit("after") for _ in range(5)]
        assert [await call for call in calls] == [2, 3, 4, 5, 6]
        events = [(await watch.anext(SOON_S)) for _ in range(5)]
        with pytest.raises(TimedOut):
            await watch.anext(0.05)
        task = asyncio.create_task(watch.anext())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(watch._calls) == 0
        asyncio.get_running_loop().call_later(0.05, watch.close)
        assert await watch.anext() is None
        return [change.event for change in events if change]

    assert asyncio.run(follow()) == [2, 3, 4, 5, 6]


@ray.remote(num_cpus=0)
def tell_all(ticker: Any, calls: int) -> None:
    for _ in range(calls):
        ticker.tell.remote("remote", 2).result(SOON_S)


def test_each_once_in_order_whoever_is_killed(name: str) -> None:
    """The leader is killed, then who is asked and the coordinator, then who is asked stands still,
    while others write. Those that have come new hold nothing from before, and say so."""
    island = launch(name, citizens=5, audit_s=0)
    ticker = island.deploy("ticker", Ticker)
    paused: int | None = None
    with ticker.watch() as watch:
        began = watch.position
        assert began is not None
        events: list[Any] = []
        for victim in ("leader", "asked, and coordinator", "asked, which stands still"):
            tasks = [tell_all.remote(ticker, 40) for _ in range(2)]
            events += told(watch, 10)
            status = island.status()
            asked = until(lambda: watch._post.citizen)
            pids = {citizen.id: citizen.pid for citizen in status.citizens}
            pid = status.leader_pid if victim == "leader" else pids[asked]
            assert pid is not None
            if victim.endswith("still"):
                paused = pid
                os.kill(pid, signal.SIGSTOP)
            else:
                os.kill(pid, signal.SIGKILL)
            if victim.endswith("coordinator"):
                os.kill(status.coordinator_pid, signal.SIGKILL)
            events += told(watch, 150)
            ray.get(tasks, timeout=SOON_S)
            if paused is None:
                await_status(island, is_whole)
        with pytest.raises(TimedOut):
            watch.next(0.2)
        assert events == list(range(1, 481))
    assert paused is not None
    with contextlib.suppress(ProcessLookupError):  # it may have been replaced
        os.kill(paused, signal.SIGCONT)
    await_status(island, is_whole)
    holding = [citizen.events_from for citizen in island.settled(SOON_S).citizens]
    assert min(each for each in holding if each) <= began < max(each for each in holding if each)
    with ticker.watch(after=began) as again:  # whoever is asked first
        assert told(again, 480) == events


def test_who_is_too_slow_is_told_and_what_comes_before_is_whole(name: str) -> None:
    limits = Limits(event_bytes=20_000)
    island = launch(name, limits=limits, audit_s=0)
    ticker = island.deploy("ticker", Ticker)
    slow = watch(island._client, "ticker", ahead_bytes=2_000, timeout_s=SOON_S)
    fast = ticker.watch(timeout_s=SOON_S)
    for _ in range(100):
        ticker.tell("a", text="x" * 100)
        assert next(fast)
    events = []
    with pytest.raises(EventsGone) as gone:
        events.extend(change.event[0] for change in slow)
    assert events == list(range(1, len(events) + 1))
    assert 0 < len(events) < 50
    error = gone.value
    assert isinstance(error, EntryGone)
    assert error.wanted == slow.position
    assert error.wanted is not None
    assert error.wanted < error.earliest
    with pytest.raises(EventsGone, match=f"one can watch from {error.earliest} on"):
        slow.next()
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (EventsGone, str(error))
    citizens = island.settled(timeout_s=SOON_S).citizens
    assert all(0 < (told.event_weight or 0) <= limits.event_bytes for told in citizens)
    earliest = min(told.events_from or error.wanted for told in citizens)
    assert error.earliest <= earliest  # who was asked may have been an entry behind
    with ticker.watch(after=earliest) as late:
        first = told(late, 1)[0][0]
        assert [event[0] for event in told(late, 100 - first)] == list(range(first + 1, 101))
    with pytest.raises(EventsGone), ticker.watch(after=error.wanted, timeout_s=SOON_S) as late:
        next(late)


def test_standard_objects_are_watched_by_ticket(island: Island) -> None:
    client, name = island._client, uuid.uuid4().hex
    client.write((REGISTRY, "create", (name, "lock"))).result(SOON_S)
    assert client.write((name, "acquire", (None, True, "me"))).result(SOON_S)
    before = client.seen
    _, ticket = client.write((name, "acquire", (None, True, "me again"))).result(SOON_S)
    with watch(client, name, ticket, after=before) as wait:
        client.write((name, "release", (1,))).result(SOON_S)
        assert wait.next(SOON_S).event == ("granted", ticket, "me again")  # type: ignore[union-attr]
    assert before is not None


class Follower:
    async def hear(self, ticker: Any, count: int) -> list[Any]:
        async with ticker.watch() as watch:
            for _ in range(count):
                await ticker.tell.remote("actor")
            return [(await anext(watch)).key for _ in range(count)]


def test_watches_work_in_actors(ticker: Any) -> None:
    follower = ray.remote(num_cpus=0)(Follower).remote()
    with ticker.watch() as watch:
        assert ray.get(follower.hear.remote(ticker, 5), timeout=SOON_S) == ["actor"] * 5
        assert told(watch, 5) == [1, 2, 3, 4, 5]


def test_watches_end_with_the_island(name: str) -> None:
    island = launch(name, audit_s=0)
    ticker = island.deploy("ticker", Ticker)
    with ticker.watch(timeout_s=SOON_S) as here:
        ticker.tell("a")
        assert told(here, 1) == [1]
        threading.Thread(target=island.shutdown).start()
        assert list(here) == []
    assert here.next() is None


def test_a_watch_that_is_let_go_of_is_forgotten(island: Island, ticker: Any) -> None:
    watch: Watch | None = ticker.watch()
    assert watch is not None
    post = watch._post
    follower = watch._follower
    assert post in follower._posts
    del watch
    assert post.closed
    deadline = time.monotonic() + SOON_S
    while post in follower._posts:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_watch_waits_as_long_as_it_is_told(island: Island, ticker: Any) -> None:
    with ticker.watch(timeout_s=SOON_S) as first:
        position = first.position
    watch = ticker.watch(after=position, timeout_s=0.05)
    with pytest.raises(TimedOut):
        watch.next()
    with pytest.raises(TimedOut):
        asyncio.run(watch.anext())
    for wrong in ("1", -1, float("nan"), True):
        with pytest.raises(InvalidArgument):
            watch.next(wrong)
    threading.Timer(0.2, watch.close).start()
    assert watch.next(float("inf")) is None
    assert watch.next(None) is None


def test_what_makes_no_watch_is_refused(island: Island, ticker: Any) -> None:
    for after in ("7/0", (7, 0), 7):
        with pytest.raises(InvalidArgument):
            ticker.watch(after=after)
    with pytest.raises(InvalidArgument, match="plain"):
        ticker.watch(object())
    with pytest.raises(InvalidArgument, match="either"):
        ticker.watch("a", keys=["b"])
    with pytest.raises(InvalidArgument, match="collection"):
        ticker.watch(keys="ab")
    with pytest.raises(InvalidArgument):
        ticker.watch(timeout_s=-1)
    with pytest.raises(InvalidArgument):
        watch(island._client, "")
    with pytest.raises(InvalidArgument):
        watch(island._client, "a", ahead_bytes=0)
    with pytest.raises(InvalidArgument, match="99/1 is not in it"):
        ticker.watch(after=Promise(99, 1)).next(SOON_S)
    with ticker.watch() as here, pytest.raises(TypeError, match="position"):
        pickle.dumps(here)
