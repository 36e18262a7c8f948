"""What users rely on, by clients in processes of their own, while two leaders are killed: no more
are inside than may be, tokens rise, each item is done once and none is lost."""

from __future__ import annotations

import asyncio
import os
import signal
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import ray

from paxos_ray import Island, launch
from tests.actors.soon import await_status, is_whole

pytestmark = pytest.mark.usefixtures("cluster")

SOON_S = 90.0
CLIENTS, ROUNDS = 4, 15
DEATHS = (10, 30)
"""So many have been inside when a leader is killed."""


@pytest.fixture(scope="module")
def island(cluster: str) -> Iterator[Island]:
    island = launch(f"exclusion-{uuid.uuid4().hex[:8]}")
    yield island
    island.shutdown()


@ray.remote(num_cpus=0)
class Till:
    """What is protected: it says what was wrong, and lets one wait until so many were there."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._inside: set[int] = set()
        self._tokens: list[int] = []
        self._wrong: list[str] = []
        self._left = 0
        self._news = asyncio.Condition()

    async def enter(self, token: int) -> None:
        self._inside.add(token)
        if len(self._inside) > self._most:
            self._wrong.append(f"{sorted(self._inside)} are inside")
        if token in self._tokens or (self._most == 1 and token < max(self._tokens, default=0)):
            self._wrong.append(f"{token} after {self._tokens}")
        self._tokens.append(token)

    async def leave(self, token: int) -> None:
        self._inside.discard(token)
        async with self._news:
            self._left += 1
            self._news.notify_all()

    async def left(self, many: int) -> None:
        """Returns once so many have been there; raises what was wrong, as soon as it is known."""
        async with asyncio.timeout(SOON_S), self._news:
            await self._news.wait_for(lambda: self._left >= many or self._wrong)
        assert not self._wrong, self._wrong[:3]


@ray.remote(num_cpus=0)
def use(island: Island, kind: str, name: str, till: Any) -> list[tuple[Any, ...]]:
    """Hold it several times: what was held each time."""
    handle = getattr(island, kind)(name)
    hold = {"election": "leading", "queue": "taking"}.get(kind, "held")
    held = []
    for _ in range(ROUNDS):
        with getattr(handle, hold)(timeout_s=SOON_S) as told:
            token = told.delivery if kind == "queue" else told
            ray.get(till.enter.remote(token), timeout=SOON_S)
            ray.get(till.leave.remote(token), timeout=SOON_S)
            held.append(tuple(told) if kind == "queue" else (told,))
    return held


@pytest.mark.parametrize("kind", ["election", "lock", "queue", "semaphore"])
def test_what_is_promised_though_leaders_are_killed(island: Island, kind: str) -> None:
    name = uuid.uuid4().hex
    most = {"semaphore": 2, "queue": CLIENTS}.get(kind, 1)
    till = Till.remote(most)
    if kind == "semaphore":
        island.semaphore(name, most)
    users = [use.remote(island, kind, name, till) for _ in range(CLIENTS)]
    items = range(CLIENTS * ROUNDS) if kind == "queue" else ()
    puts = [island.queue(name).offer.remote(item) for item in items]
    for many in DEATHS:
        ray.get(till.left.remote(many), timeout=SOON_S)
        leader = await_status(island, is_whole).leader_pid
        assert leader is not None
        os.kill(leader, signal.SIGKILL)
    held = [each for mine in ray.get(users, timeout=SOON_S) for each in mine]
    ray.get(till.left.remote(CLIENTS * ROUNDS), timeout=SOON_S)
    assert len({each[0] for each in held}) == len(held) == CLIENTS * ROUNDS
    if kind == "queue":
        island.queue(name).join(timeout_s=SOON_S)
        assert sorted(each[2] for each in held) == list(items)
        assert sorted(each[1] for each in held) == sorted(put.result(SOON_S) for put in puts)
        assert {each[4] for each in held} == {1}  # nobody died who had one
