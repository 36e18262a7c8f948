"""What a key of a replicated map holds, and how a transaction compares it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from paxos_ray.machines.errors import InvalidArguments
from paxos_ray.machines.values import is_plain, same

_ORDERS: dict[str, Callable[[int, int], bool]] = {
    "==": int.__eq__,
    "!=": int.__ne__,
    "<": int.__lt__,
    "<=": int.__le__,
    ">": int.__gt__,
    ">=": int.__ge__,
}


class Entry(NamedTuple):
    """What a key holds.

    `version` is the map's revision at its last change, `created` that at which it came into being,
    `expires` the stamp (ms of log time) at which it goes, None: never; `owner` the session with
    which it goes, None: with none.
    """

    value: Any
    version: int
    created: int
    expires: int | None
    owner: tuple[int, ...] | None


def check_compare(compare: Any) -> None:
    """Raises `InvalidArguments` unless it is a compare, see `Map.transaction`."""
    if type(compare) not in (list, tuple) or len(compare) != 4:
        raise InvalidArguments("transaction: a compare is a key, a field, an operator, an operand")
    key, field, operator, operand = compare
    if type(key) is not str or type(field) is not str or type(operator) is not str:
        raise InvalidArguments("transaction: a compare's key, field and operator are text")
    allowed: tuple[str, ...]
    if field == "value":
        fits, allowed = is_plain(operand), ("==", "!=")
    elif field == "exists":
        fits, allowed = type(operand) is bool, ("==", "!=")
    elif field in ("version", "created"):
        fits, allowed = type(operand) is int, tuple(_ORDERS)
    else:
        raise InvalidArguments("transaction: value, exists, version or created is compared")
    if operator not in allowed:
        raise InvalidArguments(f"transaction: {field} is compared by one of {', '.join(allowed)}")
    if not fits:
        raise InvalidArguments(f"transaction: {field} is not compared with this operand")


def holds(entry: Entry | None, field: str, operator: str, operand: Any) -> bool:
    """Whether a compare that has been checked holds of this entry, None being an absent key."""
    if field == "value":
        equal = entry is not None and same(entry.value, operand)
        return equal is (operator == "==")
    if field == "exists":
        return ((entry is not None) is operand) is (operator == "==")
    number = 0 if entry is None else entry.version if field == "version" else entry.created
    return _ORDERS[operator](number, operand)
