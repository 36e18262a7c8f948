"""A client that does one increment after the other, and so sees how long the island pauses."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise
from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paxos_ray import Island

NAME = "#probe"
"""The probe's counter: no word contains a `#`."""


class Probe:
    """Runs from `start` to `stop`; `acknowledged` are moments of the monotonic clock, in s."""

    def __init__(self, island: Island, timeout_s: float) -> None:
        self._increment = island.counter(NAME).increment
        self._timeout_s = timeout_s
        self._stop = Event()
        self._under_way = Event()
        self._thread = Thread(target=self._run, name="probe", daemon=True)
        self.acknowledged: list[float] = []
        self.error: Exception | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wait(self, timeout_s: float) -> None:
        """Return once an increment was acknowledged, or has failed; or after so long."""
        self._under_way.wait(timeout_s)

    def stop(self) -> None:
        """End after the increment under way. Raises what an increment raised."""
        self._stop.set()
        self._thread.join()
        if self.error is not None:
            raise self.error

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._increment.remote(1).result(timeout_s=self._timeout_s)
                self.acknowledged.append(time.monotonic())
                self._under_way.set()
        except Exception as error:  # noqa: BLE001 - the thread that stops the probe raises it
            self.error = error
            self._under_way.set()


def longest_gap_s(acknowledged: Sequence[float], at: float, within_s: float) -> float:
    """The longest time without an acknowledgement that touches `at` … `at + within_s`, in s."""
    gaps = [
        after - before
        for before, after in pairwise(acknowledged)
        if after >= at and before <= at + within_s
    ]
    return max(gaps, default=0.0)
