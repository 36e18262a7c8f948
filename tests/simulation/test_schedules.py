"""Schedules: the same again, bit for bit; a small swarm; what goes wrong."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from paxos_ray.simulation.plan import draw
from paxos_ray.simulation.schedule import Schedule, Summary
from paxos_ray.simulation.swarm import Tally, run_schedules
from paxos_ray.simulation.workloads import run_schedule

SAME = range(5)
SMALL = range(120)


def test_the_same_seed_is_the_same_run() -> None:
    for seed in SAME:
        assert run_schedule(seed) == run_schedule(seed)


def test_other_seeds_are_other_runs() -> None:
    assert len({run_schedule(seed).digest for seed in SAME}) == len(SAME)
    assert draw(1) != draw(2)


def test_some_schedules_are_as_patient_as_an_island_on_ray() -> None:
    """A candidate that waits for silence may never come to an end of it, and who waits for a call
    for longer than silence is borne hears of a death from others first."""
    plans = [draw(seed) for seed in range(1000)]
    patient = [plan for plan in plans if plan.settings.timeout >= 10 * plan.settings.ping]
    assert len(patient) > 30
    limits = {plan.weather.limit_ms / plan.settings.timeout for plan in patient}
    assert limits == {0.5, 0.8, 1.0, 2.0}


@pytest.mark.parametrize("hash_seed", ["0", "12345"])
def test_a_run_does_not_depend_on_the_process(hash_seed: str) -> None:
    code = (
        "from paxos_ray.simulation.workloads import run_schedule\n"
        f"print([run_schedule(seed).digest for seed in range({len(SAME)})])"
    )
    told = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == str([run_schedule(seed).digest for seed in SAME])


def test_a_small_swarm_holds_and_does_all_it_should() -> None:
    tally = Tally()
    for summary in run_schedules(SMALL):
        assert summary.failure is None, f"seed {summary.seed}: {summary.failure} {summary.detail}"
        tally.add(summary)
    assert tally.acknowledged > 20 * len(SMALL)
    assert tally.confirmed > 10 * len(SMALL)
    kinds = ("arrive", "acclimate", "promote", "replace", "contract", "depart", "exchange")
    assert all(tally.changes[kind] > 10 for kind in (*kinds, "election"))
    deeds = ("crash", "cut", "emigrate", "newcomer", "spurious", "lose coordinator", "ambush")
    more = ("ambush by crash", "pause", "go on", "storm")
    assert all(tally.deeds[kind] > 10 for kind in (*deeds, *more))


def test_who_loads_for_long_catches_up_even_by_two_entries_a_pulse() -> None:
    """Newcomers held the log back, ran out of time, and came again, for ever. With such a load, as
    it was drawn then."""
    plan = draw(5355304)
    slow = replace(plan, load_ms=12 * plan.settings.timeout)
    assert Schedule(5355304, plan=slow).run().failure is None


def test_who_takes_in_the_log_slowly_has_time_to_load() -> None:
    """Newcomers had six timeouts for that, and came again, for ever."""
    assert run_schedule(11044835).failure is None


def test_word_of_an_old_silence_may_change_once_more_what_seemed_to_rest() -> None:
    """It was on its way to the leader when the last that was waited for had come."""
    assert run_schedule(7024912).failure is None


def test_what_goes_wrong_in_the_core_fails_the_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    from paxos_ray.core.legislator import Legislator

    def broken(self: Any, now: int) -> Any:
        raise AssertionError("planted")

    monkeypatch.setattr(Legislator, "confirm", broken)
    summary = run_schedule(0)
    assert summary.failure == "AssertionError in the core or the simulation"
    assert "planted" in summary.detail


def test_a_trace_tells_every_event_in_one_line() -> None:
    lines: list[str] = []
    summary = run_schedule(0, note=lines.append)
    assert summary == run_schedule(0)
    assert len(lines) > summary.inputs / 2
    assert not any("\n" in line for line in lines)
    told = "\n".join(lines)
    for word in ("Synchronize", "Write", "Received", "gives", "settles", "nemesis"):
        assert word in told


def test_processes_do_not_change_what_comes_of_it() -> None:
    alone: list[Summary] = list(run_schedules(range(45)))
    assert list(run_schedules(range(45), jobs=2)) == alone
