"""The search itself: breadth first, each state once, so the first violation has a shortest path."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from paxos_ray.simulation.exhaustive.crew import Crew
from paxos_ray.simulation.exhaustive.founding import begin
from paxos_ray.simulation.exhaustive.harvest import Harvest
from paxos_ray.simulation.exhaustive.retelling import retell
from paxos_ray.simulation.exhaustive.shelves import Roots, Shelf, Visited
from paxos_ray.simulation.exhaustive.state import Bounds, State


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
    jobs: int = 1,
) -> Exploration:
    """Search all states within the bounds, up to `limit`, or to the first violation.

    `reduced` leaves out orders of events that come to the same. `report` is called now and then.
    With `jobs` processes it comes to the same, counts included.
    """
    return Search(bounds, limit, reduced, report, jobs).run()


class Search:
    """One search. `seen` is told of every new state."""

    def __init__(
        self,
        bounds: Bounds,
        limit: int | None,
        reduced: bool,
        report: Report | None = None,
        jobs: int = 1,
    ) -> None:
        self.world, self.first = begin(bounds, reduced)
        self.exploration = Exploration(bounds, reduced)
        self.seen: Callable[[State], None] | None = None
        self._crew = Crew(self.world, jobs)
        self._limit = limit
        self._report = report
        self._visited = Visited()
        self._roots = Roots()
        self._expanded = 0  # states whose moves have been made

    def run(self) -> Exploration:
        """Search to the end, the limit, or the first violation."""
        exploration = self.exploration
        self._visited.add(self.world.digest(self.first))
        level = Shelf()
        self._count(self.first, 0, 0, level)
        self._tell()
        while len(level) and not self._is_over():
            following = Shelf()
            with closing(self._crew.reaping(level, self._visited)) as harvests:
                for harvest in harvests:
                    self._gather(harvest, following)
                    self._tell()
                    if self._is_over():
                        break
            level = following
            exploration.depth += bool(level) and not self._is_over()
        exploration.complete = self._expanded == exploration.states
        exploration.complete &= exploration.finding is None
        self._tell()
        return exploration

    def _is_over(self) -> bool:
        exploration = self.exploration
        limited = self._limit is not None and exploration.states >= self._limit
        return limited or exploration.finding is not None

    def _gather(self, harvest: Harvest, following: Shelf) -> None:
        """Count the new states of a slice, in order, up to the limit or a violation."""
        exploration = self.exploration
        first, at, found = self._expanded, 0, len(harvest.digests)
        for parent, transitions in enumerate(harvest.transitions):
            if self._limit is not None and exploration.states >= self._limit:
                return
            self._expanded += 1
            exploration.transitions += transitions
            while at < found and harvest.parents[at] == parent:
                if self._visited.add(harvest.digests[at]):
                    self._count(harvest.states[at], first + parent, harvest.moves[at], following)
                at += 1
        if harvest.violation is not None:
            name, detail, way = harvest.violation
            self._expanded -= 1
            path = retell(self.world, self.first, self._roots.way(self._expanded), way)
            exploration.finding = Finding(name, detail, path)

    def _count(self, state: State, parent: int, move: int, following: Shelf) -> None:
        exploration = self.exploration
        exploration.states += 1
        exploration.quiet += self.world.is_quiet(state)
        self._roots.add(parent, move)
        following.add(state)
        if self.seen is not None:
            self.seen(state)

    def _tell(self) -> None:
        exploration, world = self.exploration, self.world
        exploration.frontier = exploration.states - self._expanded
        exploration.postures, exploration.steps = len(world.postures), world.postures.steps
        exploration.courts = len(world.courts.annals)
        if self._report is not None:
            self._report(exploration)
