"""Schedules that broke earlier wordings of the protocol: those that could lose or fork the log.

Each story is told twice: once to the code as it is, once with the bug planted that it guards
against, which it must catch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from paxos_ray.core import Ballot, Promise
from paxos_ray.core.census import Census
from paxos_ray.core.election import Proposer
from paxos_ray.core.errors import InvalidGovernment
from paxos_ray.core.legislation import Writer
from paxos_ray.core.messages import Accept, Behind, Lacks, Prepare, Promised, Refused, Synchronize
from paxos_ray.core.reception import Receiver
from paxos_ray.core.state import State
from tests.core.harness import PING, TIMEOUT, Island, plant

Story = Callable[[], None]
Plant = Callable[[pytest.MonkeyPatch], None]


def same_number_twice() -> None:
    """a writes the change 8/0 to b, not to c, and dies; c stands with the ballot (8,c). b shows it
    a's 8/0: a chain [8/0 of a, 8/0 of c] would be two entries at one promise."""
    island = Island("abc", "de", number=7)
    island.embark("a", "x")
    pulse = island.take("a")
    assert str(pulse.envelopes[0].request.proposals[0].promise) == "8/0"
    island.deliver(pulse, "b")
    island.crash("a")
    island["c"].unreachable(island.now, "a")
    island.pass_time(2 * PING)
    prepare = island.take("c")
    assert prepare.envelopes[0].request.ballot == (8, "c")
    island.answer(prepare, island.deliver(prepare, "b", "d"))
    island.run_until(lambda: bool(island.leaders()))
    leader = island[island.leaders()[0]]
    promises = [entry.promise for entry in leader.log if entry.promise.entry == 0]
    assert promises == sorted(set(promises))
    assert "x" in leader.citizens
    island.write_through()


def a_batch_split_by_catch_up() -> None:
    """Five entries are acknowledged; a bounded pulse commits only the first of them at b. Who drops
    the rest of the register because its base has moved loses what was acknowledged."""
    island = Island("abc", "de", catch_up_entries=2)
    keys = [island.enqueue("a", f"x{n}") for n in range(5)]
    island.trip("a")
    assert all(island.outcomes[key] for key in keys)
    island.trip("a", "c")  # only c learns the commit; a collapses, b being lost
    assert island["c"].top == Promise(5, 5)
    island.crash("a")
    island["c"].unreachable(island.now, "a")
    island.pass_time(2 * PING)
    assert isinstance(island.trip("c", "b")["b"], Lacks)
    island.trip("c", "b")  # catch-up, two entries of five
    assert island["b"].top == Promise(5, 2)
    island.crash("c")
    island.write_through("after")
    assert island.bodies("b") == [*(f"x{n}" for n in range(5)), "after"]


def built_on_the_committed_government() -> None:
    """The arrival of x is pending when a dies: the new government is made from the last one in the
    chain, or x vanishes."""
    island = Island("abc", "de")
    island.embark("a", "x")
    island.deliver(island.take("a"), "b", "c")
    island.crash("a")
    island.write_through()
    assert all("x" in island[id].citizens for id in "bcde")


def the_top_moves_during_an_election() -> None:
    """While c waits for promises, a late pulse of a brings it the committed x. The registers it is
    given were returned for another top: it must prepare again."""
    island = Island("abc", "de")
    island.enqueue("a", "x")
    island.trip("a")
    late = island.take("a")
    island["c"].unreachable(island.now, "a")
    island.pass_time(2 * PING)
    prepare = island.take("c")
    replies = island.deliver(prepare, "d", "e")
    assert all(isinstance(reply, Promised) for reply in replies.values())
    assert isinstance(island.deliver(late, "c")["c"], Refused)
    assert island["c"].top == Promise(5, 1)
    island.answer(prepare, replies)
    again = island.take("c").envelopes[0].request
    assert isinstance(again, Prepare)
    assert again.ballot > prepare.envelopes[0].request.ballot
    island.crash("a")
    island.run(2 * TIMEOUT)
    island.write_through()


def a_promise_not_checked() -> None:
    """b, c and d have promised c's ballot; then a writes x to b and c. Were it recorded, a would
    acknowledge x, and c, whose promises are from before, would elect itself without it."""
    island = Island("abc", "de")
    island["c"].unreachable(island.now, "a")
    island.pass_time(2 * PING)
    prepare = island.take("c")
    replies = island.deliver(prepare, "b", "d")
    island.enqueue("a", "x")
    island.trip("a")
    island.answer(prepare, replies)
    island.trip("c")
    assert island.leaders() == ["c"]
    island.check()


def the_electorate_is_joint() -> None:
    """a replaces the dead c by x in a government that only a and b have; a dies. Alone with c,
    which is of the old parliament only, b may not lead: {b, c} is no majority of {a, b, x}."""
    island = Island("ab", "c", "x")
    island.crash("c")
    pulse = island.until_written("a", lambda government: "x" in government.minority)
    island.answer(pulse, island.deliver(pulse, "b"))
    assert "x" in island["a"].government.minority  # type: ignore[union-attr]
    island.crash("a", "x")
    island.dead.discard("c")
    island.run(5 * TIMEOUT)
    assert island.leaders() == []
    island.dead.discard("x")
    island.write_through()


def the_old_parliament_counts_too() -> None:
    """The same change is recorded by b alone. With x, a majority of the new parliament, b may not
    lead either: the old parliament has not been asked."""
    island = Island("ab", "c", "x")
    island.crash("c")
    pulse = island.until_written("a", lambda government: "x" in government.minority)
    island.deliver(pulse, "b")
    island.crash("a")
    island.run(5 * TIMEOUT)
    assert island.leaders() == []
    island.dead.discard("c")
    island.write_through()


def a_change_is_written_to_both_majorities() -> None:
    """c changes seats with d: old majority a, b, c; new majority a, b, d. Nothing is committed
    until all four have it, whoever of them is the last."""
    for missing in "bcd":
        island = Island("abc", "de")
        island.emigrate("a", "c")
        pulse = island.take("a")
        assert sorted(envelope.to for envelope in pulse.envelopes) == ["b", "c", "d"]
        replies = island.deliver(pulse)
        island.answer(pulse, {**replies, missing: None})
        assert island["a"].top == Promise(5, 0)
        assert island["a"].collapsed


def an_entry_to_one_of_the_majority_short() -> None:
    """x reaches b and not c. It must not be acknowledged: c, d and e can elect without a and b."""
    island = Island("abc", "de")
    island.enqueue("a", "x")
    island.trip("a", "b")
    island.partition("ab", "cde")
    island.run(5 * TIMEOUT, only="cde")
    assert [id for id in island.leaders() if id in "cde"]
    island.check()


def a_stale_read() -> None:
    """b has promised c's ballot and stands where a stands; a's `synchronize` reaches it. That
    answer is a refusal, or a reads an old value after c has led and written."""
    island = Island("abc", "de")
    island["b"].receive(island.now, Prepare(**island.head("c", "b", Ballot(9, "c"))))
    read = island.confirm("a")
    pulse = island.take("a")
    assert isinstance(pulse.envelopes[0].request, Synchronize)
    replies = island.deliver(pulse)
    assert isinstance(replies["b"], Refused)
    island.answer(pulse, replies)
    assert island.outcomes[read] is None
    assert island["a"].collapsed


def a_stale_accept() -> None:
    """c's accept, at the ballot that d promised, was long under way: d has taken in an entry since.
    A chain that starts from another top is not recorded, whatever the ballot (an earlier
    incarnation of c may have used the same)."""
    island = Island("abc", "de")
    island["c"].unreachable(island.now, "a")
    island.pass_time(2 * PING)
    island.trip("c", "d", "e")
    accept = island.take("c")
    assert isinstance(accept.envelopes[0].request, Accept)
    island.enqueue("a", "x")
    island["a"].sent(island.now, island.take("a"), {})
    entry = island["a"].inspect().register.entries[0]  # type: ignore[union-attr]
    late = replace(
        Synchronize(**island.head("b", "d")), top=entry.promise, entries=(entry,), stateful=True
    )
    assert isinstance(island["d"].receive(island.now, late), Refused)
    assert island["d"].top == Promise(5, 1)
    assert isinstance(island.deliver(accept, "d")["d"], Behind)
    assert island["d"].inspect().register is None


def a_candidate_counts_itself() -> None:
    """c has the promises of a majority in the mail when it promises b's higher ballot itself. It
    must not write at its own any more: b's majority may have been formed with c's promise."""
    island = Island("abc", "de")
    island.crash("a")
    island["c"].unreachable(island.now, "a")
    island.pass_time(2 * PING)
    prepare = island.take("c")
    replies = island.deliver(prepare, "d", "e")
    rival = Prepare(**island.head("b", "c", Ballot(9, "b")))
    assert isinstance(island["c"].receive(island.now, rival), Promised)
    island.answer(prepare, replies)
    register = island["c"].inspect().register
    assert register is None
    assert island["c"].outbox() is None


def a_read_hung_on_a_pulse_given_again() -> None:
    """a's `synchronize` is answered, its carrier slow. b is elected and y acknowledged. A read
    arrives at a, which gives the pulse again; the first carrier's old answers may not serve it."""
    island = Island("abc", "de")
    island.pass_time(PING)
    slow = island.take("a")
    replies = island.deliver(slow)
    island.partition("a", "bcde")
    island["b"].unreachable(island.now, "a")
    island.run(2 * PING, only="bcde")
    assert island.leaders() == ["a", "b"]
    y = island.enqueue("b", "y")
    island.exhaust(only="bcde")
    assert island.outcomes[y] is not None
    read = island.confirm("a")
    island.pass_time(TIMEOUT // 4)
    assert island.take("a").id == slow.id
    island.answer(slow, replies)
    assert island.outcomes.get(read) is None
    island.run(2 * TIMEOUT)
    assert island.outcomes[read] is None


def a_new_leader_names_what_its_application_must_have_applied() -> None:
    """x is acknowledged by a, which dies; c commits it with its election. A read of c says that x
    must have been applied before it is answered."""
    island = Island("abc", "de")
    island.enqueue("a", "x")
    island.trip("a")
    (x,) = island.acknowledged
    island.crash("a")
    island.run_until(lambda: bool(island.leaders()))
    leader = island.leaders()[0]
    read = island.confirm(leader)
    island.run_until(lambda: read in island.outcomes)
    promise = island.outcomes[read]
    assert promise is not None
    assert promise > x
    assert promise == island[leader].top


def the_only_copy_of_the_state() -> None:
    """Three seats. b returned below the minimum and still loads, a is away. While c's is the only
    copy of the state, the log is not let go of, however long a is away."""
    island = Island("cb", "a", acclimated="ca", loads=False)
    start = island["c"].minimum
    island.crash("a")
    for n in range(8):
        island.enqueue("c", f"x{n}")
        island.run(TIMEOUT // 2)
    assert island["c"].minimum == start
    assert len(island["c"].log) >= 8
    island["b"].acclimate(island.now)
    island.run(TIMEOUT)
    assert island["c"].minimum > start


def yesterdays_minimum() -> None:
    """f is cut off and lags behind; the arrival of h makes another government, in which nobody has
    heard from f yet. Within `timeout` the minimum does not jump past it."""
    island = Island("abc", "de", "fg")
    island.partition("abcdeg", "f")
    island.enqueue("a", "x")
    island.run(2 * PING)
    island.embark("a", "h")
    for _ in range(6):
        island.enqueue("a", "y")
        island.run(PING // 2)
        top = island["f"].top
        assert top is not None
        assert island["a"].minimum <= top
    assert "h" in island["a"].citizens


def the_receipt_of_a_change_waits_for_the_new_majority() -> None:
    """c is replaced by d in the government {a, b, d}: a has committed it, b has not. Were c stopped
    now and a to die, b would need two of {a, b, c}. So the receipt is given only when b has
    committed, too."""
    island = Island("ab", "c", "d")
    receipt = island.emigrate("a", "c")
    while island["a"].citizens.get("c") is not None:
        assert receipt not in island.outcomes
        island.trip("a")
        assert receipt not in island.outcomes
    island.exhaust()
    assert island.outcomes[receipt] is not None
    assert "c" not in island["b"].citizens


def a_bounded_pulse_deposes_a_leader() -> None:
    """b and c have recorded x and answered, the carrier is slow. c is elected and commits x; its
    bounded pulse brings a only x, not yet the government. a is not the leader any more, though it
    has not been told who is: the slow answers come in and count for nothing."""
    island = Island("abc", "de", catch_up_entries=1)
    key = island.enqueue("a", "x")
    slow = island.take("a")
    replies = island.deliver(slow)
    island["c"].unreachable(island.now, "a")
    island.partition("a", "bcde")
    island.run(2 * PING, only="bcde")
    assert island.leaders() == ["a", "c"]
    entry = next(entry for entry in island["c"].log if entry.body == "x")
    request = replace(Synchronize(**island.head("c", "a")), entries=(entry,))
    assert isinstance(island["a"].receive(island.now, request), Lacks)
    island.answer(slow, replies)
    island.collect("a")
    assert island.leaders() == ["c"]
    assert island.outcomes[key] is None
    island.heal()
    island.run(2 * TIMEOUT)
    island.write_through()


def log_time_does_not_follow_a_clock_that_is_ahead() -> None:
    """b's clock is a month ahead. When it leads, stamps go on from the log's last one by what its
    clock has moved since, and no session expires for it."""
    island = Island("abc", "de", offset={"b": 2_600_000_000})
    island.write_through("x")
    began = island.now
    before = max(entry.stamp for entry in island["a"].log)
    island.crash("a")
    island.run_until(lambda: bool(island.leaders()))
    assert island.leaders() == ["b"]
    island.write_through("y")
    stamps = [entry.stamp for entry in island["b"].log]
    assert stamps == sorted(stamps)
    assert before <= stamps[-1] <= before + island.now - began


def bug(owner: object, name: str, rule: str, instead: str) -> Plant:
    return lambda patch: plant(patch, owner, name, rule, instead)


STORIES: dict[str, tuple[Story, tuple[Plant, ...]]] = {
    "attack_1_same_number_twice": (
        same_number_twice,
        (bug(Proposer, "_elect", ">= ballot.number", "> 10 * ballot.number"),),
    ),
    "attack_2_a_batch_split_by_catch_up": (
        a_batch_split_by_catch_up,
        (
            bug(
                State,
                "commit",
                "self.register = _beyond(register, self.log.top)",
                "self.register = None",
            ),
        ),
    ),
    "attack_3_built_on_the_committed_government": (
        built_on_the_committed_government,
        (
            bug(
                Proposer,
                "_elect",
                "pending[-1] if pending else state.government",
                "state.government",
            ),
        ),
    ),
    "attack_4_the_top_moves_during_an_election": (
        the_top_moves_during_an_election,
        (bug(Proposer, "sent", "state.log.top != self._top", "False"),),
    ),
    "attack_5_promise_not_checked": (
        a_promise_not_checked,
        (bug(Receiver, "_answer", "request.ballot < state.promised", "False"),),
    ),
    "attack_5_electorate_joint_with_the_new_parliament": (
        the_electorate_is_joint,
        (bug(Proposer, "_elect", "(state.government, *pending)", "(state.government,)"),),
    ),
    "attack_5_electorate_joint_with_the_old_parliament": (
        the_old_parliament_counts_too,
        (
            bug(
                Proposer, "_elect", "(state.government, *pending)", "pending or (state.government,)"
            ),
        ),
    ),
    "attack_5_a_change_to_both_majorities": (
        a_change_is_written_to_both_majorities,
        (
            bug(Writer, "_old_and_new", "[*self._peers, *(contact", "[*(contact"),
            bug(
                Writer,
                "_old_and_new",
                "*(contact for contact in joining if contact not in self._peers)",
                "",
            ),
            bug(Writer, "_hear", "return False", "return contact.id != 'b'"),
        ),
    ),
    "attack_5_one_of_the_majority_short": (
        an_entry_to_one_of_the_majority_short,
        (bug(Writer, "_hear", "isinstance(reply, Received)", "reply is None or True"),),
    ),
    "attack_6_stale_read": (
        a_stale_read,
        (
            bug(
                Receiver,
                "_answer",
                "request.ballot < state.promised",
                "request.ballot < state.promised and not isinstance(request, Synchronize)",
            ),
        ),
    ),
    "attack_7_stale_accept": (
        a_stale_accept,
        (bug(Receiver, "_answer", "top > request.top", "False"),),
    ),
    "attack_8_the_candidate_counts_itself": (
        a_candidate_counts_itself,
        (bug(Proposer, "superseded", "self.ballot is not None", "False"),),
    ),
    "attack_9_a_read_hung_on_a_pulse_given_again": (
        a_read_hung_on_a_pulse_given_again,
        (bug(Writer, "_complete", "<= round.reads", "<= self.asked"),),
    ),
    "attack_10_a_new_leaders_application_lags": (
        a_new_leader_names_what_its_application_must_have_applied,
        (
            bug(
                Writer,
                "_complete",
                "state.settle(ticket, state.log.top)",
                "state.settle(ticket, next(iter(state.log)).promise)",
            ),
        ),
    ),
    "attack_12_the_only_copy_of_the_state": (
        the_only_copy_of_the_state,
        (bug(Census, "report", "least = top if stateful else minimum", "least = top"),),
    ),
    "attack_19_the_window_after_a_change": (
        the_receipt_of_a_change_waits_for_the_new_majority,
        (
            bug(
                Writer,
                "reign",
                "tickets = self.emigrants.pop(id)",
                "tickets = [state.settle(t, state.log.top) for t in self.emigrants.pop(id)][:0]",
            ),
        ),
    ),
    "attack_20_the_minimum_jumps": (
        yesterdays_minimum,
        (bug(Census, "_report", "least = min(least, minimum)", "pass"),),
    ),
    "attack_27_a_clock_ahead": (
        log_time_does_not_follow_a_clock_that_is_ahead,
        (
            bug(
                Writer,
                "_next_stamp",
                "max(0, state.now - self._clock)",
                "max(0, state.now - self._stamp)",
            ),
        ),
    ),
    "a_bounded_pulse_deposes_a_leader": (
        a_bounded_pulse_deposes_a_leader,
        (bug(State, "absorb", "self.succession.deposed()", "pass"),),
    ),
}


@pytest.mark.parametrize("name", STORIES)
def test_attack(name: str) -> None:
    STORIES[name][0]()


@pytest.mark.parametrize(
    ("name", "place"),
    [(name, place) for name, (_, plants) in STORIES.items() for place in range(len(plants))],
)
def test_attack_catches_the_planted_bug(
    name: str, place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    story, plants = STORIES[name]
    plants[place](monkeypatch)
    with pytest.raises((AssertionError, InvalidGovernment)):
        story()
