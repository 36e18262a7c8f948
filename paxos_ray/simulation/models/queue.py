"""The model of the queue."""

from __future__ import annotations

from typing import Any, NamedTuple

from paxos_ray.simulation.histories import InvalidHistory
from paxos_ray.simulation.models.model import (
    NOT_HELD,
    OTHERWISE,
    READS,
    Plain,
    Refused,
    Session,
    Where,
    at,
    filled,
)

FULL = Refused("QueueFull")


class Item(NamedTuple):
    """An item; in this order they are taken."""

    priority: int
    id: int
    value: Any
    attempts: int
    taker: int | None  # the delivery

    @property
    def told(self) -> tuple[int, Any, int, int]:
        """As clients see it."""
        return self.id, self.value, self.priority, self.attempts


class Taker(NamedTuple):
    """Who has an item or waits for one."""

    number: int
    session: Session
    lease_ms: int | None
    expires: int | None
    item: int | None  # None: waits


class Line(NamedTuple):
    """A state: the items in the order in which they are taken, takers in that of numbers."""

    limit: int | None = None
    configured: bool = False
    last: int = 0
    last_item: int = 0
    items: tuple[Item, ...] = ()
    takers: tuple[Taker, ...] = ()


class QueueModel(Plain):
    """See `machines.Queue`."""

    kind = "queue"
    initial = Line()

    def due(self, state: Line) -> list[tuple[int, Any]]:
        """See `ObjectModel.due`: leases."""
        return sorted((t.expires, t.number) for t in state.takers if t.expires is not None)

    def step(self, state: Line, method: str, arguments: tuple[Any, ...]) -> tuple[Line, Any]:
        """See `Model.step`."""
        where, *rest = arguments
        if method in READS["queue"]:
            return state, _look(state, method, rest)
        state, result = _change(state, where, method, rest)
        return _served(state, where), result


def _change(state: Line, where: Where, method: str, rest: list[Any]) -> tuple[Line, Any]:
    match method, rest:
        case "session_ended", []:
            return _end(state, [t for t in state.takers if t.session == where.session]), None
        case "over", [numbers]:
            return _end(state, [t for t in state.takers if t.number in numbers and t.item]), None
        case "configure", [limit]:
            if state.configured:
                return state, False if state.limit == limit else OTHERWISE
            return state._replace(limit=limit, configured=True), True
        case "resize", [limit]:
            return state._replace(limit=limit, configured=True), state.limit
        case "put", [value, *priority]:
            if state.limit is not None and len(state.items) >= state.limit:
                return state, FULL
            id = state.last_item + 1
            item = Item(sum(priority), id, value, 0, None)
            return state._replace(last_item=id, items=tuple(sorted((*state.items, item)))), id
        case "take", _:
            lease_ms, wait = filled(rest, None, True)
            return _take(state, where, lease_ms, wait)
        case "clear", []:
            left = tuple(item for item in state.items if item.taker)
            return state._replace(items=left), len(state.items) - len(left)
    return _finish(state, where, method, rest)


def _finish(state: Line, where: Where, method: str, rest: list[Any]) -> tuple[Line, Any]:
    """What is done with a number."""
    number = rest[0] if rest else None
    takers = [taker for taker in state.takers if taker.number == number]
    others = [taker for taker in takers if taker.session != where.session]
    match method, rest:
        case "cancel", [_]:
            if others:
                return state, NOT_HELD
            if not takers:
                return state, "gone"
            return (state, "taken") if takers[0].item else (_end(state, takers), "cancelled")
        case (("acknowledge" | "release" | "renew"), _) if (
            others or not takers or not takers[0].item
        ):
            return state, NOT_HELD
        case "acknowledge", [_]:
            left = tuple(item for item in state.items if item.taker != number)
            return _end(state, takers)._replace(items=left), None
        case "release", [_]:
            return _end(state, takers), None
        case "renew", [_, *lease]:
            expires = at(where.stamp, lease[0] if lease else None)
            renewed = takers[0]._replace(expires=expires)
            after = tuple(renewed if t.number == number else t for t in state.takers)
            return state._replace(takers=after), expires
    raise InvalidHistory(f"a queue has no {method}{tuple(rest)!r}")


def _take(state: Line, where: Where, lease_ms: int | None, wait: bool) -> tuple[Line, Any]:
    number = state.last + 1
    taker = Taker(number, where.session, lease_ms, None, None)
    after = _served(state._replace(last=number, takers=(*state.takers, taker)), where)
    for item in after.items:
        if item.taker == number:
            return after, (True, number, item.told)
    return (after, (False, number, None)) if wait else (state, (False, None, None))


def _end(state: Line, takers: list[Taker]) -> Line:
    """These takers are no more; what they have comes back."""
    numbers = [taker.number for taker in takers]
    items = [i._replace(taker=None) if i.taker in numbers else i for i in state.items]
    left = tuple(taker for taker in state.takers if taker not in takers)
    return state._replace(items=tuple(items), takers=left)


def _served(state: Line, where: Where) -> Line:
    """Who waits first gets what comes first."""
    while True:
        ready = [item for item in state.items if item.taker is None]
        waiting = [taker for taker in state.takers if taker.item is None]
        if not ready or not waiting:
            return state
        item, taker = ready[0], waiting[0]
        taken = item._replace(attempts=item.attempts + 1, taker=taker.number)
        has = taker._replace(item=item.id, expires=at(where.stamp, taker.lease_ms))
        state = state._replace(
            items=tuple(taken if each == item else each for each in state.items),
            takers=tuple(has if each == taker else each for each in state.takers),
        )


def _look(state: Line, method: str, rest: list[Any]) -> Any:
    ready = [item for item in state.items if item.taker is None]
    having = [taker for taker in state.takers if taker.item is not None]
    waiting = [taker for taker in state.takers if taker.item is None]
    match method, rest:
        case "limit", []:
            return state.limit
        case "size", []:
            return len(state.items)
        case "ready", []:
            return len(ready)
        case "taken", []:
            return len(having)
        case "peek", _:
            return [item.told for item in ready[: rest[0] if rest else 1]]
        case "item", [id]:
            found = [(i.value, i.priority, i.attempts, i.taker) for i in state.items if i.id == id]
            return found[0] if found else None
        case "deliveries", _:
            told = [(taker.number, taker.item, taker.expires, taker.session) for taker in having]
            return told[: rest[0]] if rest else told
        case "waiters", _:
            line = [(taker.number, taker.session) for taker in waiting]
            return line[: rest[0]] if rest else line
        case "state", [number]:
            for item in state.items:
                if item.taker == number:
                    return "taken", item.told
            numbers = [taker.number for taker in waiting]
            return ("waiting", numbers.index(number)) if number in numbers else ("gone", None)
    raise InvalidHistory(f"a queue has no {method}{tuple(rest)!r}")
