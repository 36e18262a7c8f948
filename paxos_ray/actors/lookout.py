"""Which carrier of an island a client turns to: its coordinator, or the deputy meanwhile.

Ray tells a caller only after a second or more that an actor which it restarts has died. So a
client whose calls are not answered asks the carrier whether it is there, and turns to the other
one if that is not answered either. Calls may arrive at both: a session makes that safe.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from typing import Any

import ray
from ray.exceptions import RayError

from paxos_ray.actors.connection import named
from paxos_ray.actors.errors import RayNotInitialised
from paxos_ray.actors.guard import Guarded
from paxos_ray.actors.settings import DEPUTY

SILENCE_S = 0.25
"""A call that takes so long makes one ask; and so does, on and on, each further such while."""

PATIENCE_S = 0.3
"""How soon a carrier says that it is there, if it is."""

DEPUTY_S = 2.0
"""A deputy that does not answer for so long, an election included, may be away itself."""

SEEK_S = 2.0
"""How often Ray is asked who is the deputy, until it has said so: before that is needed, since its
control service may be away by then, too."""

FIND_S = 0.1
"""How long Ray is waited for to say who is the deputy; it says so in milliseconds, if at all."""


class Lookout:
    """Used by one thread, except for `carrier`, which any may read."""

    def __init__(self, island: str, coordinator: Any) -> None:
        self.coordinator = coordinator
        self.carrier = coordinator
        self._island = island
        self._deputy: Any = None
        self._doubtful = False  # the deputy that is known did not serve: there may be another
        self._finding: threading.Thread | None = None
        self._sought_at = float("-inf")
        self._asked: Future[Any] | None = None
        self._asked_at = 0.0
        self._heard_at = 0.0

    def look(self, silent_s: float, lost: bool) -> bool:
        """Given for how long a call has not been answered, and whether Ray said of one that its
        carrier is away: whether `carrier` is another now, so that all must be asked again."""
        try:
            return self._look(silent_s, lost)
        except RayNotInitialised:
            return False  # nobody is turned to any more

    def _look(self, silent_s: float, lost: bool) -> bool:
        now = time.monotonic()
        if (self._deputy is None or self._doubtful) and now - self._sought_at >= SEEK_S:
            self._seek(now)
        if self.carrier is not self.coordinator:
            lost = lost or silent_s >= DEPUTY_S
            self._doubtful = self._doubtful or lost
            if lost or self._is_there(now):
                self.carrier = self.coordinator
            elif now - self._asked_at >= PATIENCE_S:
                self._asked = None  # what was asked may be lost with the network it was on
            return lost
        if silent_s < SILENCE_S and not lost:
            self._asked = None
            return False
        if not lost:
            there = self._is_there(now)
            if there or (there is None and now - self._asked_at < PATIENCE_S):
                return False
        self._asked = None
        if self._find_deputy(now) is None:
            return False
        self.carrier = self._deputy
        return True

    def _is_there(self, now: float) -> bool | None:
        """Whether the coordinator is there, None if that is not known yet. Asks it."""
        if self._asked is None:
            if now - self._heard_at < SILENCE_S:
                return True
            self._asked, self._asked_at = self.coordinator.alive.remote().future(), now
        if not self._asked.done():
            return None
        there = self._asked.exception() is None
        self._asked = None
        if there:
            self._heard_at = now
        return there

    def _find_deputy(self, now: float) -> Any:
        """The deputy, unless Ray has not said who that is, and does not say it at once."""
        if self._deputy is None:
            self._seek(now).join(FIND_S)
        return self._deputy

    def _seek(self, now: float) -> threading.Thread:
        """In a thread of its own: Ray's control service may be silent, too, and a client that
        waited for it could not send to a coordinator that is there after all."""
        self._sought_at = now
        if self._finding is None or not self._finding.is_alive():
            name = f"paxos_ray client of {self._island}: deputy"
            self._finding = threading.Thread(target=self._look_up, name=name, daemon=True)
            self._finding.start()
        return self._finding

    def _look_up(self) -> None:
        try:
            found = Guarded(named(DEPUTY, self._island), self.coordinator.authority)
            # Where that is, Ray says when it is called for the first time, and not before.
            found.known.remote().future().add_done_callback(lambda known: known.exception())
            self._deputy, self._doubtful = found, False
        except (ValueError, RayError, OSError, RuntimeError):
            pass
        except Exception:
            if ray.is_initialized():  # else it may have been shut down at any point
                raise
