"""Watching objects on a real Ray: each event once, in order, whoever dies; who is slow is told."""

from __future__ import annotations

import asyncio
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

pytestmark = pytest.mark.usefixtures("cluster")

SOON_S = 90.0


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


def await_whole(island: Island) -> None:
    deadline = time.monotonic() + SOON_S
    while not ((status := island.status()).shaped and all(c.alive for c in status.citizens)):
        assert time.monotonic() < deadline, status
        time.sleep(0.05)


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
