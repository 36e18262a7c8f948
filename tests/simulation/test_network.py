"""The network loses, doubles, cuts and forgets as it is told to, one message at a time."""

from __future__ import annotations

from random import Random
from typing import Any

from paxos_ray.core.messages import Denied, Envelope, Pulse, Reply
from paxos_ray.simulation.agenda import Agenda
from paxos_ray.simulation.network import Network, Weather

PULSE: Any = Pulse("a/1", "a", (Envelope("b", "to b"), Envelope("c", "to c")))  # type: ignore[arg-type]


class Link:
    """A network between a, who sends, and b and c, who answer unless they are `away`."""

    def __init__(self, **weather: Any) -> None:
        self.agenda = Agenda()
        self.away: list[str] = []
        self.arrived: list[str] = []
        self.results: list[dict[str, Reply | None]] = []
        self.network = Network(
            self.agenda, Random(1), Weather(**weather), self.deliver, self.give_back
        )

    def deliver(self, envelope: Envelope) -> Reply | None:
        self.arrived.append(envelope.to)
        return None if envelope.to in self.away else Denied(envelope.to)

    def give_back(self, pulse: Pulse, replies: dict[str, Reply | None]) -> None:
        self.results.append(replies)

    def carry(self) -> list[dict[str, Reply | None]]:
        self.network.carry(PULSE)
        self.agenda.run(self.agenda.now + 1_000)
        return self.results


BOTH = {"b": Denied("b"), "c": Denied("c")}


def test_a_pulse_comes_home_when_all_have_answered() -> None:
    link = Link()
    assert link.carry() == [BOTH]
    assert sorted(link.arrived) == ["b", "c"]
    assert link.network.delivered == 4


def test_a_lost_request_is_none_at_the_limit() -> None:
    link = Link(lose_request=1.0)
    assert link.carry() == [{"b": None, "c": None}]
    assert link.arrived == []


def test_a_lost_reply_was_a_delivered_request() -> None:
    link = Link(lose_reply=1.0)
    assert link.carry() == [{"b": None, "c": None}]
    assert sorted(link.arrived) == ["b", "c"]


def test_a_doubled_request_is_delivered_twice_and_answered_once() -> None:
    link = Link(double=1.0)
    assert link.carry() == [BOTH]
    assert sorted(link.arrived) == ["b", "b", "c", "c"]


def test_a_cut_is_one_way_and_mended() -> None:
    link = Link()
    there = link.network.cut([("a", "b")])
    back = link.network.cut([("c", "a")])
    assert link.carry() == [{"b": None, "c": None}]
    assert link.arrived == ["c"]
    assert not link.network.reaches("a", "b")
    assert link.network.reaches("b", "a")
    link.network.mend(there)
    link.network.mend(there)
    assert link.carry()[-1] == {"b": Denied("b"), "c": None}
    link.network.mend(back)
    assert link.carry()[-1] == BOTH


def test_two_cuts_of_one_pair_are_mended_one_by_one() -> None:
    link = Link()
    keys = [link.network.cut([("a", "b")]) for _ in range(2)]
    link.network.mend(keys[0])
    assert not link.network.reaches("a", "b")
    link.network.mend_all()
    assert link.network.reaches("a", "b")


def test_what_a_cut_stops_is_known_at_once_if_the_weather_is_so() -> None:
    link = Link(refuse=1.0, limit_ms=500)
    link.network.cut([("a", "b")])
    link.network.carry(PULSE)
    link.agenda.run(10)
    assert link.results == [{"b": None, "c": Denied("c")}]


def test_nobody_at_an_address_is_known_at_once_or_at_the_limit() -> None:
    for prompt in (True, False):
        link = Link(prompt=prompt, limit_ms=500)
        link.away = ["b"]
        link.network.carry(PULSE)
        link.agenda.run(10)
        assert bool(link.results) is prompt
        link.agenda.run(1_000)
        assert link.results == [{"b": None, "c": Denied("c")}]


def test_a_carrier_dies_with_the_answers() -> None:
    link = Link(dies_late=1.0)
    assert link.carry() == []
    assert sorted(link.arrived) == ["b", "c"]


def test_a_carrier_dies_with_some_of_its_requests_out() -> None:
    arrived = []
    link = Link(dies=1.0)
    for _ in range(50):
        link.arrived.clear()
        assert link.carry() == []
        arrived.append(tuple(sorted(link.arrived)))
    assert set(arrived) == {(), ("b",), ("b", "c")}


def test_all_carriers_are_lost_and_their_requests_arrive() -> None:
    link = Link()
    link.network.carry(PULSE)
    link.network.lose_carriers()
    link.agenda.run(1_000)
    assert link.results == []
    assert sorted(link.arrived) == ["b", "c"]


def test_who_is_silenced_is_not_heard() -> None:
    link = Link()
    link.network.carry(PULSE)
    assert sorted(str(request) for request in link.network.under_way()) == ["to b", "to c"]
    link.network.silence("a")
    link.agenda.run(1_000)
    assert link.arrived == []


def test_messages_overtake_each_other() -> None:
    link = Link(spread_ms=50)
    orders = []
    for _ in range(30):
        link.arrived.clear()
        link.carry()
        orders.append(tuple(link.arrived))
    assert set(orders) == {("b", "c"), ("c", "b")}


def test_a_slow_carrier_comes_home_late() -> None:
    link = Link(slow_carrier=1.0, slow_ms=500)
    link.network.carry(PULSE)
    link.agenda.run(5)
    assert link.results == []
    link.agenda.run(1_000)
    assert link.results == [BOTH]


def test_who_stands_still_gets_what_came_when_it_goes_on() -> None:
    link = Link(limit_ms=50)
    link.network.hold("b")
    link.carry()
    assert link.results == [{"b": None, "c": Denied("c")}]
    assert link.arrived == ["c"]
    assert len(list(link.network.under_way())) == 1
    link.network.release("b")
    link.agenda.run(link.agenda.now)
    assert link.arrived == ["c", "b"]
    assert list(link.network.under_way()) == []


def test_a_sender_that_stands_still_gets_its_results_when_it_goes_on() -> None:
    link = Link()
    link.network.hold("a")
    assert link.carry() == []
    link.network.release("a")
    link.agenda.run(link.agenda.now)
    assert link.results == [BOTH]
