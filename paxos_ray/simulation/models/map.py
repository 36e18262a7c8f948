"""The model of the map."""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

from paxos_ray.simulation.histories import InvalidHistory
from paxos_ray.simulation.models.model import READS, Plain, Refused, Session, Where, at, filled

WRONG_VALUE = Refused("WrongValue")
_ORDERS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Pair(NamedTuple):
    """What a key holds."""

    value: Any
    version: int
    created: int
    expires: int | None
    owner: Session | None


class Pairs(NamedTuple):
    """A state: what each key holds, in the order of the keys."""

    revision: int = 0
    pairs: tuple[tuple[str, Pair], ...] = ()


class MapModel(Plain):
    """See `machines.Map`. Values are those that can be hashed, and `True` is here the same as 1."""

    kind = "map"
    initial = Pairs()

    def due(self, state: Pairs) -> list[tuple[int, Any]]:
        """See `ObjectModel.due`: what lives so long."""
        return sorted((pair.expires, key) for key, pair in state.pairs if pair.expires is not None)

    def step(self, state: Pairs, method: str, arguments: tuple[Any, ...]) -> tuple[Pairs, Any]:
        """See `Model.step`."""
        where, *rest = arguments
        pairs = dict(state.pairs)
        seen = [_visible(pairs)]
        result = _do(pairs, state.revision, where, method, rest, seen)
        if isinstance(result, Refused):
            return state, result
        # A transaction may put what it deletes then: it has told a version, which is used up.
        changed = any(each != seen[0] for each in (*seen, _visible(pairs)))
        return Pairs(state.revision + changed, tuple(sorted(pairs.items()))), result


def _visible(pairs: dict[str, Pair]) -> dict[str, Pair]:
    return {key: pair._replace(expires=None) for key, pair in pairs.items()}


def _do(
    pairs: dict[str, Pair],
    revision: int,
    where: Where,
    method: str,
    rest: list[Any],
    seen: list[dict[str, Pair]],
) -> Any:
    """Change `pairs`; `seen` are what they are after each part of a transaction; the result."""
    match method, rest:
        case "session_ended", []:
            for key in [k for k, pair in pairs.items() if pair.owner == where.session]:
                del pairs[key]
            return None
        case "over", [keys]:
            for key in keys:
                pairs.pop(key, None)
            return None
        case "transaction", [compares, then, *otherwise]:
            held = all(_holds(pairs, *compare) for compare in compares)
            branch = then if held else otherwise[0] if otherwise else ()
            answers = []
            for name, *arguments in branch:
                answers.append(_do(pairs, revision, where, name, arguments, seen))
                seen.append(_visible(pairs))
                if isinstance(answers[-1], Refused):
                    return answers[-1]
            return held, answers
    if method in READS["map"]:
        return _look(pairs, revision, method, rest)
    return _change(pairs, revision, where, method, rest)


def _change(
    pairs: dict[str, Pair], revision: int, where: Where, method: str, rest: list[Any]
) -> Any:
    match method, rest:
        case "put", [key, value, *more]:
            ttl_ms, ephemeral = filled(more, None, False)
            created = pairs[key].created if key in pairs else revision + 1
            owner = where.session if ephemeral else None
            pairs[key] = Pair(value, revision + 1, created, at(where.stamp, ttl_ms), owner)
            return revision + 1
        case "put_if_absent", [key, *more]:
            if key in pairs:
                return None
            return _change(pairs, revision, where, "put", [key, *more])
        case "put_if_version", [key, version, *more]:
            if (pairs[key].version if key in pairs else 0) != version:
                return None
            return _change(pairs, revision, where, "put", [key, *more])
        case "compare_and_set", [key, expected, new]:
            if key not in pairs or pairs[key].value != expected:
                return False
            pairs[key] = pairs[key]._replace(value=new, version=revision + 1)
            return True
        case "increment", [key, *more]:
            by = more[0] if more else 1
            if key not in pairs:
                pairs[key] = Pair(0, revision + 1, revision + 1, None, None)
            if type(pairs[key].value) is not int:
                return WRONG_VALUE
            total = pairs[key].value + by
            pairs[key] = pairs[key]._replace(value=total, version=revision + 1)
            return total
        case "delete", [key, *version]:
            if key not in pairs or (version not in ([], [None], [pairs[key].version])):
                return False
            del pairs[key]
            return True
        case "delete_range", _:
            start, end = filled(rest, "", None)
            return _delete(pairs, [key for key in pairs if _between(key, start, end)])
        case "delete_prefix", [prefix]:
            return _delete(pairs, [key for key in pairs if key.startswith(prefix)])
        case "touch", [key, *ttl]:
            if key in pairs:
                expires = at(where.stamp, ttl[0] if ttl else None)
                pairs[key] = pairs[key]._replace(expires=expires)
            return key in pairs
    raise InvalidHistory(f"a map has no {method}{tuple(rest)!r}")


def _look(pairs: dict[str, Pair], revision: int, method: str, rest: list[Any]) -> Any:
    match method, rest:
        case "get", [key, *default]:
            return pairs[key].value if key in pairs else default[0] if default else None
        case "entry", [key]:
            return tuple(pairs[key]) if key in pairs else None
        case "contains", [key]:
            return key in pairs
        case "range", _:
            start, end, limit, reverse = filled(rest, "", None, None, False)
            keys = sorted((key for key in pairs if _between(key, start, end)), reverse=reverse)
            return _listed(pairs, keys, limit, reverse)
        case "prefix", [prefix, *more]:
            limit, cursor = filled(more, None, None)
            keys = sorted(k for k in pairs if k.startswith(prefix) and k >= (cursor or ""))
            return _listed(pairs, keys, limit, False)
        case "count", _:
            return sum(key.startswith(rest[0] if rest else "") for key in pairs)
        case "revision", []:
            return revision
    raise InvalidHistory(f"a map has no {method}{tuple(rest)!r}")


def _listed(pairs: dict[str, Pair], keys: list[str], limit: int | None, reverse: bool) -> Any:
    items = [(key, pairs[key].value, pairs[key].version) for key in keys[:limit]]
    if len(items) == len(keys):
        return items, None
    return items, items[-1][0] if reverse else keys[len(items)]


def _between(key: str, start: str, end: str | None) -> bool:
    return start <= key and (end is None or key < end)


def _delete(pairs: dict[str, Pair], keys: list[str]) -> int:
    for key in keys:
        del pairs[key]
    return len(keys)


def _holds(pairs: dict[str, Pair], key: str, field: str, order: str, operand: Any) -> bool:
    if field == "value":
        if key not in pairs:
            return order == "!="
        return bool(_ORDERS[order](pairs[key].value, operand))
    if field == "exists":
        return bool(_ORDERS[order](key in pairs, operand))
    return bool(_ORDERS[order](getattr(pairs[key], field) if key in pairs else 0, operand))
