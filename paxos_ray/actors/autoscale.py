"""How many citizens an island should have for what is read from them: decided here, without Ray.

Only reads that any citizen answers count, session and eventual ones: more citizens do nothing for
linearizable reads, nor for writes. Constituents come and go by it; the parliament stays.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from paxos_ray.core.errors import InvalidArgument

SLACK = 0.7
"""An island shrinks to so many citizens as have at most this share of their reads to answer: so
what made it shrink does not make it grow."""

MOST_GROWTH = 2
"""It grows to at most so many times what it has, in one step."""


@dataclass(frozen=True, slots=True)
class Autoscale:
    """Have an island keep between `minimum` and `maximum` citizens, by what is read from them.

    It grows when they have answered more than `reads_per_citizen` reads a second each, over the
    last `window_s` seconds; at most to double the number, and once within `window_s`. It shrinks
    when for `calm_s` seconds it has needed fewer, by a margin. It never shrinks below the
    parliament that it has, or the minimum. Raises `InvalidArgument`.
    """

    minimum: int
    maximum: int
    reads_per_citizen: float
    window_s: float = 10.0
    calm_s: float = 60.0

    def __post_init__(self) -> None:
        for name in ("minimum", "maximum"):
            bound = getattr(self, name)
            if type(bound) is not int or bound < 1:
                raise InvalidArgument(f"{name} is a whole number of at least 1, not {bound!r}")
        if self.minimum > self.maximum:
            raise InvalidArgument(f"minimum {self.minimum} is above maximum {self.maximum}")
        for name in ("reads_per_citizen", "window_s", "calm_s"):
            value = getattr(self, name)
            if type(value) not in (int, float) or not 0 < value < math.inf:
                raise InvalidArgument(f"{name} is a finite number above 0, not {value!r}")
        if self.calm_s < self.window_s:
            raise InvalidArgument("calm_s is at least window_s")

    def bounded(self, citizens: int, parliament: int = 1) -> int:
        """The number between the bounds that is the nearest to that, not below the parliament."""
        return max(self.minimum, parliament, min(self.maximum, citizens))

    def __str__(self) -> str:
        reads = f"{self.reads_per_citizen:g} reads a second each"
        return f"{self.minimum} to {self.maximum} citizens, of {reads}"


class Meter:
    """The rate of reads, from what each citizen says it has answered since it began."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()  # when, answered in all since the first
        self._last: dict[str, int] = {}
        self._total = 0

    def take(self, now_s: float, answered: Mapping[str, int], window_s: float) -> float:
        """What all have answered by now: reads a second, over the last `window_s` or less.

        Who was not asked before counts from now on, and who does not answer counts no more."""
        for id, count in answered.items():
            self._total += max(0, count - self._last.get(id, count))
        self._last = dict(answered)
        samples = self._samples
        samples.append((now_s, self._total))
        while len(samples) > 2 and samples[1][0] <= now_s - window_s:
            samples.popleft()
        (then_s, before), (last_s, total) = samples[0], samples[-1]
        return (total - before) / (last_s - then_s) if last_s > then_s else 0.0


class _Need(NamedTuple):
    at_s: float
    citizens: int


class Governor:
    """Decides, look by look, how many citizens are wished for. It begins at `now_s`."""

    def __init__(self, autoscale: Autoscale, now_s: float) -> None:
        self._autoscale = autoscale
        self._settled_s = now_s  # since when the island has had its present shape
        self._needs: deque[_Need] = deque()  # within `calm_s`: falling, the highest first

    def unsettled(self, now_s: float) -> None:
        """The island has not the shape that it was to have: what is read from it says little."""
        self._settled_s = now_s
        self._needs.clear()

    def decide(self, now_s: float, rate: float, citizens: int, parliament: int) -> int | None:
        """How many citizens there should be, of an island that has so many, of which so many in
        parliament, when so many reads a second are answered. None: as many as there are."""
        rules = self._autoscale
        lowest = max(rules.minimum, parliament)
        least = math.ceil(rate / (SLACK * rules.reads_per_citizen))
        while self._needs and self._needs[-1].citizens <= least:
            self._needs.pop()
        self._needs.append(_Need(now_s, least))
        while self._needs[0].at_s < now_s - rules.calm_s:
            self._needs.popleft()
        quiet_s = now_s - self._settled_s
        wanted = citizens
        if rate > rules.reads_per_citizen * citizens:
            if quiet_s >= rules.window_s:
                full = math.ceil(rate / rules.reads_per_citizen)
                wanted = max(citizens, min(full, MOST_GROWTH * citizens, rules.maximum))
        elif quiet_s >= rules.calm_s:
            wanted = min(citizens, max(self._needs[0].citizens, lowest))
        if wanted == citizens:
            return None
        self.unsettled(now_s)
        return wanted
