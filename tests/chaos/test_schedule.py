"""The schedule of faults follows from its seed, and leaves nothing out."""

from __future__ import annotations

from itertools import islice

import pytest

from paxos_ray.chaos.schedule import KINDS, LASTING, Round, rounds


def taken(seed: int, kinds: tuple[str, ...] = KINDS, majority: bool = False) -> list[Round]:
    return list(islice(rounds(seed, kinds, majority), 60))


def test_the_same_seed_is_the_same_schedule_and_another_seed_another() -> None:
    assert taken(3) == taken(3)
    assert taken(3) != taken(4)


@pytest.mark.parametrize("seed", range(20))
def test_each_kind_comes_once_before_any_comes_twice(seed: int) -> None:
    kinds = [kind for kind in KINDS if kind not in LASTING]
    first = [each.strikes[0].kind for each in taken(seed)]
    for begin in range(0, 49, len(kinds)):
        assert sorted(first[begin : begin + len(kinds)]) == sorted(kinds)


@pytest.mark.parametrize("seed", range(20))
def test_at_most_two_faults_together_of_different_kinds(seed: int) -> None:
    for each in taken(seed):
        assert 1 <= len(each.strikes) <= 2
        assert len({strike.kind for strike in each.strikes}) == len(each.strikes)
        assert not any(strike.majority for strike in each.strikes)
    assert any(len(each.strikes) == 2 for each in taken(seed))


def test_only_what_was_asked_for_happens() -> None:
    strikes = [strike for each in taken(1, ("kill", "scale")) for strike in each.strikes]
    assert {strike.kind for strike in strikes} == {"kill", "scale"}
    assert {strike.part for strike in strikes} == {"leader", "voter", "any", "up", "down"}


def test_a_majority_is_hit_only_if_asked_for_alone_and_never_killed() -> None:
    hit = [each.strikes for each in taken(1, majority=True) if each.strikes[0].majority]
    assert {strikes[0].kind for strikes in hit} == {"freeze", "partition"}
    assert {len(strikes) for strikes in hit} == {1}


def test_what_lasts_as_long_as_the_run_is_in_no_round() -> None:
    assert taken(1, ("rpc",)) == []


@pytest.mark.parametrize("kinds", [(), ("kill", "flood")])
def test_there_is_no_schedule_of_what_there_is_not(kinds: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="no such fault"):
        next(rounds(1, kinds))


def test_a_draw_picks_one_of_those_there_are() -> None:
    strike = taken(1)[0].strikes[0]
    assert strike._replace(draw=0.0).pick(3) == 0
    assert strike._replace(draw=0.999999).pick(3) == 2
    assert strike._replace(draw=1.0).pick(3) == 2
