"""Pulses and who carries them: the coordinator dies, too."""

from __future__ import annotations

import pytest

from paxos_ray.core.legislator import Legislator
from paxos_ray.simulation.network import Network
from tests.core.harness import plant
from tests.mutants.mutant import FORK, PROGRESS, VALUE_ERROR, mutant
from tests.scenarios.bugs import BUGS


@mutant(PROGRESS)
def pulses_are_waited_for_in_vain(patch: pytest.MonkeyPatch) -> None:
    """A pulse whose carrier died is neither given again nor ever counted as lost."""
    plant(patch, Legislator, "outbox", "giving.last_at <= again", "False")
    plant(patch, Legislator, "tick", "state.now - giving.first_at >= state.limits.timeout", "False")


@mutant(*FORK, "no stale read", PROGRESS, VALUE_ERROR)
def results_count_twice(patch: pytest.MonkeyPatch) -> None:
    """The results of a pulse count again when a second carrier brings others."""
    BUGS["the results of a pulse count twice"].plant(patch)


@mutant(PROGRESS, witness="attack_15_exile")
def exile_is_not_told(patch: pytest.MonkeyPatch) -> None:
    """Who has been written out while it was away is answered like a citizen."""
    BUGS["exiles are not told"].plant(patch)


@mutant(PROGRESS)
def carriers_never_come_home(patch: pytest.MonkeyPatch) -> None:
    """Not a bug of the protocol: a network that loses all results."""
    patch.setattr(Network, "_complete", lambda self, carrier: None)
