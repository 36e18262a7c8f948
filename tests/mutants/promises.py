"""What a citizen must not do after it has promised, and whose requests it must not heed."""

from __future__ import annotations

from typing import Any

import pytest

from paxos_ray.core import reception
from paxos_ray.core.government import Government
from paxos_ray.core.promise import NO_BALLOT
from paxos_ray.core.reception import Receiver
from paxos_ray.core.state import State
from paxos_ray.core.succession import Swap
from tests.core.harness import plant
from tests.mutants.mutant import ATTACHED, FORK, PROGRESS, UNAPPLIED, mutant
from tests.scenarios.bugs import BUGS


@mutant(*FORK, "promises are kept")
def promise_not_checked(patch: pytest.MonkeyPatch) -> None:
    """A recorder that has promised a candidate goes on recording for the old leader."""
    BUGS["a promise not checked"].plant(patch)


@mutant("promises are kept")
def promise_forgotten_on_a_change_of_government(patch: pytest.MonkeyPatch) -> None:
    """A new government is taken for a reason to forget what was promised to a candidate."""
    rule = "self.promised = max(self.promised, government.ballot)"
    plant(patch, State, "install", rule, "self.promised = government.ballot")


@mutant("promises are kept")
def promise_forgotten_on_starting_anew(patch: pytest.MonkeyPatch) -> None:
    """Who is too far behind to be brought up forgets, with its log, what it has promised."""
    restart = State.restart

    def forgetful(self: State, *arguments: Any) -> None:
        self.promised = NO_BALLOT
        restart(self, *arguments)

    patch.setattr(State, "restart", forgetful)


@mutant(*FORK, "promises are kept")
def leader_does_not_count_itself(patch: pytest.MonkeyPatch) -> None:
    """A leader that has promised another's ballot goes on leading."""
    plant(patch, Swap, "superseded", "isinstance(role, Writer)", "False")


@mutant(*FORK)
def promise_without_the_register(patch: pytest.MonkeyPatch) -> None:
    """Who promises does not say what it has recorded before."""
    rule = "Promised(request.ballot, state.log.top, state.register,"
    plant(patch, Receiver, "_on_prepare", rule, rule.replace("state.register", "None"))


@mutant(*FORK, ATTACHED)
def accept_checks_no_tops(patch: pytest.MonkeyPatch) -> None:
    """A late accept at a ballot that is still the promised one is recorded, though the log has gone
    on since (or an earlier incarnation of its sender has used that ballot)."""
    accepted = " and not isinstance(request, Accept)"
    plant(patch, Receiver, "_answer", "top > request.top", "top > request.top" + accepted)
    plant(patch, Receiver, "_on_accept", "request.chain[0].previous != state.log.top", "False")
    plant(patch, reception, "is_request", "is_chain(proposed, top)", "is_chain(proposed)")


@mutant(*FORK, "promises are kept", PROGRESS)
def cookie_ignored(patch: pytest.MonkeyPatch) -> None:
    """What was meant for an earlier incarnation of the same id is taken in by the next."""
    BUGS["another cookie is the same citizen"].plant(patch)


@mutant(*FORK, PROGRESS, UNAPPLIED)
def another_cookie_is_the_same_citizen(patch: pytest.MonkeyPatch) -> None:
    """Who comes back under its old id, without its memory, counts as the citizen that it was."""
    plant(patch, Government, "lists", " and citizen.cookie == cookie", "")
    BUGS["another cookie is the same citizen"].plant(patch)


@mutant(PROGRESS)
def refused_before_the_log_is_taken_in(patch: pytest.MonkeyPatch) -> None:
    """Who has promised another takes in no committed entries either, and starves."""
    BUGS["refused before the entries are taken in"].plant(patch)


@mutant(*FORK, witness="written_twice")
def vouched_for_without_having_written(patch: pytest.MonkeyPatch) -> None:
    """Who has committed what another wrote says that it is what the recipient has recorded."""
    BUGS["vouched for without having written"].plant(patch)
