"""A client that outruns its island waits or is told, holds no more than it may, loses nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from paxos_ray import InvalidArgument, Island, IslandStatus, Limits, Overloaded, launch
from paxos_ray.actors.gate import CALL_BYTES
from tests.actors.soon import await_status

pytestmark = pytest.mark.usefixtures("cluster")

SOON_S = 60.0
CALLS = 20
"""That this process may have unanswered."""


@pytest.fixture(scope="module")
def island(cluster: str) -> Iterator[Island]:
    """An island whose clients may have little unanswered, and whose processes hold little."""
    limits = Limits(
        client_bytes=CALLS * CALL_BYTES, coordinator_bytes=2_000, queue_bytes=600, log_bytes=2_000
    )
    island = launch("throttled", limits=limits)
    yield island
    island.shutdown()


def test_who_waits_is_answered_in_order_and_holds_no_more_than_it_may(island: Island) -> None:
    counter = island.counter("waits")
    most, responses = 0, []
    for _ in range(1_000):
        responses.append(counter.increment.remote(1))
        most = max(most, island.backlog.calls)
    assert most == CALLS == island.backlog.limit // CALL_BYTES
    assert [response.result(SOON_S) for response in responses] == list(range(1, 1_001))
    assert island.backlog[:2] == (0, 0)


def test_who_rather_hears_of_it_is_told_at_once_and_what_was_refused_was_not_asked(
    island: Island,
) -> None:
    counter = island.counter("told")
    increment = counter.increment.options(overload="raise")
    refused, responses = 0, []
    while refused < 50 or len(responses) < 50:
        try:
            responses.append(increment.remote(1))
        except Overloaded:
            refused += 1
    assert [response.result(SOON_S) for response in responses] == list(range(1, len(responses) + 1))
    assert counter.value(timeout_s=SOON_S) == len(responses)
    assert island.backlog.refused >= refused


def test_many_threads_and_readers_wait_and_all_get_through(island: Island) -> None:
    counter = island.counter("shared")
    totals: list[int] = []

    def work() -> None:
        responses = []
        for _ in range(100):
            responses.append(counter.increment.remote(1))
            counter.value.remote()
        totals.extend(response.result(SOON_S) for response in responses)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON_S)
    assert sorted(totals) == list(range(1, 401))


def test_a_coroutine_waits_without_stopping_its_loop(island: Island) -> None:
    counter = island.counter("async")

    async def outrun() -> int:
        with pytest.raises(Overloaded, match="submit"):
            [counter.increment.remote(0) for _ in range(100 * CALLS)]
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0)

        ticking = asyncio.create_task(tick())
        responses: list[Any] = [await counter.increment.submit(1) for _ in range(200)]
        assert [await response for response in responses] == list(range(1, 201))
        swapped = await (await counter.compare_and_set.submit(200, 7))
        value = await (await counter.value.submit())
        ticking.cancel()
        assert swapped
        assert ticks > 200
        return value

    assert asyncio.run(outrun()) == 7


def test_waiting_has_a_limit_in_time(island: Island) -> None:
    counter = island.counter("late")
    patient = counter.increment.options(timeout_s=SOON_S)
    impatient = counter.increment.options(timeout_s=1e-9)
    refused, responses = 0, []
    while not refused:
        responses.append(patient.remote(1))
        try:
            responses.append(impatient.remote(1))
        except Overloaded:
            refused += 1
    assert [response.result(SOON_S) for response in responses] == list(range(1, len(responses) + 1))


def holds_nothing(told: IslandStatus) -> bool:
    leader = told.leader
    held = (told.coordinator.calls, told.coordinator.weight)
    return leader is not None and (leader.queued, leader.queue_weight) == held == (0, 0)


def test_what_processes_hold_and_what_is_near_its_limit_is_in_the_status(island: Island) -> None:
    island.counter("seen").increment(1, timeout_s=SOON_S)
    status = await_status(island, holds_nothing)
    assert status.limits.queue_bytes == 600
    for citizen in status.citizens:  # what they keep is more than half of the little they may
        weight = citizen.log_weight or 0
        told = f"the log of {citizen.id} weighs {weight:,} bytes; the limit is 2,000"
        assert (told in status.alarms) == (weight >= 1_000)


def test_limits_and_options_that_are_none_are_refused(island: Island) -> None:
    for wrong in ({"log_bytes": 0}, {"client_bytes": 1.5}, {"alarm": 0}, {"alarm": 1.1}):
        with pytest.raises(InvalidArgument):
            Limits(**wrong)
    with pytest.raises(InvalidArgument):
        launch("never", limits="small")  # type: ignore[arg-type]
    increment = island.counter("x").increment
    for options in ({"overload": "drop"}, {"timeout_s": -1}, {"timeout_s": "1"}):
        with pytest.raises(InvalidArgument):
            increment.options(**options)
    with pytest.raises(InvalidArgument):
        increment.options(overload="raise", timeout_s=1)
