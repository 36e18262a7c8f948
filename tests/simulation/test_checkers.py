"""Each checker catches a history that was forged for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from paxos_ray.core import changes
from paxos_ray.core.government import Citizen, Government
from paxos_ray.core.legislator import Legislator
from paxos_ray.core.log import NOTHING, Entry
from paxos_ray.core.messages import Register
from paxos_ray.core.promise import Ballot, Promise
from paxos_ray.simulation import checkers
from paxos_ray.simulation.agenda import Agenda
from paxos_ray.simulation.application import Snapshot
from paxos_ray.simulation.inhabitant import Inhabitant, Ticket
from paxos_ray.simulation.watch import Checker, History, Violation, Watch

FOUNDED = changes.found(Citizen(id="a", properties={}, cookie="island"))


class Forger:
    """A history of one government and two entries, and inhabitants to say false things."""

    def __init__(self) -> None:
        self.history = History()
        self.incarnations: dict[tuple[str, Any], Inhabitant] = {}
        self.now = 1_000
        self.watch = Watch(
            self.history,
            [
                checkers.OneEntry(self.history),
                checkers.OneLog(self.history),
                checkers.SameBallot(self.history),
                checkers.Chosen(self.history, self.incarnations),
                checkers.NothingLost(self.history),
                checkers.NothingTwice(self.history),
                checkers.FreshReads(self.history),
                checkers.OneState(self.history),
                checkers.ValidGovernments(self.history, 5, 3),
                checkers.NobodyVanishes(self.history),
                checkers.Promises(self.history),
                checkers.Attached(self.history),
                checkers.Minimum(self.history, self.incarnations),
                checkers.Receipts(self.history, self.incarnations),
                checkers.Stamps(self.history, lambda: self.now),
            ],
        )
        self.a = self.inhabitant("a", "island")
        self.b = self.inhabitant("b", "b.1")
        self.first = Entry(Promise(1, 0), NOTHING, 0, FOUNDED)
        self.second = Entry(Promise(1, 1), Promise(1, 0), 10, b"one")
        self.third = Entry(Promise(1, 2), Promise(1, 1), 20, b"two")
        self.commit(self.a, self.first, self.second, self.third)

    def inhabitant(self, id: str, cookie: str) -> Inhabitant:
        legislator = Legislator(id)
        if cookie == "island":
            legislator.bootstrap(0, "island", {})
        who = Inhabitant(id, legislator, Agenda(), 0, len(self.incarnations))
        who.cookie = cookie
        who.stateful = True
        self.incarnations[(id, cookie)] = who
        return who

    def commit(self, who: Inhabitant, *entries: Entry) -> None:
        """Let `who` say that it has committed these."""
        self.watch.committed(who, entries)
        who.top = entries[-1].promise
        who.application.apply(entries)

    def settle(self, who: Inhabitant, kind: str, subject: Any, promise: Promise | None) -> None:
        """Let `who` say what became of a ticket."""
        self.watch.settled(who, Ticket(kind, subject, 1, 0), promise)

    def tell(self, method: str, *arguments: Any) -> None:
        """Tell all checkers of something seen."""
        for checker in self.watch.checkers:
            getattr(checker, method)(*arguments)


@pytest.fixture
def forger() -> Forger:
    return Forger()


def caught(name: str, forge: Callable[[], object]) -> str:
    """The detail of the violation of that name that comes of this."""
    with pytest.raises(Violation) as info:
        forge()
    assert info.value.name == name
    return info.value.detail


def after(forger: Forger, government: Government, **changed: Any) -> Entry:
    """An entry that brings this government, changed, after all others."""
    forged = government.model_copy(update=changed)
    return Entry(forged.promise, forger.history.tip, 30, forged)


def test_what_is_true_passes(forger: Forger) -> None:
    forger.commit(forger.b, forger.first, forger.second)
    forger.settle(forger.a, "write", b"one", Promise(1, 1))
    forger.settle(forger.a, "read", Promise(1, 1), Promise(1, 2))
    arrived = changes.arrive(FOUNDED, Citizen(id="b", properties={}, cookie="b.1"))
    forger.commit(forger.a, after(forger, arrived))
    assert forger.history.changes == {"arrive": 1}


def test_two_entries_at_one_promise(forger: Forger) -> None:
    other = forger.second._replace(body=b"another")
    caught("one entry per promise", lambda: forger.commit(forger.b, forger.first, other))
    moved = forger.third._replace(previous=Promise(1, 0))
    caught("one entry per promise", lambda: forger.commit(forger.b, forger.first, moved))


def test_two_logs(forger: Forger) -> None:
    fork = Entry(Promise(2, 1), Promise(1, 1), 30, b"fork")
    caught("one log", lambda: forger.commit(forger.b, forger.first, forger.second, fork))
    gap = Entry(Promise(1, 9), Promise(1, 8), 30, b"gap")
    caught("one log", lambda: forger.commit(forger.a, gap))
    caught("one log", lambda: forger.tell("moved", forger.a, Promise(1, 2), Promise(1, 1)))


def test_two_registers_of_one_ballot(forger: Forger) -> None:
    ballot = Ballot(2, "b")
    forger.a.promised = forger.b.promised = ballot
    entry = Entry(Promise(2, 1), Promise(1, 2), 30, b"x")
    forger.tell("registered", forger.a, None, Register(ballot, (entry,)))
    forger.tell("registered", forger.b, None, Register(ballot, (entry._replace(),)))
    other = Register(ballot, (entry._replace(body=b"y"),))
    caught("same ballot, same register", lambda: forger.tell("registered", forger.b, None, other))


def test_a_register_that_the_log_has_left(forger: Forger) -> None:
    entry = Entry(Promise(2, 0), Promise(1, 1), 30, FOUNDED)
    register = Register(Ballot(2, "b"), (entry,))
    forger.tell("holds", forger.a, register, Promise(1, 1))
    left = "registers follow the log"
    caught(left, lambda: forger.tell("holds", forger.a, register, Promise(1, 2)))


def test_a_commit_that_too_few_have_recorded(forger: Forger) -> None:
    arrived = changes.arrive(FOUNDED, Citizen(id="b", properties={}, cookie="b.1"))
    seated = arrived.model_copy(update={"majority": ("a", "b"), "constituents": ()})
    forger.history.governments.append(seated)
    chosen = checkers.Chosen(forger.history, forger.incarnations)
    name = "committed is recorded by a majority"
    entry = Entry(Promise(2, 1), Promise(2, 0), 30, b"x")
    caught(name, lambda: chosen.first(forger.a, entry))
    forger.b.register = Register(Ballot(2, "a"), (entry,))
    chosen.first(forger.a, entry)
    forger.b.register, forger.b.top = None, Promise(2, 1)
    chosen.first(forger.a, entry)


def test_an_acknowledged_entry_is_lost(forger: Forger) -> None:
    lost = "no acknowledged entry is lost"
    caught(lost, lambda: forger.settle(forger.a, "write", b"one", Promise(1, 2)))
    caught(lost, lambda: forger.settle(forger.b, "write", b"one", Promise(1, 1)))
    forger.history.acknowledged = Promise(1, 3)
    skipping = Entry(Promise(2, 0), Promise(1, 2), 30, FOUNDED)
    caught(lost, lambda: forger.commit(forger.a, skipping))


def test_something_is_written_or_settled_twice(forger: Forger) -> None:
    again = Entry(Promise(1, 3), Promise(1, 2), 30, b"one")
    caught("nothing twice", lambda: forger.commit(forger.a, again))
    caught("nothing twice", lambda: forger.settle(forger.a, "unknown", None, None))


def test_a_stale_read(forger: Forger) -> None:
    stale = "no stale read"
    caught(stale, lambda: forger.settle(forger.a, "read", Promise(1, 2), Promise(1, 1)))
    forger.a.application.restore(Snapshot(Promise(1, 1), 1, 0))
    caught(stale, lambda: forger.settle(forger.a, "read", Promise(1, 1), Promise(1, 2)))


def test_two_states_at_one_place(forger: Forger) -> None:
    forger.a.application.restore(Snapshot(Promise(1, 2), 7, 7))
    caught("one state", lambda: forger.tell("moved", forger.a, Promise(1, 1), Promise(1, 2)))


def test_a_government_that_cannot_follow(forger: Forger) -> None:
    arrived = changes.arrive(FOUNDED, Citizen(id="b", properties={}, cookie="b.1"))
    late = after(forger, arrived, promise=Promise(3, 0))
    caught("valid governments", lambda: forger.commit(forger.a, late))


def test_somebody_vanishes(forger: Forger) -> None:
    arrived = changes.arrive(FOUNDED, Citizen(id="b", properties={}, cookie="b.1"))
    forger.commit(forger.a, after(forger, arrived))
    vanish = checkers.NobodyVanishes(forger.history)
    swapped = changes.arrive(FOUNDED, Citizen(id="c", properties={}, cookie="c.1"))
    swap = after(forger, swapped, promise=Promise(3, 0))
    assert "['b'] went and ['c'] came" in caught(
        "nobody vanishes", lambda: vanish.first(forger.a, swap)
    )
    another = {**arrived.citizens, "b": Citizen(id="b", properties={}, cookie="b.2")}
    reborn = after(forger, arrived, promise=Promise(3, 0), citizens=another)
    caught("nobody vanishes", lambda: vanish.first(forger.a, reborn))


def test_a_promise_goes_down(forger: Forger) -> None:
    kept = "promises are kept"
    caught(kept, lambda: forger.tell("promised", forger.a, Ballot(3, "a"), Ballot(2, "b")))
    register = Register(Ballot(9, "b"), (forger.third,))
    promises = checkers.Promises(forger.history)
    caught(kept, lambda: promises.registered(forger.a, None, register))


def test_a_minimum_that_too_few_have_reached(forger: Forger) -> None:
    forger.tell("forgot", forger.a, Promise(1, 1))
    forger.a.stateful = False
    caught("minimum", lambda: forger.tell("forgot", forger.a, Promise(1, 2)))


def test_a_change_that_was_not_made(forger: Forger) -> None:
    promise = Promise(1, 2)
    caught("receipts", lambda: forger.settle(forger.a, "embark", forger.b, promise))
    caught("receipts", lambda: forger.settle(forger.a, "emigrate", forger.a, promise))
    forger.settle(forger.a, "emigrate", forger.b, promise)
    forger.a.top = Promise(1, 1)
    receipts = checkers.Receipts(forger.history, forger.incarnations)
    ticket = Ticket("emigrate", forger.b, 1, 0)
    caught("receipts", lambda: receipts.settled(forger.a, ticket, promise))


def test_log_time_that_is_not_time(forger: Forger) -> None:
    back = Entry(Promise(1, 3), Promise(1, 2), 19, b"x")
    caught("stamps", lambda: forger.commit(forger.a, back))
    ahead = back._replace(stamp=1_001, body=b"y")
    caught("stamps", lambda: forger.commit(forger.a, ahead))


def test_every_checker_is_in_these_tests(forger: Forger) -> None:
    known = {checker.name for checker in forger.watch.checkers}
    defined = {
        value.name
        for value in vars(checkers).values()
        if isinstance(value, type) and issubclass(value, Checker) and value is not Checker
    }
    assert known == defined
