"""A schedule is written down as commands that repeat it, and a failure shrinks to few of them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from paxos_ray.core import election, legislation, recording
from paxos_ray.core.legislator import Legislator
from paxos_ray.simulation.network import Weather
from paxos_ray.simulation.plan import Plan
from paxos_ray.simulation.scenario import parse, perform
from paxos_ray.simulation.scribe import Scribe
from paxos_ray.simulation.script import Script
from paxos_ray.simulation.shrink import FAULTS, WEATHER, NotFailing, shrink
from paxos_ray.simulation.workloads import run_schedule, schedule_of


def standing(legislator: Legislator) -> tuple[Any, ...]:
    """Where it stands, but for what the bodies of entries are."""
    register = legislator.register
    return (
        legislator.inspect()._replace(register=None),
        register and (register.ballot, [entry[:3] for entry in register.entries]),
        [entry[:3] for entry in legislator.log],
    )


def smallest(failure: str) -> int:
    """Of the first schedules that fail so, the one with the fewest inputs."""
    failing = [each for each in map(run_schedule, range(15)) if each.failure == failure]
    return min(failing, key=lambda each: each.inputs).seed


def test_every_rate_of_a_fault_is_tried_without() -> None:
    rates = {field.name for field in fields(Plan) if field.type == "float"}
    assert set(FAULTS) == rates - {"reads_at_oldest"}, "that is no fault"
    weather = {field.name for field in fields(Weather) if field.type == "float"}
    assert set(WEATHER) == weather - {"patience"}, "nor is that"


@pytest.mark.parametrize("seed", range(12))
def test_the_commands_of_a_schedule_repeat_it(seed: int) -> None:
    schedule = schedule_of(seed, kind=Scribe)
    assert schedule.run() == run_schedule(seed)
    island = schedule.island
    assert isinstance(island, Scribe)
    script = Script()
    for command in island.commands:
        script.do(command)
    assert script.stage.history.chain == schedule.history.chain
    for name, who in island.incarnations.items():
        again = script.stage.incarnations[name].legislator
        assert standing(again) == standing(who.legislator)


def test_who_does_not_fail_does_not_shrink() -> None:
    with pytest.raises(NotFailing, match="does not fail"):
        shrink(0)


def test_a_violation_shrinks_to_what_violates(monkeypatch: pytest.MonkeyPatch) -> None:
    enqueue = legislation.Writer.enqueue

    def twice(self: Any, body: Any) -> Any:
        enqueue(self, body)
        return enqueue(self, body)

    monkeypatch.setattr(legislation.Writer, "enqueue", twice)
    shrunk = shrink(smallest("nothing twice"), patience=300)
    assert shrunk.failure == "nothing twice"
    assert shrunk.steps < 10
    assert shrunk.scenario is not None
    told = perform(parse(shrunk.scenario))
    assert told.violation is not None
    assert told.violation.name == "nothing twice"
    # Not the faults either that this schedule never had.
    assert "crash" in shrunk.without
    assert "Needed of the seed's faults: none." in shrunk.scenario


def test_a_failure_to_go_on_shrinks_to_what_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording.Recorder, "may_stand", lambda self: False)
    shrunk = shrink(smallest("progress after healing"), patience=80)
    assert shrunk.steps < shrunk.steps_before / 4
    assert shrunk.scenario is not None
    assert "crash" in shrunk.scenario
    assert perform(parse(shrunk.scenario)).violation is None


def test_an_error_within_the_core_is_a_failure_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Any) -> Any:
        raise AssertionError("planted")

    monkeypatch.setattr(election.Proposer, "_elect", broken)
    shrunk = shrink(smallest("AssertionError in the core or the simulation"), patience=80)
    assert shrunk.scenario is not None
    assert "planted" in shrunk.scenario
