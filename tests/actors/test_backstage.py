"""What breaks islands on purpose must itself not break: ledgers, and hands on each node."""

from __future__ import annotations

import os
import signal

import pytest

from paxos_ray import TimedOut, start
from paxos_ray.actors import backstage
from paxos_ray.actors.backstage import Hands, Ledger, here

SOON_S = 60.0


def tell(ledger: Ledger, what: str) -> bool:
    """For a task."""
    return ledger.tell([what], SOON_S)


def taken(ledger: Ledger) -> list[str]:
    """What is told again since no answer came in time is there more than once."""
    return list(dict.fromkeys(ledger.take(SOON_S)))


def test_what_processes_tell_outlives_them_and_is_taken_once(cluster: str) -> None:
    ledger = Ledger.open()
    assert start(tell, ledger, "from a task", num_cpus=0).result(SOON_S) is False
    ledger.tell(["one", "two"], SOON_S)
    assert taken(ledger) == ["from a task", "one", "two"]
    assert taken(ledger) == []
    ledger.tell(["three"], SOON_S)
    assert taken(ledger) == ["three"]


def test_what_was_taken_is_let_go_of_only_when_that_is_known(cluster: str) -> None:
    """The answer to a call may be lost: whoever takes asks again, and gets it again."""
    ledger = Ledger.open()
    ledger.tell(["one"], SOON_S)
    assert taken(ledger) == ["one"]
    ledger._taken = 0  # as if that had not come back
    ledger.tell(["two"], SOON_S)
    assert taken(ledger) == ["one", "two"]
    assert taken(ledger) == []
    ledger.tell(["three", "four"], SOON_S)
    ledger._taken = 0  # as if a call of long ago came only now
    assert taken(ledger) == ["three", "four"]
    assert taken(ledger) == []


def test_who_tells_a_closed_ledger_hears_that_it_is(cluster: str) -> None:
    ledger = Ledger.open()
    ledger.close(SOON_S)
    assert ledger.tell(["late"], SOON_S) is True
    assert taken(ledger) == ["late"]


def test_its_clock_is_that_of_this_machine(cluster: str) -> None:
    before = backstage.moment()
    there = Ledger.open().moment(SOON_S)
    assert there.boot == before.boot != ""
    assert before.ns <= there.ns <= backstage.moment().ns


def test_a_hand_does_what_it_is_told_and_is_replaced_when_it_is_lost(cluster: str) -> None:
    hands = Hands()
    first = hands.on(here(), os.getpid, timeout_s=SOON_S)
    assert first != os.getpid()
    assert hands.on(here(), os.getpid, timeout_s=SOON_S) == first
    os.kill(first, signal.SIGKILL)
    assert hands.on(here(), os.getpid, timeout_s=SOON_S) != first
    with pytest.raises(ValueError, match="invalid literal"):
        hands.on(here(), int, "three", timeout_s=SOON_S)


def test_there_is_no_hand_on_a_node_that_there_is_not(cluster: str) -> None:
    with pytest.raises(TimedOut, match="no answer"):
        Hands().on("ab" * 28, os.getpid, timeout_s=0.5)


def test_an_island_without_a_deputy_has_none_to_restart(cluster: str) -> None:
    assert backstage.restart_deputy("no such island") is False
    assert here() in [node.id for node in backstage.nodes()]
