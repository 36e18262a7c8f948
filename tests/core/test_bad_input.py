"""What is refused, and that a refusal changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from paxos_ray.core import Ballot, Citizen, Entry, Government, Legislator, Promise, Pulse
from paxos_ray.core.errors import (
    AlreadyFounded,
    InvalidArgument,
    InvalidCitizen,
    InvalidGovernment,
    NotFounded,
    PaxosError,
)
from paxos_ray.core.messages import (
    Accept,
    Behind,
    Denied,
    Exiled,
    Lacks,
    Prepare,
    Promised,
    Received,
    Refused,
    Register,
    Report,
    Synchronize,
    Write,
)
from paxos_ray.core.sense import is_reply
from tests.core.harness import PING, REPUBLIC, Island, citizen, government


def island() -> Island:
    made = Island("abc", "de", "f")
    made.enqueue("a", "x")
    made.exhaust()
    return made


def seen(legislator: Legislator) -> tuple[Any, ...]:
    """All that can be seen of it, and what time it is to it."""
    now = legislator._state.now
    return (legislator.inspect(), list(legislator.log), legislator.wakeup, legislator.donor, now)


ENTRY = Entry(Promise(6, 2), Promise(6, 1), 900, "y")
NEXT = Entry(Promise(6, 3), Promise(6, 2), 900, "z")
PENDING = Entry(Promise(7, 0), Promise(6, 1), 900, government("abc", "de", "f", number=7))


REPORT = Report(6, Promise(6, 1), (), ("d",), ())
STANDING = Ballot(7, "a")  # of the first candidate, when government 6 has collapsed


def _promised(ballot: Any, *entries: Entry) -> Promised:
    """A promise of who stands at 6/1, with this register."""
    return Promised(STANDING, Promise(6, 1), Register(ballot, entries), REPORT)


def _head(made: Island, to: str = "b") -> dict[str, Any]:
    return made.head("a", to)


# -- local calls: typed errors, and refusals that name the leader -------------------------------

WRONG_NOW: list[Any] = [1.5, "1", None, True, -0.0]


@pytest.mark.parametrize("now", WRONG_NOW)
@pytest.mark.parametrize(
    "call",
    [
        lambda it, now: it.bootstrap(now, REPUBLIC, {}),
        lambda it, now: it.join(now, REPUBLIC, "x"),
    ],
)
def test_now_is_a_whole_number_at_the_founding(
    call: Callable[[Legislator, Any], Any], now: Any
) -> None:
    fresh = Legislator("z")
    before = seen(fresh)
    with pytest.raises(InvalidArgument, match="now is a whole number"):
        call(fresh, now)
    assert seen(fresh) == before


@pytest.mark.parametrize(
    ("error", "call"),
    [
        (InvalidCitizen, lambda it: it.bootstrap(9_000, REPUBLIC, None)),
        (InvalidCitizen, lambda it: it.bootstrap(9_000, REPUBLIC, {1: "a"})),
        (InvalidArgument, lambda it: it.bootstrap(9_000, 1.5, {})),
        (InvalidCitizen, lambda it: it.refound(9_000, "new", None, Promise(7, 5), 0, 8)),
        (InvalidArgument, lambda it: it.refound(9_000, "new", {}, (7, 5), 0, 8)),
        (InvalidArgument, lambda it: it.refound(9_000, "new", {}, Promise(7, -1), 0, 8)),
        (InvalidArgument, lambda it: it.refound(9_000, "new", {}, Promise(7, 5), -1, 8)),
        (InvalidArgument, lambda it: it.refound(9_000, "new", {}, Promise(7, 5), 0, 7)),
        (InvalidArgument, lambda it: it.join(9_000, REPUBLIC, None)),
        (InvalidArgument, lambda it: it.join(9_000, None, "x")),
    ],
)
def test_a_founding_that_is_refused_changes_nothing(
    error: type[PaxosError], call: Callable[[Any], Any]
) -> None:
    fresh = Legislator("z")
    before = seen(fresh)
    with pytest.raises(error):
        call(fresh)
    assert seen(fresh) == before


@pytest.mark.parametrize("now", WRONG_NOW)
@pytest.mark.parametrize(
    "call",
    [
        lambda it, now: it.embark(now, REPUBLIC, citizen("z")),
        lambda it, now: it.acclimate(now),
        lambda it, now: it.emigrate(now, "b"),
        lambda it, now: it.enqueue(now, REPUBLIC, "y"),
        lambda it, now: it.confirm(now),
        lambda it, now: it.sent(now, Pulse("a/1", "a", ()), {}),
        lambda it, now: it.receive(now, None),
        lambda it, now: it.unreachable(now, "b"),
        lambda it, now: it.tick(now),
    ],
)
def test_now_is_a_whole_number(call: Callable[[Legislator, Any], Any], now: Any) -> None:
    leader = island()["a"]
    before = seen(leader)
    with pytest.raises(InvalidArgument, match="now is a whole number"):
        call(leader, now)
    assert seen(leader) == before
    assert leader.outcomes() == ()


@pytest.mark.parametrize(
    ("error", "call"),
    [
        (AlreadyFounded, lambda it: it.bootstrap(9_000, REPUBLIC, {})),
        (AlreadyFounded, lambda it: it.join(9_000, REPUBLIC, "again")),
        (InvalidArgument, lambda it: it.bootstrap(9_000, 1.5, {})),
        (InvalidArgument, lambda it: it.join(9_000, REPUBLIC, None)),
        (InvalidArgument, lambda it: it.join(9_000, True, "again")),
        (InvalidCitizen, lambda it: it.embark(9_000, REPUBLIC, {"id": "z"})),
        (InvalidCitizen, lambda it: it.embark(9_000, REPUBLIC, "z")),
        (InvalidArgument, lambda it: it.emigrate(9_000, ["b"])),
        (InvalidArgument, lambda it: it.unreachable(9_000, ["b"])),
        (InvalidArgument, lambda it: it.enqueue(9_000, REPUBLIC, government("z"))),
        (InvalidArgument, lambda it: it.sent(9_000, "a pulse", {})),
        (InvalidArgument, lambda it: it.sent(9_000, Pulse("a/1", "a", ()), [])),
        (InvalidArgument, lambda it: it.sent(9_000, ("a/1", "a", ()), {})),
    ],
)
def test_misuse_raises_and_changes_nothing(
    error: type[PaxosError], call: Callable[[Any], Any]
) -> None:
    leader = island()["a"]
    before = seen(leader)
    with pytest.raises(error):
        call(leader)
    assert seen(leader) == before
    assert leader.outcomes() == ()


@pytest.mark.parametrize(
    ("why", "call"),
    [
        ("republic here is not", lambda it, now: it.enqueue(now, "carthage", "y")),
        ("republic here is not", lambda it, now: it.embark(now, "carthage", citizen("z"))),
        ("b is still present", lambda it, now: it.embark(now, REPUBLIC, citizen("b", "new"))),
    ],
)
def test_a_leader_refuses_and_changes_nothing(
    why: str, call: Callable[[Legislator, int], Any]
) -> None:
    made = island()
    before = seen(made["a"])
    receipt = call(made["a"], made.now)
    assert not receipt.accepted
    assert receipt.ticket is None
    assert receipt.leader == "a"
    assert why in receipt.why
    assert seen(made["a"]) == before
    assert made["a"].outbox() is None


@pytest.mark.parametrize(
    "call",
    [
        lambda it, now: it.enqueue(now, REPUBLIC, "y"),
        lambda it, now: it.embark(now, REPUBLIC, citizen("z")),
        lambda it, now: it.emigrate(now, "c"),
        lambda it, now: it.confirm(now),
    ],
)
@pytest.mark.parametrize("id", ["b", "d", "f"])
def test_a_follower_refuses_and_names_the_leader(
    id: str, call: Callable[[Legislator, int], Any]
) -> None:
    made = island()
    before = seen(made[id])
    receipt = call(made[id], made.now)
    assert (receipt.accepted, receipt.ticket, receipt.leader) == (False, None, "a")
    assert receipt.why == f"{id} does not lead"
    assert seen(made[id]) == before


def test_a_candidate_refuses_and_says_why() -> None:
    made = island()
    made["a"].unreachable(made.now, "b")
    receipt = made["a"].enqueue(made.now, REPUBLIC, "y")
    assert not receipt.accepted
    assert receipt.why == "the government has collapsed"
    assert receipt.leader != "a"


def test_the_last_citizen_does_not_emigrate() -> None:
    made = Island("a")
    made.tick("a")
    before = seen(made["a"])
    receipt = made["a"].emigrate(made.now, "a")
    assert not receipt.accepted
    assert receipt.why == "a would be the last citizen to leave"
    assert seen(made["a"]) == before
    made = Island("ab")
    assert made["a"].emigrate(made.now, "b").accepted
    assert not made["a"].emigrate(made.now, "a").accepted


def test_an_emigrant_that_must_wait_is_told_so() -> None:
    made = Island("ab", "c")
    receipt = made["a"].emigrate(made.now, "c")
    assert receipt.accepted
    assert receipt.why is not None
    assert "waits" in receipt.why


def test_a_call_before_the_founding() -> None:
    fresh = Legislator("z")
    before = seen(fresh)
    for call in (fresh.acclimate, fresh.retire):
        with pytest.raises(NotFounded):
            call(1)
    for receipt in (
        fresh.enqueue(0, REPUBLIC, "y"),
        fresh.embark(0, REPUBLIC, citizen("y")),
        fresh.emigrate(0, "y"),
        fresh.confirm(0),
    ):
        assert not receipt.accepted
        assert receipt.leader is None
    fresh.tick(0)
    fresh.unreachable(0, "y")
    assert fresh.outbox() is None
    assert seen(fresh) == before


@pytest.mark.parametrize(
    "arguments",
    [
        {"id": ""},
        {"id": 7},
        {"ping": 0},
        {"timeout": -1},
        {"timeout": 1.5},
        {"seed": "x"},
        {"seed": None},
        {"parliament_size": 0},
        {"parliament_floor": 7, "parliament_size": 5},
        {"batch_entries": 0},
        {"batch_bytes": True},
        {"catch_up_entries": 0},
        {"catch_up_bytes": 0},
        {"queue_bytes": 0},
        {"log_bytes": 1.5},
        {"acclimation": 0},
        {"id": "\ud800"},
        {"seed": 10**5_000},
        {"ping": 100, "timeout": 100},
    ],
)
def test_a_legislator_checks_its_limits(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        Legislator(**{"id": "a", **arguments})


def test_pulses_of_different_incarnations_have_different_ids() -> None:
    told: dict[str, tuple[str, str | int]] = {}
    for id, cookie in [
        *(("a", cookie) for cookie in (1, "1", -1, "-1", 10**5_000, hex(10**5_000), "'1'", "")),
        *(("a/b", "c"), ("a", "b/c"), ("a", "b"), ("a/'b'", "c"), ("'a", "b"), ("1", "c")),
    ]:
        legislator = Legislator(id)
        legislator.bootstrap(0, cookie, {})
        legislator.embark(0, cookie, citizen("z"))
        pulse = legislator.outbox()
        assert pulse is not None
        assert pulse.id not in told, (told[pulse.id], (id, cookie))
        told[pulse.id] = (id, cookie)
    assert told["a/b/1"] == ("a", "b")  # most show just what they are
    assert told["1/c/1"] == ("1", "c")


def test_a_hint_about_who_is_no_citizen_is_not_kept() -> None:
    """Else it would be held against a newcomer of that id."""
    made = island()
    before = seen(made["a"])
    made["a"].unreachable(made.now, "z")
    assert made["a"]._state.gone == []
    assert seen(made["a"]) == before
    made["a"].unreachable(made.now, "f")
    assert made["a"]._state.gone == ["f"]


def test_a_body_stays_as_it_was_proposed() -> None:
    alone = Legislator("a")
    alone.bootstrap(0, REPUBLIC, {})
    body = bytearray(b"x")
    alone.enqueue(0, REPUBLIC, body)
    body.extend(b"y" * 1_000)
    assert list(alone.log)[-1].body == b"x"
    assert type(list(alone.log)[-1].body) is bytes


def test_properties_are_a_mapping() -> None:
    fresh = Legislator("a")
    with pytest.raises(InvalidCitizen):
        fresh.bootstrap(1, REPUBLIC, ["a"])  # type: ignore[arg-type]
    with pytest.raises(InvalidCitizen):
        fresh.bootstrap(1, REPUBLIC, {1: "a"})  # type: ignore[dict-item]
    assert fresh.inspect().republic is None
    fresh.bootstrap(1, REPUBLIC, {"zone": "x"})
    assert fresh.citizens == {"a": {"zone": "x"}}


def test_what_is_seen_cannot_be_written_to() -> None:
    made = island()
    with pytest.raises(TypeError):
        made["a"].citizens["a"]["name"] = "other"  # type: ignore[index]
    with pytest.raises(TypeError):
        made["a"].citizens["z"] = {}  # type: ignore[index]


def test_time_never_goes_back() -> None:
    made = island()
    made["a"].tick(made.now + 500)
    wakeup = made["a"].wakeup
    made["a"].tick(0)
    assert made["a"].wakeup == wakeup


# -- pulses: the first results count, and only of what was given ---------------------------------


def test_results_of_a_pulse_that_was_never_given() -> None:
    made = island()
    made.enqueue("a", "y")
    pulse = made.take("a")
    before = seen(made["a"])
    made["a"].sent(made.now, Pulse("a/none/7", "a", pulse.envelopes), made.deliver(pulse))
    assert seen(made["a"]) == before
    assert made["a"].outcomes() == ()


def test_a_reply_that_is_senseless_is_a_lost_one() -> None:
    for senseless in ("yes", 7, {}, Denied("no"), object()):
        made = island()
        key = made.enqueue("a", "y")
        pulse = made.take("a")
        replies: dict[str, Any] = {**made.deliver(pulse), "b": senseless}
        made["a"].sent(made.now, pulse, replies)
        made.collect("a")
        assert made["a"].collapsed
        assert made.outcomes[key] is None


TOP = Promise(6, 1)
SENSELESS: dict[str, Any] = {
    "received nowhere": Received(None, REPORT),  # type: ignore[arg-type]
    "received at a text": Received("6/1", REPORT),  # type: ignore[arg-type]
    "received at a pair": Received((6, 1), REPORT),  # type: ignore[arg-type]
    "received at a float": Received(Promise(6, 1.0), REPORT),  # type: ignore[arg-type]
    "received without a report": Received(TOP, None),  # type: ignore[arg-type]
    "received with a number for a report": Received(TOP, 7),  # type: ignore[arg-type]
    "refused for nobody": Refused(None, TOP, REPORT),  # type: ignore[arg-type]
    "refused for half a ballot": Refused(Ballot(7.5, "z"), TOP, REPORT),  # type: ignore[arg-type]
    "refused for a number": Refused(Ballot(7, 7), TOP, REPORT),  # type: ignore[arg-type]
    "refused nowhere": Refused(Ballot(7, "z"), None, REPORT),  # type: ignore[arg-type]
    "exiled by nobody": Exiled(None),  # type: ignore[arg-type]
    "exiled by a text": Exiled("x"),  # type: ignore[arg-type]
    "lacks what is after a text": Lacks("x", REPORT),  # type: ignore[arg-type]
    "lacks what nobody has": Lacks(Promise(10**9, 0), REPORT),
    "lacks with a bad report": Lacks(Promise(6, 0), 7),  # type: ignore[arg-type]
    "behind without entries": Behind(Promise(6, 5), (), None, TOP),
    "behind with none": Behind(Promise(6, 5), None, None, TOP),  # type: ignore[arg-type]
    "behind with what is no entry": Behind(Promise(6, 5), ("x",), None, TOP),  # type: ignore[arg-type]
    "behind beyond a gap": Behind(Promise(6, 5), (NEXT,), None, TOP),
    "behind with a place left out": Behind(
        Promise(6, 5), (ENTRY._replace(promise=Promise(6, 3)),), None, TOP
    ),
    "behind with more than it has": Behind(ENTRY.promise, (ENTRY, NEXT), None, TOP),
    "behind with a stamp that goes back": Behind(
        Promise(6, 5), (ENTRY._replace(stamp=1),), None, TOP
    ),
    "behind with a start that is none": Behind(Promise(6, 5), (ENTRY,), "x", TOP),  # type: ignore[arg-type]
    "behind with a minimum beyond it": Behind(Promise(6, 5), (ENTRY,), None, Promise(10**30, 0)),
    "behind without a minimum": Behind(Promise(6, 5), (ENTRY,), None, None),  # type: ignore[arg-type]
    "behind and yet not ahead": Behind(TOP, (ENTRY,), None, TOP),
    "promised with a text": Promised(STANDING, TOP, "register", REPORT),  # type: ignore[arg-type]
    "promised for nobody": Promised(None, TOP, None, REPORT),  # type: ignore[arg-type]
    "promised with a register of nothing": _promised(Ballot(6, "a")),
    "promised with nobody's register": _promised(None, ENTRY),
    "promised with a register beyond a gap": _promised(Ballot(6, "a"), NEXT),
    "promised with a jump": _promised(Ballot(6, "a"), ENTRY._replace(promise=Promise(6, 3))),
    "promised with no government": _promised(Ballot(6, "a"), PENDING._replace(body="x")),
}
for _name, _field in {
    "of a text": {"government": "6"},
    "without a minimum": {"minimum": None},
    "of a minimum that is none": {"minimum": Promise(6, -1)},
    "of the acclimated in a list": {"acclimated": ["b"]},
    "of none acclimated": {"acclimated": None},
    "of numbers reached": {"reached": (7,)},
    "of lists reached": {"reached": (["d"],)},
    "of silent ids": {"silent": ("d",)},
    "of silence in text": {"silent": (("d", "long"),)},
}.items():
    SENSELESS[f"a report {_name}"] = Received(TOP, REPORT._replace(**_field))


@pytest.mark.parametrize("stands", [False, True])
@pytest.mark.parametrize("name", SENSELESS)
def test_a_reply_that_makes_no_sense_is_as_good_as_none(name: str, stands: bool) -> None:
    """To a leader and to a candidate; and the island gets over it."""
    after = []
    for reply in (None, SENSELESS[name]):
        made = island()
        if stands:
            made["a"].unreachable(made.now, "b")
        else:
            made.enqueue("a", "y")
        pulse = made.take("a")
        assert (pulse.envelopes[0].request.ballot == STANDING) is stands
        replies: dict[str, Any] = made.deliver(pulse)
        replies[pulse.envelopes[0].to] = reply
        made.answer(pulse, replies)
        after.append(seen(made["a"]))
        made.write_through()
    assert after[0] == after[1]


def test_a_reply_that_makes_sense_counts() -> None:
    """So it is for one reason each that the others are lost."""
    register = Register(Ballot(6, "a"), (ENTRY, PENDING._replace(previous=ENTRY.promise)))
    for reply in (
        Received(TOP, REPORT),
        Refused(Ballot(7, "z"), TOP, REPORT),
        Exiled(7),
        Lacks(Promise(6, 0), REPORT),
        Lacks(TOP, None),
        Behind(Promise(6, 5), (ENTRY, NEXT), None, TOP),
        Promised(STANDING, TOP, register, REPORT),
        Received(TOP, Report(5, TOP, ("z",), ("y",), (("x", 5),))),
    ):
        made = island()
        assert is_reply(reply, Prepare(**_head(made)), made["a"].log.last)


def test_a_reply_from_somebody_who_was_not_asked() -> None:
    made = island()
    key = made.enqueue("a", "y")
    pulse = made.take("a")
    replies = made.deliver(pulse)
    made["a"].sent(made.now, pulse, {"b": replies["b"], "z": replies["c"]})
    made.collect("a")
    assert made.outcomes[key] is None


# -- requests: denied, and nothing changed -------------------------------------------------------


def _bringing(made: Island, *entries: Any, **fields: Any) -> Synchronize:
    """A request of one who stands at 9/9 and brings these."""
    return Synchronize(**{**_head(made), "top": Promise(9, 9), "entries": entries, **fields})


MALFORMED: dict[str, Callable[[Island], Any]] = {
    "no request": lambda _: "a request",
    "none": lambda _: None,
    "a reply": lambda _: Denied("no"),
    "another republic": lambda made: Synchronize(**{**_head(made), "republic": "carthage"}),
    "for another citizen": lambda made: Synchronize(**_head(made, "c")),
    "for an earlier incarnation": lambda made: Synchronize(**{**_head(made), "cookie": "old"}),
    "sent by itself": lambda made: Synchronize(**{**_head(made), "sender": "b"}),
    "no ballot": lambda made: Synchronize(**{**_head(made), "ballot": (6, "a")}),
    "a top of another type": lambda made: Synchronize(**{**_head(made), "top": (6, 1)}),
    "no minimum": lambda made: Synchronize(**{**_head(made), "minimum": None}),
    "entries in a list": lambda made: Synchronize(
        **{**_head(made), "top": Promise(9, 9), "entries": [ENTRY]}
    ),
    "entries that are none": lambda made: Synchronize(
        **{**_head(made), "top": Promise(9, 9), "entries": ("y",)}
    ),
    "entries with a gap": lambda made: Synchronize(
        **{
            **_head(made),
            "top": Promise(9, 9),
            "entries": (ENTRY, ENTRY._replace(promise=Promise(6, 4))),
        }
    ),
    "an entry before its previous": lambda made: Synchronize(
        **{
            **_head(made),
            "top": Promise(9, 9),
            "entries": (ENTRY._replace(previous=Promise(6, 3)),),
        }
    ),
    "an entry whose promise is none": lambda made: Synchronize(
        **{**_head(made), "top": Promise(9, 9), "entries": (ENTRY._replace(promise="6/2"),)}  # type: ignore[arg-type]
    ),
    "a stamp that is none": lambda made: Synchronize(
        **{**_head(made), "top": Promise(9, 9), "entries": (ENTRY._replace(stamp="now"),)}  # type: ignore[arg-type]
    ),
    "a government that is none": lambda made: Synchronize(
        **{**_head(made), "top": Promise(9, 9), "entries": (PENDING._replace(body="y"),)}
    ),
    "a government where none is": lambda made: Synchronize(
        **{**_head(made), "top": Promise(9, 9), "entries": (ENTRY._replace(body=PENDING.body),)}
    ),
    "a start that is none": lambda made: Synchronize(
        **{**_head(made), "top": Promise(9, 9), "entries": (ENTRY,), "start": "x"}
    ),
    "a start without entries": lambda made: Synchronize(
        **{**_head(made), "start": made["a"].government}
    ),
    "a written that is none": lambda made: Synchronize(**{**_head(made), "written": "x"}),
    "another leader's ballot": lambda made: Synchronize(
        **{**_head(made), "ballot": Ballot(7, "z")}
    ),
    "a write at another ballot": lambda made: Write(
        **{**_head(made), "ballot": Ballot(7, "z"), "proposals": (ENTRY,)}
    ),
    "a write of nothing": lambda made: Write(**_head(made), proposals=()),
    "a write beyond a gap": lambda made: Write(
        **_head(made), proposals=(ENTRY._replace(promise=Promise(6, 3), previous=Promise(6, 2)),)
    ),
    "a write of what is no entry": lambda made: Write(
        **_head(made),
        proposals=("y",),  # type: ignore[arg-type]
    ),
    "an accept that was not promised": lambda made: Accept(
        **{**_head(made), "ballot": Ballot(9, "c")}, chain=(PENDING,)
    ),
    "a chain of nothing": lambda made: Accept(**_head(made), chain=()),
    "a prepare without a ballot": lambda made: Prepare(**{**_head(made), "ballot": None}),
    "a sender that is no text": lambda made: Synchronize(**{**_head(made), "sender": ["a"]}),
    "a sender without a cookie": lambda made: Synchronize(**{**_head(made), "sender_cookie": None}),
    "a sender's cookie that is none": lambda made: Synchronize(
        **{**_head(made), "sender_cookie": 1.5}
    ),
    "a stateful that is none": lambda made: Synchronize(**{**_head(made), "stateful": 1}),
    "a start that is another's": lambda made: _bringing(
        made, PENDING, start=government("abc", "d", "ef", number=7)
    ),
    "a minimum beyond what its sender has": lambda made: Synchronize(
        **{**_head(made), "minimum": Promise(10**30, 0)}
    ),
    "entries beyond what their sender has": lambda made: Synchronize(
        **{**_head(made), "entries": (ENTRY,)}
    ),
    "a write after another top": lambda made: Write(
        **{**_head(made), "top": Promise(6, 0)}, proposals=(ENTRY,)
    ),
}
for _number in (None, "9", 9.5, 9.0, True, -1):
    MALFORMED[f"a ballot of {_number!r}"] = lambda made, number=_number: Prepare(
        **{**_head(made), "ballot": Ballot(number, "a")}
    )
    MALFORMED[f"a written of {_number!r}"] = lambda made, number=_number: Synchronize(
        **{**_head(made), "written": Ballot(number, "a")}
    )
    for _field in ("top", "minimum"):
        MALFORMED[f"a {_field} of {_number!r}"] = lambda made, field=_field, number=_number: (
            Synchronize(**{**_head(made), field: Promise(number, 0)})
        )
        MALFORMED[f"a {_field} with entry {_number!r}"] = (
            lambda made, field=_field, number=_number: Synchronize(
                **{**_head(made), field: Promise(6, number)}
            )
        )
    MALFORMED[f"an entry of government {_number!r}"] = lambda made, number=_number: _bringing(
        made, ENTRY._replace(promise=Promise(number, 2))
    )
for _id in (None, 7, b"a"):
    MALFORMED[f"a ballot of {_id!r}'s"] = lambda made, id=_id: Prepare(
        **{**_head(made), "ballot": Ballot(9, id)}
    )


def test_what_is_not_malformed_is_taken_in() -> None:
    """So it is for one reason each that the others are not."""
    for entries in ((ENTRY, NEXT), (ENTRY, PENDING._replace(previous=ENTRY.promise))):
        made = island()
        last = made["b"].log.last
        assert last is not None
        assert 0 < last.stamp < 900
        assert not isinstance(made["b"].receive(made.now, _bringing(made, *entries)), Denied)
        assert tuple(made["b"].log)[-2:] == entries
        made = island()
        made["b"].receive(made.now, Write(**_head(made), proposals=entries))
        assert made["b"].register == (Ballot(6, "a"), entries)


CHAINS: dict[str, tuple[Any, ...]] = {
    "a place left out": (ENTRY, NEXT._replace(promise=Promise(6, 4))),
    "a place left out at first": (ENTRY._replace(promise=Promise(6, 5)),),
    "an entry left out": (ENTRY, NEXT._replace(promise=Promise(6, 4), previous=Promise(6, 3))),
    "a place that is half": (ENTRY._replace(promise=Promise(6, 2.5)),),  # type: ignore[arg-type]
    "a place that is no int": (ENTRY._replace(promise=Promise(6, 2.0)),),  # type: ignore[arg-type]
    "a place that is negative": (ENTRY._replace(promise=Promise(7, -1)),),
    "a number that is no int": (ENTRY._replace(promise=Promise(6.0, 2)),),  # type: ignore[arg-type]
    "a government that nobody founded": (ENTRY._replace(promise=Promise(7, 1)),),
    "a government of another promise": (
        PENDING._replace(body=government("abc", "de", "f", number=9)),
    ),
    "a government that goes back": (
        ENTRY,
        PENDING._replace(
            promise=Promise(5, 0),
            previous=ENTRY.promise,
            body=government("abc", "de", number=5),
        ),
    ),
    "a previous that is no int": (ENTRY._replace(previous=Promise(6, 1.0)),),  # type: ignore[arg-type]
    "a previous that is a pair": (ENTRY._replace(previous=(6, 1)),),  # type: ignore[arg-type]
    "a stamp that is negative": (ENTRY._replace(stamp=-5),),
    "a stamp that is no int": (ENTRY._replace(stamp=True),),
    "a stamp that goes back": (ENTRY, NEXT._replace(stamp=899)),
    "a stamp before that of the top": (ENTRY._replace(stamp=1),),
    "what is no entry": (ENTRY, tuple(NEXT)),
}


@pytest.mark.parametrize("name", CHAINS)
def test_entries_that_do_not_follow_each_other_are_denied(name: str) -> None:
    """Whether they are committed, or are to be recorded, and nothing of them is taken in."""
    entries = CHAINS[name]
    made = island()
    made["b"].receive(made.now, Prepare(**{**_head(made), "ballot": Ballot(9, "a")}))
    head = {**_head(made), "ballot": Ballot(9, "a")}
    before = seen(made["b"])
    assert made["b"].receive(made.now, _bringing(made, *entries)) == Denied("malformed")
    assert made["b"].receive(made.now, Accept(**head, chain=entries)) == Denied("malformed")
    assert seen(made["b"]) == before
    made = island()
    before = seen(made["b"])
    request = Write(**_head(made), proposals=entries)
    assert made["b"].receive(made.now, request) == Denied("malformed")
    head = {**_head(made), "entries": (ENTRY,), "top": ENTRY.promise}
    for proposals in ((), ("y",), (ENTRY,), (NEXT._replace(stamp=899),)):
        assert made["b"].receive(made.now, Write(**head, proposals=proposals)) == Denied(
            "malformed"
        )
    assert seen(made["b"]) == before


@pytest.mark.parametrize("name", MALFORMED)
def test_a_bad_request_is_denied_and_changes_nothing(name: str) -> None:
    made = island()
    request = MALFORMED[name](made)
    before = seen(made["b"])
    assert isinstance(made["b"].receive(made.now, request), Denied)
    assert seen(made["b"]) == before


def test_who_knows_a_minimum_beyond_its_own_top_does_not_spread_it() -> None:
    """As it is with who has returned, while it is brought up by parts."""
    made = island()
    request = Synchronize(**{**_head(made), "top": Promise(9, 9), "minimum": Promise(9, 0)})
    assert isinstance(made["b"].receive(made.now, request), Lacks)
    assert made["b"].minimum == Promise(9, 0)
    made.pass_time(PING)
    asked = [envelope.request for envelope in made.take("b").envelopes]
    assert [(request.top, request.minimum) for request in asked] == [(TOP, TOP)]
    behind = replace(Synchronize(**made.head("d", "b")), top=Promise(6, 0), minimum=Promise(6, 0))
    reply = made["b"].receive(made.now, behind)
    assert isinstance(reply, Behind)
    assert (reply.top, reply.minimum) == (TOP, TOP)


def test_who_was_written_out_or_is_an_earlier_incarnation_is_told_so() -> None:
    made = island()
    request = replace(Prepare(**_head(made)), top=Promise(6, 0), ballot=Ballot(9, "a"))
    before = seen(made["b"])
    for stale in (replace(request, sender="z"), replace(request, sender_cookie="old")):
        assert made["b"].receive(made.now, stale) == Exiled(6)
        assert seen(made["b"]) == before


def test_who_has_not_joined_denies_everything() -> None:
    made = island()
    fresh = Legislator("b")
    assert isinstance(fresh.receive(made.now, Synchronize(**_head(made))), Denied)
    assert fresh.inspect().republic is None


# -- citizens and governments: the message names the rule ----------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {"id": "", "cookie": 1},
        {"id": 7, "cookie": 1},
        {"id": "a"},
        {"id": "a", "cookie": None},
        {"id": "a", "cookie": 1.5},
        {"id": "a", "cookie": 1, "properties": 7},
        {"id": "a", "cookie": 1, "unknown": 7},
    ],
)
def test_a_citizen_is_described_in_full(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidCitizen):
        Citizen(**fields)


def _fields(**changed: Any) -> dict[str, Any]:
    valid = government("abc", "de", "f")
    return {**{name: getattr(valid, name) for name in Government.model_fields}, **changed}


ARRIVED = {id: Promise(place + 1, 0) for place, id in enumerate("abcdef")}
CITIZENS = {id: citizen(id) for id in "abcdef"}


@pytest.mark.parametrize(
    ("rule", "changed"),
    [
        ("entry 0", {"promise": Promise(6, 1)}),
        ("numbered from 1", {"promise": Promise(0, 0)}),
        ("leader first", {"majority": (), "minority": ()}),
        ("disjoint seats", {"minority": ("d", "a")}),
        ("disjoint seats", {"majority": ("a", "b", "b"), "minority": ("d", "e")}),
        ("strict majority", {"majority": ("a", "b"), "minority": ("c", "d", "e")}),
        ("strict majority", {"majority": ("a", "b"), "minority": ("c", "d")}),
        ("every citizen has one seat", {"constituents": ()}),
        ("every citizen has one seat", {"constituents": ("f", "g")}),
        ("every seat has arrived", {"arrived": {**ARRIVED, "g": Promise(1, 0)}}),
        ("every seat has arrived", {"arrived": {"a": Promise(1, 0)}}),
        ("one-to-one arrivals", {"arrived": {**ARRIVED, "b": Promise(1, 0)}}),
        ("arrival lies in the future", {"arrived": {**ARRIVED, "b": Promise(9, 0)}}),
        ("acclimated lists somebody twice", {"acclimated": ("a", "a")}),
        ("acclimated names somebody", {"acclimated": ("z",)}),
        ("another id's citizen", {"citizens": {**CITIZENS, "a": citizen("z")}}),
        ("majority", {"majority": "abc"}),
        ("citizens", {"citizens": {**CITIZENS, "a": {"id": ""}}}),
        ("unknown", {"unknown": 1}),
    ],
)
def test_a_government_names_the_rule_that_is_broken(rule: str, changed: dict[str, Any]) -> None:
    with pytest.raises(InvalidGovernment, match=rule):
        Government(**_fields(**changed))
    assert Government(**_fields()).leader == "a"


def test_a_government_is_frozen() -> None:
    ruling = government("abc", "de")
    with pytest.raises(ValueError, match="frozen"):
        ruling.majority = ("b",)  # type: ignore[misc]
