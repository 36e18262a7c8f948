"""How long clients wait when a leader, or its whole node, is lost: on several nodes.

The nodes are network namespaces of this machine (`tests.cluster`). A client on the head increments
one counter, one increment after the other. The pause is the longest that one of them takes from
the fault on.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

import paxos_ray
from benchmarks.report import Report
from tests.cluster import work
from tests.cluster.client import Client
from tests.cluster.nodes import HEAD, Cluster

NODES = 5
CITIZENS = 3
AFTER = 25  # increments more, after the first that was acknowledged since the fault
PATIENCE_S = 60.0
NAME = "benchmark"

_times: list[tuple[float, float]] = []  # of the client: of each increment, from when to when
_stop = threading.Event()


def begin() -> None:
    """For the client: increment, one after the other, until `end`."""
    _times.clear()
    _stop.clear()
    counter = paxos_ray.attach(NAME).counter(NAME)

    def run() -> None:
        while not _stop.is_set():
            started = time.monotonic()
            counter.increment.remote(1).result(timeout_s=PATIENCE_S)
            _times.append((started, time.monotonic()))

    threading.Thread(target=run, daemon=True).start()


def pause_ms(fault: float) -> float:
    """For the client: the longest wait since then, by the machine's clock; ends it."""
    deadline = time.monotonic() + PATIENCE_S
    while len([1 for _, end in list(_times) if end > fault]) < AFTER:
        if time.monotonic() > deadline:
            raise TimeoutError(f"no increments for {PATIENCE_S:g} s")
        time.sleep(0.01)
    _stop.set()
    return 1e3 * max(end - max(start, fault) for start, end in list(_times) if end > fault)


def measure(console: Console, faults: int, loaded: bool) -> Report:
    """The pauses of so many faults of each kind."""
    report = Report()
    with Cluster.up(NODES) as cluster, _busy(loaded):
        user = cluster.client(HEAD)
        user.call(work.launch, NAME, CITIZENS)
        for kind, break_it in (
            ("killed", _kill),
            ("frozen", _freeze),
            ("cut", _cut),
            ("coordinator_cut", _cut_coordinator),
        ):
            pauses = []
            for fault in range(faults):
                pauses.append(_pause(cluster, user, break_it))
                told = f"{kind}: {fault + 1} of {faults}: {pauses[-1]:.0f} ms"
                console.print(told, highlight=False)
            report.figures[f"failover.{kind}_ms"] = pauses
        report.details["failover.governments"] = len(user.call(work.status, NAME).governments)
    return report


def _pause(
    cluster: Cluster, user: Client, break_it: Callable[[Cluster, Client], Callable[[], None]]
) -> float:
    cluster.restore()
    user.call(work.await_status, NAME)
    user.call(begin)
    time.sleep(0.5)
    mend = break_it(cluster, user)
    fault = time.monotonic()
    try:
        return user.call(pause_ms, fault)
    finally:
        mend()


def _leader(user: Client) -> paxos_ray.CitizenStatus:
    leader = user.call(work.status, NAME).leader
    assert leader is not None and leader.pid is not None
    return leader


def _kill(cluster: Cluster, user: Client) -> Callable[[], None]:
    pid = _leader(user).pid or 0
    os.kill(pid, signal.SIGKILL)
    return lambda: None


def _freeze(cluster: Cluster, user: Client) -> Callable[[], None]:
    pid = _leader(user).pid or 0
    os.kill(pid, signal.SIGSTOP)
    return lambda: os.kill(pid, signal.SIGCONT)


def _cut(cluster: Cluster, user: Client) -> Callable[[], None]:
    status = user.call(work.status, NAME)
    assert status.leader is not None
    cluster.network.cut(work.host_of(status, status.leader.id))
    return cluster.network.heal


def _cut_coordinator(cluster: Cluster, user: Client) -> Callable[[], None]:
    cluster.network.cut(work.coordinator_host(user.call(work.status, NAME)))
    return cluster.network.heal


@contextmanager
def _busy(loaded: bool) -> Iterator[None]:
    """With as many processes as there are CPUs that never wait, if asked for."""
    command = [sys.executable, "-c", "while True: pass"]
    spinning = [subprocess.Popen(command) for _ in range((os.cpu_count() or 1) if loaded else 0)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()
