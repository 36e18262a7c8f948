"""What a coordinator knows of the cluster's nodes, and how fast it replaces what is lost there."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping

import ray
from ray.exceptions import RayError

from paxos_ray.actors import placement
from paxos_ray.actors.placement import Node

log = logging.getLogger("paxos_ray")

REFRESH_S = 1.0
SETTLED_S = 10.0
"""How long a node must have been there before citizens move to it: one that comes and goes should
not have them follow."""

SHUN_S = 5.0
"""How long a node is avoided after a citizen has died there; twice as long after each more."""

SHUN_MOST_S = 300.0


class Pace:
    """How many launches there may be: as many as it was refilled to, then one each `interval_s`."""

    def __init__(self, interval_s: float, clock: Callable[[], float]) -> None:
        self._interval_s = interval_s
        self._clock = clock
        self._most = self._left = 0.0
        self._at = clock()

    def refill(self, most: int) -> None:
        """From now on it holds so many, and has them."""
        self._most = self._left = float(most)

    def take(self, wanted: int) -> int:
        """How many of those wanted there may be now: they count as done."""
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._at) / self._interval_s)
        self._at = now
        granted = min(wanted, int(self._left))
        self._left -= granted
        return granted


class Sites:
    """The nodes that may hold a citizen of one island, as of the last look."""

    def __init__(self, island: str, num_cpus: float, clock: Callable[[], float]) -> None:
        self.here = str(ray.get_runtime_context().get_node_id())
        self.nodes: list[Node] = []
        self.all: list[Node] = []
        self._island = island
        self._num_cpus = num_cpus
        self._clock = clock
        self._since: dict[str, float] = {}  # node -> since when it is seen; at first, for ever
        self._deaths: dict[str, deque[float]] = {}

    async def keep(self) -> None:
        """For ever: look which nodes there are. Ray may take long to say so, or not say it."""
        while True:
            await self.refresh()
            await asyncio.sleep(REFRESH_S)

    async def refresh(self) -> None:
        """Look now."""
        try:
            self.see(await asyncio.to_thread(placement.living_nodes))
        except (RayError, OSError, RuntimeError) as error:
            log.warning("island %s: which nodes there are is not known: %s", self._island, error)

    def see(self, nodes: list[Node]) -> None:
        """These are alive now."""
        now = float("-inf") if not self.all else self._clock()
        self._since = {node.id: self._since.get(node.id, now) for node in nodes}
        self.all = nodes
        able = [node for node in nodes if node.holds(self._num_cpus)]
        self.nodes = placement.order(able, self._island)

    def died(self, node: str) -> None:
        """A citizen was lost there."""
        self._deaths.setdefault(node, deque(maxlen=8)).append(self._clock())

    def shunned(self) -> list[str]:
        """Where citizens have died lately, so that others are better."""
        now = self._clock()
        shunned = []
        for node, deaths in list(self._deaths.items()):
            while deaths and now - deaths[0] > SHUN_MOST_S:
                deaths.popleft()
            if not deaths:
                del self._deaths[node]
            elif now - deaths[-1] < min(SHUN_MOST_S, SHUN_S * 2 ** (len(deaths) - 1)):
                shunned.append(node)
        return shunned

    def choose(self, occupied: list[str]) -> str | None:
        """See `placement.choose`."""
        return placement.choose(self.nodes, occupied, self.here, self.shunned())

    def carrier_node(self, occupied: list[str]) -> str | None:
        """See `placement.carrier_node`; the other carrier is here."""
        return placement.carrier_node(self.nodes, occupied, self.here)

    def move(self, homes: Mapping[str, str]) -> str | None:
        """See `placement.move`; to nodes that have been there for a while, `SETTLED_S`."""
        now = self._clock()
        new = [node for node, since in self._since.items() if now - since < SETTLED_S]
        return placement.move(self.nodes, homes, self.here, [*new, *self.shunned()])
