"""Sessions that read anywhere: what they see is right, and planted bugs are found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from paxos_ray.core.log import NOTHING
from paxos_ray.machines import Replica
from paxos_ray.simulation.counters import Counters
from paxos_ray.simulation.readers import LOOK, Reader, ReaderSchedule

Replace = Callable[[Any, str, Any], None]


def test_no_answer_is_older_than_what_a_session_had_seen() -> None:
    answered = lost = 0
    for seed in range(60):
        schedule = ReaderSchedule(seed)
        summary = schedule.run()
        assert summary.failure is None, f"seed {seed}: {summary.failure} {summary.detail}"
        looks = [o for o in schedule.readers.recorder.operations() if o.method == LOOK]
        answered += sum(look.returned is not None for look in looks)
        lost += sum(look.returned is None for look in looks)
    assert answered > 1_000
    assert lost > 20


def test_the_same_seed_is_the_same_run() -> None:
    first, second = ReaderSchedule(3), ReaderSchedule(3)
    assert first.run() == second.run()
    assert first.readers.recorder.operations() == second.readers.recorder.operations()


def asks_for_nothing(replace: Replace) -> None:
    """Any state will do."""
    replace(Reader, "since", lambda self: NOTHING)


def remembers_the_last(replace: Replace) -> None:
    """Not the highest: answers overtake each other."""
    replace(Reader, "see", lambda self, promise: setattr(self, "seen", promise))


def restores_nothing(replace: Replace) -> None:
    """A newcomer says that it has applied what its snapshot holds, and holds nothing."""
    restore = Counters.restore

    def forgetful(self: Any, snapshot: Any) -> None:
        restore(self, snapshot)
        self.replica = Replica()
        self.replica.applied = snapshot.applied

    replace(Counters, "restore", forgetful)


@pytest.mark.parametrize(
    ("plant", "found_by"),
    [
        (asks_for_nothing, {"session"}),
        (remembers_the_last, {"session"}),
        (restores_nothing, {"one state", "exactly once"}),
    ],
)
def test_a_planted_bug_is_found(
    plant: Callable[[Replace], None], found_by: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch.setattr)
    for seed in range(150):
        failure = ReaderSchedule(seed).run().failure
        if failure is not None:
            assert failure in found_by, f"seed {seed}: {failure}"
            return
    pytest.fail("nobody noticed")
