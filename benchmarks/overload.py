"""An island that is asked for more than it can do, for long: what its processes hold, and whether
anything is lost.

Some client processes increment as fast as they may, while one constituent stands still again and
again. The memory of every process is looked at all the time; at the end every increment that was
acknowledged must be there, once, in the state of every citizen. What is kept for readers of the log
must be full before memory is measured, else its filling counts as growth: little is kept in a run
of a minute, what is kept by default in a longer one.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import ray
from rich.console import Console

import paxos_ray
from benchmarks.counters import local_ray
from benchmarks.report import Report

NAME = "overloaded"
CITIZENS, SEATS = 4, 3  # so there is one constituent
SAMPLE_S = 0.25
STILL_S, GOES_S = 0.6, 0.6  # stands still, and goes on: in turns
LOOK_S = 2.0  # how often it is seen who is there
PATIENCE_S = 120.0
MIB = 1 << 20


class Client:
    """An actor that increments for a while, as fast as it may."""

    def __init__(self, island: str, number: int) -> None:
        self.island = paxos_ray.attach(island)
        self.own = self.island.counter(f"client {number}")
        self.common = self.island.counter("common")

    def pid(self) -> int:
        """Its process."""
        return os.getpid()

    def run(self, seconds: float) -> tuple[int, int, int]:
        """How many increments were acknowledged; the most that were unanswered at a time, and
        their weight in bytes. Raises when a reply is not the first one to its increment."""
        end, acknowledged, most, heaviest = monotonic() + seconds, 0, 0, 0
        responses: deque[paxos_ray.Response[int]] = deque()
        while monotonic() < end:
            for _ in range(500):
                responses.append(self.own.increment.remote(1))
                self.common.increment.remote(1)
            backlog = self.island.backlog
            most, heaviest = max(most, backlog.calls), max(heaviest, backlog.bytes)
            while responses and responses[0].done():
                acknowledged = _check(responses.popleft(), acknowledged)
        last = self.common.increment.remote(1)
        while responses:
            acknowledged = _check(responses.popleft(), acknowledged)
        last.result(timeout_s=PATIENCE_S)
        return acknowledged, most, heaviest


def _check(response: paxos_ray.Response[int], acknowledged: int) -> int:
    total = response.result(timeout_s=PATIENCE_S)
    if total != acknowledged + 1:
        raise RuntimeError(f"increment {acknowledged + 1} was answered {total}")
    return total


def measure(console: Console, seconds: float, clients: int, stream_mib: int) -> Report:
    """The figures, on a Ray started here. Raises `RuntimeError` if anything was lost or doubled."""
    with local_ray():
        limits = paxos_ray.Limits(stream_bytes=stream_mib * MIB)
        island = paxos_ray.launch(
            NAME, CITIZENS, parliament_size=SEATS, limits=limits, progress=False
        )
        try:
            return _overload(console, island, seconds, clients)
        finally:
            island.shutdown()


class Watch:
    """Looks at the memory of all processes, and which of them is the constituent's."""

    def __init__(self, island: paxos_ray.Island, clients: dict[str, int]) -> None:
        self.island = island
        self.pids = dict(clients)
        self.memory: dict[str, list[tuple[float, float]]] = {}  # s since the beginning, MiB
        self.shared: dict[str, list[float]] = {}  # of that, pages of Ray's store that it has read
        self.alarms: set[str] = set()
        self.constituent: int | None = None
        self.look_again()

    def look_again(self) -> None:
        """Somebody may have been replaced: who stands still for too long is."""
        status = self.island.status(timeout_s=PATIENCE_S)
        self.alarms.update(alarm.split(" weighs")[0] for alarm in status.alarms)
        self.pids["coordinator"] = status.coordinator_pid
        for citizen in status.citizens:
            if citizen.pid is not None:
                self.pids[f"citizen {citizen.id}"] = citizen.pid
        constituents = [c.pid for c in status.citizens if c.seat == "constituent"]
        self.constituent = constituents[0] if constituents else None

    def sample(self, at_s: float) -> None:
        """The memory of all that run."""
        for name, pid in list(self.pids.items()):
            try:
                rss, shared = _memory_mib(pid)
            except (FileNotFoundError, ProcessLookupError):
                del self.pids[name]
            else:
                self.memory.setdefault(name, []).append((at_s, rss))
                self.shared.setdefault(name, []).append(shared)


def _overload(console: Console, island: paxos_ray.Island, seconds: float, count: int) -> Report:
    actor: Any = ray.remote(num_cpus=0)(Client)
    clients = [actor.remote(NAME, number) for number in range(count)]
    pids = {f"client {n}": ray.get(client.pid.remote()) for n, client in enumerate(clients)}
    watch = Watch(island, pids)
    console.print(f"overload: {count} clients for {seconds:g} s", highlight=False)
    began = looked = monotonic()
    with _slowed(watch):
        running = [client.run.remote(seconds) for client in clients]
        while (now := monotonic()) - began < seconds:
            watch.sample(now - began)
            if now - looked > LOOK_S:
                looked = now
                watch.look_again()
            sleep(SAMPLE_S)
        results = ray.get(running, timeout=seconds + 2 * PATIENCE_S)
    took = monotonic() - began
    acknowledged = [each for each, _, _ in results]
    _nothing_lost(island, acknowledged)
    total = 2 * sum(acknowledged) + count
    report = Report()
    whole = {name: each for name, each in watch.memory.items() if _is_whole(each, seconds)}
    growths = {name: growth(each) for name, each in whole.items()}
    report.figures["overload.rss_growth"] = max(growths.values())
    report.details |= {
        "overload.rss_growth.each": growths,
        "overload.rss_mib": {n: max(mib for _, mib in each) for n, each in watch.memory.items()},
        "overload.shared_mib": {name: max(each) for name, each in watch.shared.items()},
        "overload.increments": float(total),
        "overload.increments_per_s": total / took,
        "overload.most_unanswered": float(max(most for _, most, _ in results)),
        "overload.most_unanswered_mib": max(heaviest for _, _, heaviest in results) / MIB,
        "overload.refused_by_coordinator": float(island.status().coordinator.refused),
        "overload.processes_replaced": float(len(watch.memory) - len(whole)),
    }
    console.print(f"alarms: {', '.join(sorted(watch.alarms)) or 'none'}", highlight=False)
    return report


def _is_whole(samples: list[tuple[float, float]], seconds: float) -> bool:
    """Whether that process was there for the last two thirds."""
    return samples[0][0] <= seconds / 3 and samples[-1][0] >= 0.9 * seconds


def growth(samples: list[tuple[float, float]]) -> float:
    """By how much a straight line through the last two thirds of these grows, as a ratio."""
    late = samples[len(samples) // 3 :]
    mean_time, mean = sum(t for t, _ in late) / len(late), sum(v for _, v in late) / len(late)
    spread = sum((t - mean_time) ** 2 for t, _ in late)
    slope = sum((t - mean_time) * (v - mean) for t, v in late) / spread
    return (mean + slope * (late[-1][0] - mean_time)) / (mean + slope * (late[0][0] - mean_time))


def _nothing_lost(island: paxos_ray.Island, acknowledged: list[int]) -> None:
    names = [f"client {number}" for number in range(len(acknowledged))]
    values = island.values([*names, "common"], timeout_s=PATIENCE_S)
    common = sum(acknowledged) + len(acknowledged)
    if [values[name] for name in names] != acknowledged or values["common"] != common:
        raise RuntimeError(f"{values} after {acknowledged} were acknowledged")
    status = island.settled(timeout_s=PATIENCE_S)
    if len({citizen.digest for citizen in status.citizens}) != 1:
        raise RuntimeError("the citizens hold different states")


@contextmanager
def _slowed(watch: Watch) -> Iterator[None]:
    """The constituent's process stands still and goes on in turns."""
    ended = threading.Event()

    def slow() -> None:
        while not ended.is_set():
            pid = watch.constituent
            if pid is not None and _signal(pid, signal.SIGSTOP):
                ended.wait(STILL_S)
                _signal(pid, signal.SIGCONT)
            ended.wait(GOES_S)

    thread = threading.Thread(target=slow)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _signal(pid: int, number: int) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def _memory_mib(pid: int) -> tuple[float, float]:
    """Resident memory of a process, and the part that is shared, files left out."""
    text = Path(f"/proc/{pid}/status").read_text()
    fields = dict(line.split(":", 1) for line in text.splitlines())
    if "VmRSS" not in fields:
        raise ProcessLookupError(pid)
    rss, shared = (int(fields[name].split()[0]) for name in ("VmRSS", "RssShmem"))
    return rss / 1024, shared / 1024
