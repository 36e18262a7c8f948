"""Many schedules: run a range of seeds, on as many cores as asked for, and tell which failed."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from multiprocessing import parent_process
from pathlib import Path

from paxos_ray.simulation.forking import ENDING, end_at_once, undisturbed
from paxos_ray.simulation.schedule import Summary
from paxos_ray.simulation.workloads import Workload, record_schedule, run_schedule

CHUNK = 20
"""Schedules that a process runs between two reports."""

AHEAD = 4
"""Chunks that wait for each process, or are done before it is their turn to be told."""


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


class WorkerDied(RuntimeError):
    """A process that ran schedules has died, and what it had run is lost."""


def run_schedules(
    seeds: range,
    jobs: int = 1,
    record: Path | None = None,
    workload: Workload = Workload.SEED,
    note: Callable[[str], None] | None = None,
) -> Generator[Summary, None, None]:
    """Run the schedules of these seeds in `jobs` processes; summaries in the order of the seeds.

    With `record`, as `record_schedule` does; with `note`, which is told of each event, in this
    process. Who stops asking has no further chunks begun. Raises `WorkerDied`, after all summaries
    that there are."""
    if jobs <= 1 or note is not None:
        yield from map(partial(_run, record, workload, note), seeds)
        return
    pool = ProcessPoolExecutor(max_workers=jobs, initializer=_begin)
    broken: BrokenProcessPool | None = None
    chunks = (seeds[at : at + CHUNK] for at in range(0, len(seeds), CHUNK))

    def begin(chunk: range) -> Future[tuple[list[Summary], OSError | None]]:
        return pool.submit(_run_all, record, workload, chunk)

    try:
        with undisturbed():
            running = deque(map(begin, islice(chunks, AHEAD * jobs)))
        while running:
            try:
                if broken is None:
                    running.extend(map(begin, islice(chunks, 1)))
                summaries, failed = running.popleft().result()
            except BrokenProcessPool as error:  # so are all that are not done; others are told
                broken = error
                continue
            yield from summaries
            if failed is not None:
                raise failed
        if broken is not None:
            raise broken
    except BrokenProcessPool:
        raise WorkerDied("a process that ran schedules has died") from None
    finally:
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    """A process that runs schedules ends with the one that asks for them, whatever ends that."""
    end_at_once()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _run_all(
    record: Path | None, workload: Workload, seeds: Sequence[int]
) -> tuple[list[Summary], OSError | None]:
    """The summaries, up to the first schedule that cannot be recorded, and why not."""
    summaries: list[Summary] = []
    for seed in seeds:
        try:
            summaries.append(_run(record, workload, None, seed))
        except OSError as error:
            return summaries, error
    return summaries, None


def _run(
    record: Path | None, workload: Workload, note: Callable[[str], None] | None, seed: int
) -> Summary:
    if record is None:
        return run_schedule(seed, note=note, workload=workload)
    return record_schedule(seed, record, workload, note)
