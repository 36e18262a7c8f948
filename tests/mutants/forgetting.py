"""Bringing the log to everybody, letting go of it, and beginning without it."""

from __future__ import annotations

from typing import Any

import pytest

from paxos_ray.core.census import Census
from paxos_ray.core.promise import Promise
from paxos_ray.core.state import State
from paxos_ray.simulation.island import Island
from tests.core.harness import plant
from tests.mutants.mutant import ATTACHED, FORK, IN_CORE, PROGRESS, UNAPPLIED, mutant
from tests.scenarios.bugs import BUGS


@mutant("minimum")
def minimum_of_the_leader_only(patch: pytest.MonkeyPatch) -> None:
    """The log is let go of up to what the leader has."""
    report = Census.report

    def naive(self: Census, top: Promise, *arguments: Any) -> Any:
        return report(self, top, *arguments)._replace(minimum=top)

    patch.setattr(Census, "report", naive)


@mutant("minimum")
def minimum_too_high_after_a_change(patch: pytest.MonkeyPatch) -> None:
    """Who has not reported under the new government yet does not hold the minimum."""
    BUGS["the minimum jumps past the unheard"].plant(patch)


@mutant("minimum", load_ms=3_000, newcomer=3.0, crash=2.0)
def minimum_too_high_without_state(patch: pytest.MonkeyPatch) -> None:
    """Who has the log but not the application's state counts as having both."""
    BUGS["nobody says that it lacks the state"].plant(patch)


@mutant("minimum", witness="a_change_that_takes_long")
def minimum_moves_under_a_pending_change(patch: pytest.MonkeyPatch) -> None:
    """While a government is written, the log is let go of past who is seated by it."""
    BUGS["the minimum moves while a government is written"].plant(patch)


@mutant("minimum", witness="false_words_of_death_before_it_leads")
def minimum_moves_past_the_majority(patch: pytest.MonkeyPatch) -> None:
    """A new leader that was told of deaths in its majority lets go of the log past it."""
    BUGS["the majority does not hold the minimum when it is said to be dead"].plant(patch)


@mutant("minimum", "receipts", PROGRESS)
def yesterdays_reports_count(patch: pytest.MonkeyPatch) -> None:
    """A report made under an earlier government counts under this one."""
    plant(patch, Census, "answered", "report[0] == self._number and ", "")
    forgotten = "contact.report, contact.busy, contact.due = None, None, now"
    plant(patch, Census, "__init__", forgotten, "contact.busy, contact.due = None, now")
    plant(patch, Census, "retarget", "contact.report = None", "pass")


@mutant(UNAPPLIED, "one log")
def let_go_before_it_is_applied(patch: pytest.MonkeyPatch) -> None:
    """A log is let go of within the call that committed it."""
    BUGS["let go of within the call that committed it"].plant(patch)


@mutant(UNAPPLIED, "one state", "no stale read", "one log", IN_CORE)
def state_kept_on_starting_anew(patch: pytest.MonkeyPatch) -> None:
    """Who begins its log anew, far above where it was, goes on with the state that it had."""
    plant(patch, State, "restart", "self.stateful = False", "pass")


@mutant(*FORK)
def register_dropped_when_part_of_it_is_committed(patch: pytest.MonkeyPatch) -> None:
    """A batch that a bounded catch-up commits in part is forgotten whole."""
    BUGS["a register dropped when its base moves"].plant(patch)


@mutant(*FORK, PROGRESS, ATTACHED)
def register_compared_instead_of_dropped(patch: pytest.MonkeyPatch) -> None:
    """What is recorded for places that the log has passed is kept where the log has others."""
    commit = State.commit

    def compare(self: State, entries: Any) -> None:
        register = self.register
        commit(self, entries)
        if register is not None and self.register is None and register.entries[-1] not in entries:
            self.register = register

    patch.setattr(State, "commit", compare)


@mutant(PROGRESS, ATTACHED, witness="recorded_where_another_chain_was_chosen")
def register_kept_that_the_log_has_left(patch: pytest.MonkeyPatch) -> None:
    """What is recorded stays until the log is past it, though the log goes another way before."""
    BUGS["a register stays that the log has left"].plant(patch)


@mutant("one state")
def snapshot_of_another_place(patch: pytest.MonkeyPatch) -> None:
    """A donor says that its state is newer than it is."""
    snapshot = Island._snapshot

    def newer(self: Island, donor: Any) -> Any:
        state: Any = snapshot(self, donor)
        return state._replace(length=state.length + 1)

    patch.setattr(Island, "_snapshot", newer)


@mutant(PROGRESS, witness="attack_22_nobody_has_the_snapshot")
def state_asked_of_one_only(patch: pytest.MonkeyPatch) -> None:
    """A newcomer asks its representative for the state, and nobody else when that has none."""
    BUGS["one donor for ever"].plant(patch)


@mutant(PROGRESS)
def nothing_to_start_from(patch: pytest.MonkeyPatch) -> None:
    """Who is below what others still hold is not told where their logs begin."""
    BUGS["nobody is started anew"].plant(patch)


@mutant(PROGRESS)
def refused_without_saying_where_it_stands(patch: pytest.MonkeyPatch) -> None:
    """Who refuses does not say where it stands, so it can be given nothing, and starves."""
    BUGS["nobody notes where a refusal stands"].plant(patch)


@mutant(PROGRESS)
def constituency_of_the_dead_left_alone(patch: pytest.MonkeyPatch) -> None:
    """Nobody brings the log to those whose representative is dead."""
    BUGS["nobody below the dead gets the log"].plant(patch)
