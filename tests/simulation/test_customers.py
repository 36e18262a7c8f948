"""Customers of a simulated island: what they hear is right, and planted bugs are found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from paxos_ray.machines import Counter, Reply
from paxos_ray.machines.replies import OK
from paxos_ray.machines.sessions import Sessions
from paxos_ray.simulation import Tally, customer_schedule, run_customers
from paxos_ray.simulation.customer_schedule import CustomerSchedule
from paxos_ray.simulation.customers import Customer, Post

Replace = Callable[[Any, str, Any], None]


def test_what_customers_hear_is_linearizable_and_applied_once() -> None:
    heard = unknown = sessions = again = 0
    for seed in range(40):
        schedule = CustomerSchedule(seed)
        summary = schedule.run()
        assert summary.failure is None, f"seed {seed}: {summary.failure} {summary.detail}"
        assert not schedule.undecided
        attempts = schedule.customers.attempts()
        heard += sum(attempt.acknowledged for attempt in attempts)
        history = schedule.customers.recorder.operations()
        unknown += sum(o.returned is None and o.method != "value" for o in history)
        sessions += len({session for a in attempts for session, _ in a.places})
        bodies = [entry.body for entry in schedule.history.entries.values() if entry.promise.entry]
        again += len(bodies) - len(set(bodies))
    assert heard > 1_000
    assert unknown > 20
    assert sessions > 60, "some expired"
    assert again > 20, "some were sent again"


def test_a_session_that_has_expired_is_not_taken_again_when_its_opening_is_told_twice() -> None:
    """The client would number another operation as it had numbered the first of that session."""
    assert run_customers(6152643).failure is None


def test_the_same_seed_is_the_same_run() -> None:
    assert run_customers(3) == run_customers(3)


def reads_without_confirm(replace: Replace) -> None:
    """A citizen that believes to lead answers at once."""

    def read(self: Post, who: Any, floor: Any, heard: Any) -> None:
        if who.alive and who.stateful:
            heard(who, who.top)

    replace(Post, "read", read)


def lost_increment(replace: Replace) -> None:
    """One of the increments is answered, and forgotten."""
    apply = Counter.apply

    def forgetful(self: Any, method: str, arguments: Any, context: Any) -> Any:
        before = self._value
        value = apply(self, method, arguments, context)
        if method == "increment" and context.promise.entry % 5 == 0:
            self._value = before
        return value

    replace(Counter, "apply", forgetful)


def retried_in_a_new_session(replace: Replace) -> None:
    """What a session left unanswered is taken along into the next."""

    def expired(self: Any) -> None:
        self._waiting = [w for w in self._unanswered.values() if not w.answered] + self._waiting
        self._unanswered.clear()
        self.session = None

    replace(Customer, "_expired", expired)
    again = Customer.again

    def hasty(self: Any) -> None:
        expired(self) if self._random.random() < 0.3 else again(self)

    replace(Customer, "again", hasty)


def snapshot_without_sessions(replace: Replace) -> None:
    replace(Sessions, "snapshot", lambda self: {})


def gap_is_an_outcome(replace: Replace) -> None:
    """Who is told that something is missing takes it for done."""

    def gap(self: Any, first: int, replies: list[Reply]) -> None:
        for sequence in range(first, first + len(replies)):
            self._answered(sequence, Reply(OK, 0))

    replace(Customer, "_gap", gap)


def test_a_history_too_costly_to_check_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(customer_schedule, "LIMIT", 1)
    summary = customer_schedule.run_customers(0)
    assert summary.failure is None
    assert summary.undecided
    tally = Tally()
    tally.add(summary)
    assert tally.undecided == 1


@pytest.mark.parametrize(
    ("plant", "found_by"),
    [
        (reads_without_confirm, {"linearizable"}),
        (lost_increment, {"exactly once"}),
        (retried_in_a_new_session, {"exactly once"}),
        (snapshot_without_sessions, {"exactly once", "one state"}),
        (gap_is_an_outcome, {"exactly once"}),
    ],
)
def test_a_planted_bug_is_found(
    plant: Callable[[Replace], None], found_by: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch.setattr)
    for seed in range(400):
        failure = run_customers(seed).failure
        if failure is not None:
            assert failure in found_by, f"seed {seed}: {failure}"
            return
    pytest.fail("nobody noticed")


def test_a_history_alone_shows_a_lost_increment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody sees the log."""
    lost_increment(monkeypatch.setattr)
    monkeypatch.setattr("paxos_ray.simulation.customer_schedule.faults", lambda *_: [])
    monkeypatch.setattr(CustomerSchedule, "_compare", lambda *_: None)
    assert "linearizable" in {run_customers(seed).failure for seed in range(20)}
