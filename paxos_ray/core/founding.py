"""How an island begins: with one citizen, at the start of a log or upon what another has left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paxos_ray.core import changes
from paxos_ray.core.errors import InvalidArgument, InvalidCitizen
from paxos_ray.core.government import Citizen, Republic
from paxos_ray.core.log import NOTHING, Entry
from paxos_ray.core.promise import Promise
from paxos_ray.core.state import State


def found(
    state: State,
    republic: Republic,
    properties: Mapping[str, Any],
    after: Promise = NOTHING,
    stamp: int = 0,
    number: int = 1,
) -> None:
    """Have government `number`/0, of this citizen alone, as the first entry of its log, which
    follows `after` of another republic's log, at its `stamp` (ms of log time).

    Raises `InvalidArgument`, `InvalidCitizen`, having changed nothing."""
    if not isinstance(properties, Mapping):
        raise InvalidCitizen(f"properties are a mapping, not {properties!r}")
    if type(after) is not Promise or not all(type(n) is int for n in (*after, stamp, number)):
        raise InvalidArgument("what a log goes on after is a Promise, a stamp and a number")
    if after < NOTHING or stamp < 0 or number <= after.government:
        raise InvalidArgument(f"government {number} at {stamp} ms does not follow {after}")
    citizen = Citizen(id=state.id, properties=dict(properties), cookie=republic)
    government = changes.found(citizen, Promise(number, 0))
    state.republic, state.cookie, state.stateful = republic, republic, True
    entry = Entry(government.promise, after, stamp, government)
    if after != NOTHING:
        state.log.restart(government, entry)
    state.commit((entry,))
