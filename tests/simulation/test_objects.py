"""Customers of standard objects: what they hear is right, and planted bugs are found."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import pytest

from paxos_ray.machines import STANDARD
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


class Bug(NamedTuple):
    """A bug in a method: the first schedule that finds it, what is wrong, and what is written
    instead of what in its source."""

    seed: int
    what: str
    owner: type
    method: str
    rule: str
    instead: str

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        """Plant it; a method of a standard object is also in the table of its kind."""
        plant(patch, self.owner, self.method, self.rule, self.instead)
        listed = getattr(self.owner, "changes", {}).get(self.method)
        if listed is not None:
            patch.setattr(listed, "function", vars(self.owner)[self.method])


BUGS = {
    "session_keeps_its_grants": Bug(
        10,
        "What a session holds outlives it.",
        Objects,
        "session_ended",
        'self._listeners["session_ended"].copy()',
        "()",
    ),
    "leases_never_end": Bug(
        4, "Nobody looks at the time.", Objects, "tick", "due <= stamp", "False"
    ),
    "ticks_after_the_entry": Bug(
        226,
        "What is due at a stamp is there still for the entry of that stamp.",
        Objects,
        "tick",
        "due <= stamp",
        "due < stamp",
    ),
    "line_is_passed": Bug(
        17,
        "Who asks gets what is free, though others wait.",
        Grants,
        "ask",
        "not self.waiting and permits",
        "permits",
    ),
    "last_come_first_served": Bug(
        5, "The line is served from its end.", Grants, "serve", "peekitem(0)", "peekitem(-1)"
    ),
    "anybody_releases": Bug(
        84,
        "A lock is given back by who has lost it.",
        Grants,
        "mine",
        "grant.session == context.session",
        "True",
    ),
    "cancel_of_a_grant_takes_it": Bug(
        5,
        "A cancel that comes too late answers as one in time.",
        Grants,
        "cancel",
        "return GRANTED",
        "return CANCELLED",
    ),
    "renewed_from_the_old_end": Bug(
        5,
        "A lease that is renewed lasts longer than asked for.",
        Grants,
        "renew",
        "context.stamp + lease_ms",
        "context.stamp + 2 * lease_ms",
    ),
    "due_lost_in_a_snapshot": Bug(
        5,
        "Who has loaded a snapshot knows of no leases.",
        Grants,
        "load",
        "self._due.add(expires, number)",
        "pass",
    ),
    "item_done_by_an_old_delivery": Bug(
        117,
        "Who has lost an item to another acknowledges it all the same.",
        Queue,
        "_mine",
        "taken is not None and taken.session == context.session",
        "taken is not None",
    ),
    "item_lost_with_its_taker": Bug(
        2,
        "What a session had taken goes with it.",
        Queue,
        "_return",
        "heappush(self._ready, (item.priority, id))",
        "pass",
    ),
    "priorities_forgotten": Bug(
        2,
        "Items that come back line up by age alone.",
        Queue,
        "_return",
        "(item.priority, id)",
        "(0, id)",
    ),
    "range_overlaps": Bug(
        0,
        "The next range begins in the one before.",
        Sequence,
        "reserve",
        "+= count",
        "+= max(1, count - 1)",
    ),
    "gathering_opens_early": Bug(
        14,
        "One that has gone counts as there.",
        Barrier,
        "arrive",
        "len(self._waiting) == parties",
        "ticket % parties == 0",
    ),
    "version_not_compared": Bug(
        2,
        "A put is made whatever has happened to the key.",
        Map,
        "put_if_version",
        "self._version(key) != version",
        "False",
    ),
    "raised_and_not_undone": Bug(
        3,
        "What a method did before it raised stays.",
        Hosted,
        "_tried",
        "self._go_back()",
        "pass",
    ),
    "journal_lost_in_a_snapshot": Bug(
        28,
        "A newcomer is given the last checkpoint, and not what was done since.",
        Hosted,
        "snapshot",
        "self._journal.copy()",
        "[]",
    ),
    "done_again_elsewhere": Bug(
        28,
        "What is done again is told another place in the log than it had.",
        Hosted,
        "_do_again",
        "index=index",
        "index=index + 1",
    ),
    "done_again_at_another_time": Bug(
        498,
        "What is done again is told another time than it was.",
        Hosted,
        "_do_again",
        "Promise(*promise), stamp,",
        "Promise(*promise), stamp + 1_000,",
    ),
    "hook_not_in_the_journal": Bug(
        18,
        "What the island had an object do is not done again.",
        Hosted,
        "_hook",
        "_deed(hook, told, context))",
        "None)",
    ),
    "chance_the_same_for_all_of_an_entry": Bug(
        3, "Two calls of a batch get the same id.", Context, "fresh_id", "{drawn.index}", "0"
    ),
    "retired_and_there_still": Bug(
        8,
        "An object that was retired is found again.",
        Objects,
        "_retire",
        "self._hosted.pop(name, None)",
        "pass",
    ),
    "any_class_is_the_same": Bug(
        28,
        "Nobody looks which class is deployed already.",
        Objects,
        "_deploy",
        "there.fingerprint == fingerprint",
        "True",
    ),
}


@pytest.mark.parametrize("bug", BUGS.values(), ids=BUGS)
def test_a_planted_bug_is_found(bug: Bug, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_objects(bug.seed).failure is None, "without the bug, too"
    bug.plant(monkeypatch)
    assert run_objects(bug.seed).failure is not None, f"nobody noticed: {bug.what}"
