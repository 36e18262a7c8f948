"""The search itself: breadth first, each state once, so the first violation has a shortest path."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from marshal import dumps

from paxos_ray.simulation.exhaustive.founding import begin
from paxos_ray.simulation.exhaustive.retelling import retell
from paxos_ray.simulation.exhaustive.state import Bounds, State, Way, is_quiet
from paxos_ray.simulation.watch import Violation

REPORT_EVERY = 4_096
"""States expanded between two reports of progress."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is broken: the invariant's name, by what, and how it comes to that, a line a move."""

    name: str
    detail: str
    path: tuple[str, ...]


@dataclass(slots=True)
class Exploration:
    """What a search has come to. `complete` says that no state within the bounds is left."""

    bounds: Bounds
    reduced: bool
    states: int = 0  # distinct ones
    transitions: int = 0  # moves made from them
    quiet: int = 0  # states in which nothing is on its way
    depth: int = 0  # moves on the longest of the shortest paths to a state
    frontier: int = 0  # states found whose moves have not been made
    postures: int = 0  # distinct ones of a citizen
    steps: int = 0  # inputs worked out
    courts: int = 0  # distinct memories of the checkers
    complete: bool = False
    finding: Finding | None = None


Report = Callable[[Exploration], None]


def explore(
    bounds: Bounds,
    limit: int | None = None,
    reduced: bool = True,
    report: Report | None = None,
) -> Exploration:
    """Search all states within the bounds, up to `limit`, or to the first violation.

    `reduced` leaves out orders of events that come to the same. `report` is called now and then.
    """
    return Search(bounds, limit, reduced, report).run()


@dataclass(slots=True)
class _Roots:
    """How each state was come by: from which, by which of its moves."""

    parents: array[int] = field(default_factory=lambda: array("L"))
    moves: array[int] = field(default_factory=lambda: array("H"))

    def add(self, parent: int, move: int) -> None:
        self.parents.append(parent)
        self.moves.append(move)

    def way(self, state: int) -> list[int]:
        """The moves from the first state to this one."""
        way: list[int] = []
        while state:
            way.append(self.moves[state])
            state = self.parents[state]
        return way[::-1]


class Search:
    """One search. `seen` is told of every new state."""

    def __init__(
        self, bounds: Bounds, limit: int | None, reduced: bool, report: Report | None = None
    ) -> None:
        self.world, self.first = begin(bounds, reduced)
        self.exploration = Exploration(bounds, reduced)
        self.seen: Callable[[State], None] | None = None
        self._limit = limit
        self._report = report
        self._visited: set[bytes] = set()
        self._roots = _Roots()

    def run(self) -> Exploration:
        """Search to the end, the limit, or the first violation."""
        exploration = self.exploration
        self._visited.add(_digest(self.first))
        self._count(self.first, 0, 0)
        level, index = [self.first], 0
        while level and exploration.finding is None:
            following: list[State] = []
            for state in level:
                if self._limit is not None and exploration.states >= self._limit:
                    break
                if index % REPORT_EVERY == 0:
                    self._tell(len(level) + len(following))
                if not self._expand(state, index, following):
                    break
                index += 1
            else:
                level = following
                exploration.depth += bool(level)
                continue
            break
        exploration.complete = not level and exploration.finding is None
        self._tell(exploration.states - index)
        return exploration

    def _expand(self, state: State, index: int, following: list[State]) -> bool:
        """Make all moves of a state; False when one breaks something."""
        exploration, world, visited = self.exploration, self.world, self._visited
        for number, (way, after) in enumerate(world.follow(state)):
            exploration.transitions += 1
            if isinstance(after, Violation):
                self._found(after, index, way)
                return False
            digest = _digest(after)
            if digest not in visited:
                visited.add(digest)
                self._count(after, index, number)
                following.append(after)
        return True

    def _count(self, state: State, parent: int, move: int) -> None:
        exploration = self.exploration
        exploration.states += 1
        exploration.quiet += is_quiet(state)
        self._roots.add(parent, move)
        if self.seen is not None:
            self.seen(state)

    def _found(self, violation: Violation, index: int, last: Way) -> None:
        path = retell(self.world, self.first, self._roots.way(index), last)
        self.exploration.finding = Finding(violation.name, violation.detail, path)

    def _tell(self, frontier: int) -> None:
        exploration, world = self.exploration, self.world
        exploration.frontier = frontier
        exploration.postures, exploration.steps = len(world.postures), world.postures.steps
        exploration.courts = len(world.courts)
        if self._report is not None:
            self._report(exploration)


def _digest(state: State) -> bytes:
    """16 bytes: that two states of a billion share theirs is less likely than 1 in 10²⁰."""
    return blake2b(dumps(tuple(state), 2), digest_size=16).digest()
