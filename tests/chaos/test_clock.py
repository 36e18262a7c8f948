"""A call's interval is never told shorter than it was."""

from __future__ import annotations

import time
from collections.abc import Callable

from paxos_ray.actors.backstage import Moment
from paxos_ray.chaos.clock import Clock

S = 1_000_000_000


def machine(boot: str, offset_ns: int) -> Callable[[], Moment]:
    return lambda: Moment(time.monotonic_ns() + offset_ns, boot)


def test_on_one_machine_it_is_the_machine_s_own() -> None:
    clock = Clock.compare(machine("one", 0), machine("one", 0))
    before = time.monotonic_ns()
    early, late = clock.early(), clock.late()
    assert before <= early <= late <= time.monotonic_ns()


def test_from_another_machine_it_is_told_within_bounds() -> None:
    for offset in (-1000 * S, 7 * S):
        clock = Clock.compare(machine("there", offset), machine("here", 0))
        early = clock.early()
        there = time.monotonic_ns() + offset
        late = clock.late()
        assert early < there < late
        assert late - early < S


def test_machines_that_do_not_say_which_they_are_are_taken_for_two() -> None:
    clock = Clock.compare(machine("", 5 * S), machine("", 0))
    assert clock.early() - time.monotonic_ns() > 4 * S
