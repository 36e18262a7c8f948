"""Whatever the simulated island does, a script can say, and the stage does the same by it."""

from __future__ import annotations

import pytest

from paxos_ray.core.reception import Receiver
from paxos_ray.simulation.scenario import play
from paxos_ray.simulation.schedule import Schedule
from paxos_ray.simulation.scribe import Scribe
from paxos_ray.simulation.script import Script
from tests.core.harness import plant


def scribe_of(schedule: Schedule) -> Scribe:
    assert isinstance(schedule.island, Scribe)
    return schedule.island


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_script_repeats_a_schedule(seed: int) -> None:
    schedule = Schedule(seed, kind=Scribe)
    assert schedule.run().failure is None
    island, script = scribe_of(schedule), Script()
    assert len(island.commands) > 500
    for line in island.commands:
        script.do(line)
    stage = script.stage
    assert stage.history.chain == schedule.history.chain
    assert list(stage.incarnations) == list(island.incarnations)
    for key, who in island.incarnations.items():
        assert stage.incarnations[key].legislator.inspect() == who.legislator.inspect()
        assert list(stage.incarnations[key].legislator.log) == list(who.legislator.log)


def test_a_script_violates_what_its_schedule_violates(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, Receiver, "_answer", "request.ballot < state.promised", "False")
    seen = 0
    for seed in range(1, 40):
        schedule = Schedule(seed, kind=Scribe)
        summary = schedule.run()
        if summary.failure is not None and summary.failure != "progress":
            seen += 1
            violation = play(scribe_of(schedule).commands, lenient=False).violation
            assert violation is not None
            assert (violation.name, violation.detail) == (summary.failure, summary.detail)
        if seen == 2:
            return
    raise AssertionError("no schedule found the bug")
