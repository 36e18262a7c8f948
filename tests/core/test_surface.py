"""What the Legislator's surface promises to those who carry its pulses and wake it."""

from __future__ import annotations

import random

import pytest

from paxos_ray.core import Legislator, Promise
from paxos_ray.core.log import Entry
from paxos_ray.core.messages import Outcome, Received, Synchronize, Write
from tests.core.harness import PING, REPUBLIC, TIMEOUT, Island, citizen, cookie_of, government


@pytest.mark.parametrize("seed", range(4))
def test_wakeup_wakes_for_everything_and_for_nothing_else(seed: int) -> None:
    """A pulse never waits unannounced: when `wakeup` is None or lies ahead, `outbox` has none. And
    nobody spins: after a tick, and when the outbox is empty, `wakeup` is None or lies ahead."""
    chance = random.Random(seed)
    island = Island("abc", "de", "fg", catch_up_entries=2, batch_entries=2)

    def drain(id: str) -> bool:
        carried = False
        for _ in range(500):
            legislator, now = island[id], island.now
            wakeup = legislator.wakeup
            pulse = legislator.outbox()
            if pulse is None:
                return carried
            assert wakeup is not None, f"{id} had a pulse, unannounced"
            assert wakeup <= now, f"{id} had a pulse {wakeup - now} ms before it said"
            carried = True
            if chance.random() < 0.03:
                continue  # the carrier dies
            replies = island.deliver(pulse)
            if chance.random() < 0.05:
                replies[chance.choice(pulse.envelopes).to] = None
            island.answer(pulse, replies)
        raise AssertionError(f"pulses without end: {island.describe()}")

    for step in range(120):
        waking = [wakeup for id in island.alive() if (wakeup := island[id].wakeup) is not None]
        island.now = max(island.now + 1, min([*waking, island.now + 3 * PING]))
        for id in island.alive():
            legislator = island[id]
            for _ in range(chance.choice([0, 0, 0, 1, 5])):
                legislator.enqueue(island.now, REPUBLIC, step)
            if chance.random() < 0.1:
                legislator.confirm(island.now)
            if chance.random() < 0.02:
                island.join(f"n{step}")
                legislator.embark(island.now, REPUBLIC, citizen(f"n{step}"))
            if chance.random() < 0.02:
                legislator.emigrate(island.now, chance.choice(list(legislator.citizens or "a")))
            if chance.random() < 0.02:
                legislator.unreachable(island.now, chance.choice(island.alive()))
        if step in (40, 80):
            island.crash(island.alive()[0])
        for _ in range(50):
            busy = False
            for id in island.alive():
                island.load(id)
                island.tick(id)
                busy = drain(id) or busy
            if not busy:
                break
        else:
            raise AssertionError(f"no rest: {island.describe()}")
        for id in island.alive():
            wakeup = island[id].wakeup
            assert wakeup is None or wakeup > island.now, f"{id} spins: {island.describe()}"
    island.check()


def test_one_pulse_of_a_batch_to_the_majority_and_no_other() -> None:
    """However large the island, the leader talks to the majority only."""
    island = Island("abc", "de", "fghi")
    for n in range(10):
        island.enqueue("a", n)
    pulse = island.take("a")
    assert [envelope.to for envelope in pulse.envelopes] == ["b", "c"]
    assert all(isinstance(envelope.request, Write) for envelope in pulse.envelopes)
    assert len(pulse.envelopes[0].request.proposals) == 10
    assert island["a"].outbox() is None
    island.answer(pulse, island.deliver(pulse))
    follow = island.take("a")
    assert all(isinstance(envelope.request, Synchronize) for envelope in follow.envelopes)
    island.deliver(follow)
    assert island["b"].top == Promise(9, 10)


def test_a_batch_is_limited_in_entries_and_in_bytes() -> None:
    island = Island("abc", batch_entries=3, batch_bytes=100)
    for size in (10, 10, 10, 10, 90, 50, 500, 1):
        island.enqueue("a", b"x" * size)
    sizes = []
    for _ in range(8):
        pulse = island["a"].outbox()
        if pulse is None:
            break
        request = pulse.envelopes[0].request
        if isinstance(request, Write):
            sizes.append([len(entry.body) for entry in request.proposals])
        island.answer(pulse, island.deliver(pulse))
    assert sizes == [[10, 10, 10], [10, 90], [50], [500], [1]]


def test_pulse_ids_are_unique_over_all_incarnations() -> None:
    """Two incarnations of one id, with other cookies, never give the same pulse id."""
    ids = set()
    for republic in ("one", "two"):
        legislator = Legislator("a", ping=PING, timeout=TIMEOUT)
        legislator.bootstrap(0, republic, {})
        legislator.embark(0, republic, citizen("b"))
        pulse = legislator.outbox()
        assert pulse is not None
        ids.add(pulse.id)
    assert len(ids) == 2


def test_a_lone_leader_commits_at_once() -> None:
    """A majority of one asks nobody, not even for its outbox."""
    legislator = Legislator("a")
    legislator.bootstrap(0, REPUBLIC, {"zone": "x"})
    assert legislator.top == Promise(1, 0)
    assert legislator.donor is None
    enqueued = legislator.enqueue(5, REPUBLIC, "x")
    read = legislator.confirm(7)
    assert legislator.outcomes() == (
        Outcome(enqueued.ticket, Promise(1, 1)),  # type: ignore[arg-type]
        Outcome(read.ticket, Promise(1, 1)),  # type: ignore[arg-type]
    )
    assert [entry.stamp for entry in legislator.log if entry.promise.entry] == [5]


def test_every_receipt_has_one_outcome_when_the_leader_collapses() -> None:
    """Queued, written, read, embark, emigrate: all of them are answered `retry`, once."""
    island = Island("abc", "de")
    island.enqueue("a", "written")
    island.take("a")
    keys = [
        island.enqueue("a", "queued"),
        island.confirm("a"),
        island.embark("a", "x"),
        island.emigrate("a", "d"),
    ]
    island["a"].unreachable(island.now, "b")
    island.collect("a")
    assert [island.outcomes[key] for key in keys] == [None] * 4
    assert len(island.outcomes) == 5
    assert island["a"].outcomes() == ()


def test_a_change_asked_for_again_of_a_later_leader_is_confirmed() -> None:
    """x was written in and e written out under a, which dies before it can say so."""
    island = Island("abc", "de")
    island.embark("a", "x")
    island.emigrate("a", "e")
    island.join("x")
    island.run_until(lambda: "e" not in island["b"].citizens and "x" in island["b"].citizens)
    island.crash("a")
    island.run_until(lambda: bool(island.leaders()))
    leader = island.leaders()[0]
    again = [island.embark(leader, "x"), island.emigrate(leader, "e")]
    island.exhaust()
    assert all(island.outcomes[key] is not None for key in again)


def test_the_wish_to_come_in_may_be_repeated() -> None:
    """Two who embark the same citizen both get the receipt; under another cookie it is refused."""
    island = Island("abc")
    first, second = island.embark("a", "x"), island.embark("a", "x")
    refused = island["a"].embark(island.now, REPUBLIC, citizen("x", "another"))
    assert not refused.accepted
    island.exhaust()
    assert island.outcomes[first] == island.outcomes[second] == Promise(4, 0)


def test_a_change_of_government_is_spread_at_once() -> None:
    """All who are brought the log learn the new government without time passing."""
    island = Island("abc", "de", "fg")
    island.embark("a", "x")
    island.exhaust()
    assert all("x" in island[id].citizens for id in "abcdefg")


def test_a_dead_member_of_the_majority_is_moved_to_the_minority_and_departs() -> None:
    island = Island("abc", "de")
    island.crash("c")
    island.enqueue("a", "x")
    island.run(5 * TIMEOUT)
    leader = island.leaders()[0]
    assert "c" not in island[leader].citizens
    ruling = island[leader].government
    assert ruling is not None
    assert len(ruling.parliament) == 3
    island.write_through()


def test_a_newcomer_that_never_acclimates_departs_after_a_limit() -> None:
    island = Island("abc", acclimation=3 * TIMEOUT, loads=False)
    island.join("x")
    island.embark("a", "x")
    island.run(2 * TIMEOUT)
    assert "x" in island["a"].citizens
    island.run(2 * TIMEOUT)
    assert "x" not in island["a"].citizens
    assert island["x"].donor is None or not island["x"].inspect().stateful


def test_an_island_grows_from_one_to_five_and_lets_two_be_constituents() -> None:
    """From the founder on, with nothing but the public verbs."""
    island = Island("a")
    for id in "bcdefg":
        island.join(id)
        island.embark("a", id)
    island.run_until(lambda: len(island["a"].government.parliament) == 5)  # type: ignore[union-attr]
    island.run(TIMEOUT)
    ruling = island["a"].government
    assert ruling is not None
    assert (len(ruling.majority), len(ruling.minority), len(ruling.constituents)) == (3, 2, 2)
    assert set(ruling.acclimated) == set("abcdefg")
    assert all(island[id].top == island["a"].top for id in "bcdefg")
    promise = island.write_through()
    island.run(TIMEOUT)
    assert island["a"].minimum == promise
    assert len(island["g"].log) == 1


@pytest.mark.parametrize(("acclimated", "has_it"), [("abcd", True), ("abc", False)])
def test_who_is_written_in_as_acclimated_has_the_state(acclimated: str, has_it: bool) -> None:
    """It was embarked so; else it would have to load what it has, and take no seat till then."""
    ruling = government("ab", "c", "d", acclimated=acclimated)
    entry = Entry(ruling.promise, Promise(ruling.number - 1, 0), 0, ruling)
    newcomer = Legislator("d")
    newcomer.join(0, REPUBLIC, cookie_of("d"))
    heard = Synchronize(
        REPUBLIC, "c", cookie_of("c"), "d", cookie_of("d"), ruling.ballot, ruling.promise,
        Promise(0, 0), (entry,), ruling, None, True,
    )  # fmt: skip
    reply = newcomer.receive(0, heard)
    assert isinstance(reply, Received)
    assert newcomer.stateful is has_it
    assert (newcomer.donor is None) is has_it
    assert reply.report.loading == (() if has_it else ("d",))


@pytest.mark.parametrize("pending", [False, True], ids=["at rest", "its handover is written"])
def test_an_heir_stands_at_once_when_it_is_told_that_the_leader_is_dead(pending: bool) -> None:
    island = Island("abc", "de", "f")
    if pending:
        island["a"].emigrate(island.now, "a")
        island.deliver(island.take("a"))
        assert island["b"].register is not None
    island.crash("a")
    for id in "bcdef":
        island[id].unreachable(island.now, "a")
    assert island["b"].collapsed
    island.run_until(lambda: island.leaders() == ["b"], ms=TIMEOUT // 2)
    island.write_through()


def test_hints_of_death_that_are_wrong_cost_an_election_and_no_more() -> None:
    island = Island("abc", "de")
    for id in "abcde":
        for other in "abcde":
            island[id].unreachable(island.now, other)
    island.run_until(lambda: len(island.leaders()) == 1, ms=5 * TIMEOUT)
    island.run(2 * TIMEOUT)
    island.write_through()
    assert all(island[id].top == island["a"].top for id in island["a"].citizens)
