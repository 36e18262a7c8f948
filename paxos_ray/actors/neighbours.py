"""The citizens that a client asks directly, and whom of them it asks next."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import ray
from ray.exceptions import ActorDiedError

from paxos_ray.actors.authority import Authority
from paxos_ray.actors.member import look_up, names
from paxos_ray.actors.onlookers import roster_of
from paxos_ray.actors.settings import CITIZEN
from paxos_ray.actors.wire import Roster
from paxos_ray.core.log import NOTHING
from paxos_ray.core.promise import Promise

if TYPE_CHECKING:
    from paxos_ray.actors.coordinator import Progress

TRIES = 2
"""So many that turn out to be behind are waited for; then it is the leader's turn."""

SHUNNED_S = 1.0
"""Who has no state, or was not to be had, is not asked again for so long; who was silent for twice
that, and twice that again."""

SHUNNED_MOST_S = 30.0

LEARN_LIMIT_S = 1.0
"""How long the coordinator is waited for; then Ray is asked."""

Ask = Callable[[bytes], Future[Any]]
"""Asks one citizen: a sealed `Look` for a sealed `Glance`."""


@dataclass(slots=True, eq=False)
class Neighbour:
    """One citizen. `rank` is its place in the roster, 0 the leader's."""

    id: str
    ask: Ask
    rank: int
    at: Promise = NOTHING  # its state is of that, or a later one
    used: int = 0  # when it was asked last: the number of that call
    busy: dict[str, int] = field(default_factory=dict)  # lane -> the call that it answers
    shunned_until: float = 0.0  # monotonic time, s
    silent: int = 0  # how often in a row it has not answered


class Neighbours:
    """All of them. No lock: that is for who uses it."""

    def __init__(self) -> None:
        self.number = 0
        """That of the government from which they are known."""
        self._known: dict[str, Neighbour] = {}
        self._dead: dict[str, None] = {}

    def unknown(self, roster: Roster) -> list[str]:
        """Who of these is not known yet, and not dead either."""
        return [id for id in roster.citizens if id not in self._known and id not in self._dead]

    def update(self, roster: Roster, found: Mapping[str, Ask | None]) -> None:
        """From now on these, with the new ones among them as found."""
        known = {}
        for rank, id in enumerate(roster.citizens):
            neighbour, ask = self._known.get(id), found.get(id)
            if neighbour is not None:
                neighbour.rank = rank
                known[id] = neighbour
            elif ask is not None and id not in self._dead:
                known[id] = Neighbour(id, ask, rank)
        self._known = known
        # Who was not found is asked for again, with the next answer.
        self.number = 0 if self.unknown(roster) else roster.number

    def choose(
        self, lane: str, tried: Collection[str], since: Promise, now: float
    ) -> tuple[Neighbour | None, bool]:
        """Whom to ask what must not be older than `since`: who has that already, or is to have
        it soonest; in turns; the leader last, who has enough to do. None if nobody has time, and
        whether somebody will."""
        able = [n for n in self._known.values() if n.id not in tried and n.shunned_until <= now]
        if since > NOTHING and len(tried) >= TRIES:
            able = [n for n in able if n.rank == 0]
        free = [n for n in able if lane not in n.busy]
        if not free:
            return None, bool(able)

        def cost(each: Neighbour) -> tuple[bool, bool, int, int]:
            behind = each.at < since
            return behind, each.rank == 0, each.rank if behind else 0, each.used

        return min(free, key=cost), True

    def any_able(self, now: float) -> bool:
        """Whether there is anybody to ask."""
        return any(n.shunned_until <= now for n in self._known.values())

    def died(self, neighbour: Neighbour) -> None:
        """It is never asked again."""
        self._dead[neighbour.id] = None
        self._known.pop(neighbour.id, None)

    def answers(self, neighbour: Neighbour, at: Promise | None, now: float) -> None:
        """It has answered, from a state of that promise; None: it has no state."""
        neighbour.silent, neighbour.shunned_until = 0, 0.0
        if at is None:
            neighbour.shunned_until = now + SHUNNED_S
        elif at > neighbour.at:
            neighbour.at = at

    def shun(self, neighbour: Neighbour, now: float, silent: bool) -> None:
        """It was not to be had, or has been silent."""
        neighbour.silent += silent
        pause_s = min(SHUNNED_S * 2**neighbour.silent, SHUNNED_MOST_S)
        neighbour.shunned_until = now + pause_s


def learn(island: str, coordinator: Any, follow: Callable[[], object]) -> Roster | None:
    """Who the citizens are, says the coordinator, or else Ray. If it has ended for good, `follow`
    is to find out what there is instead."""
    try:
        progress: Progress = coordinator.progress.remote().get(LEARN_LIMIT_S)
        if progress.government is not None:
            roster = roster_of(progress.government)
            living = tuple(id for id in roster.citizens if id in progress.living)
            return roster._replace(citizens=living)
    except ActorDiedError:
        follow()
        return None
    except Exception:  # noqa: BLE001 - the coordinator is away, or Ray was shut down
        if not ray.is_initialized():
            return None
    try:
        found = names(island)
    except Exception:  # noqa: BLE001 - so is Ray's control service
        return None
    return Roster(0, tuple(n.removeprefix(CITIZEN) for n in found if n.startswith(CITIZEN)))


def find(island: str, authority: Authority, id: str) -> Ask | None:
    """How to ask that citizen; None if it is not to be found."""
    try:
        member = look_up(island, id, authority)
    except Exception:  # noqa: BLE001 - Ray's control service is away
        return None
    if member is None:
        return None
    look = member.citizen.look.remote
    return lambda request: look(request).future()
