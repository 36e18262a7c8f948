"""What clients cost that open a session, use it once and never close it: by replicas alone."""

from __future__ import annotations

import gc
import os
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import count

from rich.console import Console

from benchmarks.report import Report
from paxos_ray.core.log import Entry
from paxos_ray.core.promise import Promise
from paxos_ray.machines import Replica, encode_batch, encode_open
from paxos_ray.machines.travel import pack

LIFETIME_MS = 60_000
"""As that of the clients on Ray."""
GENERATIONS = 5


class Log:
    """One replica, and the log that it follows; `stamp` is the log's time, ms."""

    def __init__(self) -> None:
        self.replica = Replica()
        self.stamp = 0
        self._entries = count(1)

    def append(self, body: bytes) -> Promise:
        """One entry more, applied."""
        promise = Promise(1, next(self._entries))
        self.replica.apply(Entry(promise, self.replica.applied, self.stamp, body))
        return promise

    def clients(self, number: int) -> None:
        """So many: each increments a counter once, and is heard of no more."""
        for _ in range(number):
            session = self.append(encode_open(LIFETIME_MS))
            self.append(encode_batch(session, 1, 0, [("sold", "increment", (1,))]))


def measure(console: Console, clients: int) -> Report:
    """Bytes of the snapshot and of memory: empty, with all sessions open, after they expired; and
    whether one generation after the other comes to more than one of them."""
    figures: dict[str, float] = {}
    console.print("sessions: what the process holds", highlight=False)
    for state, resident in _live(_resident, clients):
        figures[f"sessions.{state}.rss_bytes"] = resident
    console.print("sessions: what the replica holds", highlight=False)
    tracemalloc.start()
    for state, traced in _live(_traced, clients):
        figures[f"sessions.{state}.memory_bytes"] = traced
    tracemalloc.stop()
    for state, size in _live(_snapshot, clients):
        figures[f"sessions.{state}.snapshot_bytes"] = size
    _compare(figures, clients)
    kept = ("sessions.left_over", "sessions.generations_over_one")
    return Report(
        figures={key: figures[key] for key in kept},
        details={key: value for key, value in figures.items() if key not in kept},
    )


def _live(look: Callable[[Log], int], clients: int) -> Iterator[tuple[str, int]]:
    """One generation after the other: names of states, and what is seen of each."""
    log = Log()
    log.clients(2)  # so that what is made once is there
    log.stamp += 2 * LIFETIME_MS
    log.clients(1)
    yield "before", look(log)
    for generation in range(1, GENERATIONS + 1):
        log.stamp += 2 * LIFETIME_MS
        log.clients(clients)
        if generation in (1, GENERATIONS):
            yield f"open_{generation}", look(log)
    log.stamp += 2 * LIFETIME_MS
    log.clients(1)
    yield "expired", look(log)
    if log.replica.query("sold", "value") != GENERATIONS * clients + 4:
        raise RuntimeError("an increment was lost")


def _resident(log: Log) -> int:
    gc.collect()
    with open("/proc/self/statm") as told:
        return int(told.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _traced(log: Log) -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def _snapshot(log: Log) -> int:
    return len(pack(log.replica.snapshot()))


def _compare(figures: dict[str, float], clients: int) -> None:
    last = f"open_{GENERATIONS}"
    for unit in ("snapshot", "memory"):
        before = figures[f"sessions.before.{unit}_bytes"]
        grown = figures[f"sessions.open_1.{unit}_bytes"] - before
        figures[f"sessions.{unit}_bytes_per_session"] = grown / clients
    memory = {n: figures[f"sessions.{n}.memory_bytes"] for n in ("before", "open_1", last)}
    one = memory["open_1"] - memory["before"]
    figures["sessions.generations_over_one"] = (memory[last] - memory["before"]) / one
    left = figures["sessions.expired.memory_bytes"] - memory["before"]
    figures["sessions.left_over"] = max(0.0, left) / one
