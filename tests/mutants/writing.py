"""The leader's two-phase commit: who must have recorded before it commits, and what it tells."""

from __future__ import annotations

from typing import Any

import pytest

from paxos_ray.core.legislation import Round, Writer
from paxos_ray.core.messages import Outcome
from paxos_ray.core.state import State
from tests.core.harness import plant
from tests.mutants.mutant import FORK, PROGRESS, mutant
from tests.scenarios.bugs import BUGS


@mutant(*FORK)
def lost_answer_taken_for_an_answer(patch: pytest.MonkeyPatch) -> None:
    """An entry is committed though one of the majority may not have recorded it."""
    rule = "isinstance(reply, Received)"
    plant(patch, Writer, "_hear", rule, "isinstance(reply, Received) or reply is None")


@mutant(*FORK)
def refusal_taken_for_an_answer(patch: pytest.MonkeyPatch) -> None:
    """Those who refuse a batch count among those who have recorded it."""
    rule = "isinstance(reply, Received)"
    plant(patch, Writer, "_hear", rule, "isinstance(reply, Received | Refused)")


@mutant(*FORK)
def committed_before_all_answered(patch: pytest.MonkeyPatch) -> None:
    """A batch is committed at the first answers, before the last of the majority has given its."""
    plant(patch, Writer, "sent", "elif not round.waiting:", "elif len(round.waiting) < 2:")


@mutant(*FORK)
def written_to_one_short(patch: pytest.MonkeyPatch) -> None:
    """The last of the majority is not written to."""
    plant(patch, Writer, "reign", "government.majority[1:]", "government.majority[1:-1]")


@mutant(*FORK, PROGRESS)
def change_written_to_one_short(patch: pytest.MonkeyPatch) -> None:
    """A new government is written to all of both majorities but the last."""
    rule = "[*self._peers, *(contact for contact in joining if contact not in self._peers)]"
    plant(patch, Writer, "_old_and_new", rule, f"{rule}[:-1]")


@mutant(*FORK, PROGRESS)
def change_not_written_to_the_new_majority(patch: pytest.MonkeyPatch) -> None:
    """A new government is not recorded by all of its own majority."""
    BUGS["W without the new majority"].plant(patch)


@mutant(*FORK, PROGRESS)
def change_not_written_to_the_old_majority(patch: pytest.MonkeyPatch) -> None:
    """A new government is recorded by its own majority only, not by the one it follows."""
    BUGS["W without the old majority"].plant(patch)


@mutant("no acknowledged entry is lost")
def acknowledged_when_queued(patch: pytest.MonkeyPatch) -> None:
    """A write is acknowledged before anybody else has recorded it."""
    begin = Writer._round

    def early(self: Writer, proposals: Any, tickets: Any, contacts: Any) -> Round:
        self.state.outcomes.extend(map(Outcome, tickets, [p.promise for p in proposals]))
        return begin(self, proposals, (), contacts)

    patch.setattr(Writer, "_round", early)


@mutant("nothing twice")
def written_twice(patch: pytest.MonkeyPatch) -> None:
    """What is queued is written twice."""
    enqueue = Writer.enqueue

    def twice(self: Writer, body: Any) -> int:
        enqueue(self, body)
        return enqueue(self, body)

    patch.setattr(Writer, "enqueue", twice)


@mutant("nothing twice")
def settled_twice(patch: pytest.MonkeyPatch) -> None:
    """An outcome is told twice."""
    settle = State.settle

    def twice(self: State, ticket: int, promise: Any) -> None:
        settle(self, ticket, promise)
        settle(self, ticket, promise)

    patch.setattr(State, "settle", twice)


@mutant("stamps")
def stamped_by_the_clock(patch: pytest.MonkeyPatch) -> None:
    """Log time is taken from the clock of whoever leads."""
    patch.setattr(Writer, "_next_stamp", lambda self: self.state.now)


@mutant("stamps")
def stamped_by_a_difference_of_clocks(patch: pytest.MonkeyPatch) -> None:
    """Log time moves by what the leader's clock is ahead of the last stamp, which was another's."""
    BUGS["stamps are made of two clocks"].plant(patch)


@mutant(*FORK, PROGRESS, witness="a_deposed_leader_is_not_stuck")
def deposed_and_stays_in_office(patch: pytest.MonkeyPatch) -> None:
    """A deposed leader stays a leader, with a round that nobody will ever answer."""
    BUGS["a deposed leader stays"].plant(patch)
