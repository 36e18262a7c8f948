"""What a client makes of how its calls end: with a coordinator that answers as it is told to."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
import ray
from ray.exceptions import ActorDiedError, RpcError

from paxos_ray.actors.authority import OPEN
from paxos_ray.actors.client import Client
from paxos_ray.actors.errors import IslandShutDown, WrongVersion
from paxos_ray.actors.latch import latched
from paxos_ray.actors.response import Response
from paxos_ray.actors.wire import MARK, VERSION, Answer, Opening, seal, unseal
from paxos_ray.core import Promise
from paxos_ray.machines import OK, Batch, Reply, decode, encode_replies
from tests.actors.busy import Busy
from tests.actors.collector import comes_in_between, ends

SOON_S = 30.0
CALL: Any = ("sold", "increment", (1,))
ANSWERED = Promise(1, 2)


class Coordinator:
    """Answers each method by what it is given for it; what it is given nothing for stays
    unanswered."""

    authority = OPEN

    def __init__(self, id: str = "first") -> None:
        self.actor: Any = SimpleNamespace(_actor_id=id)
        self.answers: dict[str, Callable[..., Any]] = {}
        self.asked: list[tuple[str, Future[Any]]] = []
        self._news = threading.Condition()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return SimpleNamespace(remote=lambda *arguments: self._ask(name, arguments))

    def _ask(self, name: str, arguments: tuple[Any, ...]) -> Any:
        future: Future[Any] = Future()
        with self._news:
            self.asked.append((name, future))
            self._news.notify_all()
        if name in self.answers:
            try:
                future.set_result(self.answers[name](*arguments))
            except Exception as error:  # noqa: BLE001 - it is the answer
                future.set_exception(error)
        return SimpleNamespace(future=lambda: future)

    def call(self, name: str, count: int = 1) -> Future[Any]:
        """The call of that name, of so many the last, once it is made."""

        def made() -> list[Future[Any]]:
            return [future for each, future in self.asked if each == name]

        with self._news:
            assert self._news.wait_for(lambda: len(made()) >= count, SOON_S), self.asked
            return made()[count - 1]


def opens() -> bytes:
    return seal(Opening(Promise(1, 1), 60_000))


def says(*values: Any) -> bytes:
    return seal(Answer(ANSWERED, encode_replies([Reply(OK, value) for value in values])))


def dies() -> None:
    raise ActorDiedError()


class Names:
    """What Ray says of a name: the actor, or what is raised."""

    def __init__(self) -> None:
        self.named: dict[str, Any] = {}
        self.away: Exception | None = None
        self.asked = threading.Event()

    def get_actor(self, name: str, namespace: str) -> Any:
        self.asked.set()
        if self.away is not None:
            raise self.away
        if name not in self.named:
            raise ValueError(name)
        return self.named[name]


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    names = Names()
    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    monkeypatch.setattr(ray, "get_actor", names.get_actor)
    return names


@pytest.fixture
def coordinator() -> Coordinator:
    return Coordinator()


@pytest.fixture
def client(coordinator: Coordinator) -> Iterator[Client]:
    client = Client("rome", coordinator)  # type: ignore[arg-type]
    yield client
    client.close(IslandShutDown("the test has ended"))


def soon(told: Callable[[], Any]) -> None:
    deadline = time.monotonic() + SOON_S
    while not told():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("kind", ["write", "read"])
def test_who_is_interrupted_as_a_call_is_sent_is_so_afterwards(
    coordinator: Coordinator, client: Client, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the main thread Ctrl-C comes at any moment: the call is sent, and so is the next."""
    decide, ctrl_c = client._next_call, [signal.SIGINT]

    def interrupted() -> Any:
        call = decide()
        if call is not None and ctrl_c and threading.current_thread() is threading.main_thread():
            os.kill(os.getpid(), ctrl_c.pop())
        return call

    coordinator.answers.update(open=opens, write=lambda _: says(1), read=lambda _: says(1))
    client.write(CALL).result(SOON_S)
    monkeypatch.setattr(client, "_next_call", interrupted)
    with pytest.raises(KeyboardInterrupt):
        getattr(client, kind)(CALL)
    assert getattr(client, kind)(CALL).result(SOON_S) == 1
    assert not ctrl_c


@pytest.mark.parametrize("away", [RpcError("away"), OSError("away"), RuntimeError("away")])
def test_whether_it_has_a_successor_is_asked_again_while_ray_cannot_say(
    coordinator: Coordinator, client: Client, names: Names, away: Exception
) -> None:
    names.away = away
    coordinator.answers["open"] = dies
    asked = client.write(CALL)
    assert names.asked.wait(SOON_S)
    coordinator.call("open", 3)
    assert not asked.done()
    names.away = None  # and nobody has the name
    with pytest.raises(IslandShutDown):
        asked.result(SOON_S)


def test_no_error_ends_the_thread_that_looks_after_calls(
    coordinator: Coordinator, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds: list[int] = []

    def fails() -> None:
        rounds.append(1)
        raise ZeroDivisionError

    monkeypatch.setattr(client, "_look_out", fails)
    soon(lambda: len(rounds) > 2)
    monkeypatch.undo()


@pytest.mark.parametrize("method", ["write", "read"])
def test_an_answer_of_a_version_that_is_not_understood_ends_the_call(
    coordinator: Coordinator, client: Client, method: str
) -> None:
    """The citizens have made it, and a coordinator in between has passed it on."""
    later = MARK + bytes([VERSION + 2]) + says(1)[2:]
    coordinator.answers.update(open=opens, write=lambda _: later, read=lambda _: later)
    with pytest.raises(WrongVersion):
        getattr(client, method)(CALL).result(SOON_S)
    assert isinstance(client.closed_by, WrongVersion)


@pytest.mark.parametrize("method", ["write", "read"])
@pytest.mark.parametrize("wrong", [b"", seal(Answer(Promise(1, 2), b"none")), says(), says(1, 2)])
def test_after_an_answer_that_cannot_be_read_one_asks_again(
    coordinator: Coordinator, client: Client, method: str, wrong: bytes
) -> None:
    answers = [wrong, says(7)]
    coordinator.answers.update(open=opens)
    coordinator.answers[method] = lambda _: answers.pop(0)
    assert getattr(client, method)(CALL).result(SOON_S) == 7
    soon(lambda: client.gate.backlog[:2] == (0, 0))


@pytest.mark.parametrize("method", ["write", "read"])
def test_after_an_answer_that_ends_the_thread_that_hears_it_one_asks_again(
    coordinator: Coordinator, client: Client, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    exits, saw = [SystemExit("no more")], client.nearby.saw

    def heard(promise: Promise) -> None:
        if promise == ANSWERED and exits:
            raise exits.pop()
        saw(promise)

    monkeypatch.setattr(client.nearby, "saw", heard)
    coordinator.answers.update(open=opens, write=lambda _: says(7), read=lambda _: says(7))
    for _ in range(2):
        assert getattr(client, method)(CALL).result(SOON_S) == 7
    assert not exits
    soon(lambda: client.gate.backlog[:2] == (0, 0))


def test_who_is_closed_answers_what_is_under_way_once(
    coordinator: Coordinator, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Response[Any]] = []
    finish = Response.set_error
    monkeypatch.setattr(Response, "set_result", lambda response, _: told.append(response))
    monkeypatch.setattr(
        Response,
        "set_error",
        lambda response, error: (told.append(response), finish(response, error)),
    )
    coordinator.answers.update(open=opens)
    asked = [client.read(CALL), client.write(CALL)]
    calls = [coordinator.call("read"), coordinator.call("write")]
    located: list[Any] = []
    client.locate(located.append, located.append)
    client.close(IslandShutDown("the end"))
    asked += [client.read(CALL), client.write(CALL)]
    for response in asked:
        with pytest.raises(IslandShutDown, match="the end"):
            response.result(SOON_S)
    assert located == [client.closed_by]
    for call in (*calls, coordinator.call("read", 2)):
        call.set_result(says(7))
    assert sorted(map(id, told)) == sorted(map(id, asked))
    assert len(located) == 1


def test_what_is_to_be_sent_as_it_is_closed_is_answered(
    coordinator: Coordinator, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = client._read

    def late(taken: Any) -> None:
        client.close(IslandShutDown("the end"))
        send(taken)

    monkeypatch.setattr(client, "_read", late)
    with pytest.raises(IslandShutDown, match="the end"):
        client.read(CALL).result(SOON_S)


@pytest.mark.parametrize("method", ["write", "read"])
def test_a_call_that_comes_as_it_is_closed_is_answered(
    coordinator: Coordinator, client: Client, method: str
) -> None:
    ask = getattr(client, method)
    queue = Busy(lambda: ask(CALL))
    setattr(client, {"write": "_waiting", "read": "_queries"}[method], queue)
    asked = [ask(CALL), ask(CALL)]  # the second waits, as the first is not answered
    coordinator.call({"write": "open", "read": "read"}[method])
    queue.armed = True
    client.close(IslandShutDown("the end"))
    for response in (*asked, queue.late.result(SOON_S)):
        with pytest.raises(IslandShutDown, match="the end"):
            response.result(SOON_S)


def test_a_query_that_comes_after_the_end_while_another_is_being_answered_is_answered(
    coordinator: Coordinator, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    late: list[Response[Any]] = []

    def closed(_: Promise) -> None:
        client.close(IslandShutDown("the end"))
        for thread in threading.enumerate():
            if thread.name == "paxos_ray client of rome":
                thread.join(SOON_S)
        late.append(client.read(CALL))

    monkeypatch.setattr(client.nearby, "saw", closed)
    asked = client.read(CALL)
    coordinator.call("read").set_result(says(7))
    assert asked.result(SOON_S) == 7
    with pytest.raises(IslandShutDown, match="the end"):
        late[0].result(SOON_S)


class Applying(Coordinator):
    """Answers at once, in the thread that asks."""

    def __init__(self) -> None:
        super().__init__()
        self.applied: list[int] = []  # sequence numbers
        self.answers.update(open=opens, write=self._apply, read=lambda body: says(*unseal(body)))

    def _apply(self, body: bytes) -> bytes:
        batch = decode(body)
        assert isinstance(batch, Batch)
        self.applied += range(batch.first, batch.first + len(batch.operations))
        return says(*batch.operations)


@pytest.mark.parametrize("other", ["write", "read"])
@pytest.mark.parametrize("method", ["write", "read"])
def test_the_garbage_collector_may_make_a_call_at_any_moment(method: str, other: str) -> None:
    """As it ends a coroutine that holds a lock, which is given back then."""
    coordinator = Applying()
    client = Client("rome", coordinator)  # type: ignore[arg-type]
    client.write(CALL).result(SOON_S)
    asked: list[Response[Any]] = []
    line = lines = 0
    while line <= lines:
        lines = comes_in_between(
            line,
            lambda: getattr(client, method)(CALL).result(SOON_S),
            lambda: asked.append(getattr(client, other)(CALL)),
        )
        line += 1
    for response in asked:
        response.result(SOON_S)
    assert len(asked) == line - 1 > 50
    assert coordinator.applied == [*range(1, len(coordinator.applied) + 1)]
    soon(lambda: client.gate.backlog[:2] == (0, 0))
    client.close(IslandShutDown("the test has ended"))


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("held", ["the client's", "the reader's"])
def test_what_is_asked_for_under_a_lock_is_sent_or_refused_by_another_thread(
    held: str, closed: bool
) -> None:
    client = Client("rome", Applying())  # type: ignore[arg-type]
    client.write(CALL).result(SOON_S)
    if closed:
        client.close(IslandShutDown("the end"))
    locks = {"the client's": client._lock, "the reader's": client.nearby._lock}
    asked: list[Response[Any]] = []

    def ask() -> None:
        with latched, locks[held]:
            asked.append(client.write(CALL))
            asked.append(client.read(CALL))
            asked.append(client.read(CALL, consistency="session"))

    assert ends(ask)
    if not closed:
        for each in asked[:2]:
            each.result(SOON_S)
        client.close(IslandShutDown("the end"))
        with contextlib.suppress(IslandShutDown):
            asked.pop().result(SOON_S)  # by the leader, if it was asked in time
        return
    for each in asked:
        with pytest.raises(IslandShutDown, match="the end"):
            each.result(SOON_S)


def test_who_begins_to_wait_for_an_answer_does_not_wait_for_who_answers(client: Client) -> None:
    """Who answers may wait for it; and what comes in between is a call."""

    class Between:
        def __iter__(self) -> Iterator[Any]:
            asked.append(client.write(CALL))
            return iter(())

    asked: list[Response[Any]] = []
    response: Response[int] = Response()
    response._callbacks = Between()  # type: ignore[assignment]
    with client._lock:
        assert ends(lambda: response._call_when_done(list))
    client.close(IslandShutDown("the end"))
    with pytest.raises(IslandShutDown, match="the end"):
        asked[0].result(SOON_S)


def test_a_call_that_fails_at_once_may_come_as_the_client_rests() -> None:
    coordinator = Applying()
    client = Client("rome", coordinator)  # type: ignore[arg-type]
    client.write(CALL).result(SOON_S)
    asked: list[Response[Any]] = []

    def fail() -> None:
        coordinator.answers["read"] = lambda _: 1 // 0
        client._not_before = 0.0
        asked.append(client.read(CALL))
        coordinator.answers["read"] = lambda body: says(*unseal(body))

    line = lines = 0
    while line <= lines:
        lines = comes_in_between(line, client._wait, fail)
        line += 1
        for response in asked:
            response.result(SOON_S)
    client.close(IslandShutDown("the test has ended"))
