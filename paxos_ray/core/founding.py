"""How an island begins: with one citizen, at the start of a log or upon what another has left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paxos_ray.core import changes
from paxos_ray.core.errors import InvalidArgument, InvalidCitizen
from paxos_ray.core.government import Citizen, Republic
from paxos_ray.core.log import NOTHING, Entry
from paxos_ray.core.promise import Promise
from paxos_ray.core.sense import is_promise
from paxos_ray.core.state import State


def founding(
    id: str,
    republic: Republic,
    properties: Mapping[str, Any],
    after: Promise = NOTHING,
    stamp: int = 0,
    number: int = 1,
) -> Entry:
    """The entry of government `number`/0, of this citizen alone, which follows `after` of another
    republic's log, at its `stamp` (ms of log time).

    Raises `InvalidArgument`, `InvalidCitizen`."""
    if not isinstance(properties, Mapping):
        raise InvalidCitizen(f"properties are a mapping, not {properties!r}")
    if not is_promise(after) or type(stamp) is not int or type(number) is not int:
        raise InvalidArgument("what a log goes on after is a Promise, a stamp and a number")
    if stamp < 0 or number <= after.government:
        raise InvalidArgument(f"government {number} at {stamp} ms does not follow {after}")
    citizen = Citizen(id=id, properties=dict(properties), cookie=republic)
    government = changes.found(citizen, Promise(number, 0))
    return Entry(government.promise, after, stamp, government)


def found(state: State, republic: Republic, entry: Entry) -> None:
    """Have this entry as the first of the log."""
    state.republic, state.cookie, state.stateful = republic, republic, True
    if entry.previous != NOTHING:
        state.log.restart(entry.body, entry)
    state.commit((entry,))
