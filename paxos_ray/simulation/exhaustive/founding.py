"""The island that a search begins with: founded, grown, and at rest."""

from __future__ import annotations

from dataclasses import dataclass

from paxos_ray.core.government import Citizen
from paxos_ray.core.promise import Promise
from paxos_ray.simulation.exhaustive.court import Courts
from paxos_ray.simulation.exhaustive.likeness import Likeness
from paxos_ray.simulation.exhaustive.postures import Postures
from paxos_ray.simulation.exhaustive.state import Bounds, State
from paxos_ray.simulation.exhaustive.world import World
from paxos_ray.simulation.inhabitant import Inhabitant, Ticket
from paxos_ray.simulation.island import Island, Settings
from paxos_ray.simulation.network import Weather
from paxos_ray.simulation.watch import History, Watch

REST_PINGS = 20
"""All seats are taken for so long before the search begins: reports and minimum are told."""
GROWTH_PINGS = 400
"""An island that has not come to rest by then never will."""


@dataclass(slots=True)
class _Onlooker:
    """Keeps the history of the founding, which is checked by others."""

    watch: Watch

    def observe(self, who: Inhabitant) -> None:
        self.watch.observe(who)

    def settled(self, who: Inhabitant, ticket: Ticket, promise: Promise | None) -> None:
        self.watch.settled(who, ticket, promise)

    def spilled(self, who: Inhabitant, promise: Promise) -> None:
        raise AssertionError(f"{who} has not applied {promise}")


def begin(bounds: Bounds, reduced: bool) -> tuple[World, State]:
    """A world of so many citizens at rest under one government, `a` leading."""
    settings = Settings(parliament_size=bounds.citizens, parliament_floor=min(bounds.citizens, 3))
    history = History()
    island = Island(0, settings, Weather(), _Onlooker(Watch(history, [])))
    ids = "abcde"[: bounds.citizens]
    _grow(island, ids)
    newcomers: dict[int, Citizen] = {}
    if bounds.change == "embark" and bounds.changes:
        newcomer = island.launch("n")
        newcomer.citizen = Citizen(id="n", properties={}, cookie=newcomer.cookie)
        newcomers[len(ids)] = newcomer.citizen
    likeness = Likeness(timeless=bounds.alarms == 0)
    postures = Postures(likeness)
    courts = Courts(likeness, postures)
    world = World(likeness, postures, courts, newcomers, bounds, reduced)
    inhabitants = list(island.inhabitants.values())
    annal, bench = courts.begin(history, inhabitants, settings, island.agenda.now)
    numbers = tuple(postures.enter(who.legislator, island.agenda.now) for who in inhabitants)
    return world, world.begin(numbers, annal, bench)


def _grow(island: Island, ids: str) -> None:
    """Found the island and let it grow until all are seated, and nothing is on its way."""
    founder = island.found(ids[0])
    for id in ids[1:]:
        island.embark(founder, island.launch(id))
    ping, rested = island.settings.ping, 0
    for _ in range(GROWTH_PINGS * ping):
        island.agenda.run(island.agenda.now + 1)
        rested += _is_seated(island, len(ids))
        if rested > REST_PINGS * ping and _is_quiet(island):
            return
    raise AssertionError("the island does not come to rest")


def _is_seated(island: Island, seats: int) -> bool:
    governments = [who.legislator.government for who in island.living()]
    return len({who.legislator.top for who in island.living()}) == 1 and all(
        government is not None and len(government.parliament) == len(government.acclimated) == seats
        for government in governments
    )


def _is_quiet(island: Island) -> bool:
    return not any(who.legislator.inspect().details["givings"] for who in island.living())
