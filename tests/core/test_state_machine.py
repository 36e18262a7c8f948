"""The core under hypothesis: what fails shrinks to a scenario that can be read, and kept.

`pytest tests/core/test_state_machine.py --hypothesis-profile=deep` looks for long, and elsewhere
each time.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from paxos_ray.core.errors import InvalidGovernment
from paxos_ray.simulation.scenario import parse, perform
from paxos_ray.simulation.watch import Violation
from tests.core.state_machine import IslandMachine
from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import INVALID, bounded

EXAMPLES = 120
# What hypothesis draws depends on what else is imported: these are found in a tenth of that.
EXAMPLES_FOR_A_BUG = 600
STEPS = 50


@seed(1)
class Again(IslandMachine):
    """The same examples in every run of all tests."""


def look(*phases: Phase, steps: int = STEPS, examples: int = EXAMPLES) -> settings:
    return settings(
        max_examples=examples,
        phases=phases,
        stateful_step_count=steps,
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
        "half_a_parliament_elects",
        "change_told_when_committed",
        "shrinks_below_the_floor",
        "minimum_of_the_leader_only",
        "stamped_by_the_clock",
        "acknowledged_when_queued",
        "settled_twice",
    ],
)
def test_a_planted_bug_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Again, "plant", MUTANTS[name].plant)
    with bounded(), pytest.raises((Violation, InvalidGovernment)) as raised:
        run_state_machine_as_test(Again, settings=look(Phase.generate, examples=EXAMPLES_FOR_A_BUG))
    found = raised.value
    assert (found.name if isinstance(found, Violation) else INVALID) in MUTANTS[name].checkers


@pytest.mark.parametrize(
    ("name", "most"),
    [("acknowledged_when_queued", 8), ("nobody_stands", 30)],
)
def test_a_failure_shrinks_to_a_scenario(
    name: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Again, "plant", MUTANTS[name].plant)
    with bounded(), pytest.raises(Violation) as raised:
        run_state_machine_as_test(
            Again,
            settings=look(Phase.generate, Phase.shrink, steps=20, examples=EXAMPLES_FOR_A_BUG),
        )
    (text,) = [each for each in raised.value.__notes__ if each.startswith("Found by hypothesis")]
    scenario = parse(f"{text}\n")
    assert len(scenario.paragraphs[-1].lines) <= most
    assert perform(scenario).violation is None  # without the bug
    MUTANTS[name].plant(monkeypatch)
    told = perform(scenario).violation
    if raised.value.name == "progress after healing":  # which a scenario only shows
        assert told is None
    else:
        assert told is not None
        assert told.name == raised.value.name
