"""What a citizen answers by itself: from which state, after which wait, for how long."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from paxos_ray import Promise
from paxos_ray.actors import onlookers
from paxos_ray.actors.onlookers import LOOKERS, Onlookers, roster_of
from paxos_ray.actors.wire import Glance, Roster, seal, unseal
from paxos_ray.core.government import Government
from paxos_ray.core.log import NOTHING, Entry
from paxos_ray.machines import Replica, decode_replies, encode_batch, encode_open
from tests.core.harness import government

SOON_S = 30.0
VALUE: Any = ("sold", "value", ())
SESSION = Promise(1, 1)


class Place:
    """A citizen, as its onlookers see it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.replica = Replica()
        self.stateful = True
        self.government: Government | None = government("ab", "", "c", number=3)
        self.onlookers = Onlookers(
            self.lock, lambda: self.replica, lambda: self.stateful, lambda: self.government
        )
        self._apply(encode_open(1_000_000))

    def increment(self) -> Promise:
        sequence = self.replica.applied.entry
        return self._apply(encode_batch(SESSION, sequence, 0, [("sold", "increment", (1,))]))

    def _apply(self, body: bytes) -> Promise:
        with self.lock:
            before = self.replica.applied
            promise = Promise(1, before.entry + 1)
            self.replica.apply(Entry(promise, before, 0, body))
            self.onlookers.applied()
            return promise

    def look(
        self, *queries: Any, since: Promise = NOTHING, wait_s: float = 0.0, known: int = 9
    ) -> Glance:
        request = seal((since, wait_s, known, seal(list(queries or [VALUE]))))
        return Glance(*unseal(self.onlookers.look(request)))


def values(glance: Glance) -> list[Any]:
    assert glance.replies is not None
    return [reply.value for reply in decode_replies(glance.replies)]


def test_it_answers_from_what_it_has_applied_and_says_so() -> None:
    place = Place()
    place.increment()
    top = place.increment()
    glance = place.look(VALUE, VALUE, since=top)
    assert (glance.promise, values(glance), glance.roster) == (top, [2, 2], None)


def test_who_is_behind_says_so_after_the_wait() -> None:
    place = Place()
    top = place.increment()
    ahead = Promise(1, top.entry + 1)
    assert place.look(since=ahead, wait_s=0.01) == Glance(top, None, None)


def test_who_waits_is_woken_by_what_is_applied() -> None:
    place = Place()
    top = place.increment()
    ahead = Promise(1, top.entry + 2)
    found: list[Glance] = []
    thread = threading.Thread(
        target=lambda: found.append(place.look(since=ahead, wait_s=10 * SOON_S))
    )
    thread.start()
    place.increment()
    place.increment()
    thread.join(SOON_S)
    assert (found[0].promise, values(found[0])) == (ahead, [3])


def test_one_thread_never_waits() -> None:
    place = Place()
    ahead = Promise(1, place.increment().entry + 1)
    looks = [
        threading.Thread(target=place.look, kwargs={"since": ahead, "wait_s": 10 * SOON_S})
        for _ in range(LOOKERS)
    ]
    for thread in looks:
        thread.start()
    while sum(thread.is_alive() for thread in looks) >= LOOKERS:
        looks[0].join(0.01)
    assert values(place.look()) == [1]
    place.increment()
    for thread in looks:
        thread.join(SOON_S)
        assert not thread.is_alive()


def test_without_state_there_is_nothing_to_say_but_who_the_others_are() -> None:
    place = Place()
    place.stateful = False
    assert place.look(known=2) == Glance(None, None, Roster(3, ("a", "b", "c")))


def test_it_stops_when_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onlookers, "AT_ONCE_S", -1.0)
    place = Place()
    place.increment()
    assert values(place.look(VALUE, VALUE, VALUE)) == [1], "but one is answered"


def test_the_roster_comes_to_who_does_not_know_it() -> None:
    place = Place()
    assert place.look(known=3).roster is None
    assert place.look(known=2).roster == Roster(3, ("a", "b", "c"))
    place.government = None
    assert place.look(known=0).roster is None


def test_only_who_has_the_state_is_in_the_roster() -> None:
    ruling = government("ba", "c", "de", number=5, acclimated="abe")
    assert roster_of(ruling) == Roster(5, ("b", "a", "e"))
