"""Changes of government: pure functions from an old government to a new, validated one.

Each is one row of the table in docs/protocol.md, "Changing the government", or the outcome of an
election. They raise `InvalidGovernment` when the change makes no valid government; who may be
chosen for a change is decided in `shaper`.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from paxos_ray.core.errors import InvalidGovernment
from paxos_ray.core.government import Citizen, Government
from paxos_ray.core.promise import Promise

FOUNDING = Promise(1, 0)


def found(citizen: Citizen, promise: Promise = FOUNDING) -> Government:
    """One citizen, alone, with the application's state; `1/0` unless it is not the first."""
    return Government(
        promise=promise,
        majority=(citizen.id,),
        acclimated=(citizen.id,),
        arrived={citizen.id: promise},
        citizens={citizen.id: citizen},
    )


def elect(
    government: Government, number: int, candidate: str, electorate: Container[str]
) -> Government:
    """The same citizens and seats in parliament; the majority is `candidate` and members of
    `electorate`, as few as make a strict majority, those of the old majority first."""
    if candidate not in government.parliament:
        raise InvalidGovernment(
            f"{candidate} has no seat in the parliament of {government.promise}"
        )
    others = [id for id in government.parliament if id != candidate and id in electorate]
    majority = (candidate, *others[: government.quorum - 1])
    minority = tuple(id for id in government.parliament if id not in majority)
    return _next(government, number, majority=majority, minority=minority)


def arrive(government: Government, citizen: Citizen, acclimated: bool = False) -> Government:
    """A constituent more."""
    id = citizen.id
    if id in government.citizens:
        raise InvalidGovernment(f"{id} is still present: it must depart before it can arrive anew")
    number = government.promise.government + 1
    return _next(
        government,
        constituents=(*government.constituents, id),
        acclimated=(*government.acclimated, id) if acclimated else government.acclimated,
        arrived={**government.arrived, id: Promise(number, 0)},
        citizens={**government.citizens, id: citizen},
    )


def acclimate(government: Government, id: str) -> Government:
    """One citizen more has the application's state."""
    if id in government.acclimated:
        raise InvalidGovernment(f"{id} is acclimated already")
    return _next(government, acclimated=(*government.acclimated, id))


def depart(government: Government, id: str) -> Government:
    """A constituent or a member of the minority is written out."""
    if id in government.majority:
        raise InvalidGovernment(f"{id} is in the majority: it must change seats before it departs")
    if id not in government.citizens:
        raise InvalidGovernment(f"{id} is no citizen of {government.promise}")
    return _next(
        government,
        minority=_without(government.minority, id),
        constituents=_without(government.constituents, id),
        acclimated=_without(government.acclimated, id),
        arrived={key: value for key, value in government.arrived.items() if key != id},
        citizens={key: value for key, value in government.citizens.items() if key != id},
    )


def replace(government: Government, member: str, substitute: str) -> Government:
    """The seat of a minority member passes to a constituent, who becomes the last of them."""
    if member not in government.minority or substitute not in government.constituents:
        raise InvalidGovernment("replace: a minority member by a constituent")
    return _next(
        government,
        minority=tuple(substitute if id == member else id for id in government.minority),
        constituents=(*_without(government.constituents, substitute), member),
    )


def exchange(government: Government, member: str, other: str) -> Government:
    """A member of the majority changes seats with one of the minority.

    When the leader does, the next of the majority leads and the newcomer sits last."""
    if member not in government.majority or other not in government.minority:
        raise InvalidGovernment("exchange: a member of the majority with one of the minority")
    return _next(
        government,
        majority=(*_without(government.majority, member), other),
        minority=tuple(member if id == other else id for id in government.minority),
    )


def contract(government: Government, leaving: str) -> Government:
    """An even parliament loses a seat: the majority's last moves to the front of the minority,
    and `leaving`, of the minority so formed, becomes the first constituent."""
    minority = (government.majority[-1], *government.minority)
    if len(government.parliament) % 2 or leaving not in minority:
        raise InvalidGovernment("contract: an even parliament, by a member of its minority")
    return _next(
        government,
        majority=government.majority[:-1],
        minority=_without(minority, leaving),
        constituents=(leaving, *government.constituents),
    )


def promote(government: Government, pair: tuple[str, str], mover: str) -> Government:
    """Two constituents go to the end of the minority; `mover` of it to the end of the majority."""
    minority = (*government.minority, *pair)
    strange = len(set(pair)) != 2 or any(id not in government.constituents for id in pair)
    if strange or mover not in minority:
        raise InvalidGovernment("promote: two constituents, and one of the minority so formed")
    return _next(
        government,
        majority=(*government.majority, mover),
        minority=_without(minority, mover),
        constituents=tuple(id for id in government.constituents if id not in pair),
    )


def _next(government: Government, number: int | None = None, **changed: Any) -> Government:
    if number is None:
        number = government.promise.government + 1
    if number <= government.promise.government:
        raise InvalidGovernment(f"number {number} does not follow {government.promise}")
    fields = {name: getattr(government, name) for name in Government.model_fields}
    return Government(**{**fields, **changed, "promise": Promise(number, 0)})


def _without(ids: tuple[str, ...], id: str) -> tuple[str, ...]:
    return tuple(other for other in ids if other != id)
