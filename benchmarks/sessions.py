"""What clients cost that open a session, use it once and never close it: by replicas alone."""

from __future__ import annotations

import gc
import os
import tracemalloc
from itertools import count

from rich.console import Console

from benchmarks.report import Report
from paxos_ray.core.log import Entry
from paxos_ray.core.promise import Promise
from paxos_ray.machines import Replica, encode_batch, encode_open
from paxos_ray.machines.travel import pack

CLIENTS = 10_000
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

    @property
    def snapshot_bytes(self) -> int:
        """What a newcomer is sent."""
        return len(pack(self.replica.snapshot()))


def measure(console: Console) -> Report:
    """Bytes of the snapshot and of memory: empty, with all sessions open, after they expired; and
    whether one generation after the other comes to more than one of them."""
    figures: dict[str, float] = {}
    tracemalloc.start()
    log = Log()
    log.append(encode_open(1))  # so that what is made once is there
    log.clients(1)
    log.stamp += 2 * LIFETIME_MS
    log.clients(1)

    def note(name: str) -> None:
        gc.collect()
        figures[f"sessions.{name}.snapshot_bytes"] = log.snapshot_bytes
        gc.collect()
        figures[f"sessions.{name}.memory_bytes"] = tracemalloc.get_traced_memory()[0]
        figures[f"sessions.{name}.rss_bytes"] = _rss()
        console.print(f"sessions: {name}", highlight=False)

    note("before")
    for generation in range(GENERATIONS):
        log.stamp += 2 * LIFETIME_MS
        log.clients(CLIENTS)
        if generation in (0, GENERATIONS - 1):
            note(f"open_{generation + 1}")
    log.stamp += 2 * LIFETIME_MS
    log.clients(1)
    note("expired")
    tracemalloc.stop()
    if log.replica.query("sold", "value") != GENERATIONS * CLIENTS + 3:
        raise RuntimeError("an increment was lost")
    _compare(figures)
    kept = ("sessions.left_over", "sessions.generations_over_one")
    return Report(
        figures={key: figures[key] for key in kept},
        details={key: value for key, value in figures.items() if key not in kept},
    )


def _compare(figures: dict[str, float]) -> None:
    last = f"open_{GENERATIONS}"
    for unit in ("snapshot", "memory"):
        before = figures[f"sessions.before.{unit}_bytes"]
        grown = figures[f"sessions.open_1.{unit}_bytes"] - before
        figures[f"sessions.{unit}_bytes_per_session"] = grown / CLIENTS
    memory = {n: figures[f"sessions.{n}.memory_bytes"] for n in ("before", "open_1", last)}
    one = memory["open_1"] - memory["before"]
    figures["sessions.generations_over_one"] = (memory[last] - memory["before"]) / one
    left = figures["sessions.expired.memory_bytes"] - memory["before"]
    figures["sessions.left_over"] = max(0.0, left) / one


def _rss() -> int:
    with open("/proc/self/statm") as told:
        return int(told.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
