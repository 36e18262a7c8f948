"""The pause that a kill caused, from the moments of acknowledgement."""

from paxos_ray.cli.probe import longest_gap_s


def test_the_gap_that_holds_the_kill() -> None:
    moments = [0.0, 0.5, 1.0, 1.1, 1.2, 1.9, 2.0]
    assert round(longest_gap_s(moments, at=1.25, within_s=5), 9) == 0.7
    assert round(longest_gap_s(moments, at=1.05, within_s=5), 9) == 0.7


def test_gaps_before_and_long_after_do_not_count() -> None:
    moments = [0.0, 5.0, 5.1, 5.3, 30.0, 31.0]
    assert round(longest_gap_s(moments, at=5.05, within_s=0.1), 9) == 0.2
    assert round(longest_gap_s(moments, at=5.05, within_s=10.0), 9) == 24.7


def test_without_acknowledgements_there_is_no_gap() -> None:
    assert longest_gap_s([], 0, 1) == longest_gap_s([1.0], 0, 1) == 0
