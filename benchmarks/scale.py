"""An island from 3 to 50 citizens and back: how long that takes, what a commit costs with so many;
and how long clients wait when the leader is asked to leave."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from statistics import median
from time import perf_counter, sleep

from rich.console import Console

import paxos_ray
from benchmarks.counters import PATIENCE_S, Till, local_ray, p50_ms, rate
from benchmarks.report import Report

SCALE_S = 300.0  # how long a change may take
LEAST_FREE_GIB = 4.0  # a citizen is a process of 60 to 100 MB, and the machine is others', too
FEW = 3
AROUND = 20  # increments before and after a handover


def measure(console: Console, sizes: tuple[int, ...], trials: int, handovers: int) -> Report:
    """All of it, on a Ray started here, by one island."""
    report = Report()
    with local_ray():
        island = paxos_ray.launch("benchmark", citizens=FEW, progress=False, audit_s=0)
        try:
            till = Till(island)
            till.pipeline(10_000)
            for citizens in sizes:
                _scale(report, console, island, citizens)
                _commit(report, console, till, citizens, trials)
            _scale(report, console, island, FEW)
            _compare(report, sizes)
            pauses = []
            for number in range(handovers):
                pauses.append(_handover_ms(island, till))
                told = f"handover {number + 1} of {handovers}: {pauses[-1]:.0f} ms"
                console.print(told, highlight=False)
            report.figures["scale.handover_ms"] = pauses
            return report
        finally:
            island.shutdown()


def _scale(report: Report, console: Console, island: paxos_ray.Island, citizens: int) -> None:
    before = len(island.government().citizens)
    if before == citizens:
        return
    _check_memory()
    started = perf_counter()
    island.scale(citizens, timeout_s=SCALE_S, progress=False)
    took = perf_counter() - started
    report.details[f"scale.from_{before}_to_{citizens}_s"] = took
    console.print(f"scale: {before} to {citizens} citizens: {took:.1f} s", highlight=False)
    island.settled(timeout_s=PATIENCE_S)
    _check_memory()


def _commit(report: Report, console: Console, till: Till, citizens: int, trials: int) -> None:
    p50_ms(till.increment)
    times = [p50_ms(till.increment) for _ in range(trials)]
    rates = [rate(till.pipeline, 50_000) for _ in range(trials)]
    report.details[f"scale.increment_p50_ms.{citizens}"] = median(times)
    report.details[f"scale.increments_per_s.{citizens}"] = median(rates)
    told = f"{citizens} citizens: {median(times):.1f} ms p50, {median(rates):,.0f} /s pipelined"
    console.print(f"scale: {told}", highlight=False)


def _compare(report: Report, sizes: tuple[int, ...]) -> None:
    """The largest beside the smallest of those with a full parliament. All citizens share the CPUs
    here, and each applies all: so of the rates, what all of them have applied in a second."""
    full = [citizens for citizens in sizes if citizens >= 5]
    if len(full) > 1:
        least, most = min(full), max(full)
        for key, figure, weights in (
            ("increment_p50_ms", "increment_p50_growth", (1, 1)),
            ("increments_per_s", "applied_per_s_growth", (least, most)),
        ):
            few, many = (report.details[f"scale.{key}.{size}"] for size in (least, most))
            assert isinstance(few, float) and isinstance(many, float)
            report.figures[f"scale.{figure}"] = many * weights[1] / (few * weights[0])


def _handover_ms(island: paxos_ray.Island, till: Till) -> float:
    """The longest time between two acknowledgements of a client that never pauses, while the
    leader of an island of one too many leaves it."""
    island.scale(FEW + 1, timeout_s=SCALE_S, progress=False)
    island.settled(timeout_s=PATIENCE_S)
    sleep(0.5)  # what a process that has just begun leaves to do
    leader = island.government().leader
    acknowledged: list[float] = []
    with _probing(till, acknowledged):
        government = island.scale(FEW, leaving=[leader], timeout_s=SCALE_S, progress=False)
    if government.leader == leader:
        raise RuntimeError("the leader has not left")
    pairs = pairwise(acknowledged)
    return 1e3 * max(after - before for before, after in pairs)


@contextmanager
def _probing(till: Till, acknowledged: list[float]) -> Iterator[None]:
    """Somebody increments, one after the other, some before and some after what is done here."""
    ended = threading.Event()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            while not ended.is_set():
                till.increment()
                acknowledged.append(perf_counter())
        except BaseException as failure:  # noqa: BLE001 - raised below
            failures.append(failure)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        _await_more(acknowledged, failures)
        yield
        _await_more(acknowledged, failures)
    finally:
        ended.set()
        thread.join(PATIENCE_S)
    if failures:
        raise failures[0]


def _await_more(acknowledged: list[float], failures: list[BaseException]) -> None:
    goal = len(acknowledged) + AROUND
    while len(acknowledged) < goal and not failures:
        sleep(0.005)


def _check_memory() -> None:
    """Raises `MemoryError` rather than take what others on the machine need."""
    with open("/proc/meminfo") as told:
        available = next(line for line in told if line.startswith("MemAvailable"))
    free_gib = int(available.split()[1]) / 2**20
    if free_gib < LEAST_FREE_GIB:
        raise MemoryError(f"only {free_gib:.1f} GiB are free")
