"""Reads of each consistency by the number of citizens, all in one run.

Two kinds of queries. That of a counter costs next to nothing, so what is measured is the clients'
and Ray's own work, of which two cores do no more however many citizens there are. The other holds
its citizen up for a millisecond without needing a core, as one would that is much work on a machine
with a core for each citizen: it shows whom the reads go to.
"""

from __future__ import annotations

import time
import warnings
from collections import deque
from statistics import median
from typing import Any

import ray
from rich.console import Console

import paxos_ray
from benchmarks.counters import local_ray
from benchmarks.report import Report

SIZES = (1, 3, 5)
CONSISTENCIES = ("linearizable", "session", "eventual")
KINDS = ("light", "held")
CLIENTS = 2
AHEAD = {"light": 4_000, "held": 400}
"""Reads of each client that are under way at a time."""
TRIAL_S = 1.5
SAMPLES = 100
PATIENCE_S = 60.0
HELD_S = 0.001


@paxos_ray.replicated
class Shelf:
    """Answers after a millisecond."""

    def __init__(self) -> None:
        self.books = 7

    @paxos_ray.query
    def count(self) -> int:
        """How many books there are."""
        time.sleep(HELD_S)
        return self.books


@ray.remote(num_cpus=0)
class Client:
    """A process with a client of its own, and so a session."""

    def __init__(self, island: str) -> None:
        attached = paxos_ray.attach(island)
        self._methods: dict[str, Any] = {
            "light": attached.counter("books").value,
            "held": attached.get("shelf").count,
        }

    def rate(self, kind: str, consistency: Any, seconds: float) -> float:
        """Reads a second, pipelined."""
        read = self._methods[kind].options(consistency=consistency)
        under_way: deque[Any] = deque(read.remote() for _ in range(AHEAD[kind]))
        done, began = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - began) < seconds:
            for _ in range(AHEAD[kind] // 8):
                _answer(under_way.popleft())
                under_way.append(read.remote())
                done += 1
        for response in under_way:
            _answer(response)
        return done / elapsed

    def p50_ms(self, consistency: Any) -> float:
        """The median time of one read of a counter, one after the other."""
        read = self._methods["light"].options(consistency=consistency)
        times = []
        for _ in range(SAMPLES):
            began = time.perf_counter()
            _answer(read.remote())
            times.append(time.perf_counter() - began)
        return 1e3 * median(times)


def _answer(response: Any) -> None:
    if response.result(PATIENCE_S) != 7:
        raise RuntimeError("a read has another value than the one that was written")


def measure(console: Console, trials: int) -> Report:
    """All figures, on a Ray started here. Trials of different consistencies alternate."""
    report = Report()
    with local_ray(), warnings.catch_warnings():
        warnings.simplefilter("ignore", paxos_ray.FewCitizens)
        island = paxos_ray.launch("reads", citizens=SIZES[0], audit_s=0, progress=False)
        try:
            island.counter("books").increment(7, timeout_s=PATIENCE_S)
            island.deploy("shelf", Shelf)
            clients = [Client.remote("reads") for _ in range(CLIENTS)]  # type: ignore[attr-defined]
            rates: dict[str, float] = {}
            for size in SIZES:
                island.scale(size, progress=False)
                island.settled(timeout_s=PATIENCE_S)
                rates |= _rates(clients, size, trials, console)
                report.details |= _latencies(clients[0], size)
        finally:
            island.shutdown()
    _compare(report, rates)
    return report


def _rates(clients: list[Any], size: int, trials: int, console: Console) -> dict[str, float]:
    _together(clients, "held", "eventual")  # the clients learn who is new
    measured: dict[str, list[float]] = {}
    for trial in range(trials):
        console.print(f"reads: {size} citizens, {trial + 1} of {trials}", highlight=False)
        for kind in KINDS:
            for consistency in CONSISTENCIES:
                key = f"{kind}.{consistency}.{size}"
                measured.setdefault(key, []).append(_together(clients, kind, consistency))
    return {key: median(each) for key, each in measured.items()}


def _together(clients: list[Any], kind: str, consistency: str) -> float:
    calls = [client.rate.remote(kind, consistency, TRIAL_S) for client in clients]
    rates: list[float] = ray.get(calls)
    return sum(rates)


def _latencies(client: Any, size: int) -> dict[str, float]:
    return {
        f"reads.{consistency}_p50_ms.{size}": ray.get(client.p50_ms.remote(consistency))
        for consistency in CONSISTENCIES
    }


def _compare(report: Report, rates: dict[str, float]) -> None:
    few, many = SIZES[0], SIZES[-1]
    for key, rate in rates.items():
        report.details[f"reads.{key}_per_s"] = rate
    for consistency in CONSISTENCIES:
        for kind in KINDS:
            growth = rates[f"{kind}.{consistency}.{many}"] / rates[f"{kind}.{consistency}.{few}"]
            key = f"reads.{kind}_{consistency}_growth"
            if kind == "held" and consistency != "linearizable":
                report.figures[key] = growth
            else:
                report.details[key] = growth
            if consistency != "linearizable":
                over = rates[f"{kind}.{consistency}.{many}"] / rates[f"{kind}.linearizable.{many}"]
                report.details[f"reads.{kind}_{consistency}_over_linearizable"] = over
