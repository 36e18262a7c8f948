"""Waiting, in tests on a real Ray, for what is soon so."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from paxos_ray import Island, IslandStatus

SOON_S = 90.0
"""However slow the machine is; what takes longer has failed."""


def until(told: Callable[[], Any]) -> Any:
    """Ask until the answer is not empty or False: the answer."""
    deadline = time.monotonic() + SOON_S
    while not (answer := told()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return answer


def await_status(island: Island, told: Callable[[IslandStatus], Any]) -> IslandStatus:
    """The island's first status of which that is so."""
    deadline = time.monotonic() + SOON_S
    while not told(status := island.status(timeout_s=SOON_S)):
        assert time.monotonic() < deadline, status
        time.sleep(0.05)
    return status


def is_whole(status: IslandStatus) -> bool:
    """Whether it has the shape it was asked for, of citizens who are all alive."""
    return status.shaped and all(citizen.alive for citizen in status.citizens)
