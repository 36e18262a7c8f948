"""Replicated counters on Ray, each figure beside what it is compared with, in the same run."""

from __future__ import annotations

import io
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from secrets import token_bytes
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, sleep

import ray
from rich.console import Console

import paxos_ray
from benchmarks import bare_chain
from benchmarks.bare_chain import Call
from benchmarks.report import Report

CITIZENS = 3
SAMPLES = 60  # calls of a kind in a trial
PLAIN_CALLS = 5_000
INCREMENTS = 50_000
WHOLE_S = 120.0  # how long an island may take to be whole again
PATIENCE_S = 60.0  # for any one answer


class Till:
    """One counter of an island, and how often it has been incremented: nothing may get lost."""

    def __init__(self, island: paxos_ray.Island) -> None:
        self.counter = island.counter("benchmark")
        self.expected = 0

    def increment(self) -> int:
        """One increment, waited for."""
        self.expected += 1
        total = self.counter.increment.remote(1).result(timeout_s=PATIENCE_S)
        if total != self.expected:
            raise RuntimeError(f"the counter is at {total}, {self.expected} were acknowledged")
        return total

    def pipeline(self, increments: int) -> None:
        """So many increments, none waited for before the next."""
        responses = [self.counter.increment.remote(1) for _ in range(increments)]
        self.expected += increments
        totals = [response.result(timeout_s=PATIENCE_S) for response in responses]
        if totals[-1] != self.expected:
            raise RuntimeError(f"the counter is at {totals[-1]}, {self.expected} were acknowledged")


def measure(console: Console, trials: int, kills: int) -> Report:
    """All figures of the counters, on a Ray started here. Trials of different kinds alternate."""
    with local_ray():
        island = paxos_ray.launch("benchmark", citizens=CITIZENS, progress=False)
        try:
            till = Till(island)
            report = Report()
            _compare(report, till, trials, console)
            _record(report, till, 3 * trials, console)
            _sign(report, till, trials, console)
            _kill(report, "counters.failover_ms", island, till, leader_pid, kills, console)
            coordinator = "counters.coordinator_failover_ms"
            _kill(report, coordinator, island, till, coordinator_pid, kills, console)
            return report
        finally:
            island.shutdown()


def _kill(
    report: Report,
    key: str,
    island: paxos_ray.Island,
    till: Till,
    victim: Callable[[paxos_ray.Island], int],
    kills: int,
    console: Console,
) -> None:
    pauses = []
    for kill in range(kills):
        console.print(f"{key}: {kill + 1} of {kills}", highlight=False)
        pauses.append(failover_ms(island, till, victim))
    report.figures[key] = pauses


@contextmanager
def quiet_ray() -> Iterator[None]:
    """Ray prints at length of every killed process; shown only if something fails."""
    said = io.StringIO()
    try:
        with redirect_stdout(said), redirect_stderr(said):
            yield
    except BaseException:
        sys.stderr.write(said.getvalue())
        raise


@contextmanager
def local_ray() -> Iterator[None]:
    """A Ray of this machine's own for the while, which is quiet."""
    with quiet_ray():
        ray.init(
            address="local",
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
        try:
            yield
        finally:
            ray.shutdown()


def _compare(report: Report, till: Till, trials: int, console: Console) -> None:
    """Latencies and rates as ratios within a trial, so that the machine's pace cancels out."""
    plain, chain, pipeline = bare_chain.start()
    for warm in (plain, chain, till.increment):
        p50_ms(warm)
    pipeline(PLAIN_CALLS)
    till.pipeline(INCREMENTS // 5)
    rows: list[dict[str, float]] = []
    for trial in range(trials):
        console.print(f"counters: trial {trial + 1} of {trials}", highlight=False)
        rows.append(
            {
                "plain_p50_ms": p50_ms(plain),
                "bare_chain_p50_ms": p50_ms(chain),
                "increment_p50_ms": p50_ms(till.increment),
                "plain_per_s": rate(pipeline, PLAIN_CALLS),
                "increments_per_s": rate(till.pipeline, INCREMENTS),
            }
        )
    for key, above, below in (
        ("increment_p50_over_plain", "increment_p50_ms", "plain_p50_ms"),
        ("increment_p50_over_bare_chain", "increment_p50_ms", "bare_chain_p50_ms"),
        ("pipelined_over_plain", "increments_per_s", "plain_per_s"),
    ):
        ratios = [row[above] / row[below] for row in rows]
        report.figures[f"counters.{key}"] = median(ratios)
        report.details[f"counters.{key}.trials"] = ratios
    for key in rows[0]:
        report.details[f"counters.{key}"] = median(row[key] for row in rows)


def _record(report: Report, till: Till, trials: int, console: Console) -> None:
    """Pipelined increments of an island that records, beside those of the one that does not."""
    with TemporaryDirectory() as directory:
        island = paxos_ray.launch("recorded", CITIZENS, record=directory, progress=False)
        _beside(report, island, "recorded", till, "unrecorded", trials, console)


def _sign(report: Report, till: Till, trials: int, console: Console) -> None:
    """The same of an island with a secret, whose messages are signed."""
    island = paxos_ray.launch("secret", CITIZENS, secret=token_bytes(), progress=False)
    _beside(report, island, "secret", till, "open", trials, console)


def _beside(
    report: Report,
    island: paxos_ray.Island,
    name: str,
    till: Till,
    other: str,
    trials: int,
    console: Console,
) -> None:
    """Who comes first alternates, since whatever else the machine does varies by more than is
    measured. The island is shut down then."""
    try:
        tills = {name: Till(island), other: till}
        for warm in tills.values():
            warm.pipeline(INCREMENTS // 5)
        rates: dict[str, list[float]] = {each: [] for each in tills}
        for trial in range(trials):
            console.print(f"counters: {name}, {trial + 1} of {trials}", highlight=False)
            for each in sorted(tills, reverse=trial % 2 == 0):
                rates[each].append(rate(tills[each].pipeline, INCREMENTS))
    finally:
        island.shutdown()
    ratios = [above / below for above, below in zip(rates[name], rates[other], strict=True)]
    report.figures[f"counters.{name}_over_{other}"] = median(ratios)
    report.details[f"counters.{name}_over_{other}.trials"] = ratios
    for each, measured in rates.items():
        report.details[f"counters.{each}_per_s"] = median(measured)


def p50_ms(call: Call) -> float:
    """The median time of a call, one after the other, in ms."""
    times = []
    for _ in range(SAMPLES):
        started = perf_counter()
        call()
        times.append(perf_counter() - started)
    sleep(0.05)  # what a call leaves behind must not fall on the next kind of call
    return 1e3 * median(times)


def rate(pipeline: Callable[[int], None], calls: int) -> float:
    """Calls a second, pipelined."""
    started = perf_counter()
    pipeline(calls)
    elapsed = perf_counter() - started
    sleep(0.2)
    return calls / elapsed


def failover_ms(
    island: paxos_ray.Island, till: Till, victim: Callable[[paxos_ray.Island], int]
) -> float:
    """Kill a process of a whole island: ms until the next increment is acknowledged."""
    wait_until_whole(island)
    till.increment()
    pid = victim(island)
    os.kill(pid, signal.SIGKILL)  # a worker of the Ray that was started here
    killed = perf_counter()
    till.increment()
    return 1e3 * (perf_counter() - killed)


def wait_until_whole(island: paxos_ray.Island) -> None:
    """Wait until the dead have been replaced and everybody has applied the same."""
    status = island.settled(timeout_s=WHOLE_S)
    if len(status.citizens) != CITIZENS or not all(each.alive for each in status.citizens):
        raise RuntimeError(f"not whole: {status}")
    sleep(0.5)  # what healing leaves to do


def leader_pid(island: paxos_ray.Island) -> int:
    """The process of the citizen that leads."""
    leader = island.status().leader
    if leader is None or leader.pid is None:
        raise RuntimeError("nobody leads")
    return leader.pid


def coordinator_pid(island: paxos_ray.Island) -> int:
    """The process of the island's coordinator."""
    return island.status().coordinator.pid
