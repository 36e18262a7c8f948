"""Many schedules: run a range of seeds, on as many cores as asked for, and tell which failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from paxos_ray.simulation.schedule import Summary
from paxos_ray.simulation.workloads import Workload, record_schedule, run_schedule

CHUNK = 20
"""Schedules that a process runs between two reports."""


@dataclass(slots=True)
class Tally:
    """What many schedules came to; counts are sums over all of them."""

    schedules: int = 0
    failures: list[Summary] = field(default_factory=list)
    messages: int = 0
    acknowledged: int = 0
    confirmed: int = 0
    undecided: int = 0  # schedules whose clients' history was too costly to check
    deeds: Counter[str] = field(default_factory=Counter)
    changes: Counter[str] = field(default_factory=Counter)
    rested_pings: int = 0  # the longest way from healing to rest

    def add(self, summary: Summary) -> None:
        """One schedule more."""
        self.schedules += 1
        if summary.failure is not None:
            self.failures.append(summary)
        self.messages += summary.messages
        self.acknowledged += summary.acknowledged
        self.confirmed += summary.confirmed
        self.undecided += summary.undecided
        self.deeds.update(summary.deeds)
        self.changes.update(summary.changes)
        self.rested_pings = max(self.rested_pings, summary.rested_pings)


def run_schedules(
    seeds: range,
    jobs: int = 1,
    record: Path | None = None,
    workload: Workload = Workload.SEED,
) -> Iterator[Summary]:
    """Run the schedules of these seeds in `jobs` processes; summaries in the order of the seeds.

    With `record`, as `record_schedule` does. Who stops asking has no further chunks begun."""
    if jobs <= 1:
        yield from map(partial(_run, record, workload), seeds)
        return
    chunks = [seeds[at : at + CHUNK] for at in range(0, len(seeds), CHUNK)]
    pool = ProcessPoolExecutor(max_workers=jobs)
    try:
        for summaries in pool.map(partial(_run_all, record, workload), chunks):
            yield from summaries
    finally:
        pool.shutdown(cancel_futures=True)


def _run_all(record: Path | None, workload: Workload, seeds: Sequence[int]) -> list[Summary]:
    return [_run(record, workload, seed) for seed in seeds]


def _run(record: Path | None, workload: Workload, seed: int) -> Summary:
    if record is None:
        return run_schedule(seed, workload=workload)
    return record_schedule(seed, record, workload)
