"""Objects of users' classes: calls, errors, going back, snapshots."""

from __future__ import annotations

import pickle
import random
from typing import Any

import cloudpickle
import pytest

from paxos_ray.core.promise import Promise
from paxos_ray.machines import (
    ERROR,
    OK,
    RAISED,
    RESULT,
    AlreadyDeployed,
    CannotSnapshot,
    Event,
    InvalidArguments,
    InvalidClass,
    InvalidSnapshot,
    MachineError,
    NoContext,
    OperationFailed,
    QueryWrites,
    RemoteTraceback,
    Replica,
    Reply,
    TooLarge,
    UnknownMethod,
    UnknownObject,
    WrongKind,
    encode_batch,
    encode_replies,
    read_entry,
    value_of,
)
from paxos_ray.machines import hosted as hosted_module
from paxos_ray.machines.blueprint import blueprint_of
from paxos_ray.machines.travel import pack
from tests.machines.users import (
    Careful,
    Cellar,
    Diary,
    Inventory,
    Item,
    Mute,
    OutOfStock,
    Quits,
    Silence,
    Telltale,
)


class Shop:
    """A replica with deployed objects, and one client."""

    def __init__(self, chronicle: Any) -> None:
        self.chronicle = chronicle
        self.session = chronicle.open(10**9)
        self.sequence = 1

    @property
    def replica(self) -> Replica:
        replica: Replica = self.chronicle.replica
        return replica

    @property
    def session_deadline(self) -> int:
        """When the client's session will have ended."""
        used = self.replica._sessions._open[self.session].used
        return used + 10**9 + 1

    def send(self, *operations: Any) -> list[Reply]:
        first, self.sequence = self.sequence, self.sequence + len(operations)
        return self.chronicle.batch(self.session, first, list(operations), acknowledged=first - 1)

    def deploy(self, cls: type, *args: Any, name: str = "x", **kwargs: Any) -> bool:
        (reply,) = self.send(deployment(cls, *args, name=name, **kwargs))
        return value_of(reply)

    def call(self, method: str, *args: Any, name: str = "x", **kwargs: Any) -> Any:
        (reply,) = self.send((name, method, (pack((args, kwargs)),)))
        return value_of(reply)

    def ask(self, method: str, *args: Any, name: str = "x") -> Any:
        return value_of(self.replica.ask(name, method, (pack((args, {})),)))

    def twin(self) -> Replica:
        """One that has loaded a snapshot."""
        twin = Replica()
        twin.restore(pickle.loads(pickle.dumps(self.replica.snapshot())))
        assert twin.digest() == self.replica.digest()
        return twin


def deployment(cls: type, *args: Any, name: str = "x", **kwargs: Any) -> Any:
    return ("", "deploy", (name, *blueprint_of(cls), pack((args, kwargs))))


@pytest.fixture
def shop(chronicle: Any) -> Shop:
    return Shop(chronicle)


def test_an_object_is_deployed_called_asked_and_retired(shop: Shop) -> None:
    assert shop.deploy(Inventory, "a", each=3) is True
    assert shop.replica.objects() == {"x": "object"}
    assert shop.call("add", "a", n=2) == 5
    assert shop.call("reserve", "a", 4) == Item("a", 1)
    assert type(shop.call("reserve", "a", 1)) is Item
    assert shop.ask("left", "a") == 0
    assert shop.replica.query("", "objects") == [("x", "object", "Inventory")]
    said = shop.replica.query("", "describe", ("x",))
    assert said["class"] == "Inventory"
    assert said["methods"]["left"] is True
    assert said["methods"]["reserve"] is False
    assert "__init__" not in said["methods"]
    shop.send(("", "retire", ("x",)))
    assert shop.replica.objects() == {}
    with pytest.raises(UnknownObject):
        shop.call("add", "a")
    with pytest.raises(UnknownObject):
        shop.ask("left", "a")
    assert shop.replica.objects() == {}


def test_deploying_again_is_nothing_and_another_class_is_refused(shop: Shop) -> None:
    assert shop.deploy(Inventory, "a") is True
    shop.call("add", "a", 5)
    before = shop.replica.digests()["x"]
    assert shop.deploy(Inventory) is False
    with pytest.raises(AlreadyDeployed, match="'x': Inventory of fingerprint"):
        shop.deploy(Diary)
    shop.send(("sold", "increment", (1,)))
    with pytest.raises(WrongKind, match="'sold' is a counter"):
        shop.deploy(Inventory, name="sold")
    with pytest.raises(WrongKind, match="object of the class Inventory"):
        value_of(shop.send(("x", "increment", (1,)))[0])
    assert shop.replica.digests()["x"] == before
    assert value_of(shop.send(("", "create", ("sold", "counter")))[0]) is False
    assert value_of(shop.send(("", "create", ("more", "counter")))[0]) is True
    with pytest.raises(WrongKind):
        value_of(shop.send(("", "create", ("x", "counter")))[0])


def test_an_exception_is_raised_at_the_caller_and_undone(shop: Shop) -> None:
    shop.deploy(Inventory, "a", each=1)
    before = shop.replica.digests()["x"]
    with pytest.raises(OutOfStock, match="1 a left, 2 wanted") as told:
        shop.call("reserve", "a", 2)
    assert isinstance(told.value.__cause__, RemoteTraceback)
    trace = str(told.value.__cause__)
    assert "in reserve" in trace
    assert "hosted.py" not in trace
    assert shop.replica.digests()["x"] == before
    assert shop.ask("left", "a") == 1
    with pytest.raises(KeyError):
        shop.call("reserve", "b", 1)
    with pytest.raises(TypeError, match="argument"):
        shop.call("reserve")
    assert shop.replica.digests()["x"] == before
    assert shop.call("reserve", "a", 1) == Item("a", 0)


@pytest.mark.parametrize(
    ("method", "error", "says"),
    [
        ("lock", CannotSnapshot, "the state of 'x' could not be pickled: TypeError"),
        (
            "remember",
            CannotSnapshot,
            "the state of 'x' could be pickled, but not made again of that",
        ),
        ("devour", MemoryError, "^$"),
        ("give_lock", OperationFailed, "the result could not be pickled"),
        ("unfriendly", OperationFailed, "Unfriendly: 1 and 2"),
        ("leave", OperationFailed, "SystemExit: 3"),
        ("interrupt", OperationFailed, "KeyboardInterrupt"),
        ("deeper", RecursionError, "recursion"),
        ("nothing_of_that_name", UnknownMethod, "Inventory has no method 'nothing_of_that_name'"),
        ("_private", UnknownMethod, "no method"),
        ("left", UnknownMethod, "is a query"),
    ],
)
@pytest.mark.parametrize("large", [False, True])
def test_what_goes_wrong_is_told_and_changes_nothing(
    shop: Shop, method: str, error: type[Exception], says: str, large: bool
) -> None:
    shop.deploy(Inventory, "a", each=1)
    if large:
        shop.call("fill", 20_000)
        if error is CannotSnapshot:
            return  # of a large state that is found when it is pickled, see below
    before = shop.replica.digests()["x"]
    with pytest.raises(error, match=says):
        shop.call(method)
    assert shop.replica.digests()["x"] == before
    shop.twin()


def test_a_query_that_needs_too_much_memory_is_told_so(shop: Shop) -> None:
    shop.deploy(Inventory, "a", each=1)
    with pytest.raises(MemoryError):
        shop.ask("too_much")
    assert shop.ask("left", "a") == 1


class Stray:
    """A class that no other refers to."""

    def __init__(self, sku: str) -> None:
        self.sku = sku
        self.left = 7


def test_a_class_that_came_with_a_call_is_there_wherever_the_object_is_restored(
    shop: Shop,
) -> None:
    shop.deploy(Inventory, "a", each=1)
    for sku in ("b", "c"):
        shop.call("put", Stray(sku))
    twin = shop.twin()
    assert value_of(twin.ask("x", "left", (pack((("c",), {})),))) == 7
    shop.call("put", Stray("d"))
    twin.apply(shop.chronicle.entries[-1])
    assert twin.digest() == shop.replica.digest()
    again = Replica()
    again.restore(pickle.loads(pickle.dumps(twin.snapshot())))
    assert again.digest() == twin.digest()


def test_an_object_that_cannot_go_back_is_broken_and_harms_nobody(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shop.deploy(Inventory, "a", each=1)

    def loaded(*_: Any) -> Any:
        raise ZeroDivisionError("in a __setstate__")

    reserve = ("x", "reserve", (pack((("a", 2), {})),))
    with monkeypatch.context() as patched:
        patched.setattr(hosted_module.Hosted, "_loaded", loaded)
        replies = shop.send(("sold", "increment", (1,)), reserve, ("sold", "increment", (1,)))
    assert [reply.status for reply in replies] == [OK, RAISED, OK]
    assert "'x' is broken" in caplog.text
    for method in ("add", "reserve"):
        with pytest.raises(CannotSnapshot, match="retire it, and deploy it anew"):
            shop.call(method, "a", 1)
    with pytest.raises(CannotSnapshot, match="'x'"):
        shop.ask("left", "a")
    twin = shop.twin()
    assert twin.query("sold", "value") == 2
    shop.send(("", "retire", ("x",)))
    shop.deploy(Inventory, "a", each=3)
    assert shop.ask("left", "a") == 3


def test_a_large_state_that_cannot_be_pickled_is_told_of_loudly(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    shop.deploy(Inventory, "a", each=1)
    shop.call("fill", 20_000)
    shop.call("lock")
    hosted = shop.replica._objects._hosted["x"]
    with pytest.raises(CannotSnapshot):
        hosted.pack_state()
    hosted.renew()
    assert "'x' cannot be given a new checkpoint" in caplog.text
    twin = shop.twin()  # what led there still does
    assert value_of(twin.ask("x", "left", (pack((("a",), {})),))) == 1


def test_bad_calls_are_refused(shop: Shop) -> None:
    shop.deploy(Inventory, "a")
    before = shop.replica.digests()["x"]
    for payload in (b"", b"junk", pickle.dumps(7), pickle.dumps((1, 2, 3))):
        with pytest.raises(InvalidArguments, match="cannot be read"):
            value_of(shop.send(("x", "add", (payload,)))[0])
        with pytest.raises(InvalidArguments, match="cannot be read"):
            value_of(shop.replica.ask("x", "left", (payload,)))
    with pytest.raises(UnknownMethod, match="is no query"):
        shop.ask("add", "a")
    for operation in (
        ("", "deploy", ("y",)),
        ("", "deploy", ("y", "print", b"junk", b"")),
        ("", "deploy", ("", *blueprint_of(Inventory), pack(((), {})))),
        ("", "deploy", ("y", "print", cloudpickle.dumps(Item), pack(((), {})))),
        ("", "create", ("y", "piano")),
        ("", "retire", ("y",)),
        ("", "destroy", ()),
        ("", "increment", (1,)),
    ):
        (reply,) = shop.send(operation)
        assert reply.status is ERROR, operation
        with pytest.raises(MachineError):
            value_of(reply)
    assert shop.replica.digests()["x"] == before
    assert shop.replica.objects() == {"x": "object"}
    with pytest.raises(TypeError):
        shop.deploy(Inventory, name="y", piano=1)
    assert shop.replica.objects() == {"x": "object"}


def test_arguments_have_a_limit(shop: Shop) -> None:
    shop.deploy(Careful)
    assert shop.call("add", 1, b"x" * 1_000) == 1
    with pytest.raises(TooLarge, match=r"Careful.add weigh 3,0.. bytes; the class .* 2,000"):
        shop.call("add", 1, b"x" * 3_000)
    with pytest.raises(TooLarge, match="__init__"):
        shop.deploy(Careful, b"x" * 3_000, name="y")
    assert shop.call("add", 0) == 1


def test_a_query_that_writes_is_found_and_undone(shop: Shop) -> None:
    shop.deploy(Inventory, "a", each=1)
    before = shop.replica.digest()
    for raises in (False, True):
        with pytest.raises(QueryWrites, match=r"Inventory.writes is marked as a query and changes"):
            shop.ask("writes", raises)
    assert shop.ask("left", "a") == 1
    with pytest.raises(KeyError):
        shop.ask("left", "b")
    assert shop.replica.digest() == before


def test_the_context_is_the_same_on_all_and_another_for_each_call(shop: Shop) -> None:
    shop.deploy(Inventory)
    shop.chronicle.stamp = 70
    draw = ("x", "draw", (pack(((), {})),))
    drawn = [value_of(reply) for reply in shop.send(draw, ("n", "increment", (1,)), draw)]
    top = shop.chronicle.entries[-1].promise
    assert drawn[0][1:] == (f"{top}.0-1", f"{top}.0-2", 70, tuple(top))
    assert drawn[2][1:3] == (f"{top}.2-1", f"{top}.2-2")
    assert drawn[0][0] != drawn[2][0]
    assert shop.chronicle.replay(Replica()).digest() == shop.replica.digest()
    assert shop.ask("when") == (70, tuple(top))
    with pytest.raises(NoContext, match="a query has no random"):
        shop.ask("draws")
    with pytest.raises(NoContext):
        Inventory().draw()


def test_readers_of_the_log_see_calls_as_they_were_made(shop: Shop) -> None:
    shop.deploy(Inventory, "a", each=1)
    calls = [("add", ("a",), {"n": 2}), ("reserve", ("a", 2), {}), ("reserve", ("a", 9), {})]
    body = encode_batch(
        shop.session, 2, 1, [("x", method, (pack((args, named)),)) for method, args, named in calls]
    )
    applied = shop.chronicle.append(body)
    entry = read_entry(applied.promise, 0, body, applied.fresh, encode_replies(applied.replies))
    assert [(told.method, told.arguments) for told in entry.operations] == [
        ("add", ("a", {"n": 2})),
        ("reserve", ("a", 2)),
        ("reserve", ("a", 9)),
    ]
    assert [told.value for told in entry.operations] == [3, Item("a", 1), None]
    assert type(entry.operations[2].error) is OutOfStock


def test_events_of_calls_that_succeed_are_told_in_order(shop: Shop) -> None:
    shop.deploy(Inventory)
    draw, fail = (("x", method, (pack(((), {})),)) for method in ("draw", "publish_and_fail"))
    body = encode_batch(shop.session, 2, 1, [draw, fail, draw])
    applied = shop.chronicle.append(body)
    assert [reply.status for reply in applied.replies] == [RESULT, RAISED, RESULT]
    assert list(applied.events) == [
        Event(applied.promise, index, "x", "draw", {"drawn": index}) for index in (0, 2)
    ]
    assert list(shop.chronicle.append(body).events) == []  # sent again, not applied again


def test_users_classes_are_one_class_whoever_sends_them(shop: Shop) -> None:
    """The dataclass's equality asks for the very class."""
    shop.deploy(Inventory, "a", each=1)
    assert shop.call("put", Item("a", 1)) is True
    assert shop.call("put", Item("b", 1)) is False
    twin = shop.twin()
    shop.chronicle.replica = twin
    assert shop.call("put", Item("b", 1)) is True
    assert twin.digest() == shop.replica.digest()


def test_a_class_with_hooks_of_its_own_for_snapshots(shop: Shop) -> None:
    shop.deploy(Cellar)
    assert [shop.call("store", name) for name in ("red", "red", "white")] == [1, 2, 1]
    with pytest.raises(OutOfStock):
        shop.call("store", "broken")
    assert shop.call("store", "red") == 3
    shop.chronicle.replica = shop.twin()
    assert shop.call("store", "red") == 4


@pytest.mark.parametrize("large", [False, True])
def test_the_journal_leads_to_the_same_state(
    shop: Shop, large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Random calls, some of which raise; going back and snapshots at any time."""
    if large:
        monkeypatch.setattr(hosted_module, "SMALL", 100)
        monkeypatch.setattr(hosted_module, "A_DEED", 30)
    chance = random.Random(4)
    shop.deploy(Inventory, "a", "b", each=2)
    twins = [shop.twin()]
    for step in range(150):
        sku = chance.choice("abc")
        call = chance.choice(
            [("add", sku), ("reserve", sku, 2), ("draw",), ("tag", sku, *"xyz"[: step % 4])]
        )
        shop.send(("x", call[0], (pack((call[1:], {})),)))
        if step % 20 == 0:
            twins.append(shop.twin())
        entry = shop.chronicle.entries[-1]
        for twin in twins:
            twin.apply(entry)
    assert {twin.digest() for twin in twins} == {shop.replica.digest()}
    assert shop.chronicle.replay(Replica()).digest() == shop.replica.digest()
    assert shop.replica._objects._hosted["x"]._large is large


def test_a_checkpoint_can_be_made_aside(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosted_module, "SMALL", 100)
    monkeypatch.setattr(hosted_module, "A_DEED", 30)
    stale: list[Any] = []
    shop.replica.renew_aside(stale.append)
    shop.deploy(Inventory, *"abcdefgh")
    assert stale == []
    while not stale:
        shop.call("add", "a")
    (hosted,) = stale
    made, deeds = hosted.pack_state(), hosted.deeds
    shop.call("add", "b")
    with pytest.raises(OutOfStock):
        shop.call("reserve", "c", 100)
    before = shop.replica.digest()
    hosted.renewed(made, deeds)
    assert (hosted.stale, hosted.deeds) == (False, 1)
    assert shop.replica.digest() == before
    shop.twin()
    with pytest.raises(OutOfStock):
        shop.call("reserve", "c", 100)
    assert shop.ask("left", "b") == 1
    other = Replica()
    other.renew_aside(stale.append)
    other.restore(shop.replica.snapshot())
    assert other._objects._hosted["x"].on_stale == stale.append


def test_who_checks_first_is_not_undone(shop: Shop) -> None:
    shop.deploy(Careful)
    assert [shop.call("add", n) for n in (1, 2)] == [1, 3]
    with pytest.raises(ValueError, match="below 0"):
        shop.call("add", -1)
    assert shop.call("add", 1) == 4
    shop.chronicle.replica = shop.twin()
    assert shop.call("add", 1) == 5


def test_a_malformed_object_in_a_snapshot_is_refused(shop: Shop) -> None:
    shop.deploy(Inventory, "a")
    good: Any = shop.replica.snapshot()
    before = shop.replica.digest()
    state = good["objects"]["object"]["x"]
    for bad in (
        {},
        None,
        {**state, "class": b"junk"},
        {**state, "checkpoint": b"junk"},
        {**state, "journal": [("call", ("nothing", b""), (1, 1), 0, (1, 1), 0)], "large": True},
        {**state, "journal": [1]},
    ):
        with pytest.raises(InvalidSnapshot, match="'x' cannot be restored"):
            shop.replica.restore({**good, "objects": {"object": {"x": bad}}})
        assert shop.replica.digest() == before


def test_classes_that_cannot_be_replicated(shop: Shop) -> None:
    import threading

    import paxos_ray

    held = threading.Lock()

    @paxos_ray.replicated
    class Holds:
        def get(self) -> object:
            return held

    with pytest.raises(InvalidClass, match="Holds cannot be pickled"):
        blueprint_of(Holds)
    with pytest.raises(InvalidClass, match="Item is no class marked"):
        blueprint_of(Item)

    class Inherits(Inventory):
        pass

    with pytest.raises(InvalidClass, match="Inherits is no class marked"):
        blueprint_of(Inherits)

    class Waits:
        async def get(self) -> None: ...

    class Yields:
        def get(self) -> Any:
            yield

    class Half:
        def get(self) -> None: ...
        def due(self) -> None: ...

    class Empty:
        pass

    for cls, says in ((Waits, "async"), (Yields, "generator"), (Half, "together"), (Empty, "no p")):
        with pytest.raises(InvalidClass, match=says):
            paxos_ray.replicated(cls)
    with pytest.raises(InvalidClass):
        paxos_ray.replicated(7)  # type: ignore[call-overload]
    with pytest.raises(InvalidClass):
        paxos_ray.query(Inventory)
    with pytest.raises(InvalidClass):
        paxos_ray.replicated(argument_bytes=0)(Careful)


def test_a_duplicate_of_a_session_gets_the_first_reply(shop: Shop) -> None:
    shop.deploy(Inventory, "a", each=1)
    call = ("x", "reserve", (pack((("a", 1), {})),))
    replies = shop.chronicle.batch(shop.session, 2, [call, call])
    assert [reply.status for reply in replies] == [RESULT, RAISED]
    assert shop.chronicle.batch(shop.session, 2, [call, call]) == replies
    twin = shop.twin()
    shop.chronicle.replica = twin
    assert shop.chronicle.batch(shop.session, 2, [call, call]) == replies
    assert shop.ask("left", "a") == 0


def test_ok_is_for_plain_kinds(shop: Shop) -> None:
    (reply,) = shop.send(("n", "increment", (3,)))
    assert reply == (OK, 3)
    assert value_of(reply) == 3
    assert Promise(1, 1) == shop.session


def test_a_due_that_ends_processes_is_not_due(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    shop.deploy(Quits)
    assert shop.call("call") == 1
    assert "SystemExit" in caplog.text
    assert shop.replica.due() is None


def test_the_words_of_an_error_are_no_state(shop: Shop, chronicles: Any) -> None:
    """They may have an address in them, or the order of a set."""
    other = Shop(chronicles())
    for one, by in ((shop, "the first"), (other, "the second")):
        one.deploy(Telltale)
        with pytest.raises(OperationFailed, match=f"as {by} at"):
            one.call("tell", by)
    assert shop.replica.digests() == other.replica.digests()
    (reply,) = shop.send(("x", "missing", (pack(((), {})),)))
    (instead,) = other.send(("x", "tell", (b"no pickle",)))
    assert (reply.status, instead.status) == (ERROR, ERROR)
    assert shop.replica.digests() != other.replica.digests()


@pytest.mark.parametrize(
    ("method", "given", "error"),
    [
        ("take", Mute("unpickling"), InvalidArguments),
        ("give", "pickling", OperationFailed),
        ("give", "unpickling", OperationFailed),
        ("keep", "pickling", CannotSnapshot),
        ("keep", "unpickling", CannotSnapshot),
        ("fail", None, OperationFailed),
    ],
    ids=["arguments", "result", "result there", "state", "state again", "error"],
)
def test_an_error_that_cannot_be_told_is_one_nevertheless(
    shop: Shop, method: str, given: Any, error: type[Exception]
) -> None:
    shop.deploy(Silence)
    with pytest.raises(error):
        shop.call(method, *(() if given is None else (given,)))
    assert shop.replica.due() is None
    assert shop.twin().deployed("x").state().kept is None
