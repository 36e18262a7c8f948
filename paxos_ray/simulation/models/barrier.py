"""The model of the barrier."""

from __future__ import annotations

from typing import Any, NamedTuple

from paxos_ray.simulation.histories import InvalidHistory
from paxos_ray.simulation.models.model import NOT_HELD, OTHERWISE, Plain, Session, Where, filled


class There(NamedTuple):
    """A party that waits or is inside."""

    ticket: int
    session: Session
    gathering: int
    stays: bool
    label: Any


class Gathered(NamedTuple):
    """A state: how many have opened, who is there in the order of tickets, the gate."""

    opened: int = 0
    parties: int = 0
    last: int = 0
    there: tuple[There, ...] = ()
    gate: bool = False


class BarrierModel(Plain):
    """See `machines.Barrier`."""

    kind = "barrier"
    initial = Gathered()

    def step(
        self, state: Gathered, method: str, arguments: tuple[Any, ...]
    ) -> tuple[Gathered, Any]:
        """See `Model.step`."""
        where, *rest = arguments
        match method, rest:
            case "session_ended", []:
                return _without(state, [t for t in state.there if t.session == where.session]), None
            case "over", [()]:
                return state, None
            case "arrive", [parties, *more]:
                stays, label = filled(more, False, None)
                return _arrive(state, where, parties, stays, label)
            case "cancel", [ticket]:
                return _cancel(state, where, ticket)
            case "leave", [ticket]:
                return _leave(state, where, ticket)
            case "hold" | "lift", []:
                return state._replace(gate=method == "hold"), state.gate is (method == "lift")
        return state, _look(state, method, rest)


def _waiting(state: Gathered) -> list[There]:
    return [party for party in state.there if party.gathering == state.opened + 1]


def _inside(state: Gathered, gathering: int) -> list[There]:
    inside = [party for party in state.there if party.gathering == gathering]
    return inside if gathering <= state.opened else []


def _without(state: Gathered, parties: list[There]) -> Gathered:
    state = state._replace(there=tuple(party for party in state.there if party not in parties))
    return state if _waiting(state) else state._replace(parties=0)


def _arrive(
    state: Gathered, where: Where, parties: int, stays: bool, label: Any
) -> tuple[Gathered, Any]:
    if state.parties not in (0, parties):
        return state, OTHERWISE
    gathering, ticket = state.opened + 1, state.last + 1
    party = There(ticket, where.session, gathering, stays, label)
    state = state._replace(parties=parties, last=ticket, there=(*state.there, party))
    if len(_waiting(state)) < parties:
        return state, (False, ticket, gathering)
    passing = [party for party in _waiting(state) if not party.stays]
    state = _without(state, passing)._replace(opened=gathering, parties=0)
    return state, (True, ticket, gathering)


def _cancel(state: Gathered, where: Where, ticket: int) -> tuple[Gathered, Any]:
    if not 0 < ticket <= state.last:
        return state, NOT_HELD
    for party in state.there:
        if party.ticket == ticket and party.session != where.session:
            return state, NOT_HELD
        if party.ticket == ticket and party.gathering > state.opened:
            return _without(state, [party]), "cancelled"
    return state, "opened"


def _leave(state: Gathered, where: Where, ticket: int) -> tuple[Gathered, Any]:
    for party in state.there:
        if (party.ticket, party.session) == (ticket, where.session):
            if party.gathering <= state.opened:
                state = _without(state, [party])
                return state, (not _inside(state, party.gathering), party.gathering)
    return state, NOT_HELD


def _look(state: Gathered, method: str, rest: list[Any]) -> Any:
    match method, rest:
        case "held", []:
            return state.gate
        case "opened", []:
            return state.opened
        case "parties", []:
            return state.parties
        case "waiting", []:
            return [(party.ticket, party.label, party.session) for party in _waiting(state)]
        case "inside", _:
            gathering = rest[0] if rest else state.opened
            return [(p.ticket, p.label, p.session) for p in _inside(state, gathering)]
        case "state", [ticket]:
            gatherings = [party.gathering for party in state.there if party.ticket == ticket]
            if not gatherings:
                return "passed"
            return "inside" if gatherings[0] <= state.opened else "waiting"
    raise InvalidHistory(f"a barrier has no {method}{tuple(rest)!r}")
