"""Objects of users' classes: what a call costs beside a counter's increment and a plain actor's
call, what an exception costs, for how long giving away 100 MB of state stops who does so, and how
an island of such an object grows."""

from __future__ import annotations

import gc
import threading
from statistics import median
from time import perf_counter
from typing import Any

import ray
from rich.console import Console

import paxos_ray
from benchmarks.counters import local_ray
from benchmarks.report import Report
from paxos_ray import Handle, Island
from paxos_ray.actors.keeping import Keeping
from paxos_ray.actors.records import Desk
from paxos_ray.actors.snapshots import Snapshots
from paxos_ray.core.log import NOTHING, Entry
from paxos_ray.core.promise import Promise
from paxos_ray.machines import Operation, Replica, encode_batch, encode_open, value_of
from paxos_ray.machines.blueprint import blueprint_of
from paxos_ray.machines.objects import REGISTRY
from paxos_ray.machines.travel import pack

LARGE = 100 << 20
KEYS = 400_000  # of a dict that comes to about as much, pickled
CALLS = 2_000
SAMPLES = 200
STEPS = 50
PATIENCE_S = 120.0


@paxos_ray.replicated(argument_bytes=1 << 28)
class Stock:
    """A dict of small dicts, and one value without any parts."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.blob = b""

    def fill(self, keys: int) -> int:
        """Have so many keys more."""
        for number in range(len(self.items), len(self.items) + keys):
            self.items[f"key {number}"] = {"n": number, "text": f"{number:0200}"}
        return len(self.items)

    def keep(self, size: int) -> int:
        """Have a value of so many bytes."""
        self.blob = bytes(size)
        return size

    def add(self, key: str, n: int) -> int:
        """Add to the number of a key, which must not come to be negative."""
        item = self.items[key]
        item["n"] += n
        if item["n"] < 0:
            raise ValueError(f"{key} would be negative")
        count: int = item["n"]
        return count


class Donor:
    """A citizen's replica, with what a citizen does aside, and nothing else of it."""

    def __init__(self) -> None:
        self.replica = Replica()
        self.lock = Desk()
        self.keeping = Keeping(self.lock)
        self.keeping.adopt(self.replica)
        self._promise = NOTHING
        self._append(object(), Promise(1, 0))
        self._session = self._append(encode_open(10**12))
        self._sequence = 1
        self.perform([(REGISTRY, "deploy", ("stock", *blueprint_of(Stock), pack(((), {}))))])

    def call(self, method: str, *arguments: Any) -> Any:
        """One call, in an entry of its own. Raises what it raises."""
        return value_of(self.perform([call(method, *arguments)])[0])

    def perform(self, operations: list[Operation]) -> list[Any]:
        """Operations in one entry: the replies."""
        body = encode_batch(self._session, self._sequence, self._sequence - 1, operations)
        self._sequence += len(operations)
        with self.lock:
            return self._apply(body)

    def _append(self, body: object, promise: Promise | None = None) -> Promise:
        self._apply(body, promise)
        return self._promise

    def _apply(self, body: object, promise: Promise | None = None) -> list[Any]:
        promise = promise or Promise(1, self._promise.entry + 1)
        entry = Entry(promise, self._promise, 0, body)
        self._promise = promise
        applied = self.replica.apply(entry)
        return [] if applied is None else applied.replies


def call(method: str, *arguments: Any) -> Operation:
    """A call of the object."""
    return ("stock", method, (pack((arguments, {})),))


def measure(console: Console, trials: int) -> Report:
    """All figures of objects, on a Ray started here."""
    with local_ray():
        report = Report()
        _costs(report, console, trials)
        for kind in ("dict", "bytes"):
            _pauses(report, console, kind, trials)
        _calls(report, console)
        return report


def _costs(report: Report, console: Console, trials: int) -> None:
    console.print("objects: costs of a call", highlight=False)
    small, large = Donor(), Donor()
    small.call("fill", 10)
    large.call("fill", KEYS)
    works = {
        "counter_increment": (small, ("count", "increment", (1,))),
        "small_call": (small, call("add", "key 1", 1)),
        "large_call": (large, call("add", "key 1", 1)),
        "small_exception": (small, call("add", "key 1", -(10**9))),
    }
    for name, (donor, operation) in works.items():
        times = [
            _seconds(lambda d=donor, o=operation: d.perform([o] * CALLS)) for _ in range(trials)
        ]
        report.details[f"objects.{name}_us"] = 1e6 * median(times) / CALLS
    once = call("add", "key 1", -(10**9))
    report.details["objects.large_exception_ms"] = 1e3 * _seconds(lambda: large.perform([once]))


def _seconds(work: Any) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


def _pauses(report: Report, console: Console, kind: str, trials: int) -> None:
    """The longest time between two calls while the state is given away."""
    console.print(f"objects: giving away a large {kind}", highlight=False)
    donor, snapshots = Donor(), Snapshots()
    donor.call("fill", KEYS if kind == "dict" else 10)
    if kind == "bytes":
        donor.call("keep", LARGE)
    gc.collect()
    gc.freeze()  # a collection of all this garbage is no pause of a snapshot's
    pauses: dict[str, list[float]] = {"nothing": [], "snapshot": [], "checkpoint": [], "audit": []}
    for _ in range(trials):
        for what, longest in pauses.items():
            longest.append(_longest(donor, snapshots, what))
    for what, longest in pauses.items():
        report.details[f"objects.pause_{kind}_{what}_ms"] = median(longest)
    worst = max(median(pauses[what]) for what in ("snapshot", "checkpoint", "audit"))
    report.figures[f"objects.pause_{kind}_ms"] = worst


def _longest(donor: Donor, snapshots: Snapshots, what: str) -> float:
    longest, began = 0.0, perf_counter()
    number: int | None = None
    hosted = donor.replica.deployed("stock")
    promise = donor.replica.applied
    checkpoint = hosted.snapshot()["checkpoint"]
    last = perf_counter()
    with donor.lock:
        if what == "snapshot":
            number = snapshots.freeze(donor.replica.snapshot())
        elif what == "checkpoint":
            donor.keeping.renew(hosted)
        elif what == "audit":
            donor.keeping.audit(donor.replica, promise)
    while True:
        donor.call("add", "key 1", 1)
        now = perf_counter()
        longest, last = max(longest, now - last), now
        if now - began > PATIENCE_S:
            raise RuntimeError(f"{what} takes longer than {PATIENCE_S:g} s")
        if what == "nothing":
            done = now - began > 1.0
        elif number is not None:
            done = snapshots.fetch(number) is not None
        elif what == "checkpoint":
            done = hosted.snapshot()["checkpoint"] is not checkpoint
        else:
            done = donor.keeping.audited(promise, donor.replica.applied) is not None
        if done:
            return 1e3 * longest


class Plain:
    """The same class as a plain actor."""

    def __init__(self) -> None:
        self.stock = Stock()
        self.stock.fill(10)

    def add(self, key: str, n: int) -> int:
        """See `Stock.add`."""
        return self.stock.add(key, n)


def _calls(report: Report, console: Console) -> None:
    """On an island of three: a call beside an increment and the call of a plain actor."""
    console.print("objects: calls on an island", highlight=False)
    actor: Any = ray.remote(num_cpus=0)
    plain = actor(Plain).remote()
    island = paxos_ray.launch("benchmark", citizens=3, progress=False)
    try:
        stock, counter = island.deploy("stock", Stock), island.counter("count")
        stock.fill(10, timeout_s=PATIENCE_S)
        works = {
            "plain": lambda: ray.get(plain.add.remote("key 1", 1)),
            "increment": lambda: counter.increment(1, timeout_s=PATIENCE_S),
            "call": lambda: stock.add("key 1", 1, timeout_s=PATIENCE_S),
        }
        times: dict[str, list[float]] = {name: [] for name in works}
        for _ in range(SAMPLES):
            for name, work in works.items():
                times[name].append(_seconds(work))
        for name, each in times.items():
            report.details[f"objects.{name}_p50_ms"] = 1e3 * median(each)
        ratio = median(times["call"]) / median(times["increment"])
        report.figures["objects.call_p50_over_increment"] = ratio
        calls = 10 * CALLS
        took_s = _seconds(
            lambda: [stock.add.remote("key 1", 1) for _ in range(calls)][-1].result(PATIENCE_S)
        )
        report.details["objects.pipelined_per_s"] = calls / took_s
        _growth(report, console, island, stock)
    finally:
        island.shutdown()


def _growth(report: Report, console: Console, island: Island, stock: Handle[Stock]) -> None:
    """One citizen more, twice, with all that state: how long that takes, and the longest call of a
    client meanwhile."""
    console.print("objects: a large dict is brought to newcomers", highlight=False)
    for _ in range(STEPS):
        stock.fill(KEYS // STEPS, timeout_s=PATIENCE_S)
    grown, waits = threading.Event(), [0.0]

    def call() -> None:
        while not grown.is_set():
            waits.append(_seconds(lambda: stock.add("key 1", 1, timeout_s=PATIENCE_S)))

    client = threading.Thread(target=call)
    client.start()
    try:
        times = [_seconds(lambda n=n: island.scale(n)) for n in (4, 5)]
    finally:
        grown.set()
        client.join()
    report.details["objects.growth_s"] = max(times)
    report.figures["objects.growth_pause_ms"] = 1e3 * max(waits)
