"""Figures, what they must reach, a table for people and JSON for programs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

Value = float | list[float] | dict[str, float]


class Target(NamedTuple):
    """A figure's key, what it measures, its unit, and the bound that it must reach."""

    key: str
    what: str
    unit: str
    bound: float
    at_most: bool


TARGETS = {
    target.key: target
    for target in (
        Target("core.queued_per_s", "5 Legislators, 2,000 entries at a time", "/s", 50_000, False),
        Target("core.one_at_a_time_per_s", "one after the other, by all 5", "/s", 5_000, False),
        Target("core.simulated_messages_per_s", "messages of the simulator", "/s", 30_000, False),
        Target("core.growth", "time an entry, 1,000,000 ÷ 10,000 entries", "×", 1.1, True),
        Target("core.linearizability_10k_s", "10,000 calls by 10 clients checked", "s", 10, True),
        Target("procession.push_shift_over_deque", "push + shift ÷ deque, rates", "×", 0.25, False),
        Target("procession.search_over_scan", "scan ÷ search, 1,000,000 nodes", "×", 1_000, False),
        Target("counters.increment_p50_over_plain", "increment ÷ plain actor call", "×", 6, True),
        Target("counters.increment_p50_over_bare_chain", "increment ÷ bare chain", "×", 1.5, True),
        Target("counters.pipelined_over_plain", "pipelined ÷ plain actor, rates", "×", 5, False),
        Target("counters.recorded_over_unrecorded", "recorded ÷ not, rates", "×", 0.9, False),
        Target("counters.secret_over_open", "with a secret ÷ without, rates", "×", 0.8, False),
        Target("objects.pause_dict_ms", "donor of a dict of 100 MB stands still", "ms", 250, True),
        Target("objects.pause_bytes_ms", "the same of one value", "ms", 250, True),
        Target("objects.call_p50_over_increment", "call of an object ÷ increment", "×", 1.5, True),
        Target("objects.growth_pause_ms", "longest call while it is grown", "ms", 250, True),
        Target("counters.failover_ms", "leader killed → next increment, median", "ms", 300, True),
        Target(
            "counters.coordinator_failover_ms", "coordinator killed, the same", "ms", 1_500, True
        ),
        Target("overload.rss_growth", "memory of any process, end ÷ after a third", "×", 1.1, True),
        Target("reads.held_session_growth", "session reads, 5 citizens ÷ 1, rates", "×", 3, False),
        Target("reads.held_eventual_growth", "the same of eventual reads", "×", 3, False),
        Target("scale.handover_ms", "leader leaves → longest pause, median", "ms", 50, True),
        Target("scale.increment_p50_growth", "increment, 50 citizens ÷ 7", "×", 2, True),
        Target("scale.applied_per_s_growth", "pipelined × citizens, the same", "×", 0.5, False),
        Target("sessions.left_over", "memory, 10,000 expired sessions ÷ open", "×", 0.05, True),
        Target("sessions.generations_over_one", "memory, 5th 10,000 ÷ first", "×", 1.1, True),
        Target("failover.killed_ms", "leader's process killed → pause, median", "ms", 150, True),
        Target("failover.frozen_ms", "leader's process frozen, the same", "ms", 1_500, True),
        Target("failover.cut_ms", "leader's node cut off, the same", "ms", 1_500, True),
        Target("failover.coordinator_cut_ms", "coordinator's node, the same", "ms", 1_000, True),
    )
}


@dataclass
class Report:
    """What was measured: `figures` by the key of a `Target`, `details` by keys of their own."""

    figures: dict[str, float | list[float]] = field(default_factory=dict)
    details: dict[str, Value] = field(default_factory=dict)

    def show(self, console: Console) -> None:
        """Print each figure beside what it must reach; a list by its median."""
        table = Table(title="paxos_ray benchmarks", title_justify="left")
        table.add_column("key", overflow="fold", ratio=3)
        table.add_column("what", ratio=4)
        table.add_column("must reach", justify="right", no_wrap=True)
        table.add_column("reached", justify="right", no_wrap=True)
        for key, value in self.figures.items():
            target = TARGETS[key]
            reached = median(value) if isinstance(value, list) else value
            good = reached <= target.bound if target.at_most else reached >= target.bound
            table.add_row(
                key,
                target.what,
                f"{'≤' if target.at_most else '≥'} {_number(target.bound)} {target.unit}",
                f"[{'green' if good else 'red'}]{_number(reached)} {target.unit}[/]",
            )
        if self.figures:
            console.print(table)
        lists = {key: value for key, value in self.figures.items() if isinstance(value, list)}
        for name, detail in {**lists, **self.details}.items():
            console.print(f"  {name}: {_words(detail)}", highlight=False)

    def write(self, path: Path) -> None:
        """Figures and details as one flat JSON object."""
        path.write_text(json.dumps({**self.figures, **self.details}, indent=2) + "\n")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.2f}"


def _words(value: Value) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_number(each)}" for key, each in value.items())
    return ", ".join(map(_number, value)) if isinstance(value, list) else _number(value)
