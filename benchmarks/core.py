"""The Legislator alone: no Ray, no network, so that a change of the core shows here first."""

from __future__ import annotations

import json
import subprocess
import sys
from statistics import median
from time import perf_counter
from typing import TypedDict

from rich.console import Console

from benchmarks import linearizability
from benchmarks.pure_island import PureIsland
from benchmarks.report import Report
from paxos_ray.simulation import run_schedule

BATCH = 2_000
BODY = b"increment"
SCHEDULES = 40
SMALL, LARGE = 10_000, 1_000_000


class Growth(TypedDict):
    """What a growth run prints: CPU seconds per entry and peak resident memory."""

    s_per_entry: float
    peak_mib: float


def queued(island: PureIsland, batches: int) -> float:
    """Entries per second, 2,000 at a time, each learned by everybody."""
    bodies = [BODY] * BATCH
    started = perf_counter()
    for _ in range(batches):
        last = island.enqueue(bodies)
        if not island.learned_by_all(last):
            raise RuntimeError(f"somebody has not learned {last}")
    return batches * BATCH / (perf_counter() - started)


def one_at_a_time(island: PureIsland, entries: int) -> float:
    """Entries per second, the next proposed when everybody has learned the last."""
    started = perf_counter()
    for _ in range(entries):
        last = island.enqueue([BODY])
        if not island.learned_by_all(last):
            raise RuntimeError(f"somebody has not learned {last}")
    return entries / (perf_counter() - started)


def simulated(schedules: range) -> float:
    """Messages per second that schedules of the simulator deliver, one after the other, with all
    that they check."""
    started = perf_counter()
    summaries = [run_schedule(seed) for seed in schedules]
    elapsed = perf_counter() - started
    failed = [summary.seed for summary in summaries if summary.failure is not None]
    if failed:
        raise RuntimeError(f"schedules failed: {failed}")
    return sum(summary.messages for summary in summaries) / elapsed


def growth(entries: int) -> Growth:
    """Write so many entries in a process of its own, whose peak memory then is theirs alone."""
    command = [sys.executable, "-m", "benchmarks.growth", str(entries)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    measured: Growth = json.loads(printed)
    return measured


def measure(console: Console, trials: int, rounds: int) -> Report:
    """All figures of the core. Trials of different kinds alternate, as the machine's pace varies.

    `trials` for the rates, `rounds` of the growth comparison (none: it is left out): each is
    one large run between small ones.
    """
    report = Report()
    island = PureIsland()
    queued(island, 2)
    rates: dict[str, list[float]] = {
        "core.queued_per_s": [],
        "core.one_at_a_time_per_s": [],
        "core.simulated_messages_per_s": [],
    }
    for trial in range(trials):
        console.print(f"core: trial {trial + 1} of {trials}", highlight=False)
        rates["core.queued_per_s"].append(queued(island, 10))
        rates["core.one_at_a_time_per_s"].append(one_at_a_time(island, 2_000))
        seeds = range(trial * SCHEDULES, (trial + 1) * SCHEDULES)
        rates["core.simulated_messages_per_s"].append(simulated(seeds))
    for key, values in rates.items():
        report.figures[key] = median(values)
        report.details[f"{key}.trials"] = values
    seconds = [linearizability.seconds(linearizability.history(n)) for n in range(min(trials, 3))]
    report.figures["core.linearizability_10k_s"] = median(seconds)
    report.details["core.linearizability_10k_s.trials"] = seconds
    if rounds:
        _grow(report, rounds, console)
    return report


def _grow(report: Report, rounds: int, console: Console) -> None:
    ratios, peaks = [], {SMALL: 0.0, LARGE: 0.0}
    for round_number in range(rounds):
        console.print(f"core: growth, round {round_number + 1} of {rounds}", highlight=False)
        small = [growth(SMALL) for _ in range(3)]
        large = growth(LARGE)
        small += [growth(SMALL) for _ in range(3)]
        ratios.append(large["s_per_entry"] / median(run["s_per_entry"] for run in small))
        peaks[LARGE] = max(peaks[LARGE], large["peak_mib"])
        peaks[SMALL] = max(peaks[SMALL], *(run["peak_mib"] for run in small))
    report.figures["core.growth"] = median(ratios)
    report.details["core.growth.rounds"] = ratios
    report.details["core.growth.peak_mib"] = {str(size): peak for size, peak in peaks.items()}
