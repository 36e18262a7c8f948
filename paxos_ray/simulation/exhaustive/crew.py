"""Slices of a level in several processes, their harvests in order.

Each slice is reaped by a process that is forked off for it: so it knows all that has been worked
out up to then, and has the digests of all states, without a byte being sent. When it is done it
tells what it has found and worked out; that is taken in slice by slice, in the order of the level,
so numbers, counts and ways are those that one process would come to.
"""

from __future__ import annotations

import gc
import os
import pickle
import select
import signal
import tempfile
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from paxos_ray.simulation.exhaustive.harvest import Harvest, reap
from paxos_ray.simulation.exhaustive.news import Extent, hear, tell
from paxos_ray.simulation.exhaustive.shelves import Shelf, Visited
from paxos_ray.simulation.exhaustive.state import State
from paxos_ray.simulation.exhaustive.world import World
from paxos_ray.simulation.forking import end_at_once, undisturbed

AHEAD = 2
"""Slices for each process that may be on their way, or done before the first of them is."""
WORTH_IT = 1_000
"""A level of fewer states is reaped by the search's own process."""
SLICE = 80
"""Grains (see `Shelf`) that one process takes at most; fewer, while a level is small."""


class CrewError(RuntimeError):
    """A process that searched has died."""


@dataclass(slots=True)
class _Hand:
    """A process at work on a slice: it holds one end of a pipe as long as it lives."""

    process: int
    pipe: int
    told: BinaryIO
    extent: Extent
    done: bool = False


class Crew:
    """Up to so many processes."""

    def __init__(self, world: World, jobs: int) -> None:
        self._world = world
        self._jobs = jobs
        self._hands: deque[_Hand] = deque()

    def reaping(self, level: Shelf, visited: Visited) -> Generator[Harvest, None, None]:
        """The harvests of all slices of a level, in order. Raises `CrewError`."""
        if self._jobs == 1 or len(level) < WORTH_IT:
            for first in range(0, level.grains, SLICE):
                yield reap(self._world, level.slice(first, first + SLICE), visited)
            return
        try:
            yield from self._together(level, visited)
        finally:
            self._dismiss()

    def _together(self, level: Shelf, visited: Visited) -> Iterator[Harvest]:
        hands, following = self._hands, 0
        size = max(1, min(SLICE, level.grains // (AHEAD * self._jobs)))
        while hands or following < level.grains:
            while (
                following < level.grains
                and len(hands) < AHEAD * self._jobs
                and sum(not hand.done for hand in hands) < self._jobs
            ):
                states = level.slice(following, following + size)
                self._send(states, visited)
                following += size
            if not hands[0].done:
                self._wait()
                continue
            hand = hands.popleft()
            with hand.told:
                yield self._take(hand)

    def _send(self, states: Iterator[State], visited: Visited) -> None:
        """Fork a process off for a slice. A Ctrl-C is the search's to hear, and not its: who is
        interrupted would have died. Nor is anything heard before it is known who is at work."""
        told = tempfile.TemporaryFile()  # noqa: SIM115 - `_take` closes it
        reading, writing = os.pipe()
        extent = Extent.of(self._world)
        gc.freeze()  # else the collector of each process would copy all that is shared
        with undisturbed():
            process = os.fork()
            if process:
                os.close(writing)
                self._hands.append(_Hand(process, reading, told, extent))
                return
            status = 1
            try:
                end_at_once()
                os.close(reading)
                self._world.forget_news()
                harvest = reap(self._world, states, visited)
                pickle.dump((harvest, tell(self._world, extent)), told, protocol=5)
                told.flush()
                status = 0
            finally:
                os._exit(status)

    def _wait(self) -> None:
        """Until one is done."""
        at_work = {hand.pipe: hand for hand in self._hands if not hand.done}
        for pipe in select.select(list(at_work), [], [])[0]:
            hand = at_work[pipe]
            os.close(pipe)
            hand.done = True
            if os.waitpid(hand.process, 0)[1]:
                raise CrewError(f"process {hand.process}, which searched, has died")

    def _take(self, hand: _Hand) -> Harvest:
        """What a process has told, in the numbers of this one."""
        hand.told.seek(0)
        harvest: Harvest
        news: dict[str, Any]
        harvest, news = pickle.load(hand.told)
        translation = hear(self._world, hand.extent, news)
        harvest.states = [translation.state(state) for state in harvest.states]
        return harvest

    def _dismiss(self) -> None:
        """End those that are still at work: nobody wants to know."""
        for hand in self._hands:
            if not hand.done:
                os.kill(hand.process, signal.SIGTERM)
                os.close(hand.pipe)
                os.waitpid(hand.process, 0)
            hand.told.close()
        self._hands.clear()
