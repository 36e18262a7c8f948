"""The queue beside what Python has, its index beside a scan, and what its counter costs."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from statistics import median
from time import perf_counter

from rich.console import Console

from benchmarks.report import Report
from paxos_ray.procession import Metrics, Procession, Search

BATCH = 2_000
BATCHES = 50
NODES = 1_000_000
LOOKUPS = 2_000
SCANS = 5
STEPS = 300_000
WRAP = 0xFFFF_FFFF


def rate(push: Callable[[int], object], shift: Callable[[], object]) -> float:
    """Values per second that are pushed and shifted, 2,000 at a time."""
    started = perf_counter()
    for _ in range(BATCHES):
        for value in range(BATCH):
            push(value)
        for _ in range(BATCH):
            shift()
    return BATCHES * BATCH / (perf_counter() - started)


def _deque() -> float:
    queue: deque[int] = deque()
    return rate(queue.append, queue.popleft)


def _asyncio() -> float:
    queue: asyncio.Queue[int] = asyncio.Queue()
    return rate(queue.put_nowait, queue.get_nowait)


def _procession(bits: int | None = 32, consumers: int = 1, listeners: int = 0) -> float:
    queue: Procession[int] = Procession(bits=bits)
    shifters = [queue.shifter() for _ in range(consumers)]
    for _ in range(listeners):
        queue.listen(Metrics())
    if consumers == 1:
        reached = rate(queue.push, shifters[0].shift)
    else:
        reached = rate(queue.push, lambda: [shifter.shift() for shifter in shifters])
    if len(queue):
        raise RuntimeError(f"{len(queue)} nodes are left")
    return reached


RATES: dict[str, Callable[[], float]] = {
    "procession.deque_per_s": _deque,
    "procession.asyncio_queue_per_s": _asyncio,
    "procession.push_shift_per_s": _procession,
    "procession.push_shift_unbounded_per_s": lambda: _procession(bits=None),
    "procession.two_consumers_per_s": lambda: _procession(consumers=2),
    "procession.two_consumers_unbounded_per_s": lambda: _procession(bits=None, consumers=2),
    "procession.one_listener_per_s": lambda: _procession(listeners=1),
}


def counter_ns(kind: str, start: int) -> float:
    """Nanoseconds to number a node and to tell how many lie between it and another, from a
    sequence number on."""
    steps = range(STEPS)
    if kind == "wrapping":
        number = tail = start
        began = perf_counter()
        for _ in steps:
            number = (number + 1) & WRAP
            _held = (number - tail) & WRAP
    elif kind == "unbounded":
        number = tail = start
        began = perf_counter()
        for _ in steps:
            number += 1
            _held = number - tail
    else:
        real = last = float(start)
        began = perf_counter()
        for _ in steps:
            real += 1.0
            _distance = real - last
    return (perf_counter() - began) / STEPS * 1e9


def search_over_scan() -> tuple[float, float]:
    """Microseconds to find a node among a million: by the index, and by walking along them."""
    queue: Procession[int] = Procession()
    queue.shifter()
    search = Search(queue, lambda value: 2 * value)
    queue.extend(range(NODES))
    started = perf_counter()
    for number in range(LOOKUPS):
        value = number * 499 % NODES
        found = search.at_or_after(2 * value - 1)
        if found is None or found.value != value:
            raise RuntimeError(f"{found} found for {value}")
    indexed = (perf_counter() - started) / LOOKUPS
    started = perf_counter()
    for number in range(SCANS):
        value = (2 * number + 1) * NODES // (2 * SCANS)  # half way, on average
        for node in queue:
            if node.value >= value:
                break
    return indexed * 1e6, (perf_counter() - started) / SCANS * 1e6


def measure(console: Console, trials: int) -> Report:
    """All figures of the queue. What is compared alternates, as the machine's pace varies."""
    report = Report()
    rates: dict[str, list[float]] = {key: [] for key in RATES}
    counters: dict[str, list[float]] = {}
    for trial in range(trials):
        console.print(f"procession: trial {trial + 1} of {trials}", highlight=False)
        for key, run in RATES.items():
            rates[key].append(run())
        for size, start in (("small", 1_000), ("large", 2**31)):
            for kind in ("wrapping", "unbounded", "float"):
                key = f"procession.counter_{kind}_{size}_ns"
                counters.setdefault(key, []).append(counter_ns(kind, start))
    pairs = zip(rates["procession.push_shift_per_s"], rates["procession.deque_per_s"], strict=True)
    report.figures["procession.push_shift_over_deque"] = median(one / other for one, other in pairs)
    indexed, scanned = search_over_scan()
    report.figures["procession.search_over_scan"] = scanned / indexed
    for key, values in {**rates, **counters}.items():
        report.details[key] = median(values)
        report.details[f"{key}.trials"] = values
    report.details["procession.search_us"] = indexed
    report.details["procession.scan_us"] = scanned
    return report
