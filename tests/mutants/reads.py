"""Reads: the leader must know that it still leads, and its application must have applied."""

from __future__ import annotations

import pytest

from paxos_ray.core.legislation import Writer
from paxos_ray.simulation.inhabitant import Inhabitant
from paxos_ray.simulation.island import Island
from tests.core.harness import plant
from tests.mutants.mutant import mutant
from tests.scenarios.bugs import BUGS


@mutant("no stale read")
def read_without_a_fresh_pulse(patch: pytest.MonkeyPatch) -> None:
    """A leader trusts that it still leads, and confirms at once."""

    def confirm(self: Writer) -> int:
        ticket = self.state.ticket()
        self.state.settle(ticket, self.state.log.top)
        return ticket

    patch.setattr(Writer, "confirm", confirm)


@mutant("no stale read", witness="attack_06_stale_read")
def synchronize_not_refused(patch: pytest.MonkeyPatch) -> None:
    """A `synchronize` below a promised ballot is answered as if nobody had been promised."""
    BUGS["a synchronize is not refused"].plant(patch)


@mutant("no stale read", coup=6.0, coordinator=3.0, reads_at_oldest=1.0)
def read_hung_on_a_pulse_given_before(patch: pytest.MonkeyPatch) -> None:
    """The answers to a pulse confirm reads that were asked for after it was first given."""
    BUGS["a read served by any pulse"].plant(patch)


@mutant("no stale read", witness="attack_06_stale_read")
def read_answered_by_a_refusal(patch: pytest.MonkeyPatch) -> None:
    """Who refuses a `synchronize` confirms a read by that."""
    rule = "isinstance(reply, Received)"
    refused = "(isinstance(reply, Refused) and not round.proposals)"
    plant(patch, Writer, "_hear", rule, f"{rule} or {refused}")


@mutant("no stale read")
def read_answered_before_it_is_applied(patch: pytest.MonkeyPatch) -> None:
    """A citizen answers, and only then has its application apply what it has committed."""
    apply = Island._apply

    def late(self: Island, who: Inhabitant) -> None:
        self.agenda.after(1, apply, self, who)

    patch.setattr(Island, "_apply", late)


@mutant("no stale read")
def read_before_its_leader_has_applied(patch: pytest.MonkeyPatch) -> None:
    """A leader answers a read as of the oldest entry it holds, which its application has."""
    BUGS["a read confirmed as of the beginning of the log"].plant(patch)
