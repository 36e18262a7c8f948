"""Carriers and citizens in one process, without Ray and by a clock of its own: engines are real, as
are citizens; calls take as long as a test says, and what takes seconds takes no time."""

from __future__ import annotations

import asyncio
import random
import selectors
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from paxos_ray.actors import citizen as citizens
from paxos_ray.actors import heritage, wire
from paxos_ray.actors.citizen import Citizen, Identity
from paxos_ray.actors.doors import CitizenActor
from paxos_ray.actors.engine import Engine
from paxos_ray.actors.member import Member
from paxos_ray.actors.settings import Settings, Wish
from paxos_ray.actors.wire import seal
from paxos_ray.core.government import Citizen as Record
from paxos_ray.core.government import Government
from paxos_ray.machines import encode_open

SWEEP_S = 1.0
CALL_S = 0.002


class _Hands(selectors.SelectSelector):
    """Nothing comes from outside: waiting is moving the clock."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        assert timeout is not None, "nothing is due any more"
        self.now += timeout
        return []


class Clockwork(asyncio.SelectorEventLoop):
    """An event loop whose time passes when there is nothing else to do."""

    def __init__(self) -> None:
        self._hands = _Hands()
        super().__init__(self._hands)

    def time(self) -> float:
        return self._hands.now


class Reference:
    """What a call returns at once; handed to another call it is waited for there."""

    def __init__(self, result: asyncio.Future[Any]) -> None:
        self._result = result

    def __await__(self) -> Generator[Any, None, Any]:
        return asyncio.shield(self._result).__await__()


class Actor:
    """A citizen, one call at a time."""

    def __init__(self, citizen: Citizen) -> None:
        self.citizen = citizen
        self.lock = asyncio.Lock()


class Handle:
    """Of an actor, as one carrier has it: each way of a call takes `way_s()`."""

    def __init__(self, id: str, actor: Actor, way_s: Callable[[], float]) -> None:
        self._actor_id = SimpleNamespace(hex=lambda: id)
        self._actor = actor
        self._way_s = way_s

    def __getattr__(self, name: str) -> Any:
        def method(returns: int) -> Any:
            def options(num_returns: int) -> Any:
                return method(num_returns)

            def remote(*arguments: Any) -> Any:
                call = asyncio.ensure_future(self._call(name, arguments))
                if returns == 1:
                    return Reference(call)
                parts = [self._part(call, number) for number in range(returns)]
                return [Reference(asyncio.ensure_future(part)) for part in parts]

            return SimpleNamespace(remote=remote, options=options)

        return method(1)

    async def _part(self, call: asyncio.Future[Any], number: int) -> Any:
        return (await call)[number]

    async def _call(self, name: str, arguments: tuple[Any, ...]) -> Any:
        given = [await each if isinstance(each, Reference) else each for each in arguments]
        await asyncio.sleep(self._way_s())
        if name == "probe":
            result = None
        else:
            async with self._actor.lock:
                result = getattr(self._actor.citizen, name)(*given)
        await asyncio.sleep(self._way_s())
        return result


class Snapshots:
    """Made at once."""

    def __init__(self) -> None:
        self._made: dict[int, bytes] = {}

    def freeze(self, copy: object) -> int:
        self._made[number := len(self._made) + 1] = seal(copy)
        return number

    def fetch(self, number: int) -> list[bytes]:
        return [self._made[number]]

    def expire(self) -> None:
        pass


class Theatre:
    """An island of three, `a` leading, and the carriers that a test lets in."""

    def __init__(self) -> None:
        self.settings = Settings()
        self.actors: dict[str, Actor] = {}
        self._engines: list[Engine] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Found the island."""
        self._add("a")
        engine = await self.enter()
        for id in ("b", "c"):
            await self.arrive(engine, id)
        await until(engine, lambda government: len(government.parliament) == 3)
        self.leave(engine)

    async def enter(self, way_s: Callable[[], float] = lambda: CALL_S) -> Engine:
        """Another carrier, which knows all citizens."""
        engine = Engine("island", self.settings)
        for id in self.actors:
            self.introduce(engine, id, way_s)
        self._engines.append(engine)
        self._tasks.append(asyncio.ensure_future(self._sweep(engine)))
        engine.schedule(engine.members["a"], 0.0)
        await until(engine, lambda government: True)
        return engine

    async def arrive(self, engine: Engine, id: str) -> None:
        """A newcomer, whom that carrier has launched and nobody else knows."""
        self._add(id)
        self.introduce(engine, id)
        await engine.ask(wire.EMBARK, Record(id=id, cookie=f"{id}'s"))
        await until(engine, lambda government: id in government.acclimated)

    def introduce(
        self, engine: Engine, id: str, way_s: Callable[[], float] = lambda: CALL_S
    ) -> None:
        engine.members[id] = Member(id, Handle(id, self.actors[id], way_s))

    def leave(self, engine: Engine) -> None:
        """That carrier ends."""
        self._tasks.pop(self._engines.index(engine)).cancel()
        self._engines.remove(engine)
        engine.close()

    def close(self) -> None:
        for engine in list(self._engines):
            self.leave(engine)

    def _add(self, id: str) -> None:
        founder = id == "a"
        identity = Identity(id, "republic", "republic" if founder else f"{id}'s", founder)
        citizen = CitizenActor(identity, self.settings, Wish(1, 3))
        citizen._snapshots = Snapshots()  # type: ignore[assignment]
        self.actors[id] = Actor(citizen)

    async def _sweep(self, engine: Engine) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            engine.sweep()


async def until(engine: Engine, told: Callable[[Government], bool]) -> None:
    """Wait until that carrier knows of such a government."""
    heard = engine.changed.rung
    while engine.government is None or not told(engine.government):
        heard = await engine.changed.heard(heard, SWEEP_S)


async def write(engine: Engine) -> float:
    """A client of that carrier writes an entry: how long that took, in s."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await engine.ask(wire.WRITE, encode_open(60_000))
    return loop.time() - began


async def longest_write(engine: Engine, for_s: float) -> float:
    """A client writes, one after the other, for so long: what the longest took, in s."""
    loop = asyncio.get_running_loop()
    until, longest = loop.time() + for_s, 0.0
    while loop.time() < until:
        longest = max(longest, await write(engine))
    return longest


@contextmanager
def clockwork(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clockwork]:
    """The event loop that all of it runs in; chance comes from a seed."""
    loop = Clockwork()
    there = SimpleNamespace(get_node_id=lambda: "node")
    ray = SimpleNamespace(get=lambda held: held, get_runtime_context=lambda: there)
    monkeypatch.setattr(citizens, "ray", ray)
    monkeypatch.setattr("ray.is_initialized", lambda: True)  # who is called is on stage
    monkeypatch.setattr(citizens, "_now", lambda: int(loop.time() * 1000))
    clock = SimpleNamespace(monotonic_ns=lambda: int(loop.time() * 1e9))
    monkeypatch.setattr(heritage, "time", clock)  # who founds has the same clock as who goes on
    monkeypatch.setattr("os.urandom", random.Random(1).randbytes)
    try:
        yield loop
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.0))
    finally:
        loop.close()
