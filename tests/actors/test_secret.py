"""Islands with a secret: who knows it comes in by every way, who does not by none."""

from __future__ import annotations

import inspect
import logging
import os
import pickle
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import ray

import paxos_ray
from paxos_ray import (
    InvalidArgument,
    Island,
    SecretNeeded,
    WrongSecret,
    attach,
    launch,
    prospect,
    recover,
)
from paxos_ray.actors.authority import OPEN, VARIABLE, Authority, authority_of
from paxos_ray.actors.citizen import Citizen
from paxos_ray.actors.coordinator import Coordinator, CoordinatorActor
from paxos_ray.actors.deputy import Deputy, DeputyActor
from paxos_ray.actors.doors import CitizenActor
from paxos_ray.actors.guard import UNGUARDED, pack
from paxos_ray.actors.member import names
from paxos_ray.actors.settings import CITIZEN, COORDINATOR, DEPUTY, Wish, namespace
from paxos_ray.machines import encode_open
from tests.actors.soon import until

pytestmark = pytest.mark.usefixtures("cluster")

SOON_S = 60.0
SECRET = "correct horse battery staple"
OTHER = b"incorrect horse battery staple"
NAME = "secret"

KINDS: dict[str, type] = {CITIZEN: Citizen, COORDINATOR: Coordinator, DEPUTY: Deputy}
DOORS = [
    (kind, name)
    for kind, actor in KINDS.items()
    for name, _ in inspect.getmembers(actor, inspect.isfunction)
    if not name.startswith("_") and name not in UNGUARDED
]


@pytest.fixture(scope="module")
def island(cluster: str) -> Iterator[Island]:
    # Audits, and uses of a session that keep it open, are entries.
    made = launch(NAME, secret=SECRET, audit_s=0, session_ms=10**8, timeout_s=SOON_S)
    assert made.counter("count").increment(1, timeout_s=SOON_S) == 1
    yield made
    made.shutdown()


def actors(kind: str) -> list[Any]:
    found = [name for name in names(NAME) if name.startswith(kind)]
    return [ray.get_actor(name, namespace=namespace(NAME)) for name in found]


def state() -> Any:
    status = attach(NAME, secret=SECRET).settled(timeout_s=SOON_S)
    return (
        status.government,
        status.population,
        {(c.id, c.applied, c.digest) for c in status.citizens},
    )


@pytest.mark.parametrize(("kind", "method"), DOORS, ids=lambda each: str(each))
def test_no_door_opens_without_the_signature(island: Island, kind: str, method: str) -> None:
    before = state()
    known = island._client.authority
    wrong = authority_of(NAME, OTHER).under(island.status(timeout_s=SOON_S).republic)
    forged = pack(known, "another", ()), pack(wrong, method, ())
    for actor in until(lambda: actors(kind)):  # the deputy comes a little later
        call = getattr(actor, method)
        for argument in ((), (b"",), (b"body",), (pack(OPEN, method, (1, 2)),), (7, "old", ())):
            if (method, argument) == ("receive", ()):
                assert ray.get(call.remote(), timeout=SOON_S) is None, "nothing to nothing"
                continue
            with pytest.raises(SecretNeeded):
                ray.get(call.remote(*argument), timeout=SOON_S)
        for signed in forged:
            with pytest.raises(WrongSecret):
                ray.get(call.remote(signed), timeout=SOON_S)
    assert state() == before


def test_there_is_a_door_before_each_method() -> None:
    for actor in (CitizenActor, CoordinatorActor, DeputyActor):
        for name, method in inspect.getmembers(actor, inspect.isfunction):
            if not name.startswith("_") and name not in UNGUARDED:
                assert name in actor.__dict__, f"{actor.__name__}.{name} is as it was inherited"
                assert method.__module__ in ("paxos_ray.actors.doors", "paxos_ray.actors.guard")
    assert len(DOORS) > 25
    assert {"look", "watch", "give", "testify", "restore"} <= {name for _, name in DOORS}


WAYS: dict[str, Callable[[Island], Any]] = {
    "write": lambda island: island.counter("count").increment(1, timeout_s=SOON_S),
    "read": lambda island: island.counter("count").value(timeout_s=SOON_S),
    "session read": lambda island: (
        island.counter("count").value.options(consistency="session").remote().result(SOON_S)
    ),
    "eventual read": lambda island: (
        island.counter("count").value.options(consistency="eventual").remote().result(SOON_S)
    ),
    "map": lambda island: island.map("map").put("key", 1),
    "stream": lambda island: next(island.log(paxos_ray.Promise(1, 0), timeout_s=SOON_S)),
    "watch": lambda island: island.map("map").watch(timeout_s=SOON_S).close(),
    "status": lambda island: island.status(timeout_s=SOON_S),
    "scale": lambda island: island.scale(3, timeout_s=SOON_S, progress=False),
    "objects": lambda island: island.objects(),
}


@pytest.mark.parametrize("way", WAYS)
def test_who_knows_the_secret_comes_in_and_nobody_else(island: Island, way: str) -> None:
    WAYS[way](attach(NAME, secret=SECRET))
    before = island.counter("count").value(timeout_s=SOON_S)
    with pytest.raises(SecretNeeded, match=rf"secret=.*{VARIABLE}"):
        WAYS[way](attach(NAME))
    with pytest.raises(WrongSecret, match=rf"secret=.*{VARIABLE}"):
        WAYS[way](attach(NAME, secret=OTHER))
    assert island.counter("count").value(timeout_s=SOON_S) == before


def test_a_secret_for_an_island_without_one_is_refused(name: str) -> None:
    launch(name, timeout_s=SOON_S).counter("count").increment(1, timeout_s=SOON_S)
    with pytest.raises(WrongSecret, match="without a secret"):
        attach(name, secret=SECRET)
    assert attach(name).counter("count").value(timeout_s=SOON_S) == 1


def test_it_is_taken_from_the_environment(island: Island, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, SECRET)
    assert attach(NAME).counter("environment").increment(1, timeout_s=SOON_S) == 1
    monkeypatch.setenv(VARIABLE, OTHER.decode())
    with pytest.raises(WrongSecret):
        attach(NAME)
    assert attach(NAME, secret=SECRET).counter("environment").value(timeout_s=SOON_S) == 1


def test_handles_take_their_authority_along(island: Island) -> None:
    things = island, island.counter("along"), island.map("along too")

    @ray.remote(num_cpus=0)
    def task(island: Island, counter: Any, store: Any) -> int:
        store.put("key", 1)
        counter.increment(1, timeout_s=SOON_S)
        return int(island.counter(counter.name).increment(1, timeout_s=SOON_S))

    @ray.remote(num_cpus=0)
    def stranger(name: str) -> int:
        return int(attach(name).counter("along").increment(1, timeout_s=SOON_S))

    assert ray.get(task.remote(*things), timeout=SOON_S) == 2
    with pytest.raises(SecretNeeded):
        ray.get(stranger.remote(NAME), timeout=SOON_S)
    assert things[1].value(timeout_s=SOON_S) == 2


def test_it_shows_nowhere(
    island: Island, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    authority = island._client.authority
    said = [repr(island), repr(island._client.authority), repr(island.counter("count"))]
    said.append(repr(island.status(digests=True, timeout_s=SOON_S)))
    for secret in (OTHER, b"short"):
        with pytest.raises((WrongSecret, InvalidArgument)) as caught:
            attach(NAME, secret=secret)
        said.append(repr(caught.value))
    with pytest.raises(InvalidArgument) as refused:
        launch("other", secret=["correct horse battery staple"])  # type: ignore[arg-type]
    said += [repr(refused.value), caplog.text, *capfd.readouterr()]
    key = authority._key
    assert key is not None
    for hidden in (SECRET, OTHER.decode(), "short", key.hex(), repr(key)):
        assert all(hidden not in text for text in said)


def test_what_it_is_carried_by_does_not_hold_it(island: Island) -> None:
    assert SECRET.encode() not in pickle.dumps(island._client.authority)
    assert pickle.loads(pickle.dumps(island._client.authority)) == island._client.authority


def test_what_was_said_once_changes_nothing_when_it_is_said_again(island: Island) -> None:
    """By who can listen, and has not the secret."""
    authority = island._client.authority
    (coordinator,) = actors(COORDINATOR)
    version = island._client.coordinator.progress.remote().get(SOON_S).wish.version
    captured = pack(authority, "want", (4, (), version - 1))
    before = state()
    ray.get(coordinator.want.remote(captured), timeout=SOON_S)
    assert state() == before, "another wish has come since"
    for actor in actors(CITIZEN):
        with pytest.raises(InvalidArgument, match="not of republic"):
            ray.get(
                actor.testify.remote(pack(authority, "testify", ("an earlier one",))),
                timeout=SOON_S,
            )
    session = pack(authority, "write", (encode_open(60_000),))
    for _ in range(2):  # a session more, which nobody uses, and which ends
        ray.get(coordinator.write.remote(session), timeout=SOON_S)
    island.counter("count").increment(1, timeout_s=SOON_S)
    assert state()[1] == before[1]


def test_a_coordinator_that_is_none_is_told_nothing_and_believed_nothing(name: str) -> None:
    class Impostor:
        def __init__(self) -> None:
            self.heard: list[bytes] = []

        def greet(self, signed: bytes) -> bytes:
            self.heard.append(signed)
            return pack(OPEN, "greet", ("republic",))

        def said(self) -> list[bytes]:
            return self.heard

    actor: Any = ray.remote(num_cpus=0)(Impostor)
    impostor = actor.options(name=COORDINATOR, namespace=namespace(name)).remote()
    with pytest.raises(SecretNeeded):
        attach(name, secret=SECRET)
    (heard,) = ray.get(impostor.said.remote(), timeout=SOON_S)
    assert SECRET.encode() not in heard
    ray.kill(impostor)


def test_the_island_lives_on_with_it(name: str) -> None:
    """Whoever dies: the key is where Ray keeps what actors are made of, and goes to newcomers."""
    island = launch(name, secret=SECRET, timeout_s=SOON_S)
    counter = island.counter("count")
    status = island.status(timeout_s=SOON_S)
    for pid in (status.coordinator_pid, status.leader_pid):
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        counter.increment(1, timeout_s=SOON_S)
    island.await_shape("healing", Wish(1, 3), SOON_S, show=False)
    assert attach(name, secret=SECRET).counter("count").value(timeout_s=SOON_S) == 2
    with pytest.raises(WrongSecret):
        prospect(name, secret=OTHER)
    with pytest.raises(SecretNeeded):
        recover(name, accept_loss=True)
    citizens = island.settled(timeout_s=SOON_S).citizens
    for citizen in citizens[:2]:
        assert citizen.pid is not None
        os.kill(citizen.pid, signal.SIGKILL)
    recover(name, secret=SECRET, accept_loss=True, timeout_s=SOON_S, progress=False)
    assert counter.increment(1, timeout_s=SOON_S) == 3, "its clients' authority is still good"
    with pytest.raises(WrongSecret):
        attach(name, secret=OTHER)


def test_a_later_island_of_that_name_is_another(name: str) -> None:
    first = launch(name, secret=SECRET, timeout_s=SOON_S)
    first.counter("count").increment(1, timeout_s=SOON_S)
    first.shutdown()
    second = launch(name, secret=SECRET, timeout_s=SOON_S)
    again = pickle.loads(pickle.dumps(first))
    with pytest.raises(WrongSecret, match="not the island"):
        again.counter("count").increment(1, timeout_s=SOON_S)
    assert second.counter("count").increment(1, timeout_s=SOON_S) == 1


@pytest.mark.parametrize("secret", ["", "short", b"0123456789abcde", 5, ["a" * 16]])
def test_what_is_no_secret_is_refused(secret: Any) -> None:
    with pytest.raises(InvalidArgument):
        launch("never", secret=secret)
    assert "never" not in paxos_ray.islands()


def test_each_purpose_and_republic_has_a_key_of_its_own() -> None:
    known = authority_of("island", SECRET).under("republic")
    signed = known.sign("purpose", b"body")
    assert bytes(known.verify("purpose", signed)) == b"body"
    assert bytes(known.under("republic+1-x").verify("purpose", signed)) == b"body"
    for other in (
        known.under("another"),
        authority_of("another", SECRET).under("republic"),
        authority_of("island", OTHER).under("republic"),
        Authority(b"key", "republic"),
    ):
        with pytest.raises(WrongSecret):
            other.verify("purpose", signed)
    with pytest.raises(WrongSecret):
        known.verify("another purpose", signed)
    for at in range(1, len(signed)):
        with pytest.raises(WrongSecret):
            known.verify("purpose", signed[:at] + bytes([signed[at] ^ 1]) + signed[at + 1 :])
    for short in (b"", signed[:5], b"body"):
        with pytest.raises(SecretNeeded):
            known.verify("purpose", short)
