"""An island founded anew from what survivors hold, when the majority never comes back."""

from __future__ import annotations

import random
from typing import Any

import pytest

from paxos_ray.core import Ballot, Citizen, Legislator, Promise
from paxos_ray.core.errors import AlreadyFounded, InvalidArgument, InvalidCitizen, NotFounded
from paxos_ray.core.log import Entry
from paxos_ray.core.messages import Denied, Envelope, Pulse, Register
from paxos_ray.core.retirement import (
    EPOCH,
    can_go_on,
    inheritance,
    keeps_all,
    next_epoch,
    pending,
)
from tests.core.harness import PING, REPUBLIC, TIMEOUT, Island, government

HEIRS = "rome+1"


def refounded(id: str = "heir") -> Legislator:
    legislator = Legislator(id, ping=PING, timeout=TIMEOUT)
    legislator.refound(5, HEIRS, {"zone": "x"}, Promise(7, 5), 900, EPOCH)
    return legislator


def carry(legislators: dict[str, Legislator], now: int, until: int) -> int:
    """Let them run among themselves, whoever is addressed that is not there being lost."""
    while now < until:
        for legislator in legislators.values():
            legislator.tick(now)
            while (pulse := legislator.outbox()) is not None:
                replies = {
                    e.to: legislators[e.to].receive(now, e.request)
                    for e in pulse.envelopes
                    if e.to in legislators
                }
                legislator.sent(now, pulse, replies)
            if legislator.donor in legislators and legislators[legislator.donor].stateful:
                legislator.acclimate(now)
        now += PING // 4
    return now


# -- the heir --------------------------------------------------------------------------------


def test_the_log_goes_on_after_what_the_state_reflects() -> None:
    heir = refounded()
    assert heir.top == Promise(EPOCH, 0)
    assert (heir.leader, heir.stateful, heir.donor) == ("heir", True, None)
    (founding,) = heir.log
    assert (founding.promise, founding.previous, founding.stamp) == (heir.top, (7, 5), 900)
    heir.enqueue(105, HEIRS, "x")
    assert [(e.promise, e.stamp) for e in heir.log][1:] == [(Promise(EPOCH, 1), 1_000)]
    assert [e.body for e in heir.log.after(Promise(7, 5)) or ()][1:] == ["x"]
    assert heir.log.after(Promise(7, 4)) is None


def test_newcomers_come_to_the_heir_and_whoever_is_left_goes_on() -> None:
    heir = refounded()
    island = {"heir": heir}
    now = 10
    for id in "bc":
        newcomer = Legislator(id, ping=PING, timeout=TIMEOUT)
        newcomer.join(now, HEIRS, id)
        island[id] = newcomer
        receipt = heir.embark(now, HEIRS, Citizen(id=id, properties={}, cookie=id))
        assert receipt.accepted
        now = carry(island, now, now + 5 * PING)
        assert newcomer.stateful
    assert heir.government is not None
    assert len(heir.government.parliament) == 3
    heir.enqueue(now, HEIRS, "x")
    now = carry(island, now, now + 5 * PING)
    assert {legislator.top for legislator in island.values()} == {heir.top}
    del island["heir"]
    now = carry(island, now, now + 10 * TIMEOUT)
    (leader,) = {legislator.leader for legislator in island.values()}
    assert leader in island
    island[str(leader)].enqueue(now, HEIRS, "y")
    carry(island, now, now + 5 * PING)
    assert all([e.body for e in each.log][-1] == "y" for each in island.values())


def test_the_old_and_the_new_republic_have_nothing_to_say_to_each_other() -> None:
    """Even if all of the old one come back, and know of each other by the same ids."""
    old = Island("abc", "de")
    heir = refounded(id="a")
    receipt = heir.embark(10, HEIRS, Citizen(id="b", properties={}, cookie="b"))
    assert receipt.accepted
    before = (heir.inspect(), list(heir.log))
    old.enqueue("a", "x")
    for pulse in (old.take("a"), Pulse("a/9", "b", (Envelope("a", None),))):  # type: ignore[arg-type]
        for envelope in pulse.envelopes:
            assert isinstance(heir.receive(10, envelope.request), Denied)
    assert (heir.inspect(), list(heir.log)) == before
    pulse = heir.outbox()
    assert pulse is not None
    for envelope in pulse.envelopes:
        assert old["b"].receive(old.now, envelope.request) == Denied("another republic")
    heir.sent(10, pulse, dict.fromkeys((e.to for e in pulse.envelopes), Denied("another")))
    assert heir.leader == "a"


BAD: list[tuple[type[Exception], tuple[Any, ...]]] = [
    (InvalidCitizen, (5, HEIRS, None, Promise(7, 5), 0, 8)),
    (InvalidArgument, (5, HEIRS, {}, (7, 5), 0, 8)),
    (InvalidArgument, (5, HEIRS, {}, Promise(7, "5"), 0, 8)),  # type: ignore[arg-type]
    (InvalidArgument, (5, HEIRS, {}, Promise(7, 5), 1.5, 8)),
    (InvalidArgument, (5, HEIRS, {}, Promise(7, 5), -1, 8)),
    (InvalidArgument, (5, HEIRS, {}, Promise(7, 5), 0, True)),
    (InvalidArgument, (5, HEIRS, {}, Promise(7, 5), 0, 7)),
    (InvalidArgument, (5, HEIRS, {}, Promise(-1, 5), 0, 8)),
    (InvalidArgument, (5, 1.5, {}, Promise(7, 5), 0, 8)),
    (InvalidArgument, ("5", HEIRS, {}, Promise(7, 5), 0, 8)),
]


@pytest.mark.parametrize(("error", "arguments"), BAD)
def test_a_founding_that_makes_no_sense_changes_nothing(
    error: type[Exception], arguments: tuple[Any, ...]
) -> None:
    legislator = Legislator("a")
    before = legislator.inspect()
    with pytest.raises(error):
        legislator.refound(*arguments)
    assert legislator.inspect() == before
    legislator.refound(5, HEIRS, {}, Promise(7, 5), 0, 8)
    with pytest.raises(AlreadyFounded):
        legislator.refound(5, HEIRS, {}, Promise(7, 5), 0, 8)


# -- who has retired -------------------------------------------------------------------------


def test_a_leader_that_retires_answers_retry_and_never_acts_again() -> None:
    island = Island("abc", "de")
    keys = [island.enqueue("a", "written")]
    island.take("a")
    keys += [island.enqueue("a", "queued"), island.confirm("a"), island.emigrate("a", "e")]
    held = list(island["a"].log)
    island["a"].retire(island.now)
    island.collect("a")
    assert [island.outcomes[key] for key in keys] == [None] * 4
    for call in (
        island["a"].enqueue(island.now, REPUBLIC, "x"),
        island["a"].confirm(island.now),
        island["a"].emigrate(island.now, "e"),
    ):
        assert not call.accepted
    for _ in range(50):
        island.pass_time(TIMEOUT)
        island["a"].tick(island.now)
        assert island["a"].outbox() is None
        assert island["a"].wakeup is None
    assert list(island["a"].log) == held
    assert island["a"].inspect().role == "retired"
    island.write_through()


@pytest.mark.parametrize("seed", range(20))
def test_those_who_have_retired_are_no_majority(seed: int) -> None:
    """However the others try, once three of five have retired nothing is committed any more."""
    island = Island("abc", "de")
    chance = random.Random(seed)
    island.enqueue("a", "x")
    retired = chance.sample("abcde", 3)
    for id in retired:
        island.run(chance.randrange(PING))
        island[id].retire(island.now)
    tops = {id: island[id].top for id in "abcde"}
    for id in island.leaders():
        island.enqueue(id, "never")
    for _ in range(20):
        for id in "abcde":
            island[id].unreachable(island.now, chance.choice(retired))
        island.run(TIMEOUT)
    assert {id: island[id].top for id in retired} == {id: tops[id] for id in retired}
    island.check()
    assert "never" not in [e.body for id in "abcde" for e in island[id].log]


def test_who_belongs_nowhere_cannot_retire() -> None:
    with pytest.raises(NotFounded):
        Legislator("a").retire(1)


# -- what goes over --------------------------------------------------------------------------


def test_what_was_acknowledged_and_only_registered_here_goes_over() -> None:
    """The leader has answered its client and dies with all but one, who does not know yet that it
    is committed: that one's register is what goes over."""
    island = Island("ab", "c")
    key = island.enqueue("a", "acknowledged")
    pulse = island.take("a")
    island.answer(pulse, island.deliver(pulse))
    island.collect("a")
    promise = island.outcomes[key]
    assert promise is not None
    survivor = island["b"]
    assert survivor.top is not None and survivor.top < promise
    survivor.retire(island.now)
    entries = inheritance([survivor.register, None], survivor.top)
    assert [(e.promise, e.body) for e in entries] == [(promise, "acknowledged")]


def entry(at: str, after: str, body: Any = "x") -> Entry:
    return Entry(promise(at), promise(after), 0, body)


def promise(text: str) -> Promise:
    return Promise(*(int(part) for part in text.split("/")))


def register(ballot: int, *steps: str, after: str) -> Register:
    entries = []
    for step in steps:
        body = government("ab", "c", number=promise(step)[0]) if step.endswith("/0") else step
        entries.append(entry(step, after, body))
        after = step
    return Register(Ballot(ballot, "a"), tuple(entries))


INHERITED: dict[str, tuple[list[Register | None], list[str]]] = {
    "nobody has registered anything": ([None, None], []),
    "all of a batch": ([register(7, "7/2", "7/3", after="7/1")], ["7/2", "7/3"]),
    "what is committed already is dropped": ([register(7, "7/1", "7/2", after="7/0")], ["7/2"]),
    "nothing of it is left": ([register(7, "7/0", "7/1", after="6/4")], []),
    "the highest ballot": (
        [register(7, "7/2", "7/3", after="7/1"), register(9, "7/2", "9/0", after="7/1"), None],
        ["7/2", "9/0"],
    ),
    "the highest ballot, though it is shorter": (
        [register(7, "7/2", "7/3", after="7/1"), register(9, "9/0", after="7/1")],
        ["9/0"],
    ),
    "what does not follow is not guessed": ([register(7, "7/3", "7/4", after="7/2")], []),
}


@pytest.mark.parametrize(("registers", "carried"), INHERITED.values(), ids=INHERITED.keys())
def test_what_goes_over_is_what_an_election_would_carry_on(
    registers: list[Register | None], carried: list[str]
) -> None:
    entries = inheritance(registers, promise("7/1"))
    assert [str(e.promise) for e in entries] == carried
    assert inheritance(reversed(registers), promise("7/1")) == entries


def test_pending_governments_are_those_that_are_not_committed() -> None:
    registers = [register(7, "7/2", "8/0", after="7/1"), None, register(9, "9/0", after="7/1")]
    assert [g.number for g in pending(registers, promise("7/1"))] == [8, 9]
    assert [g.number for g in pending(registers, promise("8/0"))] == [9]


def test_who_can_go_on_and_who_keeps_all() -> None:
    three, five = government("ab", "c"), government("abc", "de")
    four = government("abc", "d")
    assert can_go_on([three], "ab") and can_go_on([five], "cde") and can_go_on([four], "abd")
    assert not can_go_on([three], "c") and not can_go_on([five], "de")
    assert not can_go_on([four], "ab"), "half is no majority"
    assert not can_go_on([three, five], "ab"), "a parliament that is pending has its say"
    assert keeps_all([four], "ab"), "neither half could have gone on without the other"
    assert not keeps_all([three], "c")
    assert not keeps_all([four, three], "ad")


def test_each_epoch_is_above_whatever_was_heard_of() -> None:
    assert next_epoch([]) == next_epoch([1, 7, EPOCH - 1]) == EPOCH
    assert next_epoch([EPOCH]) == next_epoch([3, EPOCH + 17]) == 2 * EPOCH
