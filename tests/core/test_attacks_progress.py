"""Schedules that broke earlier wordings of the protocol: those after which nothing moved any more.

Each story is told twice: once to the code as it is, once with the bug planted that it guards
against, which it must catch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from paxos_ray.core import Ballot, Legislator, Promise
from paxos_ray.core import dissemination as dissemination_module
from paxos_ray.core import shaper as shaper_module
from paxos_ray.core.census import Census
from paxos_ray.core.messages import Exiled, Lacks, Prepare, Promised, Refused, Report
from paxos_ray.core.reception import Receiver
from paxos_ray.core.recording import Recorder
from paxos_ray.core.state import State
from paxos_ray.core.succession import Swap
from tests.core.harness import PING, TIMEOUT, Island, citizen, government, plant

Story = Callable[[], None]
Plant = Callable[[pytest.MonkeyPatch], None]


def three_of_five_may_stand() -> None:
    """a dies; b is elected by d and e: in 6/0, c is of the minority. c learns 6/0 from b, which
    dies before it can tell d and e. Those are of the minority of the government they have
    committed, and have 6/0 in their registers: they must be allowed to stand, or nobody is."""
    island = Island("abc", "de")
    island.crash("a")
    island["b"].unreachable(island.now, "a")
    island.trip("b", "d", "e")
    accept = island.take("b")
    island.answer(accept, island.deliver(accept, "d", "e"))
    assert island["b"].government.minority == ("a", "c")  # type: ignore[union-attr]
    island["c"].unreachable(island.now, "a")
    island.pass_time(2 * PING)
    island.trip("c", "b")
    assert island["c"].leader == "b"
    island.crash("b")
    island.write_through(ms=10 * TIMEOUT)


def a_dead_representative() -> None:
    """Three seats, the minority's c is dead; the newcomer d hangs below it. b brings it the log in
    c's stead, so that it acclimates and takes c's seat."""
    island = Island("ab", "c")
    island.crash("c")
    island.join("d")
    island.embark("a", "d")
    island.run(10 * TIMEOUT)
    ruling = island["a"].government
    assert ruling is not None
    assert "d" in ruling.parliament
    island.write_through()


def somebody_with_a_seat_returns_below_the_minimum() -> None:
    """c was away past `timeout` and the log has been let go of beyond it. It returns, and a dies: b
    and c are two of three, and b brings c up, to where it can vote, with its promise kept."""
    island = Island("ab", "c")
    island.crash("c")
    for n in range(6):
        island.enqueue("a", f"x{n}")
        island.run(TIMEOUT // 2)
    start = island["b"].inspect().start
    assert start is not None
    assert island["c"].top < start  # type: ignore[operator]
    promised = island["c"].inspect().promised
    island.crash("a")
    island.dead.discard("c")
    island.loads = False
    island.write_through(ms=10 * TIMEOUT)
    assert not island["c"].inspect().exiled
    assert not island["c"].inspect().stateful
    assert island["c"].donor is not None
    assert island["c"].inspect().promised >= promised


def a_promise_outlives_its_candidate() -> None:
    """d, of the minority, promised (12,c), and c has given up. d refuses every lower ballot from
    then on; but it takes in what is committed, and f below it gets it, too."""
    island = Island("abc", "de", "f")
    island["d"].receive(island.now, Prepare(**island.head("c", "d", Ballot(12, "c"))))
    for n in range(3):
        island.enqueue("a", f"x{n}")
        island.run(TIMEOUT)
    assert island.leaders() == ["a"]
    assert island["a"].leader == island["f"].leader == "a"
    assert island["d"].inspect().promised == (12, "c")
    assert island["d"].top == island["f"].top == island["a"].top
    assert island["a"].minimum >= Promise(6, 2)


def who_refuses_says_where_it_stands() -> None:
    """d has promised (12,c) and lacks eight entries, of which a pulse brings two. Its refusals say
    how far it has come, so the rest follows, to f below it as well."""
    island = Island("abc", "de", "f", catch_up_entries=2, ping=4 * TIMEOUT, timeout=9 * TIMEOUT)
    island["d"].receive(island.now, Prepare(**island.head("c", "d", Ballot(12, "c"))))
    for n in range(8):
        island.enqueue("a", f"x{n}")
    island.exhaust()
    assert island["d"].top == island["f"].top == island["a"].top == Promise(6, 8)


def the_same_id_at_the_floor() -> None:
    """c of three dies and comes back with another cookie. Its seat cannot depart at the floor, and
    it cannot arrive while its id is present: another newcomer has to replace it, then it may."""
    island = Island("ab", "c")
    island.crash("c")
    island.run(2 * TIMEOUT)
    refusal = island["a"].embark(island.now, "rome", citizen("c", "again"))
    assert not refusal.accepted
    assert refusal.why is not None
    assert "c is still present" in refusal.why
    island.join("c", "again")
    island.run(2 * TIMEOUT)
    assert island["c"].government is None
    island.join("d")
    island.embark("a", "d")
    island.run_until(lambda: "c" not in island["a"].citizens, ms=10 * TIMEOUT)
    island.embark("a", "c", "again")
    island.run_until(lambda: island["c"].government is not None, ms=10 * TIMEOUT)
    island.write_through()
    assert island["c"].top == island["a"].top


def the_dead_are_not_moved_up() -> None:
    """Room for two more seats and two newcomers ready, but c of the minority is away. Whoever moves
    to the majority, it is not c."""
    island = Island("ab", "c", "de", acclimated="abcd", loads=False)
    island.crash("c")
    island.run(3 * PING)
    island["e"].acclimate(island.now)
    island.run_until(lambda: island["a"].top == Promise(7, 0), ms=TIMEOUT)
    ruling = island["a"].government
    assert ruling is not None
    # 6/0: e is acclimated; 7/0: two seats more, without an election in between.
    assert ruling.majority == ("a", "b", "d")
    island.write_through()


def who_leaves_is_not_moved_up() -> None:
    """b and c both ask to leave, and the parliament is at its floor. Were c given b's seat, it
    would have to change seats in its turn, with b, and so on for ever. Both wait, until d is
    there."""
    island = Island("ab", "c")
    island.emigrate("a", "c")
    island.emigrate("a", "b")
    island.run(5 * TIMEOUT)
    assert island["a"].government == island.founding
    for id in "de":
        island.join(id)
        island.embark("a", id)
    island.run_until(lambda: set(island["a"].citizens) == set("ade"), ms=10 * TIMEOUT)
    island.crash("b", "c")
    island.write_through()


def a_newcomer_that_nobody_has_heard_yet() -> None:
    """x is written in and never starts. It departs once, `timeout` after its arrival and not
    before: an arrival is not followed by a departure at once, nor by another arrival."""
    island = Island("abc")
    island.embark("a", "x")
    island.run_until(lambda: "x" in island["a"].citizens)
    arrived = island.now
    island.run_until(lambda: "x" not in island["a"].citizens)
    assert island.now - arrived >= TIMEOUT
    number = island["a"].government.number  # type: ignore[union-attr]
    island.run(10 * TIMEOUT)
    assert island["a"].government.number == number == 5  # type: ignore[union-attr]


def the_carrier_dies() -> None:
    """Whoever carries a's pulse dies with it in hand, or with its answers. Well before `timeout`
    the same pulse is given again, and everything goes on under the same government."""
    for answered in (False, True):
        island = Island("abc", "de")
        key = island.enqueue("a", "x")
        lost = island.take("a")
        if answered:
            island.deliver(lost)
        assert island["a"].outbox() is None
        wakeup = island["a"].wakeup
        assert wakeup is not None
        assert wakeup - island.now <= TIMEOUT // 2
        island.pass_time(wakeup - island.now)
        again = island.take("a")
        assert again == lost
        island.answer(again, island.deliver(again))
        assert island.outcomes[key] == Promise(5, 1)
        island.answer(lost, {})  # the first carrier's results count no more
        island.exhaust()
        assert island.leaders() == ["a"]
        assert island["e"].top == Promise(5, 1)


def nobody_has_the_snapshot_as_of_its_arrival() -> None:
    """f hangs below d, whose snapshot is lost on the way: another donor is named after `timeout`. d
    dies: it is not named any more. And a leader without the state has somebody to ask, too."""
    island = Island("abc", "de", "f", acclimated="abcde", loads=False)
    assert island["f"].donor == "d"
    donors = []
    for _ in range(3):
        donors.append(island["f"].donor)
        island.run(TIMEOUT)
    assert len(set(donors)) == 3
    island["f"].unreachable(island.now, "d")
    island.crash("d")
    for _ in range(8):
        island.run(TIMEOUT // 2)
        assert island["f"].donor in ("a", "b", "c", "e")
    island = Island("ab", "c", acclimated="bc", loads=False)
    assert island.leaders() == ["a"]
    assert island["a"].donor in ("b", "c")


def asked_for_entries_it_never_had() -> None:
    """x arrived when the log had been let go of beyond c, who is away; x takes c's seat and becomes
    its representative. What c lacks, x never had: c is started anew from where x's log begins."""
    island = Island("ab", "c")
    island.crash("c")
    for n in range(6):
        island.enqueue("a", f"y{n}")
        island.run(TIMEOUT // 2)
    away = island["c"].top
    island.join("x")
    island.embark("a", "x")
    island.run_until(lambda: "x" in island["a"].government.minority)  # type: ignore[union-attr]
    assert island["a"].government.constituents == ("c",)  # type: ignore[union-attr]
    assert away is not None
    assert away < island["x"].inspect().start  # type: ignore[operator]
    island.dead.discard("c")
    island.partition("ab", "c")
    island.run_until(lambda: island["c"].top == island["a"].top, ms=5 * TIMEOUT)
    island.write_through()


def an_exile_is_told() -> None:
    """f departed while it was cut off. When it is back and asks, it is told so, and falls silent:
    it comes back only as a newcomer."""
    island = Island("abc", "de", "fgh")
    assert island["f"].government is not None
    island.partition("abcdegh", "f")
    island.run(5 * TIMEOUT)
    assert "f" not in island["a"].citizens
    island.heal()
    stale = Prepare(**{**island.head("a", "b"), "sender": "f", "sender_cookie": "f-cookie"})
    stale = replace(stale, top=island["f"].top)
    assert isinstance(island["b"].receive(island.now, stale), Exiled)
    assert island["f"].outbox() is None or not island["f"].inspect().exiled


def yesterdays_reports() -> None:
    """What a citizen reports under one government counts under no other; and who comes back among
    those that a citizen brings the log to is heard anew before it counts as reached."""
    ruling = government("ab", "c", "de")
    census = Census("b", ruling, 0, TIMEOUT, None)
    below = census.contact("c", 0)
    old = Report(ruling.number - 1, Promise(4, 0), ("e",), ("d",), ())
    census.answered(below, old, 0)
    told = census.report(Promise(5, 0), Promise(4, 0), False, True, 0)
    assert told.reached == told.acclimated == ()
    census.answered(below, old._replace(government=ruling.number), 0)
    assert census.report(Promise(5, 0), Promise(4, 0), False, True, 0).reached == ("c", "d")
    # c fails, b brings the log to d and e itself; c comes back, and fails again
    census.failed(below, 10)
    own = Report(ruling.number, Promise(5, 0), (), (), ())
    census.answered(census.contact("d", 10), own, 10)
    assert "d" in census.report(Promise(5, 0), Promise(4, 0), False, True, 10).reached
    census.answered(below, own, 20)
    census.failed(below, 30)
    assert census.report(Promise(5, 0), Promise(4, 0), False, True, 30).reached == ()


def out_of_an_even_parliament() -> None:
    """Four seats, and d of the minority leaves. Were it simply written out, a majority of three
    would be left with no minority to change seats with, and b could never leave."""
    island = Island("abc", "d", settled=False)
    island.emigrate("a", "d")
    island.run(3 * TIMEOUT)
    ruling = island["a"].government
    assert ruling is not None
    assert "d" not in ruling.citizens
    assert (ruling.majority, ruling.minority) == (("a", "b"), ("c",))
    island.emigrate("a", "a")
    island.run_until(lambda: island.leaders() == ["b"], ms=TIMEOUT)
    island.join("x")
    island.embark("b", "x")
    island.emigrate("b", "a")
    island.run_until(lambda: "a" not in island["b"].citizens, ms=10 * TIMEOUT)
    island.crash("a")
    island.write_through()


def handing_over_needs_no_election() -> None:
    """a emigrates: b leads the next government and learns that from a's last `synchronize`. It
    leads from then on; it is not deposed because others moved its log."""
    for bound in (1, 100):
        island = Island("abc", "de", catch_up_entries=bound)
        island.emigrate("a", "a")
        island.trip("a")
        assert island["a"].leader == "b"
        island.trip("a", "b")
        assert island.leaders() == ["b"]
        assert not island["b"].collapsed
        island.check()


def a_deposed_leader_is_not_stuck() -> None:
    """a wrote 7/0, which it leads itself, and c's chain is [7/0, 8/0]; a bounded pulse brings a
    only 7/0. c dies before it brings more. a waits for nothing that will never be answered: it
    collapses and stands, with the others that are left."""
    island = Island("abc", "de", number=6, catch_up_entries=1)
    island.embark("a", "x")
    slow = island.take("a")
    island.deliver(slow)
    island.partition("a", "bcde")
    island["c"].unreachable(island.now, "a")
    island.run(2 * PING, only="bcde")
    assert "c" in island.leaders()
    heir = island["c"]
    first = next(entry for entry in heir.log if str(entry.promise) == "7/0")
    request = Prepare(**{**island.head("c", "a"), "entries": (first,)})
    assert isinstance(island["a"].receive(island.now, request), Lacks | Promised | Refused)
    island.collect("a")
    assert island["a"].top == Promise(7, 0)
    assert island["a"].collapsed
    assert island["a"].wakeup is not None
    island.heal()
    island.crash("c")
    island.write_through(ms=10 * TIMEOUT)


def bug(owner: object, name: str, rule: str, instead: str) -> Plant:
    return lambda patch: plant(patch, owner, name, rule, instead)


NO_START = bug(State, "since", ", self.log.base", ", None")
STORIES: dict[str, tuple[Story, tuple[Plant, ...]]] = {
    "attack_13_nobody_may_stand": (
        three_of_five_may_stand,
        (bug(Recorder, "may_stand", "for government in state.pending()", "for government in []"),),
    ),
    "attack_14_a_dead_representative": (
        a_dead_representative,
        (
            bug(
                Census,
                "retarget",
                "pending.extend(self.representation.constituency[contact.id])",
                "pass",
            ),
        ),
    ),
    "attack_15_exile_of_somebody_with_a_seat": (
        somebody_with_a_seat_returns_below_the_minimum,
        (NO_START,),
    ),
    "attack_16_a_promise_outlives_its_candidate": (
        a_promise_outlives_its_candidate,
        (
            bug(
                Receiver,
                "_answer",
                "if request.entries:",
                "if request.ballot < state.promised:\n"
                "        return Refused(state.promised, state.log.top, state.report())\n"
                "    if request.entries:",
            ),
        ),
    ),
    "attack_17_the_same_id_at_the_floor": (
        the_same_id_at_the_floor,
        (
            bug(
                Receiver,
                "_denied",
                "request.to != state.id or request.cookie != state.cookie",
                "request.to != state.id",
            ),
        ),
    ),
    "attack_18_the_dead_are_moved_up": (
        the_dead_are_not_moved_up,
        (
            bug(
                shaper_module,
                "may_seat",
                "id in view.reached and id not in view.away and id not in view.emigrants",
                "id not in view.emigrants",
            ),
        ),
    ),
    "attack_18_emigrate_plays_ping_pong": (
        who_leaves_is_not_moved_up,
        (bug(shaper_module, "may_seat", "and id not in view.emigrants", ""),),
    ),
    "attack_18_arrive_and_depart_for_ever": (
        a_newcomer_that_nobody_has_heard_yet,
        (
            bug(
                Census,
                "retarget",
                "contact.failing, contact.heard_at, contact.due = False, now, now",
                "contact.failing, contact.heard_at, contact.due = False, 0, now",
            ),
        ),
    ),
    "attack_21_the_carrier_dies": (
        the_carrier_dies,
        (
            bug(Legislator, "outbox", "giving.last_at <= again", "False"),
            bug(
                Legislator,
                "sent",
                "state.givings.pop(pulse.id, None)",
                "state.givings.get(pulse.id)",
            ),
        ),
    ),
    "attack_22_nobody_has_the_snapshot": (
        nobody_has_the_snapshot_as_of_its_arrival,
        (bug(Legislator, "donor", "state.limits.timeout % len(able)", "10**9 % len(able)"),),
    ),
    "attack_23_asked_for_entries_it_never_had": (asked_for_entries_it_never_had, (NO_START,)),
    "attack_24_refuse_before_lacks": (
        who_refuses_says_where_it_stands,
        (
            bug(
                dissemination_module,
                "hear",
                "contact.top, contact.held = top, None",
                "contact.held = None",
            ),
        ),
    ),
    "attack_25_yesterdays_reports": (
        yesterdays_reports,
        (
            bug(Census, "answered", "report[0] == self._number and ", ""),
            bug(Census, "retarget", "contact.report = None", "pass"),
        ),
    ),
    "attack_28_out_of_an_even_parliament": (
        out_of_an_even_parliament,
        (bug(shaper_module, "_shrink", "len(government.parliament) % 2", "True"),),
    ),
    "an_exile_is_told": (
        an_exile_is_told,
        (bug(Receiver, "receive", "return Exiled(government.promise.government)", "pass"),),
    ),
    "handing_over_needs_no_election": (
        handing_over_needs_no_election,
        (bug(State, "commit_register", "self.role is role", "True"),),
    ),
    "a_deposed_leader_is_not_stuck": (
        a_deposed_leader_is_not_stuck,
        (bug(Swap, "deposed", "isinstance(self._state.role, Writer)", "False"),),
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
    with pytest.raises((AssertionError, StopIteration)):
        story()
