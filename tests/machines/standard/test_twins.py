"""Each standard object against its model, whatever is called, whoever dies, whenever it is
restored from a snapshot."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from paxos_ray.core.promise import Promise
from paxos_ray.machines.barrier import Barrier
from paxos_ray.machines.election import Election
from paxos_ray.machines.grants import Grants
from paxos_ray.machines.lock import Lock
from paxos_ray.machines.map import Map
from paxos_ray.machines.queue import Queue
from paxos_ray.machines.semaphore import Semaphore
from paxos_ray.machines.sequence import Sequence
from paxos_ray.machines.standard import Standard
from paxos_ray.simulation.models import READS
from tests.core.harness import plant
from tests.machines.standard.calls import CHANGES, QUERIES, calls
from tests.machines.standard.twins import SESSIONS, Twins

KINDS = (Barrier, Election, Lock, Map, Queue, Semaphore, Sequence)
EXAMPLES = 40
sessions = st.sampled_from(SESSIONS)


def driven(machine: type[Standard]) -> type[RuleBasedStateMachine]:
    """The rules by which hypothesis drives that kind."""

    class Driven(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.twins = Twins(machine)

        @rule(session=sessions, call=calls(CHANGES[machine.kind]), again=st.integers(1, 2))
        def call(self, session: Promise, call: tuple, again: int) -> None:
            for _ in range(again):
                self.twins.call(session, *call)

        @rule(queries=st.lists(calls(QUERIES[machine.kind]), min_size=1, max_size=4))
        def ask(self, queries: list[tuple]) -> None:
            for query in queries:
                self.twins.ask(*query)

        @rule(span=st.integers(1, 40))
        def wait(self, span: int) -> None:
            self.twins.wait(span)

        @rule(session=sessions)
        def end(self, session: Promise) -> None:
            self.twins.end(session)

        @rule()
        def restore(self) -> None:
            self.twins.restore()

        def teardown(self) -> None:
            self.twins.restore()

    return Driven


@pytest.mark.parametrize("machine", KINDS, ids=lambda machine: machine.kind)
def test_a_machine_does_what_its_model_does(machine: type[Standard]) -> None:
    profile = settings(max_examples=EXAMPLES, stateful_step_count=30, deadline=None)
    run_state_machine_as_test(driven(machine), settings=profile)


def test_a_version_that_a_transaction_has_told_is_used_up_though_nothing_is_left() -> None:
    twins = Twins(Map)
    put = ("transaction", [], [("put", "a", 0), ("delete", "a")])
    assert twins.call(SESSIONS[0], *put) == (True, [1, True])
    assert twins.ask("revision") == 1
    assert twins.call(SESSIONS[0], *put) == (True, [2, True])
    assert twins.call(SESSIONS[0], "put", "a", 0) == 3


@pytest.mark.parametrize("machine", KINDS, ids=lambda machine: machine.kind)
def test_all_methods_are_driven(machine: type[Standard]) -> None:
    assert set(CHANGES[machine.kind]) == set(machine.changes)
    assert set(QUERIES[machine.kind]) == set(machine.queries) == READS[machine.kind]


def transaction_is_not_undone(patch: pytest.MonkeyPatch) -> None:
    """What a transaction did before it was refused stays."""
    plant(patch, Map, "transaction", "for key, entry in reversed(undo):", "for key, entry in ():")
    patch.setattr(Map.changes["transaction"], "function", vars(Map)["transaction"])


def revision_counts_changes(patch: pytest.MonkeyPatch) -> None:
    """A call that changes two keys is two revisions."""
    plant(patch, Map, "_finish", "self._revision += 1", "self._revision += len(self._news)")


def expiry_outlives_a_put(patch: pytest.MonkeyPatch) -> None:
    """A key that is put again goes when it would have gone before."""
    plant(patch, Map, "_store", "self._due.remove(old.expires, key)", "pass")


def nobody_is_told_of_a_grant(patch: pytest.MonkeyPatch) -> None:
    """Who waits is served, and no event says so."""
    rule = "context.publish((self._granted, number, waiter.label), number)"
    plant(patch, Grants, "serve", rule, "pass")


@pytest.mark.parametrize(
    ("planted", "machine"),
    [
        (revision_counts_changes, Map),
        (expiry_outlives_a_put, Map),
        (nobody_is_told_of_a_grant, Lock),
    ],
    ids=lambda each: each.__name__,
)
def test_a_planted_bug_is_found(
    planted: Callable[[pytest.MonkeyPatch], None],
    machine: type[Standard],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    planted(monkeypatch)
    profile = settings(
        max_examples=500,
        stateful_step_count=30,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        report_multiple_bugs=False,
    )
    with pytest.raises((AssertionError, LookupError, ValueError)):
        run_state_machine_as_test(driven(machine), settings=profile)


def refused_midway() -> None:
    """A transaction whose third call raises, of keys that live for a time and with a session."""
    twins = Twins(Map)
    twins.call(SESSIONS[0], "put", "a", "x", 30, True)
    twins.call(SESSIONS[0], "put", "b", 1, 20, True)
    calls = (("put", "c", 1), ("delete", "b"), ("put", "a", "y", 10), ("increment", "a"))
    twins.call(SESSIONS[1], "transaction", (), calls)
    twins.wait(25)
    twins.ask("range")
    twins.end(SESSIONS[0])
    twins.ask("range")


def test_a_transaction_that_is_refused_midway_is_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    refused_midway()
    transaction_is_not_undone(monkeypatch)
    with pytest.raises(AssertionError):
        refused_midway()
