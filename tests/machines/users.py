"""Classes as users write them, for the tests of what hosts them."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import paxos_ray


class OutOfStock(Exception):
    """Somebody wants more than there is."""


class Unfriendly(Exception):
    """An exception that pickles and does not unpickle."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


@dataclass
class Item:
    sku: str
    left: int = 0
    tags: set[str] = field(default_factory=set)


@paxos_ray.replicated
class Inventory:
    """Everything that may go wrong in a class, beside what should go right."""

    def __init__(self, *skus: str, each: int = 0) -> None:
        self.items = {sku: Item(sku, each) for sku in skus}
        self.sales = 0
        self.extra: Any = None

    def add(self, sku: str, n: int = 1) -> int:
        item = self.items.setdefault(sku, Item(sku))
        item.left += n
        return item.left

    def put(self, item: Item) -> bool:
        known = item in self.items.values()
        self.items[item.sku] = item
        return known

    def reserve(self, sku: str, n: int) -> Item:
        self.sales += 1  # before it is checked: it must be undone
        item = self.items[sku]
        item.left -= n
        if item.left < 0:
            raise OutOfStock(f"{item.left + n} {sku} left, {n} wanted")
        return item

    def tag(self, sku: str, *tags: str) -> set[str]:
        self.items[sku].tags.update(tags)
        return self.items[sku].tags

    def fill(self, size: int) -> None:
        self.extra = {f"key {n}": [n] for n in range(size)}

    def draw(self) -> tuple[float, str, str, int, Any]:
        here = paxos_ray.context()
        here.publish({"drawn": here.index}, key="draw")
        return (
            here.random.random(),
            here.fresh_id(),
            here.fresh_id(),
            here.stamp,
            tuple(here.promise),
        )

    def publish_and_fail(self) -> None:
        paxos_ray.context().publish("never told")
        raise OutOfStock("as announced")

    def lock(self) -> None:
        self.sales += 1
        self.extra = threading.Lock()

    def give_lock(self) -> Any:
        self.sales += 1
        return threading.Lock()

    def unfriendly(self) -> None:
        raise Unfriendly(1, 2)

    def remember(self) -> None:
        self.sales += 1
        self.extra = Unfriendly(1, 2)

    def devour(self) -> None:
        self.sales += 1
        self.extra = [0] * 10**15

    def leave(self) -> None:
        self.sales += 1
        raise SystemExit(3)

    def interrupt(self) -> None:
        self.sales += 1
        raise KeyboardInterrupt

    def deeper(self) -> None:
        self.sales += 1
        self.deeper()

    @paxos_ray.query
    def left(self, sku: str) -> int:
        return self.items[sku].left

    @paxos_ray.query
    def too_much(self) -> int:
        return len([0] * 10**15)

    @paxos_ray.query
    def when(self) -> tuple[int, Any]:
        here = paxos_ray.context()
        return here.stamp, tuple(here.promise)

    @paxos_ray.query
    def draws(self) -> float:
        return paxos_ray.context().random.random()

    @paxos_ray.query
    def writes(self, raises: bool = False) -> int:
        self.items["a"].left = 99
        if raises:
            raise OutOfStock("while writing")
        return 99


@paxos_ray.replicated
class Diary:
    """Is told of everything."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.alarm: int | None = None
        self.every = 0

    def set_alarm(self, stamp: int | None, every: int = 0) -> None:
        self.alarm, self.every = stamp, every

    @paxos_ray.query
    def read(self) -> list[Any]:
        return self.told

    def _note(self, *what: Any) -> None:
        here = paxos_ray.context()
        self.told.append((str(here.promise), here.stamp, *what))
        here.publish(what, key="told")

    def bootstrap(self) -> None:
        self._note("bootstrap")

    def arrive(self, citizen: str) -> None:
        self._note("arrive", citizen)

    def acclimated(self, citizen: str) -> None:
        self._note("acclimated", citizen)

    def depart(self, citizen: str) -> None:
        self._note("depart", citizen)

    def government(self, number: int, leader: str) -> None:
        self._note("government", number, leader)

    def session_ended(self, session: paxos_ray.Promise) -> None:
        self._note("ended", str(session))

    def due(self) -> int | None:
        return self.alarm

    def tick(self) -> None:
        self._note("tick", self.alarm)
        if self.every < 0:
            raise OutOfStock("a tick fails")
        self.alarm = None if not self.every or self.alarm is None else self.alarm + self.every


@paxos_ray.replicated
class Cellar:
    """Says by itself what its state is."""

    def __init__(self) -> None:
        self.bottles: dict[str, int] = {}
        self.cache: Any = threading.Lock()  # cannot be pickled, and need not be

    def store(self, name: str) -> int:
        self.bottles[name] = self.bottles.get(name, 0) + 1
        if name == "broken":
            raise OutOfStock("glass")
        return self.bottles[name]

    def snapshot(self) -> dict[str, int]:
        return self.bottles

    def join(self, snapshot: dict[str, int]) -> None:
        self.bottles = snapshot
        self.cache = threading.Lock()


@paxos_ray.replicated(checks_first=True, argument_bytes=2_000)
class Careful:
    """Raises before it changes anything."""

    def __init__(self) -> None:
        self.total = 0

    def add(self, n: int, ballast: bytes = b"") -> int:
        if n < 0:
            raise ValueError("n is below 0")
        self.total += n
        return self.total


@paxos_ray.replicated
class Descent:
    """Goes as deep as it is told to, and says what it has drawn."""

    def __init__(self) -> None:
        self.depths: list[int] = []

    def go(self, depth: int) -> str:
        self.depths.append(depth)
        id = paxos_ray.context().fresh_id()
        paxos_ray.context().publish(depth)
        self._down(depth)
        return id

    def _down(self, depth: int) -> None:
        if depth:
            self._down(depth - 1)


@paxos_ray.replicated(checks_first=True)
class Plunge(Descent):
    """The same; it raises nothing by itself."""


@paxos_ray.replicated
class Telltale:
    """Its errors are worded otherwise wherever they are raised."""

    def __init__(self) -> None:
        self.words: list[int] = []

    def tell(self, by: Any) -> Any:
        return Unspeakable(by)


class Unspeakable:
    """Cannot be pickled, for a reason that differs."""

    def __init__(self, by: Any) -> None:
        self.by = by

    def __reduce__(self) -> Any:
        raise ValueError(f"as {self.by} at {id(self):x} says")


@paxos_ray.replicated
class Quits:
    """Says when it is due in a way that ends processes."""

    def __init__(self) -> None:
        self.calls = 0

    def call(self) -> int:
        self.calls += 1
        return self.calls

    def due(self) -> int | None:
        raise SystemExit("no")

    def tick(self) -> None:
        """Never."""


class Speechless(Exception):
    """Cannot say what it is."""

    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


class Mute:
    """Cannot be unpickled, or not be pickled, for a reason that nobody gets to know."""

    def __init__(self, at: str) -> None:
        self.at = at

    def __getstate__(self) -> Any:
        if self.at == "pickling":
            raise Speechless
        return self.at

    def __setstate__(self, at: str) -> None:
        raise Speechless


@paxos_ray.replicated
class Silence:
    """Fails wherever it can without words."""

    def __init__(self) -> None:
        self.kept: Any = None

    def take(self, given: Any) -> None:
        self.kept = given

    def give(self, at: str) -> Any:
        return Mute(at)

    def keep(self, at: str) -> None:
        self.kept = Mute(at)

    def fail(self) -> None:
        raise Speechless

    def due(self) -> int | None:
        raise Speechless

    def tick(self) -> None:
        """Never."""
