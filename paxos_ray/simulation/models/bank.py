"""The model of the bank, an object of a user's class that is deployed and retired.

It says once more what `simulation.bank` does and what a context promises: an id is made of where in
the log a call is, and so is what chance does.
"""

from __future__ import annotations

from hashlib import sha256
from random import Random
from typing import Any, NamedTuple

from paxos_ray.simulation.histories import InvalidHistory
from paxos_ray.simulation.models.model import Plain, Refused, Session, Where, at

NAME = "bank"
"""The kind, and the only object of it."""

ABSENT = Refused("UnknownObject")
OVERDRAWN = Refused("Overdrawn")


class Held(NamedTuple):
    """Money that is held."""

    number: int
    account: str
    amount: int
    id: str
    session: Session
    expires: int | None


class Deployed(NamedTuple):
    """A state: of which class it is, what is in the accounts, in order, what is held."""

    cls: str
    accounts: tuple[tuple[str, int], ...]
    held: tuple[Held, ...] = ()
    last: int = 0


State = Deployed | None


class BankModel(Plain):
    """See `simulation.bank.Bank`; no state at all: it is not deployed."""

    kind = NAME
    initial: State = None

    def step(self, state: State, method: str, arguments: tuple[Any, ...]) -> tuple[State, Any]:
        """See `Model.step`."""
        where, *rest = arguments
        if method == "deploy":
            return _deploy(state, *rest)
        if state is None:
            return state, None if method in ("session_ended", "over") else ABSENT
        match method, rest:
            case "retire", []:
                return None, None
            case "transfer", [source, target, amount]:
                return _transfer(state, source, target, amount)
            case "earmark", [account, amount, lease_ms]:
                return _earmark(state, where, account, amount, lease_ms)
            case "settle", [number, target]:
                return _settle(state, where, number, target)
            case "raffle", [amount]:
                names = [name for name, _ in state.accounts]
                source, target = _chance(where).sample(names, 2)
                after, result = _transfer(state, source, target, amount)
                return after, result if isinstance(result, Refused) else (source, target)
            case "accounts", []:
                return state, state.accounts
            case "held", []:
                return state, tuple((h.number, h.account, h.amount, h.id) for h in state.held)
            case "session_ended", []:
                return _back(state, [h for h in state.held if h.session == where.session]), None
            case "over", [numbers]:
                return _back(state, [h for h in state.held if h.number in numbers]), None
        raise InvalidHistory(f"a bank has no {method}{rest!r}")

    def due(self, state: State) -> list[tuple[int, Any]]:
        """See `ObjectModel.due`."""
        held = () if state is None else state.held
        return sorted((h.expires, h.number) for h in held if h.expires is not None)


def _deploy(state: State, cls: str, accounts: tuple[str, ...], each: int) -> tuple[State, Any]:
    if state is None:
        return Deployed(cls, tuple((name, each) for name in accounts)), True
    return state, False if state.cls == cls else Refused("AlreadyDeployed")


def _transfer(state: Deployed, source: str, target: str, amount: int) -> tuple[State, Any]:
    after = _pay(_pay(state, source, -amount), target, amount)
    left = dict(after.accounts)
    if left[source] < 0:
        return state, OVERDRAWN
    return after, (left[source], left[target])


def _earmark(
    state: Deployed, where: Where, account: str, amount: int, lease_ms: int | None
) -> tuple[State, Any]:
    number, id = state.last + 1, f"{where.place[0]}.{where.place[1]}-1"
    expires = at(where.stamp, lease_ms)
    after = _pay(state, account, -amount)
    if dict(after.accounts)[account] < 0:
        return state, OVERDRAWN
    held = Held(number, account, amount, id, where.session, expires)
    return after._replace(held=(*state.held, held), last=number), (number, id, expires)


def _settle(state: Deployed, where: Where, number: int, target: str) -> tuple[State, Any]:
    for held in state.held:
        if held.number == number and held.session == where.session:
            rest = tuple(other for other in state.held if other is not held)
            after = _pay(state._replace(held=rest), target, held.amount)
            return after, dict(after.accounts)[target]
    return state, Refused("NotYours")


def _back(state: Deployed, ended: list[Held]) -> Deployed:
    for held in ended:
        state = _pay(state, held.account, held.amount)
    return state._replace(held=tuple(held for held in state.held if held not in ended))


def _pay(state: Deployed, account: str, amount: int) -> Deployed:
    paid = tuple((name, left + amount * (name == account)) for name, left in state.accounts)
    return state._replace(accounts=paid)


def _chance(where: Where) -> Random:
    promise, index = where.place
    seed = sha256(f"{promise}.{index} {NAME}".encode()).digest()
    return Random(int.from_bytes(seed, "big"))
