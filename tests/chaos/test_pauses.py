"""Which waits are a fault's doing, and what is told of them."""

from __future__ import annotations

from paxos_ray.chaos.book import Told
from paxos_ray.chaos.pages import longest
from paxos_ray.chaos.pauses import Event, Pauses, Wait, by_kind, measure, usual_ms, waits
from paxos_ray.simulation.histories import Operation

S = 1_000_000_000


def event(kind: str, began_s: float, ended_s: float, over_s: float) -> Event:
    return Event(1, kind, f"{kind} somebody", began_s, ended_s, over_s)


def test_a_pause_is_the_longest_wait_from_the_fault_on() -> None:
    found = measure(
        [event("kill", 10.0, 12.0, 13.0)],
        [Wait(1.0, 9.0), Wait(9.5, 10.4), Wait(10.4, 10.6), Wait(12.5, 13.5), Wait(13.0, 30.0)],
    )
    assert round(found[0].pause_ms) == 1000


def test_what_did_not_happen_has_no_pause() -> None:
    left_out = event("node", 10.0, 12.0, 13.0)._replace(why="no node")
    assert measure([left_out], [Wait(10.0, 12.0)]) == [left_out]
    assert by_kind([left_out]) == {}


def test_median_and_worst_by_kind() -> None:
    events = [event("kill", 0, 1, 2)._replace(pause_ms=ms) for ms in (10.0, 30.0, 20.0)]
    assert by_kind(events) == {"kill": Pauses(3, 20.0, 30.0)}


def test_what_is_usual_is_the_median_of_all_waits() -> None:
    assert usual_ms([Wait(1.0, 1.25), Wait(5.0, 5.5), Wait(6.0, 16.0)]) == 500.0
    assert usual_ms([]) == 0.0


def test_only_calls_of_clients_at_home_that_have_ended() -> None:
    def told(client: str, ended: int | None) -> Told:
        return Told(1, Operation(client, "x", "value", (), 2 * S, ended, 0), ended)

    calls = [told("home-0.0/1", 3 * S), told("home-0.0/1", None), told("away-1.0/1", 9 * S)]
    assert waits(calls, ["home-0.0"], S) == [Wait(1.0, 2.0)]


def test_the_curve_has_the_longest_wait_of_each_second() -> None:
    assert longest([Wait(0.5, 2.5), Wait(1.0, 1.1), Wait(3.0, 9.0)], 4.0) == [
        2.0,
        2.0,
        2.0,
        6.0,
        6.0,
    ]
