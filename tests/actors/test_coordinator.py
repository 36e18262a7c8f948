"""What carriers do when something fails that they cannot do without: without Ray."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from paxos_ray.actors import carrier as carriers
from paxos_ray.actors import coordinator as coordinators
from paxos_ray.actors import deputy as deputies
from paxos_ray.actors import population as populations
from paxos_ray.actors.authority import OPEN
from paxos_ray.actors.carrier import Carrier
from paxos_ray.actors.coordinator import Coordinator
from paxos_ray.actors.deputy import Deputy
from paxos_ray.actors.settings import Settings, Wish

LIMIT_S = 60.0


@pytest.fixture(autouse=True)
def sites(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nowhere; and nobody waits."""
    nowhere = SimpleNamespace(keep=forever, here="", all=[], carrier_node=lambda homes: None)
    monkeypatch.setattr(populations, "Sites", lambda *_: nowhere)
    for module in (carriers, coordinators, deputies):
        monkeypatch.setattr(module, "SWEEP_S", 0.0)


async def forever() -> None:
    await asyncio.Event().wait()


async def coordinator() -> Coordinator:
    """One that has begun, and has yet to get to anything."""
    made = Coordinator.__new__(Coordinator)
    await made.__init__("island", "rome", Settings(), Wish(1, 3), OPEN)  # type: ignore[misc]
    return made


async def all_ends(engine: Any) -> None:
    engine.close()
    for task in list(engine.times._tasks):
        task.cancel()
    await asyncio.sleep(0)


def fails_first(times: int) -> Any:
    """To be called; what it is called for the time after that is set."""
    done = asyncio.Event()

    def call(*_: object) -> str:
        nonlocal times
        times -= 1
        if times >= 0:
            raise ValueError("not now")
        done.set()
        return "done"

    return call, done


def test_a_deputy_is_appointed_again_until_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        appoint, appointed = fails_first(3)
        monkeypatch.setattr(deputies, "appoint", appoint)
        monkeypatch.setattr(populations.Population, "shaped", True)
        informed: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        async def inform(_: object, deputy: Any) -> None:
            if not informed.done():  # it appoints one of its own accord, too
                informed.set_result(deputy.actor)

        monkeypatch.setattr(deputies, "inform", inform)
        made = await coordinator()
        appointing = asyncio.ensure_future(made._appoint())
        async with asyncio.timeout(LIMIT_S):
            await appointed.wait()
            assert await informed == "done"
            await appointing
        await all_ends(made._engine)

    asyncio.run(run())


async def sweeps_of_a_coordinator(sweep: Any) -> Any:
    made = await coordinator()
    made._engine.sweep = sweep  # type: ignore[method-assign]
    return made._engine


async def sweeps_of_a_deputy(sweep: Any) -> Any:
    carrier = await Deputy("island", "rome", Settings())._awake()
    carrier.engine.asking.add("read", b"")  # it stays
    carrier.engine.sweep = sweep  # type: ignore[method-assign]
    return carrier.engine


@pytest.mark.parametrize("begin", [sweeps_of_a_coordinator, sweeps_of_a_deputy])
def test_a_sweep_that_fails_is_not_the_last(begin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def recover(*_: object) -> None:
        pass

    monkeypatch.setattr(Carrier, "recover", recover)

    async def run() -> None:
        sweep, swept = fails_first(2)
        engine = await begin(sweep)
        async with asyncio.timeout(LIMIT_S):
            await swept.wait()
        await all_ends(engine)

    asyncio.run(run())


@pytest.mark.parametrize("begin", [sweeps_of_a_coordinator, sweeps_of_a_deputy])
def test_who_cannot_recover_ends_its_process(begin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """For Ray to start another: else clients would wait for it as long as they live."""

    async def recover(*_: object) -> None:
        raise KeyError("surprise")

    monkeypatch.setattr(Carrier, "recover", recover)

    async def run() -> None:
        ended = asyncio.Event()
        monkeypatch.setattr(carriers, "end_process", ended.set)
        engine = await begin(print)
        async with asyncio.timeout(LIMIT_S):
            await ended.wait()
        await all_ends(engine)

    asyncio.run(run())
