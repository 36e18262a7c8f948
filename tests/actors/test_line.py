"""Standing in line, step by step, without a Ray: what is asked when, and that nothing is left."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest

from paxos_ray import InvalidArgument, NotHeld, Overloaded, TimedOut
from paxos_ray.actors.errors import EventsGone, IslandShutDown, NoQuorum
from paxos_ray.actors.post import Change
from paxos_ray.actors.response import Response
from paxos_ray.actors.standard import line as line_module
from paxos_ray.actors.standard import observation as observation_module
from paxos_ray.actors.standard.barrier import Barrier, Inside
from paxos_ray.actors.standard.deeds import Answer, News, Send, wait
from paxos_ray.actors.standard.election import Election
from paxos_ray.actors.standard.lock import Lock
from paxos_ray.actors.standard.observation import Leader, _after
from paxos_ray.actors.standard.queue import Queue
from paxos_ray.core.promise import Promise
from paxos_ray.machines import InvalidArguments, QueueFull

SOON_S = 30.0


class Island:
    """Answers calls by a script: `(method, what it comes to)` in order, an exception to be raised,
    or None for a call that is not answered."""

    island = "scripted"
    seen = Promise(1, 1)

    def __init__(self, *script: tuple[str, Any]) -> None:
        self.script = list(script)
        self.admits = True
        self.turns_away = 0
        self.called: list[tuple[str, tuple[Any, ...]]] = []
        self.done = threading.Event()
        self.responses: list[Response[Any]] = []

    def write(
        self, operation: Any, patience_s: float | None = None, consistency: str = "linearizable"
    ) -> Response[Any]:
        assert consistency == "linearizable"
        if self.turns_away:
            self.turns_away -= 1
            raise Overloaded("no majority")
        _, method, arguments = operation
        told = self.script.pop(0)
        assert told[0] == method.partition(".")[2]
        self.called.append((told[0], arguments))
        response: Response[Any] = Response()
        self.responses.append(response)
        if isinstance(told[1], Exception):
            response.set_error(told[1])
        elif told[1] is not None:
            response.set_result(told[1])
        if not self.script:
            self.done.set()
        return response

    read = write

    async def write_async(self, operation: Any, patience_s: float | None = None) -> Response[Any]:
        if not self.admits:
            raise asyncio.CancelledError
        return self.write(operation)


class Scripted:
    """A watch: changes by a script, exceptions to be raised, None for its end."""

    def __init__(self, *changes: Any) -> None:
        self.changes = list(changes)
        self.closed = False
        self.waited_s: list[float | None] = []

    def next(self, timeout_s: float | None = None) -> Change | None:
        self.waited_s.append(timeout_s)
        told = self.changes.pop(0)
        if isinstance(told, BaseException):
            raise told
        if told is None:
            return None
        return Change(Promise(1, 2), 0, "x", *told)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Any]]:
    def watched(*watches: Scripted) -> list[Any]:
        asked: list[Any] = []
        left = list(watches)

        def watch(client: Any, name: str, keys: Any, after: Promise) -> Scripted:
            asked.append((name, keys, after))
            return left.pop(0)

        monkeypatch.setattr(line_module, "watch", watch)
        return asked

    return watched


def lock(island: Island) -> Lock:
    return Lock(island, "x")  # type: ignore[arg-type]


def granted(number: int) -> tuple[int, tuple[Any, ...]]:
    return number, ("granted", number, None)


LATE = TimedOut("late")
GONE = EventsGone(Promise(1, 1), Promise(1, 5))


def test_what_is_granted_at_once_is_not_waited_for() -> None:
    island = Island(("acquire", (True, 7)))
    assert lock(island).acquire(label="me") == 7
    assert island.called == [("acquire", (None, True, "me"))]


def test_it_is_watched_under_the_ticket_and_the_state_is_asked_for_once(watched: Any) -> None:
    island = Island(("acquire", (False, 7)), ("state", ("waiting", 3)))
    news = Scripted((None, ("resized", 3)), granted(7))
    asked = watched(news)
    assert lock(island).acquire() == 7
    assert asked == [("x", (7, None), Promise(1, 1))]
    assert news.closed


def test_what_was_granted_before_the_watch_began_is_found_in_the_state(watched: Any) -> None:
    watched(Scripted())
    assert lock(Island(("acquire", (False, 7)), ("state", ("granted", 0)))).acquire() == 7


def test_when_events_are_gone_the_state_tells(watched: Any) -> None:
    first, second, third = Scripted(GONE), Scripted(GONE), Scripted()
    watched(first, second, third)
    states = [("state", ("waiting", 1)), ("state", ("waiting", 0)), ("state", ("granted", 0))]
    assert lock(Island(("acquire", (False, 7)), *states)).acquire() == 7
    assert first.closed
    assert second.closed
    assert third.closed


@pytest.mark.parametrize("event", [(7, ("ended", 7, None)), (None, ("retired",))])
def test_what_is_lost_is_told(watched: Any, event: Any) -> None:
    watched(Scripted(event))
    island = Island(("acquire", (False, 7)), ("state", ("waiting", 0)))
    with pytest.raises(NotHeld):
        lock(island).acquire()
    watched(Scripted())
    with pytest.raises(NotHeld):
        lock(Island(("acquire", (False, 7)), ("state", ("gone", 0)))).acquire()
    assert not island.script


@pytest.mark.parametrize(
    ("said", "comes_to"), [("cancelled", TimedOut), ("gone", NotHeld), ("granted", 7)]
)
def test_when_time_is_up_the_answer_of_cancel_is_what_counts(
    watched: Any, said: str, comes_to: Any
) -> None:
    watched(Scripted(LATE))
    more = [("state", ("granted", 0))] if said == "granted" else []
    island = Island(("acquire", (False, 7)), ("state", ("waiting", 0)), ("cancel", said), *more)
    if comes_to == 7:
        assert lock(island).acquire(timeout_s=1) == 7
    else:
        with pytest.raises(comes_to):
            lock(island).acquire(timeout_s=1)
    assert not island.script


def test_an_item_that_is_delivered_as_time_is_up_is_taken(watched: Any) -> None:
    watched(Scripted(LATE))
    item = (3, "value", 0, 1)
    island = Island(
        ("take", (False, 7, None)),
        ("state", ("waiting", 0)),
        ("cancel", "taken"),
        ("state", ("taken", item)),
    )
    queue = Queue(island, "x")  # type: ignore[arg-type]
    assert queue.take(timeout_s=1) == (7, *item)
    watched(Scripted((7, ("taken", 7, item))))
    island.script = [("take", (False, 7, None)), ("state", ("waiting", 0))]
    assert queue.take() == (7, *item)
    island.script = [("take", (True, 8, item))]
    assert queue.take() == (8, *item)


class Stop(BaseException):
    """What may end a wait at any moment."""


@pytest.mark.parametrize(
    ("said", "then"), [("cancelled", []), ("granted", [("release", ())]), ("gone", [])]
)
@pytest.mark.parametrize("why", [Stop(), NoQuorum("none"), IslandShutDown("gone")])
def test_whoever_stops_waiting_leaves_nothing_behind(
    watched: Any, why: BaseException, said: str, then: list[Any]
) -> None:
    watched(Scripted(why))
    island = Island(("acquire", (False, 7)), ("state", ("waiting", 0)), ("cancel", said), *then)
    with pytest.raises(type(why)):
        lock(island).acquire()
    assert island.done.wait(SOON_S)
    assert [arguments for _, arguments in island.called[2:]] == [(7,)] * (1 + len(then))


@pytest.mark.parametrize(
    ("answer", "then"),
    [
        ((True, 7), [("release", ())]),
        ((False, 7), [("cancel", "cancelled")]),
        ((False, 7), [("cancel", "granted"), ("release", ())]),
    ],
)
def test_so_does_who_stops_before_it_is_answered(answer: Any, then: list[Any]) -> None:
    island = Island(("acquire", None), *then)
    with pytest.raises(TimedOut, match=r"Lock.*: not granted in time; the place in line"):
        lock(island).acquire(timeout_s=0.01)
    assert not island.done.is_set()
    island.responses[0].interrupt(NoQuorum("later"))
    island.responses[0].set_result(answer)
    assert island.done.wait(SOON_S)


def test_what_is_held_is_given_back_though_the_end_is_cancelled() -> None:
    island = Island(("acquire", (True, 7)), ("release", ()))

    async def hold() -> None:
        async with lock(island).held():
            island.admits = False  # nobody gets in who waits in a coroutine
            raise ZeroDivisionError

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(hold())
    assert island.done.wait(SOON_S)
    assert island.called[1] == ("release", (7,))


@pytest.mark.parametrize(
    ("answer", "then"),
    [
        ((True, 7), [("release", ())]),
        ((False, 7), [("cancel", "granted"), ("release", ())]),
    ],
)
def test_nothing_is_left_behind_though_there_is_no_room_for_calls(answer: Any, then: Any) -> None:
    island = Island(("acquire", None), *then)
    with pytest.raises(TimedOut):
        lock(island).acquire(timeout_s=0.01)
    island.turns_away = 3
    island.responses[0].set_result(answer)
    assert island.done.wait(SOON_S)


def test_what_is_held_is_given_back_though_there_is_no_room_for_calls() -> None:
    island = Island(("acquire", (True, 7)), ("release", ()))
    with pytest.raises(Overloaded), lock(island).held():
        island.turns_away = 3
    assert island.done.wait(SOON_S)
    assert island.called[1] == ("release", (7,))


def test_what_is_left_behind_is_given_up_with_the_island() -> None:
    island = Island(("acquire", (True, 7)), ("release", IslandShutDown("gone")))
    with pytest.raises(Overloaded), lock(island).held():
        island.turns_away = 2
    assert island.done.wait(SOON_S)
    for thread in threading.enumerate():
        if thread.name == "paxos_ray leaves":
            thread.join(SOON_S)
            assert not thread.is_alive()


def test_a_call_that_is_refused_leaves_nothing_to_leave() -> None:
    island = Island(("acquire", NotHeld("refused")))
    with pytest.raises(NotHeld, match="refused"):
        lock(island).acquire()


def test_room_that_there_was_before_the_watch_is_not_missed(watched: Any) -> None:
    asked = watched(Scripted(("room", ("room",)), GONE), Scripted(("room", ("room",))))
    full = ("put", QueueFull("full"))
    island = Island(full, full, full, full, ("put", 5))
    queue = Queue(island, "x")  # type: ignore[arg-type]
    assert queue.put("value") == 5
    assert [keys for _, keys, _ in asked] == [("room", None)] * 2
    watched(Scripted())
    island.script = [full, ("put", 5)]
    assert queue.put("value") == 5


@pytest.mark.parametrize(
    ("wait", "script", "says"),
    [
        (lambda x: Queue(x, "q").put(1), [("put", QueueFull("full"))] * 2, "no room in time"),
        (lambda x: Queue(x, "q").join(), [("size", 2)] * 2, "not found empty in time"),
        (lambda x: Barrier(x, "b").pass_gate(), [("held", True)] * 2, "gate was not found open"),
        (
            lambda x: Barrier(x, "b").exit(Inside(3, 7)),
            [("leave", (False, 3)), ("inside", [8]), ("inside", [8])],
            "not found in time that all have left gathering 3",
        ),
    ],
)
def test_what_has_not_come_about_in_time_is_said(
    watched: Any, wait: Callable[[Any], Any], script: list[Any], says: str
) -> None:
    watched(Scripted(LATE))
    with pytest.raises(TimedOut, match=rf"^(Queue|Barrier)\('.' of island 'scripted'\): .*{says}"):
        wait(Island(*script))
    watched(Scripted(NoQuorum("two are missing")))
    with pytest.raises(NoQuorum, match="two are missing"):
        wait(Island(*script))


def test_an_item_that_may_be_put_is_said_to_be(watched: Any) -> None:
    queue = Queue(Island(("put", None)), "q")  # type: ignore[arg-type]
    with pytest.raises(TimedOut, match="the item is put if there is room"):
        queue.put(1, timeout_s=0.01)


@pytest.mark.parametrize("inside", [None, 5, (1, 2), Inside("a", 2), Inside(1, "b")])
def test_nobody_leaves_who_was_not_inside(inside: Any) -> None:
    with pytest.raises(InvalidArguments):
        Barrier(Island(), "b").exit(inside)  # type: ignore[arg-type]


def test_a_value_that_unfolds_to_too_much_is_refused_before_it_is_sent() -> None:
    queue = Queue(Island(), "q")  # type: ignore[arg-type]
    with pytest.raises(InvalidArguments, match="of at most 1,000,000 parts and 64 MiB, not list"):
        queue.put(["x" * 100_000] * 2_000)


def test_a_wrong_number_of_arguments_is_told_with_the_types() -> None:
    release: Any = lock(Island()).release
    says = re.escape("release(token: int) -> None takes 1 argument, 2 were given")
    with pytest.raises(InvalidArguments, match=f"^{says}$"):
        release(1, 2)
    with pytest.raises(InvalidArguments, match="takes 1 to 2 arguments, 0 were given"):
        Queue(Island(), "q").offer.remote()  # type: ignore[arg-type, call-arg]


def test_a_deed_is_told_what_went_wrong() -> None:
    told = []

    def deed() -> Any:
        release: Any = lock(Island(("release", ()))).release
        closed: Any = Scripted(None)
        for step in (Send(release, (1,)), Answer(Response()), News(closed)):
            try:
                told.append((yield step))
            except Exception as error:  # noqa: BLE001 - to be looked at
                told.append(type(error))
        return "done"

    assert wait(deed(), 0.01) == "done"
    assert isinstance(told[0], Response)
    assert told[1:] == [TimedOut, IslandShutDown]


def test_who_leads_after_an_event() -> None:
    leader = Leader(5, "a")
    for key, event, comes_to in (
        (7, ("elected", 7, "b"), (7, "b")),
        (5, ("proclaimed", 5, "z"), (5, "z")),
        (5, ("resigned", 5, "a"), None),
        (5, ("expired", 5, "a"), None),
        (None, ("retired",), None),
        (4, ("elected", 4, "old"), leader),
        (4, ("ended", 4, "old"), leader),
        (6, ("cancelled", 6, "waits"), leader),
    ):
        assert _after(leader, key, event) == comes_to
    assert _after(None, 8, ("cancelled", 8, "waits")) is None
    assert _after(None, 8, ("elected", 8, "b")) == (8, "b")


def test_an_observer_that_is_too_slow_is_told_who_leads_by_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watches = [Scripted((5, ("proclaimed", 5, "z")), GONE), Scripted(LATE, None)]
    monkeypatch.setattr(observation_module, "watch", lambda *_, **__: watches.pop(0))
    first, second = watches
    island = Island(("leader", (5, "a", None, (1, 1))), ("leader", (9, "b", None, (1, 1))))
    told = Election(island, "x").observe(timeout_s=1)  # type: ignore[arg-type]
    assert [next(told), next(told), next(told)] == [(5, "a"), (5, "z"), (9, "b")]
    assert first.closed
    with pytest.raises(TimedOut):
        next(told)
    with pytest.raises(IslandShutDown):
        next(told)
    told.close()
    assert list(told) == []
    assert second.closed


def test_an_observer_waits_as_long_as_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Scripted(*[(term, ("elected", term, "b")) for term in range(6, 9)])
    monkeypatch.setattr(observation_module, "watch", lambda *_, **__: watch)
    island = Island(("leader", (5, "a", None, (1, 1))))
    told = Election(island, "x").observe(timeout_s=50)  # type: ignore[arg-type]
    assert [told.next(), told.next(), told.next(None), told.next(10**400)] == [
        (5, "a"),
        (6, "b"),
        (7, "b"),
        (8, "b"),
    ]
    first = watch.waited_s[0]
    assert first is not None
    assert 0 < first <= 50
    assert watch.waited_s[1:] == [None, None]
    with pytest.raises(InvalidArgument):
        told.next(-1)
    with pytest.raises(InvalidArgument):
        Election(island, "x").observe(timeout_s=True)  # type: ignore[arg-type]
