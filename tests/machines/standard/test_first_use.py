"""Objects that come into being when they are first used, by calls that tell their kind."""

from __future__ import annotations

from typing import Any

import pytest

from paxos_ray.machines import (
    ERROR,
    KINDS,
    STANDARD,
    InvalidArguments,
    NotHeld,
    Operation,
    QueueFull,
    Replica,
    Reply,
    UnknownMethod,
    UnknownObject,
    WrongKind,
    WrongValue,
    encode_batch,
    from_reply,
    read_entry,
    value_of,
)
from paxos_ray.machines.replies import encode_replies
from tests.machines.test_hosted import Shop
from tests.machines.users import Inventory


@pytest.fixture
def shop(chronicle: Any) -> Shop:
    return Shop(chronicle)


def error_of(reply: Reply) -> Exception:
    assert reply.status is ERROR
    return from_reply(reply.value)


def test_the_first_call_makes_the_object_and_is_applied(shop: Shop) -> None:
    replies = shop.send(
        ("m", "map.put", ("a", 1)),
        ("m", "map.put", ("a", 2)),
        ("l", "lock.acquire", ()),
        ("q", "queue.put", (b"bytes",)),
        ("s", "sequence.reserve", (5,)),
    )
    assert [value_of(reply) for reply in replies] == [1, 2, (True, 1), 1, 1]
    assert shop.replica.objects() == {"l": "lock", "m": "map", "q": "queue", "s": "sequence"}
    assert value_of(shop.send(("m", "get", ("a",)), ("m", "put", ("b", 1)))[1]) == 3
    assert shop.replica.query("q", "queue.size") == shop.replica.query("q", "size") == 1


def test_a_first_call_that_fails_makes_nothing_and_tells_nothing(shop: Shop) -> None:
    before = shop.replica.digests()
    applied = shop.chronicle.append(
        encode_batch(
            shop.session,
            shop.sequence,
            0,
            [
                ("m", "map.put", ("a",)),
                ("m", "map.transaction", ([], [("put", "a", "x"), ("increment", "a")])),
                ("l", "lock.release", (1,)),
                ("l", "lock.piano", ()),
                ("l", "piano.acquire", ()),
                ("l", ".acquire", ()),
                ("l", "lock.", ()),
                ("", "map.put", ("a", 1)),
                ("", "lock.create", ("x", "lock")),
            ],
        )
    )
    assert [type(error_of(reply)) for reply in applied.replies] == [
        *(InvalidArguments, WrongValue, NotHeld, UnknownMethod, InvalidArguments, InvalidArguments),
        *(UnknownMethod, UnknownMethod, UnknownMethod),
    ]
    assert applied.events == []
    assert shop.replica.objects() == {}
    assert shop.replica.digests().keys() == before.keys()


def test_its_events_are_those_of_any_call(shop: Shop) -> None:
    body = encode_batch(shop.session, shop.sequence, 0, [("m", "map.put", ("a", 1))])
    (event,) = shop.chronicle.append(body).events
    assert (event.object, event.key, event.value) == ("m", "a", ("put", 1, 1))


@pytest.mark.parametrize("kind", [*KINDS, "object"])
def test_an_object_of_another_kind_is_not_touched(shop: Shop, kind: str) -> None:
    if kind == "object":
        shop.deploy(Inventory)
    else:
        shop.send(("", "create", ("x", kind)))
    before = shop.replica.digests()["x"]
    calls: list[Operation] = [
        *(("x", f"{m.kind}.{name}", ()) for m in STANDARD if m.kind != kind for name in m.changes),
        *(("x", f"{m.kind}.put", (b"bytes",)) for m in STANDARD if m.kind != kind),
        ("x", "piano.put", ()),
    ]
    for reply in shop.send(*calls):
        error = error_of(reply)
        assert isinstance(error, WrongKind)
        assert str(error).startswith("'x' is a")
    for machine in STANDARD:
        if machine.kind != kind:
            for name in machine.queries:
                with pytest.raises(WrongKind, match=r"^'x' is a"):
                    value_of(shop.replica.ask("x", f"{machine.kind}.{name}"))
    assert shop.replica.digests()["x"] == before


def test_what_has_not_come_into_being_is_asked_as_if_nothing_had_been_done(shop: Shop) -> None:
    ask = shop.replica.ask
    assert value_of(ask("m", "map.get", ("a", "none"))) == "none"
    assert value_of(ask("l", "lock.holder")) is None
    assert value_of(ask("q", "queue.state", (7,))) == ("gone", None)
    for method, arguments in (("map.get", ()), ("piano.get", ())):
        with pytest.raises(InvalidArguments):
            value_of(ask("m", method, arguments))
    with pytest.raises(UnknownMethod):
        value_of(ask("m", "map.put", ("a", 1)))
    with pytest.raises(UnknownObject):
        value_of(ask("m", "get", ("a",)))
    assert shop.replica.objects() == {}


def test_a_lease_of_the_first_call_ends_in_time(chronicle: Any) -> None:
    session = chronicle.open(stamp=100)
    chronicle.batch(session, 1, [("l", "lock.acquire", (50,))])
    assert chronicle.replica.due() == 150
    chronicle.batch(session, 2, [], stamp=150)
    assert chronicle.replica.query("l", "lock.holder") is None


def test_retired_and_used_again_it_begins_anew_as_what_it_is_used_as(shop: Shop) -> None:
    shop.send(("x", "queue.configure", (1,)), ("x", "queue.put", (1,)))
    (full,) = shop.send(("x", "queue.put", (2,)))
    assert isinstance(error_of(full), QueueFull)
    shop.send(("", "retire", ("x",)), ("x", "map.put", ("a", 1)))
    assert shop.replica.objects() == {"x": "map"}
    (reply,) = shop.send(("x", "queue.put", (2,)))
    assert str(error_of(reply)) == "'x' is a map, not a queue"


def test_all_citizens_come_to_the_same(shop: Shop) -> None:
    """By the log, or by a snapshot and what follows it."""
    shop.send(("m", "map.put", ("a", 1)), ("l", "lock.acquire", ()))
    newcomer = Replica()
    newcomer.restore(shop.replica.snapshot())
    shop.send(("m", "map.put", ("a", 2)), ("l", "map.put", ("a", 2)), ("b", "barrier.hold", ()))
    assert shop.chronicle.replay(newcomer).digest() == shop.replica.digest()
    assert shop.chronicle.replay(Replica()).digest() == shop.replica.digest()


def test_readers_of_the_log_are_told_the_method_s_own_name(shop: Shop) -> None:
    body = encode_batch(shop.session, shop.sequence, 0, [("m", "map.put", ("a", 1))])
    applied = shop.chronicle.append(body)
    entry = shop.chronicle.entries[-1]
    replies = encode_replies(applied.replies)
    (told,) = read_entry(entry.promise, entry.stamp, entry.body, 1, replies).operations
    assert (told.object, told.method, told.arguments, told.value) == ("m", "put", ("a", 1), 1)


def test_who_watches_an_object_is_told_that_it_is_retired(shop: Shop) -> None:
    shop.send(("m", "map.put", ("a", 1)))
    body = encode_batch(shop.session, shop.sequence, 0, [("", "retire", ("m",))])
    (event,) = shop.chronicle.append(body).events
    assert (event.object, event.key, event.value) == ("m", None, ("retired",))
