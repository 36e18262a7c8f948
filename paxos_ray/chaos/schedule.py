"""The schedule of faults: what happens, in which order, to whom, and for how long.

All of it follows from the seed and from which faults were asked for, never from what the island
does. Who a victim is, is said by its part (`leader`, `voter`, …) and a number, since nobody can
know beforehand who will lead; when a round begins depends on how long the island took to get over
the one before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple

KINDS = ("kill", "freeze", "partition", "oneway", "coordinator", "node", "rpc", "scale")
"""All faults, in the order in which they are shown."""

LASTING = ("rpc",)
"""Those that last as long as the run does: they are no part of any round."""

TOGETHER = 0.25
"""How many of the rounds are of two faults at once."""

_PARTS = {
    "kill": ("leader", "leader", "voter", "any"),
    "freeze": ("leader", "leader", "voter", "any"),
    "partition": ("leader", "leader", "voter", "coordinator"),
    "oneway": ("leader", "leader", "voter", "coordinator"),
    "node": ("leader", "voter", "coordinator"),
    "coordinator": ("coordinator", "coordinator", "deputy"),
    "scale": ("up", "down"),
}
# From less than a client waits before it asks elsewhere to more than an island waits before it
# replaces who is silent (5 s), or Ray, where it is told to notice soon, gives up a node (4 s).
_LASTS_S = (0.3, 1.0, 2.0, 4.0, 7.0)


class Strike(NamedTuple):
    """One fault: its `kind`, the `part` of whom it hits, and a `draw` (0 to 1) for whatever else is
    to be chosen. `majority`: it should hit more than half of those who vote, for the while."""

    kind: str
    part: str
    draw: float
    majority: bool = False

    def __str__(self) -> str:
        return f"{self.kind} {'majority' if self.majority else self.part}"

    def pick(self, among: int) -> int:
        """Which of so many."""
        return min(among - 1, int(self.draw * among))


class Round(NamedTuple):
    """Faults that begin together, after `calm_s` seconds without any, and end `lasts_s` later."""

    number: int
    calm_s: float
    lasts_s: float
    strikes: tuple[Strike, ...]

    def __str__(self) -> str:
        what = " and ".join(map(str, self.strikes))
        return f"{self.number}: {what}, for {self.lasts_s:g} s, after {self.calm_s:.1f} s"


def rounds(seed: int, kinds: Sequence[str], majority: bool = False) -> Iterator[Round]:
    """Rounds without end. Each kind comes once before any comes twice, in an order of its own each
    time; so it is with the parts that a kind has.

    With `majority`, every other freeze and cut is of a majority. Nobody kills one: that is the end
    of an island. Raises `ValueError` for kinds that there are not, or none.
    """
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown or not kinds:
        raise ValueError(f"no such fault: {', '.join(unknown) or 'none at all'}")
    random = Random(f"chaos {seed}")
    order = [kind for kind in KINDS if kind in kinds and kind not in LASTING]
    if not order:
        return
    deck = _shuffled(order, random)
    parts = {kind: _shuffled(_PARTS[kind], random) for kind in order}
    crowds = random.random() < 0.5
    number = 0
    while True:
        number += 1
        strikes = [_strike(next(deck), parts, random)]
        if len(order) > 1 and random.random() < TOGETHER:
            second = random.choice([kind for kind in order if kind != strikes[0].kind])
            strikes.append(_strike(second, parts, random))
        if majority and strikes[0].kind in ("freeze", "partition"):
            crowds = not crowds
            if crowds:
                strikes = [strikes[0]._replace(majority=True)]
        calm_s = round(random.uniform(0.5, 2.0), 1)
        yield Round(number, calm_s, random.choice(_LASTS_S), tuple(strikes))


def _strike(kind: str, parts: dict[str, Iterator[str]], random: Random) -> Strike:
    return Strike(kind, next(parts[kind]), round(random.random(), 6))


def _shuffled(values: Sequence[str], random: Random) -> Iterator[str]:
    """All of them, again and again, in another order each time."""
    while True:
        pile = list(values)
        random.shuffle(pile)
        yield from pile
