"""A citizen's actor, without being one: what strangers send it is refused and changes nothing."""

from __future__ import annotations

import pickle
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from paxos_ray.actors import citizen as citizens
from paxos_ray.actors import snapshots
from paxos_ray.actors.board import Want
from paxos_ray.actors.citizen import Citizen, Identity
from paxos_ray.actors.errors import WrongVersion
from paxos_ray.actors.heritage import Estate
from paxos_ray.actors.settings import Limits, Settings, Wish
from paxos_ray.actors.snapshots import KEPT, UNFETCHED_S
from paxos_ray.actors.tail import Extract
from paxos_ray.actors.wire import MARK, READ, VERSION, WRITE, Call, Turn, seal, unseal
from paxos_ray.core import Entry, Promise, government
from paxos_ray.core.log import ENTRY_HEFT, NOTHING
from paxos_ray.core.messages import Denied, Received, Request
from paxos_ray.machines import Replica, encode_batch, encode_open, read_entry
from paxos_ray.machines.ring import Found

pytestmark = pytest.mark.usefixtures("cluster")

OWNER = "coordinator"
SOON_S = 60.0


def citizen(id: str, republic: str = "republic", founder: bool = False) -> Citizen:
    cookie = republic if founder else f"{id}'s cookie"
    return Citizen(Identity(id, republic, cookie, founder), Settings(), Wish(1, 3))


def turn(sealed: bytes) -> Turn:
    said = unseal(sealed)
    assert isinstance(said, Turn)
    return said


def embark(leader: Citizen, id: str) -> Turn:
    newcomer = government.Citizen(id=id, cookie=f"{id}'s cookie")
    return turn(leader.turn(OWNER, 0, seal([Call(1, "embark", newcomer)])))


def request_to(newcomer: Citizen, id: str = "b") -> tuple[Citizen, bytes]:
    """A leader that has written a newcomer in, and the first request that this one can answer."""
    leader = citizen("leader", founder=True)
    said = embark(leader, id)
    while True:
        while said.bundle is None:
            said = turn(leader.turn(OWNER, 0))
        ((to, request),) = said.bundle.envelopes
        assert to == id
        if unseal(request).entries:
            return leader, request
        said = turn(leader.sent(OWNER, said.bundle.key, 0, {id: newcomer.receive(request)}))


def state_of(citizen: Citizen) -> Any:
    portrait = citizen.portray(digest=True)
    return portrait._replace(role="")


def test_a_request_is_answered() -> None:
    newcomer = citizen("b")
    _, request = request_to(newcomer)
    assert isinstance(unseal(newcomer.receive(request)), Received)
    said = turn(newcomer.turn(OWNER, 0))
    assert said.government is not None
    assert said.donor == "leader"


@pytest.mark.parametrize(
    "forged",
    [
        b"",
        b"junk",
        pickle.dumps(None),
        pickle.dumps("a letter"),
        pickle.dumps({"republic": "republic"}),
        pickle.dumps(Denied("no")),
        b"\x80\x05cnowhere\nnothing\n.",
    ],
)
def test_what_is_no_request_is_denied(forged: bytes) -> None:
    leader = citizen("leader", founder=True)
    before = state_of(leader)
    assert isinstance(unseal(leader.receive(forged)), Denied)
    assert state_of(leader) == before


@pytest.mark.parametrize(
    "change",
    [
        {"republic": "another"},
        {"to": "c"},
        {"cookie": "stale"},
        {"cookie": None},
        {"sender": "b"},
        {"entries": "none"},
        {"ballot": (1, "leader")},
        {"top": None},
    ],
)
def test_a_forged_request_is_denied(change: dict[str, Any]) -> None:
    newcomer = citizen("b")
    _, sealed = request_to(newcomer)
    request: Request = unseal(sealed)
    before = state_of(newcomer)
    assert isinstance(unseal(newcomer.receive(seal(replace(request, **change)))), Denied)
    assert state_of(newcomer) == before
    assert isinstance(unseal(newcomer.receive(sealed)), Received)


def test_nothing_is_answered_to_nothing() -> None:
    assert citizen("b").receive(None) is None


def test_replies_to_a_pulse_that_is_not_known_count_for_nothing() -> None:
    newcomer = citizen("b")
    leader, request = request_to(newcomer)
    before = state_of(leader)
    forged = {"b": seal("received")}
    turn(leader.sent(OWNER, "no such key", 0, forged))
    turn(leader.settle(seal((OWNER, "no such key", None, (), 0)), b"junk"))
    assert state_of(leader) == before
    assert isinstance(unseal(newcomer.receive(request)), Received)


def test_who_does_not_lead_says_so() -> None:
    other = citizen("b")
    said = turn(other.turn(OWNER, 0, seal([Call(7, WRITE, encode_open(1000))])))
    assert [(result.number, result.status) for result in said.results] == [(7, "retry")]


def test_a_leader_that_is_full_says_so_and_takes_nothing_after_it() -> None:
    limits = Limits(log_bytes=ENTRY_HEFT + 64 + 1)  # full with the government and one entry
    identity = Identity("leader", "republic", "republic", True)
    leader = Citizen(identity, Settings(limits=limits), Wish(1, 1))
    embark(leader, "b")  # which holds the log back
    bodies = [Call(number, WRITE, encode_open(1000)) for number in (1, 2, 3)]
    said = turn(leader.turn(OWNER, 0, seal([*bodies, Call(4, READ, seal([]))])))
    told = {result.number: result.status for result in said.results}
    assert told == {1: "full", 2: "full", 3: "full", 4: "done"}
    before = state_of(leader)
    again = turn(leader.turn(OWNER, 0, seal(bodies)))
    assert {result.status for result in again.results} == {"full"}
    assert "log" in str(again.results[0].value)
    assert state_of(leader) == before


def test_who_reads_the_log_gets_what_was_applied() -> None:
    leader = citizen("leader", founder=True)
    calls = [Call(1, WRITE, encode_open(1000)), Call(2, WRITE, b"junk")]
    turn(leader.turn(OWNER, 0, seal(calls)))
    extract = Extract(*unseal(leader.extract(NOTHING, 10, 1 << 20)))
    entries = [read_entry(*record) for record in extract.records]
    assert [str(entry.promise) for entry in entries] == ["1/0", "1/1", "1/2"]
    assert (extract.verdict, extract.top) == ("held", entries[-1].promise)
    assert entries[0].government is not None
    assert (entries[1].session, entries[2].raw) == (entries[1].promise, b"junk")
    assert Extract(*unseal(citizen("b").extract(NOTHING, 10, 9_999))).verdict == "absent"


def test_who_loads_a_state_is_read_from_there_on() -> None:
    newcomer = citizen("b")
    leader, request = request_to(newcomer)
    newcomer.receive(request)
    number = leader.freeze()
    while (snapshot := leader.fetch(number)) is None:
        pass
    turn(newcomer.restore(OWNER, 0, snapshot))
    for promise in (NOTHING, newcomer.portray(digest=False).applied):
        extract = Extract(*unseal(newcomer.extract(promise, 10, 1 << 20)))
        whole = Extract(*unseal(leader.extract(extract.earliest, 10, 1 << 20)))
        assert extract.verdict == ("gone" if promise < extract.earliest else "held")
        assert whole.verdict == "held"


def test_results_go_to_the_coordinator_that_asked() -> None:
    leader = citizen("leader", founder=True)
    calls = seal([Call(1, WRITE, encode_open(1000))])
    leader.give(seal(("one", "key", calls, ("b",), 0)))
    assert turn(leader.turn("another", 0)).results == ()
    assert [result.status for result in turn(leader.turn("one", 0)).results] == ["done"]


def test_a_snapshot_that_is_none_is_not_loaded() -> None:
    import ray

    newcomer = citizen("b")
    _, request = request_to(newcomer)
    newcomer.receive(request)
    said = turn(newcomer.restore(OWNER, 0, [ray.put(b"junk")]))
    assert said.donor == "leader"


def test_the_latest_wish_is_remembered() -> None:
    b = citizen("b")
    assert b.introduce(Wish(3, 7)).wish == Wish(3, 7)
    assert b.introduce(Wish(2, 5)).wish == Wish(3, 7)


def fetched(donor: Citizen, number: int) -> Any:
    while (snapshot := donor.fetch(number)) is None:
        pass
    return snapshot


def test_as_many_as_are_launched_at_once_may_ask_for_the_state() -> None:
    leader = citizen("leader", founder=True)
    numbers = [leader.freeze() for _ in range(KEPT)]
    for number in numbers:
        assert fetched(leader, number)
        with pytest.raises(LookupError):
            leader.fetch(number)


def test_a_snapshot_that_nobody_fetches_is_let_go_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asked for it has died meanwhile."""
    leader = citizen("leader", founder=True)
    number = leader.freeze()
    while leader._snapshots._made[number] is None:
        pass
    later = time.monotonic() + UNFETCHED_S + 1
    turn(leader.turn(OWNER, 0))
    assert leader._snapshots._made, "it is not yet too late"
    monkeypatch.setattr(snapshots, "time", SimpleNamespace(monotonic=lambda: later))
    turn(leader.turn(OWNER, 0))
    with pytest.raises(LookupError):
        leader.fetch(number)


def test_a_digest_does_not_keep_a_citizen_from_its_work(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is made aside; however long that takes, and pulses must go on."""
    begun, may_end = tmp_path / "begun", tmp_path / "may end"

    def digest(_: object) -> str:
        begun.touch()
        while not may_end.exists():
            time.sleep(0.01)
        return "made"

    monkeypatch.setattr(Replica, "digest", digest)
    leader = citizen("leader", founder=True)
    with ThreadPoolExecutor() as threads:
        try:
            portrayed = threads.submit(leader.portray, True)
            while not begun.exists():
                time.sleep(0.01)
            turn(threads.submit(leader.turn, OWNER, 0).result(SOON_S))
            assert leader.portray(False).digest is None
        finally:
            may_end.touch()
        assert portrayed.result(SOON_S).digest == "made"


def test_a_watch_at_the_heir_of_a_lost_majority_is_told_of_what_is_gone() -> None:
    """It has the state, and not the events that led there."""
    import ray

    replica, entries = Replica(), []

    def append(body: bytes) -> Promise:
        last = entries[-1].promise if entries else NOTHING
        entries.append(Entry(Promise(1, len(entries) + 1), last, 0, body))
        replica.apply(entries[-1])
        return entries[-1].promise

    session = append(encode_open(10**6))
    told = [
        append(encode_batch(session, n, n - 1, [("m", "map.put", (f"k{n}", n))])) for n in (1, 2, 3)
    ]
    estate = Estate([ray.put(seal(replica.snapshot()))], (), 1_000_000)
    identity = Identity("h", "rome+1-x", "rome+1-x", True)
    heir = Citizen(identity, Settings(), Wish(2, 1), estate)
    for after, verdict in ((told[0], "gone"), (told[-1], "held")):
        wants = seal([tuple(Want(after, "m", None, 10**6))])
        (found,) = [Found(*each) for each in unseal(heir.watch("w", wants, 0.0))]
        assert found.verdict == verdict
    extract = Extract(*unseal(heir.extract(told[0], 10, 10**6)))
    assert extract.verdict == "gone", "as whoever reads the log is"


def test_a_read_that_cannot_be_understood_harms_no_other() -> None:
    leader = citizen("leader", founder=True)
    good = seal([("count", "counter.value", ())])
    ahead = MARK + bytes([VERSION + 2]) + pickle.dumps([], protocol=5)
    bad = (ahead, seal([("count",)]), seal(7), b"junk")
    calls = [Call(1, READ, good), *(Call(2 + n, READ, each) for n, each in enumerate(bad))]
    said = turn(leader.turn(OWNER, 0, seal([*calls, Call(9, READ, good)])))
    results = {result.number: result for result in said.results}
    statuses = [results[number].status for number in sorted(results)]
    assert statuses == ["done", *["refused"] * len(bad), "done"]
    assert isinstance(results[2].value, WrongVersion)


def test_a_process_that_has_applied_half_an_entry_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[bool] = []
    monkeypatch.setattr(citizens, "end_process", lambda: ended.append(True))
    leader = citizen("leader", founder=True)
    (result,) = turn(leader.turn(OWNER, 0, seal([Call(1, WRITE, encode_open(10**6))]))).results
    session = unseal(result.value)[0]

    def apply(*_: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr("paxos_ray.machines.counter.Counter.apply", apply)
    body = encode_batch(session, 1, 0, [("m", "map.put", ("k", 1)), ("count", "increment", (1,))])
    with pytest.raises(MemoryError):
        leader.turn(OWNER, 0, seal([Call(2, WRITE, body)]))
    assert ended == [True]
