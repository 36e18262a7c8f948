"""Sessions: what makes a retry safe, whoever answers it."""

from __future__ import annotations

from typing import Any

import pytest

from paxos_ray.machines.replica import Replica
from paxos_ray.machines.sessions import Session, Sessions
from tests.core.harness import plant
from tests.mutants.mutant import customers, mutant

WRONG = ("exactly once", "linearizable", "one state")
"""What is applied twice, or not at all, or here and not there."""


@mutant(*WRONG, run=customers)
def sequence_reused(patch: pytest.MonkeyPatch) -> None:
    """An operation that was applied is applied again when it is sent again."""
    plant(patch, Session, "settled", "first == self.applied + 1", "first <= self.applied + 1")


@mutant(*WRONG, run=customers)
def session_table_lost_in_a_snapshot(patch: pytest.MonkeyPatch) -> None:
    """A snapshot holds the objects and not the sessions."""
    plant(patch, Replica, "snapshot", "self._sessions.snapshot()", "{}")


@mutant(*WRONG, run=customers)
def gap_not_seen(patch: pytest.MonkeyPatch) -> None:
    """An operation is applied though one before it has not come."""
    plant(patch, Session, "settled", "return [Reply(GAP, None)] * count", "return []")


@mutant(*WRONG, run=customers)
def gap_taken_for_an_outcome(patch: pytest.MonkeyPatch) -> None:
    """That operations came too early counts as what became of them, and of the missing ones."""
    settled = Session.settled

    def final(self: Session, first: int, count: int) -> Any:
        replies = settled(self, first, count)
        if first > self.applied + 1:
            missing = [replies[0]] * (first - self.applied - 1)
            self.keep([*missing, *replies])
        return replies

    patch.setattr(Session, "settled", final)


@mutant(*WRONG, run=customers)
def session_opened_anew_by_a_late_copy(patch: pytest.MonkeyPatch) -> None:
    """A session has a name that its client chose, so that a late copy opens it again at 0."""
    rule = "self._sessions.open(promise,"
    plant(patch, Replica, "apply", rule, "self._sessions.open(Promise(1, 1),")


@mutant(*WRONG, run=customers)
def reply_let_go_before_it_was_acknowledged(patch: pytest.MonkeyPatch) -> None:
    """A reply is let go of though its client may not have it."""
    plant(patch, Session, "acknowledge", "min(sequence, self.applied)", "self.applied")


@mutant(*WRONG, run=customers)
def session_in_use_expires(patch: pytest.MonkeyPatch) -> None:
    """A session ends its lifetime after it was opened, however much it is used."""
    plant(patch, Sessions, "use", "session.used = stamp", "pass")


@mutant(*WRONG, run=customers)
def reply_of_another_operation(patch: pytest.MonkeyPatch) -> None:
    """What is sent again is answered with the reply to the operation after it."""
    rule = "start = first + gone - self.acknowledged - 1"
    plant(patch, Session, "settled", rule, "start = first + gone - self.acknowledged")
