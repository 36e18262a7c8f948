"""The core under hypothesis: what fails shrinks to a scenario that can be read, and kept.

`pytest tests/core/test_state_machine.py --hypothesis-profile=deep` looks for long, and elsewhere
each time.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from paxos_ray.simulation.scenario import parse, perform
from paxos_ray.simulation.watch import Violation
from tests.core.state_machine import IslandMachine
from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import bounded

EXAMPLES = 150
STEPS = 50


@seed(1)
class Again(IslandMachine):
    """The same examples in every run of the tests."""


def look(*phases: Phase) -> settings:
    return settings(
        max_examples=EXAMPLES,
        phases=phases,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )


def test_the_core_under_hypothesis(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--hypothesis-profile") == "deep":
        run_state_machine_as_test(IslandMachine, settings=settings.get_profile("deep"))
    else:
        run_state_machine_as_test(Again, settings=look(Phase.generate, Phase.shrink))


@pytest.mark.parametrize(
    "name",
    [
        "promise_not_checked",
        "lost_answer_taken_for_an_answer",
        "written_to_one_short",
        "change_not_written_to_the_new_majority",
        "acknowledged_when_queued",
        "settled_twice",
        "stamped_by_the_clock",
        "elected_before_all_accepted",
        "chain_dropped",
        "elected_upon_the_committed_government",
        "change_told_when_committed",
    ],
)
def test_a_planted_bug_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant = MUTANTS[name]
    mutant.plant(monkeypatch)
    with bounded(), pytest.raises(Violation) as raised:
        run_state_machine_as_test(Again, settings=look(Phase.generate))
    assert raised.value.name in mutant.checkers


def scenario_of(error: BaseException) -> str:
    """The text that the state machine noted."""
    (text,) = [note for note in error.__notes__ if note.startswith("Found by hypothesis")]
    return f"{text}\n"


@pytest.mark.parametrize(
    ("name", "most"),
    [("written_twice", 6), ("chain_dropped", 8), ("nobody_stands", 20)],
)
def test_a_failure_shrinks_to_a_scenario(
    name: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    MUTANTS[name].plant(monkeypatch)
    with bounded(), pytest.raises(Violation) as raised:
        run_state_machine_as_test(Again, settings=look(Phase.generate, Phase.shrink))
    scenario = parse(scenario_of(raised.value))
    assert len(scenario.paragraphs[-1].lines) <= most, scenario.paragraphs[-1].lines
    told = perform(scenario).violation
    if raised.value.name == "progress after healing":  # which a scenario cannot demand
        assert told is None
    else:
        assert told is not None
        assert told.name == raised.value.name
