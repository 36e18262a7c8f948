"""Schedules whose leaders may hold little: they are throttled, and hold like all others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import pytest

from paxos_ray.core.legislation import Writer
from paxos_ray.core.legislator import Legislator
from paxos_ray.core.log import ENTRY_HEFT
from paxos_ray.core.messages import LOG_FULL, QUEUE_FULL, Receipt
from paxos_ray.simulation.customer_schedule import CustomerSchedule
from paxos_ray.simulation.plan import Plan, draw
from paxos_ray.simulation.schedule import Schedule
from tests.core.harness import plant

SEEDS = range(40)
LARGEST = ENTRY_HEFT + 64 + 512
"""Of what these schedules write: a batch of some operations."""


class Throttled(Legislator):
    """Looks, whenever it is asked for a pulse, at what it holds; counts what it refuses."""

    refused: ClassVar[dict[str, int]] = {}

    def enqueue(self, now: int, republic: Any, body: Any) -> Receipt:
        before = self.inspect()
        receipt = super().enqueue(now, republic, body)
        if receipt.why in (QUEUE_FULL, LOG_FULL):
            assert receipt.ticket is None
            assert receipt.leader == self.id
            assert self.inspect() == before
            self.refused[receipt.why] = self.refused.get(receipt.why, 0) + 1
        return receipt

    def outbox(self) -> Any:
        pulse = super().outbox()
        limits, details = self._state.limits, self.inspect().details
        if self.inspect().role == "writer":
            assert details["queue_weight"] <= limits.queue_bytes + LARGEST
        # Governments are not throttled, and come few at a time.
        governments = sum(entry.promise.entry == 0 for entry in self.log) * (ENTRY_HEFT + 64)
        # Beyond the limit: what was being written, and what was queued, when it was reached.
        most = limits.log_bytes + 2 * (limits.queue_bytes + LARGEST)
        assert details["log_weight"] - governments <= most
        return pulse


def tight(seed: int) -> Plan:
    """The plan of that seed with limits that its clients meet."""
    plan = draw(seed)
    settings = replace(
        plan.settings,
        queue_bytes=(600, 1_500, 4_000)[seed % 3],
        log_bytes=(900, 3_000)[seed % 2],
        batch_bytes=1 << 20,
        catch_up_bytes=1 << 20,
        catch_up_entries=max(8, plan.settings.catch_up_entries),
    )
    return replace(plan, settings=settings, write_ms=max(1, plan.write_ms // 4), burst=20)


@pytest.mark.parametrize("kind", [Schedule, CustomerSchedule])
def test_a_throttled_island_holds_loses_nothing_and_comes_to_rest(kind: type[Schedule]) -> None:
    Throttled.refused = {}
    acknowledged = 0
    for seed in SEEDS:
        summary = kind(seed, make=Throttled, plan=tight(seed)).run()
        assert summary.failure is None, f"seed {seed}: {summary.failure} {summary.detail}"
        acknowledged += summary.acknowledged
    assert all(Throttled.refused[why] > 50 for why in (QUEUE_FULL, LOG_FULL))
    assert acknowledged > 20 * len(SEEDS)


@pytest.mark.parametrize("limit", ["queue_bytes", "log_bytes"])
def test_a_limit_that_is_not_kept_is_noticed(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, Writer, "enqueue", f"state.limits.{limit}", "10**9")
    failures = {Schedule(seed, make=Throttled, plan=tight(seed)).run().failure for seed in SEEDS}
    assert "AssertionError in the core or the simulation" in failures
