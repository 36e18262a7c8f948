"""One clock for clients on several machines: that of the machine which checks.

A call's interval is never told shorter than it was, so that what is refused is wrong indeed.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from paxos_ray.actors.backstage import Ledger, Moment, moment

DRIFT = 200e-6
"""How fast, at most, two machines' clocks move apart."""

_ROUNDS = 5


class Clock:
    """The other machine's monotonic clock, told from here: `early` and `late` are times in ns
    between which this very moment is there."""

    def __init__(self, offset_ns: int, slack_ns: int, same: bool) -> None:
        self._offset_ns = offset_ns
        self._slack_ns = slack_ns
        self._same = same
        self._set_at = time.monotonic_ns()

    @classmethod
    def of(cls, ledger: Ledger) -> Clock:
        """That of the ledger's machine. Raises `TimedOut`."""
        return cls.compare(ledger.moment, moment)

    @classmethod
    def compare(cls, there: Callable[[], Moment], here: Callable[[], Moment]) -> Clock:
        """Ask for the time there a few times; the quickest answer says it best."""
        best: tuple[int, int] | None = None
        for _ in range(_ROUNDS):
            before, told, after = here(), there(), here()
            if told.boot and told.boot == before.boot:
                return cls(0, 0, same=True)
            half = (after.ns - before.ns) // 2 + 1
            if best is None or half < best[0]:
                best = (half, told.ns - before.ns - half)
        assert best is not None
        return cls(best[1], best[0], same=False)

    def early(self) -> int:
        """Not after now: for the beginning of a call."""
        now = time.monotonic_ns()
        return now + self._offset_ns - self._slack(now)

    def late(self) -> int:
        """Not before now: for its end."""
        now = time.monotonic_ns()
        return now + self._offset_ns + self._slack(now)

    def _slack(self, now: int) -> int:
        return 0 if self._same else self._slack_ns + int(DRIFT * (now - self._set_at))
