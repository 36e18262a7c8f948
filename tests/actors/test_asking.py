"""What a carrier has asked of a leader, and what it asks again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from paxos_ray import Overloaded, TimedOut
from paxos_ray.actors.asking import BYTES_A_ROUND, CALL_BYTES, CALLS_A_ROUND, FULL_S, Asking
from paxos_ray.actors.wire import (
    DONE,
    EMIGRATE,
    FULL,
    READ,
    REFUSED,
    RETRY,
    WAITS,
    WRITE,
    Result,
    unseal,
)


def within_a_loop(test: Callable[[Asking], Awaitable[None]]) -> Callable[[], None]:
    async def run() -> None:
        await test(Asking())

    def synchronous() -> None:
        asyncio.run(run())

    synchronous.__name__ = test.__name__
    return synchronous


def numbers(asking: Asking, leader: str = "a") -> list[int]:
    sealed = asking.take(leader)
    return [] if sealed is None else [call.number for call in unseal(sealed)]


@within_a_loop
async def test_all_that_waits_is_given_at_once_and_in_order(asking: Asking) -> None:
    futures = [asking.add(WRITE, b"%d" % n) for n in range(CALLS_A_ROUND + 2)]
    assert numbers(asking) == list(range(1, CALLS_A_ROUND + 1))
    assert numbers(asking) == [CALLS_A_ROUND + 1, CALLS_A_ROUND + 2]
    assert numbers(asking) == []
    assert asking.settle([Result(2, DONE, b"yes")], "a")
    assert await futures[1] == b"yes"
    assert asking.settled == 1


@within_a_loop
async def test_what_is_asked_again_comes_before_what_is_new(asking: Asking) -> None:
    futures = [asking.add(WRITE, b"") for _ in range(3)]
    assert numbers(asking) == [1, 2, 3]
    asking.settle([Result(2, DONE, b"")], "a")
    futures.append(asking.add(WRITE, b""))
    asking.again(age_s=60)
    assert numbers(asking) == [4]
    asking.again()
    assert numbers(asking, "b") == [1, 3, 4]
    asking.settle([Result(n, DONE, b"") for n in (1, 3, 4)], "b")
    assert all(future.done() for future in futures)
    assert not asking.any


@within_a_loop
async def test_a_leader_that_leads_no_more_says_so_of_what_it_was_given(asking: Asking) -> None:
    asking.add(WRITE, b"")
    assert numbers(asking, "a") == [1]
    assert not asking.settle([Result(1, RETRY, "")], "a")
    asking.again()
    assert numbers(asking, "b") == [1]
    assert asking.settle([Result(1, RETRY, "")], "a"), "an old leader's word"
    assert asking.clients_wait


@within_a_loop
async def test_a_refusal_and_its_reason(asking: Asking) -> None:
    future = asking.add(EMIGRATE, "b")
    assert numbers(asking) == [1]
    assert not asking.clients_wait
    asking.settle([Result(1, WAITS, "b waits")], "a")
    assert asking.notes() == ["b waits"]
    asking.settle([Result(1, REFUSED, "the last")], "a")
    with pytest.raises(ValueError, match="the last"):
        await future


@within_a_loop
async def test_clients_ask_again_but_wishes_stay(asking: Asking) -> None:
    given, wish = asking.add(READ, b""), asking.add(EMIGRATE, "b")
    numbers(asking)
    waiting = asking.add(WRITE, b"")
    asking.expire(age_s=60)
    assert not given.done()
    asking.expire(age_s=-1)
    for future in (given, waiting):
        with pytest.raises(TimedOut):
            await future
    assert not wish.done()
    asking.again()
    assert numbers(asking, "b") == [2]


@within_a_loop
async def test_nobody_waits_for_what_was_cancelled(asking: Asking) -> None:
    asking.add(WRITE, b"").cancel()
    asking.add(WRITE, b"")
    assert numbers(asking) == [2]


@within_a_loop
async def test_a_leader_is_given_no_more_entries_than_it_writes_at_once(asking: Asking) -> None:
    asking.add(WRITE, b"x" * (BYTES_A_ROUND - CALL_BYTES - 1))
    asking.add(WRITE, b"x" * BYTES_A_ROUND * 2)
    asking.add(WRITE, b"x")
    asking.add(READ, b"x")
    assert numbers(asking) == [1, 2, 4], "the limit is exceeded by one, and for reads there is none"
    assert numbers(asking) == [3]


@within_a_loop
async def test_a_leader_that_is_full_is_asked_again_with_one_entry(asking: Asking) -> None:
    for kind in (WRITE, WRITE, READ, WRITE):
        asking.add(kind, b"")
    assert numbers(asking) == [1, 2, 3, 4]
    assert asking.settle([Result(1, FULL, "full"), Result(2, FULL, "full")], "a")
    assert asking.settle([Result(4, FULL, "full")], "a")
    assert asking.full
    assert asking.notes() == ["full"]
    assert not asking.waits
    embark = asking.add(EMIGRATE, "b")
    assert numbers(asking) == [5], "what is no entry does not wait"
    asking._full_until -= FULL_S
    assert numbers(asking) == [1]
    assert numbers(asking) == [2]
    asking.settle([Result(1, DONE, b""), Result(2, FULL, "full")], "a")
    asking._full_until -= FULL_S
    assert numbers(asking) == [2]
    asking.settle([Result(2, DONE, b"")], "a")
    assert not asking.full
    assert numbers(asking) == [4]
    assert not embark.done()


@within_a_loop
async def test_clients_are_refused_at_the_limit_and_taken_when_there_is_room(
    asking: Asking,
) -> None:
    asking = Asking(limit=2 * CALL_BYTES + 101)
    futures = [asking.add(WRITE, b"x" * 50) for _ in range(2)]
    futures.append(asking.add(READ, b"x" * 10_000))
    with pytest.raises(Overloaded, match="bytes wait"):
        asking.add(WRITE, b"")
    assert (asking.calls, asking.refused) == (3, 1)
    wish = asking.add(EMIGRATE, "b")
    assert numbers(asking) == [1, 2, 3, 4]
    asking.settle([Result(3, DONE, b"")], "a")
    futures[0].cancel()
    await asyncio.sleep(0)
    assert asking.weight == CALL_BYTES + 50
    asking.add(WRITE, b"")
    assert not wish.done()


@within_a_loop
async def test_what_the_leader_has_said_to_wait_is_not_asked_again_of_that_one(
    asking: Asking,
) -> None:
    """Else a wish that waits for hours has a ticket for every few seconds of them."""
    asking.add(EMIGRATE, "b")
    asking.add(EMIGRATE, "c")
    assert numbers(asking) == [1, 2]
    asking.settle([Result(1, WAITS, "b waits")], "a")
    asking.again(age_s=1e-9)
    assert numbers(asking) == [2], "of the other nothing was heard"
    asking.again()
    assert numbers(asking, "d") == [1, 2], "there is another leader"
    asking.again(age_s=1e-9)
    assert numbers(asking, "d") == [1, 2], "which has said nothing yet"
