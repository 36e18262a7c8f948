"""How many citizens an island should have, by what is read from them: tables and properties."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paxos_ray import Autoscale, InvalidArgument
from paxos_ray.actors.autoscale import MOST_GROWTH, Governor, Meter

LOOK_S = 2.0
RULES = Autoscale(3, 9, reads_per_citizen=1_000, window_s=10, calm_s=60)


def course(
    rates: list[float], citizens: int = 3, parliament: int = 3, rules: Autoscale = RULES
) -> list[tuple[float, int]]:
    """When an island is asked to have how many citizens, at these rates, a look each 2 s."""
    governor, changes = Governor(rules, 0.0), []
    for look, rate in enumerate(rates, start=1):
        now = look * LOOK_S
        decided = governor.decide(now, rate, citizens, parliament)
        if decided is not None:
            citizens = decided
            changes.append((now, citizens))
    return changes


def during(seconds: float, rate: float) -> list[float]:
    return [rate] * int(seconds / LOOK_S)


@pytest.mark.parametrize(
    ("rates", "citizens", "parliament", "changes"),
    [
        (during(600, 3_000), 3, 3, []),  # as many as they are for
        (during(600, 3_001), 3, 3, [(10, 4)]),
        (during(8, 5_000), 3, 3, []),  # not for long
        (during(600, 5_000), 3, 3, [(10, 5)]),
        (during(600, 90_000), 3, 3, [(10, 6), (20, 9)]),  # doubled at most, and never above 9
        (during(600, 3_600), 5, 3, []),  # four would do, but not by a margin
        (during(600, 2_801), 5, 3, []),
        (during(600, 2_800), 5, 3, [(60, 4)]),
        (during(600, 0), 9, 3, [(60, 3)]),
        (during(600, 0), 9, 5, [(60, 5)]),  # the parliament stays
        (during(600, 0), 5, 5, []),
        (during(40, 0) + during(20, 4_500) + during(80, 0), 7, 3, [(122, 3)]),  # calm from then on
        (during(30, 0) + during(600, 2_000), 7, 3, [(60, 3)]),
        (during(58, 0), 7, 3, []),
        (during(10, 9_000) + during(70, 0), 3, 3, [(10, 6), (70, 3)]),
    ],
)
def test_what_is_decided(
    rates: list[float], citizens: int, parliament: int, changes: list[tuple[float, int]]
) -> None:
    assert course(rates, citizens, parliament) == changes


def test_an_island_on_its_way_is_left_alone() -> None:
    governor = Governor(RULES, 0.0)
    for now in range(2, 300, 2):
        governor.unsettled(now)
    assert governor.decide(300, 90_000, 3, 3) is None
    assert governor.decide(307, 90_000, 3, 3) is None
    assert governor.decide(308, 90_000, 3, 3) == 6


rules = st.builds(
    lambda low, more, reads, window, calm: Autoscale(low, low + more, reads, window, window + calm),
    st.integers(1, 9),
    st.integers(0, 40),
    st.floats(0.1, 1e6),
    st.floats(1, 60),
    st.floats(0, 300),
)


@given(rules, st.data())
def test_bounds_and_pace(rules: Autoscale, data: st.DataObject) -> None:
    most = 3 * rules.reads_per_citizen * rules.maximum
    rates = data.draw(st.lists(st.floats(0, most), max_size=200))
    citizens = data.draw(st.integers(rules.minimum, rules.maximum))
    parliament = data.draw(st.integers(1, citizens))
    at, before = 0.0, citizens
    for now, wanted in course(rates, citizens, parliament, rules):
        assert max(rules.minimum, parliament) <= wanted <= rules.maximum
        assert wanted != before
        assert wanted <= MOST_GROWTH * before
        pause = rules.window_s if wanted > before else rules.calm_s
        assert now - at >= pause
        at, before = now, wanted


@given(rules, st.floats(0, 2), st.data())
def test_a_steady_rate_comes_to_rest(rules: Autoscale, share: float, data: st.DataObject) -> None:
    rate = share * rules.reads_per_citizen * rules.maximum
    citizens = data.draw(st.integers(rules.minimum, rules.maximum))
    looks = int(8 * (rules.calm_s + LOOK_S) / LOOK_S)
    numbers = [wanted for _, wanted in course([rate] * looks, citizens, 1, rules)]
    course_of = [citizens, *numbers]
    assert course_of in (sorted(course_of), sorted(course_of, reverse=True)), "to and fro"
    last = course_of[-1]
    assert rate <= rules.reads_per_citizen * last or last == rules.maximum
    needed = math.ceil(rate / (0.7 * rules.reads_per_citizen))
    assert last <= max(needed, rules.minimum, citizens if needed >= citizens else 0)
    assert course([rate] * looks, last, 1, rules) == []


def test_the_rate_is_that_of_a_window() -> None:
    meter = Meter()
    assert meter.take(0, {"a": 500}, 10) == 0
    assert meter.take(2, {"a": 700}, 10) == 100
    assert meter.take(4, {"a": 900, "b": 5_000}, 10) == 100, "who is new counts from now on"
    assert meter.take(6, {"a": 900, "b": 5_200}, 10) == 100
    assert meter.take(8, {"b": 5_200}, 10) == 75, "who is gone has answered what it has"
    assert meter.take(10, {"a": 0, "b": 5_200}, 10) == 60, "who came anew answers from 0 on"
    assert meter.take(30, {"a": 0, "b": 5_200}, 10) == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((0, 3, 1), "minimum is a whole number"),
        ((3, 2.5, 1), "maximum is a whole number"),
        ((True, 2, 1), "minimum is a whole number"),
        ((5, 3, 1), "minimum 5 is above maximum 3"),
        ((3, 5, 0), "reads_per_citizen is a finite number above 0"),
        ((3, 5, math.nan), "reads_per_citizen"),
        ((3, 5, math.inf), "reads_per_citizen"),
        ((3, 5, "many"), "reads_per_citizen"),
        ((3, 5, 1, 0), "window_s"),
        ((3, 5, 1, 20, 10), "calm_s is at least window_s"),
    ],
)
def test_rules_that_make_no_sense(arguments: tuple[Any, ...], says: str) -> None:
    with pytest.raises(InvalidArgument, match=says):
        Autoscale(*arguments)


@pytest.mark.parametrize(
    ("citizens", "parliament", "bounded"),
    [(3, 3, 3), (1, 1, 3), (12, 3, 9), (12, 11, 11), (5, 5, 5)],
)
def test_what_is_asked_for_with_the_rules(citizens: int, parliament: int, bounded: int) -> None:
    assert RULES.bounded(citizens, parliament) == bounded
