"""Standing for election: whom to ask, what to carry on, what to make of it, when to stop."""

from __future__ import annotations

from typing import Any

import pytest

from paxos_ray.core import changes
from paxos_ray.core.election import Proposer
from paxos_ray.core.government import Government
from tests.core.harness import plant
from tests.mutants.mutant import ATTACHED, FORK, INVALID, PROGRESS, mutant
from tests.scenarios.bugs import BUGS

PARLIAMENTS = "(state.government, *pending)"


@mutant(*FORK, INVALID)
def electorate_not_joint_with_the_new_parliament(patch: pytest.MonkeyPatch) -> None:
    """A majority of the committed parliament elects, whatever parliament is pending."""
    BUGS["an electorate of the old parliament only"].plant(patch)


@mutant(*FORK, INVALID)
def electorate_not_joint_with_the_old_parliament(patch: pytest.MonkeyPatch) -> None:
    """A majority of the pending parliament elects, though it may never have formed."""
    BUGS["an electorate of the new parliament only"].plant(patch)


@mutant(*FORK, INVALID)
def half_a_parliament_elects(patch: pytest.MonkeyPatch) -> None:
    """An election is won with one promise less than a strict majority."""
    plant(patch, Government, "covered_by", "self.quorum", "self.quorum - 1")


@mutant(*FORK)
def elected_before_all_accepted(patch: pytest.MonkeyPatch) -> None:
    """The chain is committed at the first answers to the accept."""
    plant(patch, Proposer, "sent", "elif not self._waiting:", "elif len(self._waiting) < 2:")


@mutant(*FORK)
def chain_dropped(patch: pytest.MonkeyPatch) -> None:
    """The new leader does not go on from what was recorded before it."""
    patch.setattr(Proposer, "_highest", lambda self: None)


@mutant(*FORK)
def chain_split(patch: pytest.MonkeyPatch) -> None:
    """Of a batch that was recorded before it the new leader carries on the first entry only."""
    plant(patch, Proposer, "_elect", "register.entries", "register.entries[:1]")


@mutant(*FORK)
def highest_ballot_not_chosen(patch: pytest.MonkeyPatch) -> None:
    """Of several registers the chain is made of the one with the lowest ballot."""

    def lowest(self: Proposer) -> Any:
        registers = [r for r in self._electorate.values() if r is not None]
        return min(registers, key=lambda r: r.ballot, default=None)

    patch.setattr(Proposer, "_highest", lowest)


@mutant(*FORK, "valid governments", INVALID)
def elected_upon_the_committed_government(patch: pytest.MonkeyPatch) -> None:
    """The new government is made from the committed one instead of the chain's last."""
    BUGS["elected upon the committed government"].plant(patch)


@mutant(*FORK, PROGRESS, ATTACHED)
def election_continued_after_the_top_moved(patch: pytest.MonkeyPatch) -> None:
    """An election goes on though its candidate has committed more since: registers that were shown
    for another top are put together."""
    BUGS["an election goes on though the top has moved"].plant(patch)


@mutant(*FORK, "promises are kept")
def candidate_does_not_count_itself(patch: pytest.MonkeyPatch) -> None:
    """A candidate goes on at its ballot after it has promised a higher one to another."""
    BUGS["the candidate does not count itself"].plant(patch)


@mutant(*FORK, INVALID)
def same_number_twice(patch: pytest.MonkeyPatch) -> None:
    """A candidate whose ballot has the number of a pending government goes on with it."""
    BUGS["a pending government of the ballot's own number"].plant(patch)


@mutant(*FORK, PROGRESS, "promises are kept")
def ballot_not_above_all_that_was_seen(patch: pytest.MonkeyPatch) -> None:
    """A candidate stands at the number after the committed government's, whatever it has heard."""
    stale = "Ballot(government.promise.government + 1, state.id)"
    plant(patch, Proposer, "_stand", "Ballot(state.seen + 1, state.id)", stale)


@mutant(*FORK, witness="nobody_else_takes_it_back")
def change_of_another_retracted(patch: pytest.MonkeyPatch) -> None:
    """Where the electorate does not suffice for a pending change it is taken back, by whomever."""
    patch.setattr(Proposer, "_may_retract", lambda self: True)


@mutant(*FORK, PROGRESS, witness="what_another_has_carried_on_stays")
def change_retracted_that_another_carried_on(patch: pytest.MonkeyPatch) -> None:
    """Who wrote a pending change takes it back, whatever ballot it is now recorded at."""
    BUGS["a change is taken back though another has carried it on"].plant(patch)


@mutant(PROGRESS, witness="taking_back_a_change")
def change_never_retracted(patch: pytest.MonkeyPatch) -> None:
    """A change that the dead can no longer form blocks whoever wrote it."""
    BUGS["nobody takes a change back"].plant(patch)


@mutant("valid governments")
def elected_with_another_seat(patch: pytest.MonkeyPatch) -> None:
    """An election takes a constituent into parliament."""
    elect = changes.elect

    def elect_more(government: Government, *arguments: Any) -> Government:
        after = elect(government, *arguments)
        if not after.minority or not after.constituents:
            return after
        swapped = {
            "minority": (after.constituents[0], *after.minority[1:]),
            "constituents": (after.minority[0], *after.constituents[1:]),
        }
        return after.model_copy(update=swapped)

    patch.setattr(changes, "elect", elect_more)
