"""Which change of government is next: the table of docs/protocol.md, tried in its order."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from paxos_ray.core import changes
from paxos_ray.core.government import Citizen, Government


class Wish(NamedTuple):
    """Somebody who asked to come in."""

    citizen: Citizen
    acclimated: bool


class View(NamedTuple):
    """What the leader knows when it shapes: all ids in a fixed order.

    `reached` answered under this government; `away` did not answer lately; `lost` have not for
    `timeout`; `loading` lack the application's state, `stuck` have done so for longer than the
    limit; `emigrants` asked to leave.
    """

    reached: Collection[str]
    away: Collection[str]
    lost: Collection[str]
    loading: Collection[str]
    stuck: Collection[str]
    acclimated: Sequence[str]
    emigrants: Sequence[str]
    newcomers: Sequence[Wish]
    size: int
    floor: int


def next_change(government: Government, view: View) -> Government | None:
    """The next government, None when there is nothing to change or nothing can be changed yet."""
    return (
        _emigrate(government, view)
        or _relieve(government, view)
        or _replace(government, view)
        or _contract(government, view)
        or _depart(government, view)
        or _promote(government, view)
        or _acclimate(government, view)
        or _arrive(government, view)
    )


def may_seat(view: View, id: str) -> bool:
    """Nobody that is unreachable, or asked to emigrate, is seated or moved up."""
    return id in view.reached and id not in view.away and id not in view.emigrants


def _ready(government: Government, view: View) -> list[str]:
    """Constituents that may take a seat: who was acclimated may have lost its state since."""
    return [
        id
        for id in government.constituents
        if id in government.acclimated and id not in view.loading and may_seat(view, id)
    ]


def keeps_state(government: Government, view: View) -> bool:
    """Whether a strict majority of this parliament is known to have the application's state."""
    having = [id for id in government.parliament if id in view.reached and id not in view.loading]
    return len(having) >= government.quorum


def _emigrate(government: Government, view: View) -> Government | None:
    for id in view.emigrants:
        if id in government.constituents:
            return changes.depart(government, id)
        if id in government.minority:
            if ready := _ready(government, view):
                return changes.replace(government, id, ready[0])
            if smaller := _shrink(government, view, id):
                return smaller
        elif id in government.majority:
            for other in government.minority:
                if may_seat(view, other):
                    return changes.exchange(government, id, other)
            if len(government.parliament) % 2 == 0 and (smaller := _shrink(government, view, id)):
                return smaller
    return None


def above_floor(government: Government, view: View) -> bool:
    """Whether a seat of this parliament may go."""
    return len(government.parliament) > view.floor


def _shrink(government: Government, view: View, id: str) -> Government | None:
    """An odd parliament lets a minority member depart; an even one contracts first. Neither, when
    too few of those who stay have the state."""
    if not above_floor(government, view):
        return None
    if len(government.parliament) % 2:
        smaller = changes.depart(government, id)
    else:
        smaller = changes.contract(government, _leaving(government, view))
    return smaller if keeps_state(smaller, view) else None


def _leaving(government: Government, view: View) -> str:
    """Who loses the seat when an even parliament contracts: an unreachable one before others, one
    that asked to leave, one that lacks the state, else the last."""
    minority = (government.majority[-1], *government.minority)
    for unwelcome in (view.away, view.emigrants, view.loading):
        for id in reversed(minority):
            if id in unwelcome:
                return id
    return minority[-1]


def _relieve(government: Government, view: View) -> Government | None:
    """Who does not get its state holds the log back for all: it does so in no majority."""
    for id in government.majority:
        for other in government.minority:
            if id in view.stuck and other not in view.loading and may_seat(view, other):
                return changes.exchange(government, id, other)
    return None


def _replace(government: Government, view: View) -> Government | None:
    ready = _ready(government, view)
    for id in government.minority:
        if ready and (id in view.lost or id in view.stuck):
            return changes.replace(government, id, ready[0])
    return None


def _promotable(government: Government, view: View) -> list[str]:
    if len(government.parliament) > view.size - 2:
        return []
    ready = _ready(government, view)
    return ready[:2] if len(ready) >= 2 else []


def _contract(government: Government, view: View) -> Government | None:
    if len(government.parliament) % 2 or _promotable(government, view):
        return None
    return _shrink(government, view, "")


def _depart(government: Government, view: View) -> Government | None:
    for id in government.constituents:
        if id in view.lost or id in view.stuck:
            return changes.depart(government, id)
    if len(government.parliament) % 2:
        for id in government.minority:
            if id in view.lost and (smaller := _shrink(government, view, id)):
                return smaller
    return None


def _promote(government: Government, view: View) -> Government | None:
    pair = _promotable(government, view)
    if not pair:
        return None
    for mover in (*government.minority, *pair):
        if may_seat(view, mover):
            return changes.promote(government, (pair[0], pair[1]), mover)
    return None


def _acclimate(government: Government, view: View) -> Government | None:
    for id in view.acclimated:
        if id in government.citizens and id not in government.acclimated:
            return changes.acclimate(government, id)
    return None


def _arrive(government: Government, view: View) -> Government | None:
    for wish in view.newcomers:
        if wish.citizen.id not in government.citizens:
            return changes.arrive(government, wish.citizen, wish.acclimated)
    return None
