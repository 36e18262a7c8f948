"""Models of the lock, the semaphore and the election."""

from __future__ import annotations

from typing import Any, NamedTuple

from paxos_ray.simulation.histories import InvalidHistory
from paxos_ray.simulation.models.model import (
    INVALID,
    NOT_HELD,
    OTHERWISE,
    Plain,
    Session,
    Where,
    at,
    filled,
)


class Held(NamedTuple):
    """A grant."""

    number: int
    session: Session
    permits: int
    expires: int | None
    label: Any


class Waits(NamedTuple):
    """A place in the line."""

    number: int
    session: Session
    permits: int
    lease_ms: int | None
    label: Any


class Grants(NamedTuple):
    """A state: all in the order of the numbers."""

    limit: int = 1
    configured: bool = False
    last: int = 0
    held: tuple[Held, ...] = ()
    line: tuple[Waits, ...] = ()


class _Model(Plain):
    """Everything but what the methods are called."""

    initial = Grants()

    def due(self, state: Grants) -> list[tuple[int, Any]]:
        """See `ObjectModel.due`: leases."""
        return sorted((h.expires, h.number) for h in state.held if h.expires is not None)

    def step(self, state: Grants, method: str, arguments: tuple[Any, ...]) -> tuple[Grants, Any]:
        """See `Model.step`."""
        where, *rest = arguments
        match method, rest:
            case "session_ended", []:
                held = tuple(h for h in state.held if h.session != where.session)
                line = tuple(w for w in state.line if w.session != where.session)
                return served(state._replace(held=held, line=line), where), None
            case "over", [numbers]:
                held = tuple(h for h in state.held if h.number not in numbers)
                return served(state._replace(held=held), where), None
            case "state", [number]:
                return state, self.told(state, number)
        return self.call(state, where, method, rest)

    def call(self, state: Grants, where: Where, method: str, rest: list[Any]) -> tuple[Grants, Any]:
        """The methods that are not those of all."""
        raise InvalidHistory(f"a {self.kind} has no {method}{tuple(rest)!r}")

    def told(self, state: Grants, number: int) -> tuple[str, int]:
        """What `state` answers."""
        if any(h.number == number for h in state.held):
            return "granted", 0
        for before, waits in enumerate(state.line):
            if waits.number == number:
                return "waiting", before
        return "gone", 0


class LockModel(_Model):
    """See `machines.Lock`."""

    kind = "lock"

    def call(self, state: Grants, where: Where, method: str, rest: list[Any]) -> tuple[Grants, Any]:
        """See `_Model.call`."""
        match method, rest:
            case "acquire", _:
                lease_ms, wait, label = filled(rest, None, True, None)
                return ask(state, where, 1, lease_ms, wait, label)
            case "release", [number]:
                return give_back(state, where, number)
            case "renew", [number, *lease]:
                return renew(state, where, number, *lease)
            case "cancel", [number]:
                return cancel(state, where, number)
            case "revoke", [number]:
                return revoke(state, where, number)
            case "holder", []:
                holders = [(h.number, h.label, h.expires, h.session) for h in state.held]
                return state, holders[0] if holders else None
            case "waiters", _:
                line = [(w.number, w.label, w.session) for w in state.line]
                return state, line[: rest[0]] if rest else line
        return super().call(state, where, method, rest)


class SemaphoreModel(_Model):
    """See `machines.Semaphore`."""

    kind = "semaphore"

    def call(self, state: Grants, where: Where, method: str, rest: list[Any]) -> tuple[Grants, Any]:
        """See `_Model.call`."""
        match method, rest:
            case "configure", [permits]:
                if state.configured:
                    return state, False if state.limit == permits else OTHERWISE
                state = state._replace(limit=permits, configured=True)
                return served(state, where), True
            case "resize", [permits]:
                after = state._replace(limit=permits, configured=True)
                return served(after, where), state.limit
            case "acquire", _:
                permits, lease_ms, wait, label = filled(rest, 1, None, True, None)
                return ask(state, where, permits, lease_ms, wait, label)
            case "release", [number]:
                return give_back(state, where, number)
            case "renew", [number, *lease]:
                return renew(state, where, number, *lease)
            case "cancel", [number]:
                return cancel(state, where, number)
            case "revoke", [number]:
                return revoke(state, where, number)
            case "limit", []:
                return state, state.limit
            case "available", []:
                return state, max(0, free(state))
            case "holders", []:
                return state, [
                    (h.number, h.label, h.permits, h.expires, h.session) for h in state.held
                ]
            case "waiters", _:
                line = [(w.number, w.label, w.permits, w.session) for w in state.line]
                return state, line[: rest[0]] if rest else line
        return super().call(state, where, method, rest)


class ElectionModel(_Model):
    """See `machines.Election`."""

    kind = "election"

    def call(self, state: Grants, where: Where, method: str, rest: list[Any]) -> tuple[Grants, Any]:
        """See `_Model.call`."""
        match method, rest:
            case "campaign", _:
                value, lease_ms = filled(rest, None, None)
                return ask(state, where, 1, lease_ms, True, value)
            case "resign", [number]:
                return give_back(state, where, number)
            case "proclaim", [number, value]:
                if not mine(state, where, number):
                    return state, NOT_HELD
                held = tuple(h._replace(label=value) for h in state.held)
                return state._replace(held=held), None
            case "renew", [number, *lease]:
                return renew(state, where, number, *lease)
            case "cancel", [number]:
                state, answer = cancel(state, where, number)
                return state, "elected" if answer == "granted" else answer
            case "leader", []:
                leaders = [(h.number, h.label, h.expires, h.session) for h in state.held]
                return state, leaders[0] if leaders else None
            case "candidates", _:
                line = [(w.number, w.label, w.session) for w in state.line]
                return state, line[: rest[0]] if rest else line
        return super().call(state, where, method, rest)

    def told(self, state: Grants, number: int) -> tuple[str, int]:
        """What `state` answers."""
        answer, before = super().told(state, number)
        return "elected" if answer == "granted" else answer, before


def free(state: Grants) -> int:
    """How many permits nobody has."""
    return state.limit - sum(h.permits for h in state.held)


def mine(state: Grants, where: Where, number: int) -> bool:
    """Whether the caller holds it."""
    return any(h.number == number and h.session == where.session for h in state.held)


def served(state: Grants, where: Where) -> Grants:
    """The first of the line get what they wait for, while there is enough for the first."""
    while state.line and state.line[0].permits <= free(state):
        first = state.line[0]
        expires = at(where.stamp, first.lease_ms)
        held = Held(first.number, first.session, first.permits, expires, first.label)
        state = state._replace(held=(*state.held, held), line=state.line[1:])
    return state


def ask(
    state: Grants, where: Where, permits: int, lease_ms: int | None, wait: bool, label: Any
) -> tuple[Grants, Any]:
    """Ask for permits."""
    if permits > state.limit:
        return state, INVALID
    number = state.last + 1
    waits = Waits(number, where.session, permits, lease_ms, label)
    after = served(state._replace(last=number, line=(*state.line, waits)), where)
    granted = number in [h.number for h in after.held]
    if granted or wait:
        return after, (granted, number)
    return state, (False, None)


def give_back(state: Grants, where: Where, number: int) -> tuple[Grants, Any]:
    """Give back what was granted."""
    return revoke(state, where, number)[0] if mine(state, where, number) else state, (
        None if mine(state, where, number) else NOT_HELD
    )


def revoke(state: Grants, where: Where, number: int) -> tuple[Grants, Any]:
    """End a grant, whoever has it."""
    held = tuple(h for h in state.held if h.number != number)
    return served(state._replace(held=held), where), held != state.held


def renew(
    state: Grants, where: Where, number: int, lease_ms: int | None = None
) -> tuple[Grants, Any]:
    """Begin the lease anew."""
    if not mine(state, where, number):
        return state, NOT_HELD
    expires = at(where.stamp, lease_ms)
    held = tuple(h._replace(expires=expires) if h.number == number else h for h in state.held)
    return state._replace(held=held), expires


def cancel(state: Grants, where: Where, number: int) -> tuple[Grants, Any]:
    """Leave the line."""
    there: list[Held | Waits] = [*state.held, *state.line]
    for each in there:
        if each.number == number and each.session != where.session:
            return state, NOT_HELD
    if mine(state, where, number):
        return state, "granted"
    line = tuple(w for w in state.line if w.number != number)
    return served(state._replace(line=line), where), ("gone" if line == state.line else "cancelled")
