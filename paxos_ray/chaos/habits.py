"""What the clients do: which calls they make of which objects, and how long they wait."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

EPOCH_S = 10.0
"""After so long clients turn to new objects: a history of one object stays short, and what one of
them left open troubles nobody who checks the next."""

KEYS = 4
"""Objects that are shared by all clients, in each epoch."""

PATIENCE_S = 30.0
HASTE_S = 0.01
"""How long some few calls are waited for, so that there are outcomes nobody knows."""

HASTY = 0.03

BURST = 10
"""Increments of a client's own counter that are sent together."""

_OWN = "own"


class Load(NamedTuple):
    """The load of one client, a process: `callers` threads that do one call after the other, and
    one that counts on its own, `rate` calls a second each. Names begin with `run`; `began_ns` is
    when it began, by the clock of the machine that checks, and `seconds` how long it lasts at most;
    `seed` is what its calls follow from."""

    run: str
    seed: int
    callers: int
    rate: float
    began_ns: int
    seconds: float


class Wish(NamedTuple):
    """A call that a client is about to make, and how long it will wait."""

    object: str
    method: str
    arguments: tuple[int, ...]
    patience_s: float

    @property
    def writes(self) -> bool:
        """Whether it may change anything."""
        return self.method != "value"


class Habit:
    """One caller's choices. What it has seen of an object decides what it expects there."""

    def __init__(self, run: str, name: str, seed: int) -> None:
        self._run = run
        self._random = Random(f"{seed} {name}")
        self._seen: dict[str, int] = {}

    def next(self, elapsed_s: float) -> Wish:
        """The next call, so long after the run began."""
        random = self._random
        epoch = int(max(0.0, elapsed_s) / EPOCH_S)
        object = f"{self._run}/{epoch}/{random.randrange(KEYS)}"
        drawn = random.random()
        patience_s = HASTE_S if random.random() < HASTY else PATIENCE_S
        if drawn < 0.45:
            return Wish(object, "increment", (random.choice((1, 2, 3)),), patience_s)
        if drawn < 0.75:
            return Wish(object, "value", (), patience_s)
        expected = self._seen.get(object, 0)
        arguments = (expected, expected + random.choice((-2, 4)))
        return Wish(object, "compare_and_set", arguments, patience_s)

    def read(self, elapsed_s: float) -> Wish:
        """A call that changes nothing, instead of one that may not be made."""
        wish = self.next(elapsed_s)
        return wish._replace(method="value", arguments=())

    def told(self, wish: Wish, result: int | bool) -> None:
        """What came of it."""
        if type(result) is int:
            if wish.object not in self._seen and len(self._seen) >= 2 * KEYS:
                self._seen.clear()  # of earlier epochs
            self._seen[wish.object] = result

    def pause_s(self, rate: float) -> float:
        """How long until its next call begins, at the earliest."""
        return self._random.uniform(0.5, 1.5) / rate


def own(run: str, client: str) -> str:
    """The counter that this client alone counts on, by another amount each time: so each of its
    operations is told from every other, in the log too."""
    return f"{run}/{_OWN}/{client}"


def owner(run: str, object: str) -> str | None:
    """Whose counter that is; None if it is nobody's."""
    prefix = own(run, "")
    return object.removeprefix(prefix) if object.startswith(prefix) else None
