"""The core under hypothesis: what fails shrinks to a scenario that can be read, and kept.

`pytest tests/core/test_state_machine.py --hypothesis-profile=deep` looks for long, and elsewhere
each time.
"""

from __future__ import annotations

from typing import Any

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


def look(examples: int, **changed: Any) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        **changed,
    )


def test_the_core_under_hypothesis(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--hypothesis-profile") == "deep":
        run_state_machine_as_test(IslandMachine, settings=settings.get_profile("deep"))
    else:
        run_state_machine_as_test(Again, settings=look(EXAMPLES))
