"""An island whose majority never comes back is founded anew from what is left of it."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import Any

import pytest

import paxos_ray
from paxos_ray import (
    Counter,
    Island,
    NameTaken,
    NoQuorum,
    OutcomeUnknown,
    Prospect,
    RecoveryRefused,
    TimedOut,
    UnknownIsland,
    launch,
    prospect,
    recover,
)
from paxos_ray.actors import recovery
from paxos_ray.actors.authority import OPEN
from paxos_ray.actors.heritage import precedes
from paxos_ray.actors.member import find, names
from paxos_ray.actors.recovery import _end_carriers, _signpost
from paxos_ray.actors.settings import CITIZEN
from paxos_ray.simulation import records, replay
from tests.actors.soon import SOON_S, await_status, is_whole, until
from tests.actors.test_survival import kill

pytestmark = pytest.mark.usefixtures("cluster")


def citizens(island: Island) -> dict[str, int]:
    """The pid of each citizen by its id, in the order of their seats."""
    status = await_status(island, is_whole)
    assert all(citizen.pid is not None for citizen in status.citizens)
    return {citizen.id: citizen.pid or 0 for citizen in status.citizens}


def kill_but(island: Island, *left: int) -> list[str]:
    """Kill all citizens at once but those in these seats, who are returned: before any of the dead
    can be replaced, those who are left stand still."""
    pids = list(citizens(island).items())
    for seat in left:
        os.kill(pids[seat][1], signal.SIGSTOP)
    for seat, (_, pid) in enumerate(pids):
        if seat not in left:
            os.kill(pid, signal.SIGKILL)
    for seat in left:
        os.kill(pids[seat][1], signal.SIGCONT)
    return [pids[seat][0] for seat in left]


def await_lost(counter: Counter) -> None:
    told: Exception | None = None
    while not isinstance(told, NoQuorum):
        try:
            counter.value(timeout_s=SOON_S)
        except TimedOut as lack:
            told = lack


def await_names(name: str, gone: str) -> None:
    until(lambda: CITIZEN + gone not in names(name))


def test_it_goes_on_from_the_one_that_is_left(name: str, tmp_path: Path) -> None:
    island = launch(name, record=tmp_path)
    counter = island.counter("count")
    for number in range(1, 51):
        assert counter.increment.remote(1).result(SOON_S) == number
    island.settled(timeout_s=SOON_S)
    before = island.status()
    with pytest.raises(RecoveryRefused, match="a majority of the parliament is alive"):
        island.recover(accept_loss=True, abandon_silent=True)
    (survivor,) = kill_but(island, 1)
    waiting = [counter.increment.remote(1) for _ in range(3)]
    await_lost(counter)

    expected = prospect(name)
    assert [each.id for each in expected.survivors] == [survivor]
    assert [(each.how, each.seat) for each in expected.missing] == [
        ("dead", "leader"),
        ("dead", "minority"),
    ]
    assert expected.refused is None
    assert expected.heir == survivor
    assert expected.losses
    with pytest.raises(RecoveryRefused, match="was not accepted"):
        recover(name)
    assert names(name).count(CITIZEN + survivor) == 1, "and nothing has happened"

    done = recover(name, accept_loss=True)
    assert done.goes_on_after is not None and done.goes_on_after >= expected.goes_on_after  # type: ignore[operator]
    # The one that was left may have recorded none, some or all of what was waited for: of that
    # session all are applied once, and in order.
    assert [response.result(SOON_S) for response in waiting] == [51, 52, 53]
    assert counter.value(timeout_s=SOON_S) == 53
    for number in range(54, 60):
        assert counter.increment.remote(1).result(SOON_S) == number
    after = await_status(island, is_whole)
    assert len(after.citizens) == len(before.citizens) == 3
    assert after.government is not None and after.government.number > 1_000_000
    assert precedes(before.republic, after.republic)
    await_names(name, survivor)

    kill(after.leader_pid)  # it is an island like any other
    assert counter.increment.remote(1).result(SOON_S) == 60
    island.settled(timeout_s=SOON_S)
    island.shutdown()
    replayed = [replay(path, up_to_torn=True) for path in records(tmp_path)]
    assert len(replayed) >= 3 + 3
    assert [each.difference for each in replayed] == [None] * len(replayed)


def test_a_client_that_was_told_more_than_is_left_is_told_so(name: str) -> None:
    """The last that was acknowledged is held by the dead alone: what the client sends next belongs
    after that, and must not be applied as if it did not."""
    island = launch(name)
    counter = island.counter("count")
    assert counter.increment.remote(1).result(SOON_S) == 1
    island.settled(timeout_s=SOON_S)
    pids = list(citizens(island).items())
    os.kill(pids[2][1], signal.SIGSTOP)  # the minority misses what follows
    for number in range(2, 12):
        assert counter.increment.remote(1).result(SOON_S) == number
    for _, pid in pids[:2]:
        os.kill(pid, signal.SIGKILL)
    os.kill(pids[2][1], signal.SIGCONT)
    await_lost(counter)
    left = prospect(name)
    assert [each.id for each in left.survivors] == [pids[2][0]]
    assert any("no survivor" in loss or "the survivors" in loss for loss in left.losses)
    lost = counter.increment.remote(100)
    recover(name, accept_loss=True)
    # What was on its way to who stood still it has taken in since: some of it, seldom all.
    kept = counter.value(timeout_s=SOON_S)
    assert 1 <= kept <= 11 or kept == 111
    if kept < 11:
        with pytest.raises(OutcomeUnknown):
            lost.result(SOON_S)
    else:
        kept = lost.result(SOON_S)
        assert kept == 111
    assert counter.increment.remote(1).result(SOON_S) == kept + 1


def test_the_most_advanced_of_several_is_the_heir(name: str) -> None:
    island = launch(name, 5)
    counter = island.counter("count")
    assert counter.increment.remote(1).result(SOON_S) == 1
    island.settled(timeout_s=SOON_S)
    pids = list(citizens(island).items())
    os.kill(pids[4][1], signal.SIGSTOP)
    for number in range(2, 12):
        assert counter.increment.remote(1).result(SOON_S) == number
    for _, pid in pids[:3]:
        os.kill(pid, signal.SIGKILL)
    os.kill(pids[4][1], signal.SIGCONT)
    await_lost(counter)
    done = recover(name, accept_loss=True)
    applied = {each.id: each.applied for each in done.survivors}
    assert applied.keys() == {pids[3][0], pids[4][0]}
    assert done.heir is not None
    assert applied[done.heir] == max(each for each in applied.values() if each is not None)
    value = counter.value(timeout_s=SOON_S)
    assert 1 <= value <= 11
    with contextlib.suppress(OutcomeUnknown):  # the session may have been told more than is left
        counter.increment.remote(0).result(SOON_S)
    assert counter.increment.remote(1).result(SOON_S) == value + 1
    assert len(await_status(island, is_whole).citizens) == 5


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is silent is waited for again and again."""
    monkeypatch.setattr(recovery, "PATIENCE_S", 4.0)


@pytest.mark.usefixtures("impatient")
def test_who_is_only_silent_is_not_taken_for_dead(name: str) -> None:
    island = launch(name)
    counter = island.counter("count")
    assert counter.increment.remote(1).result(SOON_S) == 1
    island.settled(timeout_s=SOON_S)
    pids = list(citizens(island).items())
    os.kill(pids[2][1], signal.SIGSTOP)
    os.kill(pids[0][1], signal.SIGKILL)
    try:
        await_lost(counter)
        found = prospect(name, timeout_s=5.0)
        assert found.silent == (pids[2][0],)
        with pytest.raises(RecoveryRefused, match=f"{pids[2][0]}: not known to be dead"):
            recover(name, accept_loss=True)
        done = recover(name, accept_loss=True, abandon_silent=True)
        assert [each.id for each in done.survivors] == [pids[1][0]]
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pids[2][1], signal.SIGCONT)
    # Back from where it was, it belongs to nobody, and is ended.
    await_names(name, pids[2][0])
    assert counter.increment.remote(1).result(SOON_S) == 2
    assert pids[2][0] not in [citizen.id for citizen in island.status().citizens]


@pytest.mark.usefixtures("impatient")
def test_who_comes_back_at_the_last_moment_keeps_the_island_as_it_was(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    island = launch(name)
    counter = island.counter("count")
    assert counter.increment.remote(1).result(SOON_S) == 1
    island.settled(timeout_s=SOON_S)
    before = island.status().republic
    pids = list(citizens(island).values())
    os.kill(pids[2], signal.SIGSTOP)
    os.kill(pids[0], signal.SIGKILL)

    def end_carriers(*arguments: Any) -> None:
        _end_carriers(*arguments)
        os.kill(pids[2], signal.SIGCONT)

    try:
        await_lost(counter)
        monkeypatch.setattr("paxos_ray.actors.recovery._end_carriers", end_carriers)
        with pytest.raises(RecoveryRefused, match="a majority of the parliament is alive"):
            recover(name, accept_loss=True, abandon_silent=True)
    finally:
        os.kill(pids[2], signal.SIGCONT)
    assert counter.increment.remote(1).result(SOON_S) == 2
    assert await_status(island, is_whole).republic == before


def test_a_recovery_that_was_ended_midway_is_made_again(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    island = launch(name)
    counter = island.counter("count")
    assert counter.increment.remote(7).result(SOON_S) == 7
    island.settled(timeout_s=SOON_S)
    kill_but(island, 1)
    await_lost(counter)
    first = island.status(timeout_s=SOON_S).republic

    def end(*_: Any) -> None:
        raise KeyboardInterrupt

    for step in ("_retire", "_snapshot", "_start"):  # the last, when the heir is there already
        with monkeypatch.context() as patch:
            patch.setattr(f"paxos_ray.actors.recovery.{step}", end)
            with pytest.raises(KeyboardInterrupt):
                recover(name, accept_loss=True)
    assert recover(name).lives, "nothing was missing but a coordinator"
    again = paxos_ray.attach(name)
    assert again.counter("count").value(timeout_s=SOON_S) == 7
    status = await_status(again, is_whole)
    assert precedes(first, status.republic)
    assert len(status.citizens) == 3


@pytest.mark.filterwarnings("ignore:an island of one citizen")
def test_while_it_is_recovered_the_name_is_taken(name: str) -> None:
    with pytest.raises(UnknownIsland, match=f"no island named '{name}' on this cluster; known: "):
        recover(name, accept_loss=True)
    island = launch(name, 1)
    with _signpost(name):
        with pytest.raises(NameTaken, match="is being recovered"):
            launch(name, 1)
        with pytest.raises(RecoveryRefused, match="already"), _signpost(name):
            raise AssertionError
    assert island.counter("count").increment.remote(1).result(SOON_S) == 1


def test_who_has_retired_cannot_be_talked_into_anything(name: str) -> None:
    island = launch(name)
    assert island.counter("count").increment.remote(1).result(SOON_S) == 1
    island.settled(timeout_s=SOON_S)
    members = find(name, OPEN)
    for member in members:
        republic = member.citizen.testify.remote(None).get(SOON_S).identity.republic
        said = member.citizen.testify.remote(republic).get(SOON_S)
        assert said.retired
        assert said.register is None or said.register.entries
    tops = {m.id: m.citizen.testify.remote(None).get(SOON_S).top for m in members}
    late = island.counter("count").increment.remote(1)
    with pytest.raises(TimedOut):
        late.result(3.0)
    for member in members:
        assert member.citizen.testify.remote(None).get(SOON_S).top == tops[member.id]
    found: Prospect = recover(name, accept_loss=True)
    assert not found.missing
    (loss,) = found.losses  # though everybody is there
    assert "an earlier recovery" in loss
    assert late.result(SOON_S) == 2
