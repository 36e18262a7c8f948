"""The log as a stream, on a real Ray: in order, without a gap, each entry once."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import threading
import uuid
from collections.abc import Iterator

import pytest
import ray

import paxos_ray
from paxos_ray import (
    EntryGone,
    InvalidArgument,
    Island,
    Limits,
    LogEntry,
    Promise,
    Stream,
    TimedOut,
    launch,
)
from paxos_ray.actors.stream import _Pump
from tests.actors.soon import SOON_S, await_status, is_whole

pytestmark = pytest.mark.usefixtures("cluster")


@pytest.fixture(scope="module")
def island(cluster: str) -> Iterator[Island]:
    """An island of three that nobody harms, and that writes nothing of its own accord."""
    island = launch(f"read-{uuid.uuid4().hex[:8]}", audit_s=0, session_ms=10**8)
    yield island
    island.shutdown()


def counter_name() -> str:
    return uuid.uuid4().hex


def values_of(
    stream: Iterator[LogEntry], name: str, last: int, values: list[int] | None = None
) -> list[int]:
    """What came of the operations on that counter, until the last of them."""
    values = [] if values is None else values
    for entry in stream:
        values += [told.value for told in entry.operations if told.object == name]
        if values and values[-1] == last:
            return values
    raise AssertionError(f"the stream ended at {values[-1:]}")


def threads() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name.startswith("paxos_ray log of")]


def test_what_is_asked_for_within_a_stream_is_in_it(island: Island) -> None:
    counter = island.counter(counter_name())
    counter.increment(7, timeout_s=SOON_S)
    with island.log(timeout_s=SOON_S) as stream:
        began = stream.position
        assert began is not None
        responses = [counter.increment.remote(n) for n in range(1, 50)]
        responses.append(counter.compare_and_set.remote(0, 1))
        entries = []
        while len([told for entry in entries for told in entry.operations]) < 50:
            entries.append(next(stream))
        assert stream.position == entries[-1].promise
    operations = [told for entry in entries for told in entry.operations]
    assert [told.arguments for told in operations] == [*((n,) for n in range(1, 50)), (0, 1)]
    assert [told.value for told in operations] == [
        response.result(SOON_S) for response in responses
    ]
    assert {(told.object, told.error) for told in operations} == {(counter.name, None)}
    promises = [began, *(entry.promise for entry in entries)]
    assert promises == sorted(set(promises))
    assert all(entry.session for entry in entries if entry.operations)
    stamps = [entry.stamp_ms for entry in entries]
    assert stamps == sorted(stamps)


def test_one_goes_on_from_where_one_was(island: Island) -> None:
    counter = island.counter(counter_name())
    with island.log(timeout_s=SOON_S) as stream:
        for _ in range(20):
            counter.increment(1, timeout_s=SOON_S)
        first = values_of(stream, counter.name, 5)
        since = stream.position
    again = values_of(island.log(since, timeout_s=SOON_S), counter.name, 20)
    assert first + again == list(range(1, 21))


def test_many_read_at_their_own_pace_in_threads_and_in_a_loop(island: Island) -> None:
    counter = island.counter(counter_name())
    read: dict[int, list[int]] = {}

    async def follow(number: int) -> None:
        values: list[int] = []
        async with island.log(timeout_s=SOON_S) as stream:
            standing[number].set()
            async for entry in stream:
                values += [told.value for told in entry.operations if told.object == counter.name]
                if 300 in values:
                    break
        read[number] = values

    async def both() -> None:
        await asyncio.gather(follow(0), follow(1))

    def plainly() -> None:
        with island.log(timeout_s=SOON_S) as stream:
            standing[2].set()
            read[2] = values_of(stream, counter.name, 300)

    standing = [threading.Event() for _ in range(3)]
    readers = [
        threading.Thread(target=lambda: asyncio.run(both())),
        threading.Thread(target=plainly),
    ]
    for reader in readers:
        reader.start()
    assert all(event.wait(SOON_S) for event in standing)
    for _ in range(300):
        counter.increment.remote(1)
    for reader in readers:
        reader.join(SOON_S)
    assert read == {number: list(range(1, 301)) for number in range(3)}


def test_governments_are_told_and_nothing_is_lost_whoever_dies(name: str) -> None:
    """The leader is killed, and who is read from; then the island shrinks; all under writes."""
    island = launch(name, citizens=5)
    counter = island.counter("sold")
    with island.log(timeout_s=SOON_S) as stream:
        values, governments, writes = [], [], 0

        def write_and_read(count: int) -> None:
            nonlocal writes
            writes += count
            for _ in range(count):
                counter.increment.remote(1)
            while len(values) < writes:
                entry = next(stream)
                values.extend(told.value for told in entry.operations)
                if entry.government is not None:
                    governments.append(entry.government)

        write_and_read(50)
        for _ in range(2):
            status = island.status()
            reading = stream._pump._reader._citizen
            victims = {status.leader_pid, *(c.pid for c in status.citizens if c.id == reading)}
            counter.increment.remote(1)
            writes += 1
            for victim in victims:
                assert victim is not None
                os.kill(victim, signal.SIGKILL)
            write_and_read(50)
            await_status(island, is_whole)
        island.scale(3, timeout_s=SOON_S)
        write_and_read(50)
        assert values == list(range(1, writes + 1))
        numbers = [government.number for government in governments]
        assert numbers == sorted(set(numbers))
        assert len({government.leader for government in governments}) > 1


def test_who_is_too_slow_is_told_and_what_comes_before_is_whole(name: str) -> None:
    limits = Limits(stream_bytes=20_000)
    island = launch(name, limits=limits, audit_s=0, session_ms=10**8)  # nothing writes by itself
    counter = island.counter("sold")
    with island.log(timeout_s=SOON_S, ahead_bytes=1_000) as stream:
        values: list[int] = []
        counter.increment(1, timeout_s=SOON_S)
        values_of(stream, "sold", 1, values)
        for _ in range(199):
            counter.increment(1, timeout_s=SOON_S)
        with pytest.raises(EntryGone) as gone:
            values_of(stream, "sold", 200, values)
    assert values == list(range(1, len(values) + 1))
    assert 0 < len(values) < 200
    error = gone.value
    assert error.wanted == stream._pump._reader.position < error.earliest
    assert str(error.wanted) in str(error)
    assert str(error.earliest) in str(error)
    again = pickle.loads(pickle.dumps(error))
    assert (again.wanted, again.earliest, str(again)) == (error.wanted, error.earliest, str(error))
    citizens = island.settled(timeout_s=SOON_S).citizens
    assert all(0 < (told.stream_weight or 0) <= limits.stream_bytes for told in citizens)
    with pytest.raises(EntryGone) as gone, island.log(Promise(0, 0), timeout_s=SOON_S):
        pass
    assert gone.value.earliest == min(told.stream_from or error.wanted for told in citizens)
    late = values_of(island.log(gone.value.earliest, timeout_s=SOON_S), "sold", 200)
    assert late == list(range(late[0], 201))


def test_a_slow_reader_holds_no_more_than_it_may(island: Island) -> None:
    counter = island.counter(counter_name())
    with island.log(timeout_s=SOON_S, ahead_bytes=2_000) as stream:
        for _ in range(100):
            counter.increment(1, timeout_s=SOON_S)
        values = []
        for entry in stream:
            assert stream._pump._throttle.heft <= 2_000
            values += [told.value for told in entry.operations]
            if len(values) == 100:
                break
    assert values == list(range(1, 101))


def test_a_stream_ends_when_the_island_is_shut_down(name: str) -> None:
    island = launch(name)
    with island.log(timeout_s=SOON_S) as stream:
        island.counter("sold").increment(5, timeout_s=SOON_S)
        threading.Thread(target=island.shutdown).start()
        entries = list(stream)
    assert [told.value for entry in entries for told in entry.operations] in ([5], [])
    assert stream.get() is None


def test_a_closed_stream_ends_in_threads_and_loops(island: Island) -> None:
    with island.log() as stream:
        threading.Timer(0.05, stream.close).start()
        assert list(stream) == []
    assert stream.closed
    stream.close()
    assert stream.get() is None

    async def wait() -> LogEntry | None:
        async with island.log() as other:
            asyncio.get_running_loop().call_later(0.05, other.close)
            return await other.get_async()

    assert asyncio.run(wait()) is None


def test_who_waits_in_vain_is_told_and_may_go_on(island: Island) -> None:
    counter = island.counter(counter_name())
    with island.log() as stream:
        with pytest.raises(TimedOut, match=r"within 0\.05 s"):
            stream.get(0.05)

        async def wait() -> None:
            with pytest.raises(TimedOut):
                await stream.get_async(0.05)
            task = asyncio.create_task(stream.get_async())
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(wait())
        assert len(stream._pump.calls) == 0
        counter.increment(3, timeout_s=SOON_S)
        assert values_of(stream, counter.name, 3) == [3]


def test_a_stream_that_is_let_go_of_leaves_no_thread(island: Island) -> None:
    counter, before = island.counter(counter_name()), set(threads())
    stream: Stream | None = island.log(timeout_s=SOON_S, ahead_bytes=1).__enter__()
    assert stream is not None
    (thread,) = set(threads()) - before
    for _ in range(5):
        counter.increment(1, timeout_s=SOON_S)
    assert values_of(stream, counter.name, 1) == [1]
    assert thread.is_alive()
    del stream
    thread.join(SOON_S)
    assert not thread.is_alive()


def test_a_stream_waits_as_long_as_it_is_told(island: Island) -> None:
    stream = island.log(timeout_s=0.05)
    with pytest.raises(TimedOut):
        stream.get()
    with pytest.raises(TimedOut):
        asyncio.run(stream.get_async())
    threading.Timer(0.2, stream.close).start()
    assert stream.get(10**400) is None


def test_a_stream_ends_with_its_ray() -> None:
    """Ray raises this in a thread that waits for it while it is shut down."""

    class Reader:
        closed = False

        def begin(self) -> None:
            raise SystemExit

    pump = _Pump(Reader(), 1_000)  # type: ignore[arg-type]
    pump.run()
    with pytest.raises(paxos_ray.RayNotInitialised):
        pump.take()


def test_what_makes_no_stream_is_refused(island: Island) -> None:
    for since in ("7/0", (7, 0), 7):
        with pytest.raises(InvalidArgument):
            island.log(since)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument):
        island.log(timeout_s=-1)
    with pytest.raises(InvalidArgument):
        island.log(ahead_bytes=0)
    with pytest.raises(InvalidArgument, match="99/1 is not in it"), island.log(Promise(99, 1)):
        pass
    position = island.log(timeout_s=SOON_S).__enter__().position
    assert position is not None
    nowhere = Promise(position.government - 1, 10**6)
    with pytest.raises(InvalidArgument, match="no entry"):
        island.log(nowhere, timeout_s=SOON_S).get(SOON_S)
    with island.log() as stream, pytest.raises(TypeError, match="position"):
        pickle.dumps(stream)


def test_streams_work_in_tasks_and_actors(island: Island) -> None:
    counter = island.counter(counter_name())
    with island.log(timeout_s=SOON_S) as stream:
        since = stream.position

    @ray.remote(num_cpus=0)
    def task(island: Island, since: Promise, name: str) -> list[int]:
        with island.log(since, timeout_s=SOON_S) as stream:
            return values_of(stream, name, 30)

    class Follower:
        async def read(self, island: str, since: Promise, name: str) -> list[int]:
            values: list[int] = []
            async with paxos_ray.attach(island).log(since, timeout_s=SOON_S) as stream:
                async for entry in stream:
                    values += [told.value for told in entry.operations if told.object == name]
                    if 30 in values:
                        break
            return values

    follower = ray.remote(num_cpus=0)(Follower).remote()
    jobs = [task.remote(island, since, counter.name)]
    jobs.append(follower.read.remote(island.name, since, counter.name))
    for _ in range(30):
        counter.increment.remote(1)
    assert ray.get(jobs, timeout=SOON_S) == [list(range(1, 31))] * 2
