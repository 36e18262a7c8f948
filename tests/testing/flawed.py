"""Classes with one flaw each, for the test mode that is to find it."""

from __future__ import annotations

import random
import threading
import time
import uuid
from datetime import date
from typing import Any, ClassVar

import paxos_ray
from paxos_ray import context


class Refused(Exception):
    """As announced."""


@paxos_ray.replicated
class Flawed:
    """Right, but for the method of each flaw."""

    seen: ClassVar[list[str]] = []

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {"a": {"left": 3, "tags": set()}}
        self.numbers: list[Any] = []

    def fine(self, n: int) -> list[Any]:
        here = context()
        self.numbers.append((n, here.random.random(), here.fresh_id(), here.stamp))
        if n % 4 == 3:
            raise Refused(n)
        return self.numbers

    def chance(self) -> None:
        self.items["a"]["left"] = random.random()

    def clock(self) -> float:
        return time.time()

    def monotonic(self) -> int:
        return int(time.monotonic()) // 1_000

    def today(self) -> None:
        self.items["a"]["day"] = date.today().isoformat()

    def unique(self) -> None:
        self.numbers.append(uuid.uuid4())

    def order(self, *names: str) -> list[str]:
        return list(set(names))

    def order_kept(self, *names: str) -> None:
        self.items.update((name, {}) for name in set(names))

    def address(self) -> None:
        self.numbers.append(id(self.items))

    def text_hash(self, name: str) -> int:
        return hash(name) % 1_000

    def raises(self, name: str) -> str:
        if hash(name) % 2:
            raise Refused(name)
        return name

    def shared(self, name: str) -> int:
        self.seen.append(name)
        return len(self.seen)

    def publishes(self) -> None:
        context().publish(random.random())

    def lock(self) -> None:
        self.numbers.append(threading.Lock())

    def fill(self, size: int) -> None:
        self.numbers = [f"number {n}" for n in range(size)]

    @paxos_ray.query
    def looks(self) -> int:
        return len(self.numbers)

    @paxos_ray.query
    def writes(self) -> int:
        self.numbers.append("looked at")
        return len(self.numbers)

    @paxos_ray.query
    def guesses(self) -> float:
        return random.random()


@paxos_ray.replicated
class Forgets:
    """Leaves something out of its snapshot."""

    def __init__(self) -> None:
        self.total = self.calls = 0

    def add(self, n: int) -> tuple[int, int]:
        self.total += n
        self.calls += 1
        return self.total, self.calls

    def snapshot(self) -> int:
        return self.total

    def join(self, snapshot: int) -> None:
        self.total, self.calls = snapshot, 0


@paxos_ray.replicated
class Strange:
    """Is another thing once it has been pickled."""

    def __init__(self) -> None:
        self.total = 0

    def add(self, n: int) -> int:
        self.total += n
        return self.total

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.total = min(state["total"], 3)


@paxos_ray.replicated(checks_first=True)
class Careless:
    """Says that it checks first, and does not."""

    def __init__(self) -> None:
        self.total = 0

    def add(self, n: int) -> int:
        self.total += n
        if n < 0:
            raise Refused(n)
        return self.total


@paxos_ray.replicated
class Alarm:
    """Is due, and told of sessions."""

    def __init__(self, every: int) -> None:
        self.every = every
        self.at: int | None = None
        self.ticks: list[int] = []
        self.owner: Any = None
        self.jitter = False

    def start(self, jitter: bool = False) -> Any:
        here = context()
        self.at, self.jitter, self.owner = here.stamp + self.every, jitter, here.session
        return self.owner

    @paxos_ray.query
    def state(self) -> tuple[list[int], bool]:
        return self.ticks, self.owner is not None

    def due(self) -> int | None:
        if self.jitter and self.at is not None:
            return self.at + int(time.time()) // 86_400
        return self.at

    def tick(self) -> None:
        assert self.at is not None
        self.ticks.append(context().stamp)
        self.at += self.every

    def session_ended(self, session: paxos_ray.Promise) -> None:
        if session == self.owner:
            self.owner = None


@paxos_ray.replicated
class Ends:
    """Takes its process along."""

    def __init__(self) -> None:
        self.total = 0

    def leave(self) -> None:
        import os

        os._exit(3)


@paxos_ray.replicated
class Unmade:
    """Cannot be made."""

    def __init__(self, n: int = 0) -> None:
        self.n = n if n else random.random()
        if n == 1:
            raise Refused(n)

    @paxos_ray.query
    def get(self) -> float:
        return self.n
