"""How fast a replica applies operations of standard objects, with little and with much in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count
from random import Random
from statistics import median
from time import process_time
from typing import Any

from paxos_ray.core.log import NOTHING, Entry
from paxos_ray.core.promise import Promise
from paxos_ray.machines import OK, Replica, encode_batch, encode_open

FEW, MANY = 100, 100_000
"""Keys, items or waiters that an object has while it is measured."""

BATCH = 1_000
BATCHES = 10

Call = tuple[str, tuple[Any, ...]]


class Log:
    """A replica with one object, and a session; each batch is an entry, 1 ms after the last."""

    def __init__(self, kind: str) -> None:
        self.replica = Replica()
        self._kind = kind
        self._stamp = 0
        self._entry = 0
        self._next = 1
        self._append(object(), governs=True)
        self._append(encode_open(10**9))
        self._session = Promise(1, self._entry)
        self.run([("create", (kind, kind))], name="")

    def run(self, calls: Iterable[Call], name: str | None = None) -> float:
        """Apply the calls in one entry; the CPU seconds that takes, reading the body included."""
        object = self._kind if name is None else name
        operations = [(object, *call) for call in calls]
        body = encode_batch(self._session, self._next, self._next - 1, operations)
        self._next += len(operations)
        started = process_time()
        replies = self._append(body)
        took = process_time() - started
        if any(reply.status is not OK for reply in replies):
            raise RuntimeError(f"{object}: {next(r for r in replies if r.status is not OK)}")
        return took

    def _append(self, body: object, governs: bool = False) -> list[Any]:
        self._stamp += 1
        if governs:
            self.replica.apply(Entry(Promise(1, 0), NOTHING, self._stamp, body))
            return []
        self._entry += 1
        previous = Promise(1, self._entry - 1)
        applied = self.replica.apply(Entry(Promise(1, self._entry), previous, self._stamp, body))
        return [] if applied is None else applied.replies


Work = tuple[list[Call], Callable[[int], list[Call]]]
"""What fills the object, and the calls of the batch of that number."""


def _map(size: int) -> Work:
    random = Random("map")
    fill: list[Call] = [("put", (f"key-{key}", key)) for key in range(size)]
    return fill, lambda _: [
        ("put", (f"key-{random.randrange(size)}", number)) for number in range(BATCH)
    ]


def _map_new(size: int) -> Work:
    """Keys that come and go, with a time to live."""
    random = Random("map of new keys")
    fill: list[Call] = [
        ("put", (f"key-{random.random()}", key, 10**6 + key)) for key in range(size)
    ]

    def calls(_: int) -> list[Call]:
        keys = [f"key-{random.random()}" for _ in range(BATCH // 2)]
        return [("put", (key, 1, 10**6)) for key in keys] + [("delete", (key,)) for key in keys]

    return fill, calls


def _lines(ask: str, give: str, *arguments: Any) -> Callable[[int], Work]:
    """The holder gives back, the next in a line of that size holds, one more waits."""

    def work(size: int) -> Work:
        holder = count(1)
        fill: list[Call] = [(ask, arguments) for _ in range(size)]
        return fill, lambda _: [
            call for _ in range(BATCH // 2) for call in ((give, (next(holder),)), (ask, arguments))
        ]

    return work


def _queue(size: int) -> Work:
    taken = count(1)
    fill: list[Call] = [("put", (item, item % 7)) for item in range(size)]
    return fill, lambda _: [
        call
        for item in range(BATCH // 3)
        for call in (("put", (item, item % 7)), ("take", (10**6,)), ("acknowledge", (next(taken),)))
    ]


def _barrier(size: int) -> Work:
    """Pairs gather, while that many are inside."""
    fill: list[Call] = [("arrive", (2, True)) for _ in range(size)]
    return fill, lambda _: [("arrive", (2,)) for _ in range(BATCH)]


def _sequence(size: int) -> Work:
    return [], lambda _: [("reserve", (10,)) for _ in range(BATCH)]


WORKS: dict[str, tuple[str, Callable[[int], Work]]] = {
    "map": ("map", _map),
    "map_new_keys": ("map", _map_new),
    "lock": ("lock", _lines("acquire", "release", 10**6)),
    "semaphore": ("semaphore", _lines("acquire", "release", 1, 10**6)),
    "election": ("election", _lines("campaign", "resign", "here", 10**6)),
    "queue": ("queue", _queue),
    "barrier": ("barrier", _barrier),
    "sequence": ("sequence", _sequence),
}


def rate(name: str, size: int) -> float:
    """Operations per second, the median of some batches, with `size` in the object."""
    kind, work = WORKS[name]
    fill, calls = work(size)
    log = Log(kind)
    for at in range(0, len(fill), BATCH):
        log.run(fill[at : at + BATCH])
    times = []
    for number in range(BATCHES):
        batch = calls(number)
        times.append(log.run(batch) / len(batch))
    return 1 / median(times)


def measure(trials: int = 3) -> dict[str, dict[str, float]]:
    """Of each kind of work the rates, and that with much in it divided by that with little: both
    one after the other, the median of some trials."""
    figures = {}
    for name in WORKS:
        pairs = [(rate(name, FEW), rate(name, MANY)) for _ in range(trials)]
        figures[name] = {
            "per_s": median(few for few, _ in pairs),
            "per_s_at_100000": median(many for _, many in pairs),
            "ratio": median(many / few for few, many in pairs),
        }
    return figures
