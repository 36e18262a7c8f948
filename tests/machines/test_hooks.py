"""What objects are told besides calls: governments, ends of sessions, alarms."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from paxos_ray.core.government import Citizen, Government
from paxos_ray.core.log import NOTHING, Entry
from paxos_ray.core.promise import Promise
from paxos_ray.machines import Context, Event, Replica, encode_pass, value_of
from paxos_ray.machines import objects as objects_module
from paxos_ray.machines.travel import pack
from tests.machines.test_hosted import Shop
from tests.machines.users import Diary


class Bell:
    """A standard kind that rings, and hears of sessions."""

    def __init__(self) -> None:
        self.alarm: int | None = None
        self.rung: list[Any] = []

    def apply(self, method: str, arguments: tuple, context: Context) -> Any:
        if method == "set":
            (self.alarm,) = arguments
            return None
        if method == "fail":
            context.publish("never told")
            raise ValueError("as announced")
        context.publish(arguments, key=method)
        return context.index

    def query(self, method: str, arguments: tuple) -> Any:
        return list(self.rung)

    def snapshot(self) -> Any:
        return (self.alarm, list(self.rung))

    def restore(self, snapshot: Any) -> None:
        self.alarm, self.rung = snapshot

    def session_ended(self, session: Promise, context: Context) -> None:
        self.rung.append(("ended", tuple(session), context.stamp))

    def due(self) -> int | None:
        return self.alarm

    def tick(self, context: Context) -> None:
        assert self.alarm is not None
        self.rung.append(("tick", self.alarm, context.stamp, context.fresh_id()))
        self.alarm = self.alarm + 10 if self.alarm < 100 else None


@pytest.fixture
def shop(chronicle: Any, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setitem(objects_module.KINDS, "bell", Bell)
    return Shop(chronicle)


def govern(shop: Shop, number: int, ids: str, acclimated: str, stamp: int = 0) -> Any:
    citizens = {id: Citizen(id=id, cookie=id) for id in ids}
    government = Government(
        promise=Promise(number, 0),
        majority=(ids[0],),
        minority=(),
        constituents=tuple(ids[1:]),
        acclimated=tuple(acclimated),
        arrived={id: Promise("abcd".index(id) + 1, 0) for id in ids},
        citizens=citizens,
    )
    previous = shop.chronicle.entries[-1].promise
    shop.chronicle.entries.append(Entry(Promise(number, 0), previous, stamp, government))
    shop.chronicle.stamp = stamp
    return shop.replica.apply(shop.chronicle.entries[-1])


def test_an_object_is_told_of_governments_in_order(shop: Shop) -> None:
    assert govern(shop, 12, "ab", "a") is None
    shop.deploy(Diary)
    applied = govern(shop, 13, "bcd", "bc", stamp=5)
    told = [
        ("bootstrap",),
        ("depart", "a"),
        ("arrive", "c"),
        ("arrive", "d"),
        ("acclimated", "b"),
        ("acclimated", "c"),
        ("government", 13, "b"),
    ]
    assert [tuple(note[2:]) for note in shop.ask("read")] == told
    assert [event.value for event in applied.events] == told[1:]
    assert [event.index for event in applied.events] == [1, 2, 3, 4, 5, 6]
    twin = shop.twin()
    govern(shop, 14, "bc", "b", stamp=5)
    twin.apply(shop.chronicle.entries[-1])
    assert twin.digest() == shop.replica.digest()
    assert [tuple(note[2:]) for note in shop.ask("read")][7:] == [
        ("depart", "d"),
        ("government", 14, "b"),
    ]


def test_sessions_end_in_the_order_of_their_deadlines(shop: Shop) -> None:
    shop.deploy(Diary)
    shop.send(("", "create", ("bell", "bell")))
    late, early, used = (shop.chronicle.open(time, stamp=0) for time in (50, 30, 40))
    assert shop.replica.due() == 31
    shop.chronicle.batch(used, 1, [], stamp=20)
    twin = shop.twin()
    assert shop.replica.due() == twin.due() == 31
    applied = shop.chronicle.append(encode_pass(), stamp=70)
    twin.apply(shop.chronicle.entries[-1])
    ended = [("ended", str(session)) for session in (early, late, used)]
    assert [tuple(note[2:]) for note in shop.ask("read")] == [("bootstrap",), *ended]
    assert shop.ask("read")[-1][1] == 70
    assert [event.value for event in applied.events] == ended
    assert [each[1] for each in shop.replica.query("bell", "rung")] == [early, late, used]
    assert twin.digest() == shop.replica.digest()


def test_what_is_due_is_done_before_an_entry_as_often_as_it_is_due(shop: Shop) -> None:
    shop.send(("", "create", ("b", "bell")), ("", "create", ("a", "bell")))
    assert shop.replica.due() == shop.session_deadline
    shop.send(("b", "set", (30,)), ("a", "set", (45,)))
    assert shop.replica.due() == 30
    twin = shop.twin()
    assert twin.due() == 30
    shop.chronicle.append(encode_pass(), stamp=29)
    assert shop.replica.query("b", "rung") == []
    shop.chronicle.append(encode_pass(), stamp=50)
    assert [each[:3] for each in shop.replica.query("b", "rung")] == [
        ("tick", due, 50) for due in (30, 40, 50)
    ]
    assert [each[1] for each in shop.replica.query("a", "rung")] == [45]
    ids = [each[3] for name in "ab" for each in shop.replica.query(name, "rung")]
    assert len(set(ids)) == 4
    shop.send(("b", "set", (None,)), ("a", "set", (None,)))
    assert shop.replica.due() == shop.session_deadline
    assert shop.chronicle.replay(twin).digest() == shop.replica.digest()


def test_an_alarm_of_a_users_object(shop: Shop) -> None:
    shop.deploy(Diary)
    shop.call("set_alarm", 30, every=10)
    shop.chronicle.append(encode_pass(), stamp=55)
    assert [note[1:] for note in shop.ask("read")][1:] == [
        (55, "tick", alarm) for alarm in (30, 40, 50)
    ]
    assert shop.replica.due() == 60
    shop.call("set_alarm", None)
    assert shop.replica.due() == shop.session_deadline


def test_a_tick_that_raises_is_undone_and_not_repeated(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    shop.deploy(Diary)
    shop.call("set_alarm", 30, every=-1)
    shop.chronicle.append(encode_pass(), stamp=55)
    assert "Diary.tick of 'x'" in caplog.text
    assert [note[2] for note in shop.ask("read")] == ["bootstrap"]
    assert shop.replica.due() == shop.session_deadline
    twin = shop.twin()
    assert twin.due() == shop.session_deadline
    shop.call("set_alarm", 80, every=5)
    assert shop.replica.due() == 80
    assert shop.chronicle.replay(twin).digest() == shop.replica.digest()


def test_who_is_always_due_does_not_stop_the_log(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects_module, "TICKS", 3)
    shop.deploy(Diary)
    shop.call("set_alarm", -1_000_000, every=1)
    shop.chronicle.append(encode_pass())
    assert [note[3] for note in shop.ask("read")[1:]] == [-1_000_000, -999_999, -999_998]
    assert shop.replica.due() == -999_997
    twin = shop.twin()
    assert twin.due() == -999_997
    shop.chronicle.append(encode_pass())
    assert shop.chronicle.replay(twin).digest() == shop.replica.digest()
    shop.send(("", "retire", ("x",)))
    assert shop.replica.due() is None


def test_standard_kinds_publish(shop: Shop) -> None:
    shop.send(("", "create", ("b", "bell")))
    replies = shop.send(("b", "ring", (1,)), ("b", "fail", ()), ("b", "ring", ([2],)))
    assert [reply.status.name for reply in replies] == ["OK", "ERROR", "OK"]
    entry = shop.chronicle.entries[-1]
    other = Replica()
    for each in shop.chronicle.entries[:-1]:
        other.apply(each)
    applied = other.apply(entry)
    assert applied is not None
    assert list(applied.events) == [
        Event(entry.promise, 0, "b", "ring", (1,)),
        Event(entry.promise, 2, "b", "ring", ([2],)),
    ]


def test_an_audit_is_told(shop: Shop) -> None:
    assert shop.chronicle.append(encode_pass(audit=True)).audit is True
    assert shop.chronicle.append(encode_pass()).audit is False
    assert value_of(shop.send(("n", "increment", (1,)))[0]) == 1
    assert set(shop.replica.digests()) == {"", "n"}


def test_nothing_is_due_where_nobody_listens(chronicle: Any) -> None:
    chronicle.open(10)
    assert chronicle.replica.due() is None
    assert pickle.loads(pickle.dumps(chronicle.replica.snapshot()))["applied"] > NOTHING
    assert pack(7) == pickle.dumps(7, protocol=5)
