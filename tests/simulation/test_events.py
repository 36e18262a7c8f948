"""What citizens tell of the log is the same on all of them, and it is found if it is not."""

from __future__ import annotations

from typing import Any

import pytest

from paxos_ray.machines.context import Context
from paxos_ray.machines.ring import Ring
from paxos_ray.simulation import run_objects
from paxos_ray.simulation.counters import EVENT_BYTES, Counters
from paxos_ray.simulation.object_schedule import ObjectSchedule


def test_all_citizens_tell_the_same_also_those_that_came_with_a_snapshot() -> None:
    told = late = let_go = 0
    for seed in range(12):
        schedule = ObjectSchedule(seed)
        assert schedule.run().failure is None
        rings = [
            who.application.ring
            for who in schedule.island.living()
            if isinstance(who.application, Counters) and who.stateful
        ]
        told += sum(len(ring) for ring in rings)
        late += len({ring.earliest for ring in rings}) > 1
        let_go += any(ring.weight > EVENT_BYTES - 2_000 for ring in rings)
    assert told > 150
    assert late > 6, "citizens began at different places"
    assert let_go > 3, "more was told than is kept"


def test_who_tells_otherwise_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    publish, count = Context.publish, 0

    def at_times(self: Context, event: Any, key: Any = None) -> None:
        nonlocal count
        count += 1
        if count % 50:
            publish(self, event, key)

    monkeypatch.setattr(Context, "publish", at_times)
    assert "one telling" in {run_objects(seed).failure for seed in range(6)}


def test_who_forgets_that_it_began_late_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(self: Ring, earliest: Any) -> None:
        restart(self, earliest)
        self.earliest = type(earliest)(0, 0)

    restart = Ring.restart
    monkeypatch.setattr(Ring, "restart", forgetful)
    assert "one telling" in {run_objects(seed).failure for seed in range(6)}
