"""Customers of standard objects: what they hear is right, and planted bugs are found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from paxos_ray.machines import STANDARD, Standard
from paxos_ray.machines.barrier import Barrier
from paxos_ray.machines.context import Context
from paxos_ray.machines.grants import Grants
from paxos_ray.machines.hosted import Hosted
from paxos_ray.machines.map import Map
from paxos_ray.machines.objects import Objects
from paxos_ray.machines.queue import Queue
from paxos_ray.machines.sequence import Sequence
from paxos_ray.simulation import run_objects
from paxos_ray.simulation.models import BANK, Refused
from paxos_ray.simulation.object_replay import ObjectReplay
from paxos_ray.simulation.object_schedule import ObjectSchedule
from tests.core.harness import plant

SEEDS = 40


def test_what_customers_hear_of_objects_is_right() -> None:
    used: Counter[str] = Counter()
    bank: Counter[str] = Counter()
    ended: Counter[str] = Counter()
    refused = undecided = 0
    for seed in range(SEEDS):
        schedule = ObjectSchedule(seed)
        summary = schedule.run()
        assert summary.failure is None, f"seed {seed}: {summary.failure} {summary.detail}"
        undecided += schedule.undecided
        for attempt in schedule.customers.attempts():
            used[attempt.call[0]] += attempt.acknowledged
            refused += isinstance(attempt.result, Refused)
            if attempt.call[0] == BANK and attempt.acknowledged:
                refusal = isinstance(attempt.result, Refused)
                bank[attempt.result.error if refusal else attempt.call[1]] += 1
        replay = ObjectReplay(schedule.history.entries[p] for p in schedule.history.chain)
        ended.update(ending.method for ending in replay.endings)
    assert all(used[machine.kind] > 100 for machine in STANDARD), used
    methods = ("deploy", "retire", "transfer", "earmark", "settle", "raffle")
    errors = ("Overdrawn", "NotYours", "UnknownObject", "AlreadyDeployed")
    assert all(bank[each] for each in (*methods, *errors)), bank
    assert ended["session_ended"] > 5, "sessions ended that held something"
    assert ended["over"] > 10, "leases were over"
    assert refused > 50
    assert undecided <= SEEDS // 10


def test_the_same_seed_is_the_same_run() -> None:
    assert run_objects(3) == run_objects(3)


def plant_method(
    patch: pytest.MonkeyPatch, owner: type[Standard], name: str, rule: str, bug: str
) -> None:
    """As `plant`, of a method that is in the table of its kind."""
    plant(patch, owner, name, rule, bug)
    patch.setattr(owner.changes[name], "function", vars(owner)[name])


def session_keeps_its_grants(patch: pytest.MonkeyPatch) -> None:
    """What a session holds outlives it."""
    patch.setattr(Objects, "session_ended", lambda *_: None)


def leases_never_end(patch: pytest.MonkeyPatch) -> None:
    """Nobody looks at the time."""
    patch.setattr(Objects, "tick", lambda *_: None)


def ticks_after_the_entry(patch: pytest.MonkeyPatch) -> None:
    """What is due at a stamp is there still for the entry of that stamp."""
    plant(patch, Objects, "tick", "due <= stamp", "due < stamp")


def line_is_passed(patch: pytest.MonkeyPatch) -> None:
    """Who asks gets what is free, though others wait."""
    plant(patch, Grants, "ask", "not self.waiting and permits", "permits")


def last_come_first_served(patch: pytest.MonkeyPatch) -> None:
    """The line is served from its end."""
    plant(patch, Grants, "serve", "peekitem(0)", "peekitem(-1)")


def anybody_releases(patch: pytest.MonkeyPatch) -> None:
    """A lock is given back by who has lost it."""
    plant(patch, Grants, "mine", "grant.session == context.session", "True")


def cancel_of_a_grant_takes_it(patch: pytest.MonkeyPatch) -> None:
    """A cancel that comes too late answers as one in time."""
    plant(patch, Grants, "cancel", "return GRANTED", "return CANCELLED")


def renewed_from_the_old_end(patch: pytest.MonkeyPatch) -> None:
    """A lease that is renewed lasts longer than asked for."""
    plant(patch, Grants, "renew", "context.stamp + lease_ms", "context.stamp + 2 * lease_ms")


def due_lost_in_a_snapshot(patch: pytest.MonkeyPatch) -> None:
    """Who has loaded a snapshot knows of no leases."""
    plant(patch, Grants, "load", "self._due.add(expires, number)", "pass")


def item_done_by_an_old_delivery(patch: pytest.MonkeyPatch) -> None:
    """Who has lost an item to another acknowledges it all the same."""
    rule = "taken is not None and taken.session == context.session"
    plant(patch, Queue, "_mine", rule, "taken is not None")


def item_lost_with_its_taker(patch: pytest.MonkeyPatch) -> None:
    """What a session had taken goes with it."""
    plant(patch, Queue, "_return", "heappush(self._ready, (item.priority, id))", "pass")


def priorities_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Items that come back line up by age alone."""
    plant(patch, Queue, "_return", "(item.priority, id)", "(0, id)")


def range_overlaps(patch: pytest.MonkeyPatch) -> None:
    """The next range begins in the one before."""
    plant_method(patch, Sequence, "reserve", "+= count", "+= max(1, count - 1)")


def gathering_opens_early(patch: pytest.MonkeyPatch) -> None:
    """One that has gone counts as there."""
    plant_method(patch, Barrier, "arrive", "len(self._waiting) == parties", "ticket % parties == 0")


def version_not_compared(patch: pytest.MonkeyPatch) -> None:
    """A put is made whatever has happened to the key."""
    plant_method(patch, Map, "put_if_version", "self._version(key) != version", "False")


def raised_and_not_undone(patch: pytest.MonkeyPatch) -> None:
    """What a method did before it raised stays."""
    plant(patch, Hosted, "_attempt", "self._undo()", "pass")


def journal_lost_in_a_snapshot(patch: pytest.MonkeyPatch) -> None:
    """A newcomer is given the last checkpoint, and not what was done since."""
    plant(patch, Hosted, "snapshot", "self._journal.copy()", "[]")


def done_again_elsewhere(patch: pytest.MonkeyPatch) -> None:
    """What is done again is told another place in the log than it had."""
    plant(patch, Hosted, "_undo", "index=index", "index=index + 1")


def done_again_at_another_time(patch: pytest.MonkeyPatch) -> None:
    """What is done again is told another time than it was."""
    plant(patch, Hosted, "_undo", "Promise(*promise), stamp,", "Promise(*promise), stamp + 1_000,")


def hook_not_in_the_journal(patch: pytest.MonkeyPatch) -> None:
    """What the island had an object do is not done again."""
    plant(patch, Hosted, "_hook", "_deed(hook, told, context))", "None)")


def chance_the_same_for_all_of_an_entry(patch: pytest.MonkeyPatch) -> None:
    """Two calls of a batch get the same id."""
    plant(patch, Context, "fresh_id", "{drawn.index}", "0")


def retired_and_there_still(patch: pytest.MonkeyPatch) -> None:
    """An object that was retired is found again."""
    plant(patch, Objects, "_retire", "self._hosted.pop(name, None)", "pass")


def any_class_is_the_same(patch: pytest.MonkeyPatch) -> None:
    """Nobody looks which class is deployed already."""
    plant(patch, Objects, "_deploy", "there.fingerprint == fingerprint", "True")


PLANTED: list[tuple[Callable[[pytest.MonkeyPatch], None], int]] = [
    (session_keeps_its_grants, 10),
    (leases_never_end, 0),
    (ticks_after_the_entry, 195),
    (line_is_passed, 17),
    (last_come_first_served, 5),
    (anybody_releases, 84),
    (cancel_of_a_grant_takes_it, 5),
    (renewed_from_the_old_end, 5),
    (due_lost_in_a_snapshot, 5),
    (item_done_by_an_old_delivery, 117),
    (item_lost_with_its_taker, 2),
    (priorities_forgotten, 2),
    (range_overlaps, 0),
    (gathering_opens_early, 14),
    (version_not_compared, 2),
    (raised_and_not_undone, 3),
    (journal_lost_in_a_snapshot, 28),
    (done_again_elsewhere, 28),
    (done_again_at_another_time, 35),
    (hook_not_in_the_journal, 6),
    (chance_the_same_for_all_of_an_entry, 3),
    (retired_and_there_still, 3),
    (any_class_is_the_same, 28),
]
"""Bugs, and the first schedule that finds each."""


@pytest.mark.parametrize(
    ("planted", "seed"), PLANTED, ids=lambda each: getattr(each, "__name__", None)
)
def test_a_planted_bug_is_found(
    planted: Callable[[pytest.MonkeyPatch], None], seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_objects(seed).failure is None, "without the bug, too"
    planted(monkeypatch)
    assert run_objects(seed).failure is not None, "nobody noticed"
