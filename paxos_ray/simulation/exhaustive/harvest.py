"""What comes of a slice of states: the new ones among those that follow, in order."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from paxos_ray.simulation.exhaustive.state import State, Way
from paxos_ray.simulation.exhaustive.world import World
from paxos_ray.simulation.watch import Violation


@dataclass(slots=True)
class Harvest:
    """The new states that follow those of a slice, and how many moves each of these has.

    Of each new state: its digest, which of the slice it follows and by which move, the first way
    that was met. With a violation, which ends a harvest: where, and by what way.
    """

    transitions: array[int] = field(default_factory=lambda: array("L"))
    digests: list[int] = field(default_factory=list)
    parents: array[int] = field(default_factory=lambda: array("L"))
    moves: array[int] = field(default_factory=lambda: array("H"))
    states: list[State] = field(default_factory=list)
    violation: tuple[str, str, Way] | None = None


class Known(Protocol):
    """What has been met before."""

    def __contains__(self, digest: int, /) -> bool:
        """Whether a state of that digest has."""


def reap(world: World, states: Iterable[State], known: Known) -> Harvest:
    """Make all moves of these states; what is `known` by its digest is not new."""
    harvest = Harvest()
    digests: set[int] = set()
    digest_of = world.digest
    for parent, state in enumerate(states):
        number = -1
        for number, (way, after) in enumerate(world.follow(state)):
            if isinstance(after, Violation):
                harvest.violation = after.name, after.detail, way
                break
            digest = digest_of(after)
            if digest not in digests and digest not in known:
                digests.add(digest)
                harvest.digests.append(digest)
                harvest.parents.append(parent)
                harvest.moves.append(number)
                harvest.states.append(after)
        harvest.transitions.append(number + 1)
        if harvest.violation is not None:
            break
    return harvest
