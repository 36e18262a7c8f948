"""Calls and queries of each kind of standard object, as hypothesis draws them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

# Few of each, so that calls meet.
numbers = st.integers(0, 9)
spans = st.none() | st.integers(1, 6).map(lambda n: 10 * n)
labels = st.sampled_from((None, "a", 7))
keys = st.sampled_from(("", "a", "a/b", "a/c", "b", "b\U0010ffff", "\U0010ffff", "\ud800"))
values = st.integers(-1, 2) | st.sampled_from(("x", None))
mosts = st.none() | st.integers(1, 3)


def calls(methods: dict[str, Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    """One of these: the method, and arguments of which some at the end may be left out."""
    return st.one_of(
        st.tuples(st.just(name), *arguments).map(_flat) for name, arguments in methods.items()
    )


def _some(*strategies: Any) -> Any:
    """The last of the arguments, or fewer of them, as one strategy of tuples."""
    return st.one_of(st.tuples(*strategies[:n]) for n in range(len(strategies) + 1))


def _flat(call: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*call[:-1], *call[-1])


_puts = (spans, st.booleans())
_grant = {
    "renew": (numbers, _some(spans)),
    "cancel": (numbers, _some()),
}
_own = {"release": (numbers, _some()), "revoke": (numbers, _some()), **_grant}
_nothing = (_some(),)
_few = (_some(st.integers(1, 2)),)

CHANGES: dict[str, dict[str, Any]] = {
    "map": {
        "put": (keys, values, _some(*_puts)),
        "put_if_absent": (keys, values, _some(*_puts)),
        "put_if_version": (keys, numbers, values, _some(*_puts)),
        "compare_and_set": (keys, values, values, _some()),
        "increment": (keys, _some(st.integers(-2, 2))),
        "delete": (keys, _some(st.none() | st.integers(1, 9))),
        "delete_range": (_some(keys, st.none() | keys),),
        "delete_prefix": (keys, _some()),
        "touch": (keys, _some(spans)),
    },
    "lock": {"acquire": (_some(spans, st.booleans(), labels),), **_own},
    "semaphore": {
        "acquire": (_some(st.integers(1, 4), spans, st.booleans(), labels),),
        "configure": (st.integers(2, 4), _some()),
        "resize": (st.integers(1, 4), _some()),
        **_own,
    },
    "election": {
        "campaign": (_some(labels, spans),),
        "resign": (numbers, _some()),
        "proclaim": (numbers, labels, _some()),
        **_grant,
    },
    "barrier": {
        "arrive": (st.sampled_from((1, 2, 2, 3)), _some(st.booleans(), labels)),
        "cancel": (numbers, _some()),
        "leave": (numbers, _some()),
        "hold": _nothing,
        "lift": _nothing,
    },
    "queue": {
        "put": (labels, _some(st.integers(-1, 1))),
        "take": (_some(spans, st.booleans()),),
        "acknowledge": (numbers, _some()),
        "release": (numbers, _some()),
        "configure": (st.none() | st.integers(1, 3), _some()),
        "resize": (st.none() | st.integers(1, 3), _some()),
        "clear": _nothing,
        **_grant,
    },
    "sequence": {"reserve": (_some(st.integers(1, 5)),), "advance": (numbers, _some())},
}
"""The arguments of calls that change something, by kind and method."""

QUERIES: dict[str, dict[str, Any]] = {
    "map": {
        "get": (keys, _some(values)),
        "entry": (keys, _some()),
        "contains": (keys, _some()),
        "range": (_some(keys, st.none() | keys, mosts, st.booleans()),),
        "prefix": (keys, _some(mosts, st.none() | keys)),
        "count": (_some(keys),),
        "revision": _nothing,
    },
    "lock": {"holder": _nothing, "waiters": _few, "state": (numbers, _some())},
    "semaphore": {
        "limit": _nothing,
        "available": _nothing,
        "holders": _nothing,
        "waiters": _few,
        "state": (numbers, _some()),
    },
    "election": {"leader": _nothing, "candidates": _few, "state": (numbers, _some())},
    "barrier": {
        "held": _nothing,
        "opened": _nothing,
        "parties": _nothing,
        "waiting": _nothing,
        "inside": (_some(st.integers(1, 4)),),
        "state": (numbers, _some()),
    },
    "queue": {
        "limit": _nothing,
        "size": _nothing,
        "ready": _nothing,
        "taken": _nothing,
        "peek": (_some(st.integers(1, 3)),),
        "item": (numbers, _some()),
        "deliveries": _few,
        "waiters": _few,
        "state": (numbers, _some()),
    },
    "sequence": {"next": _nothing},
}
"""Those of queries."""

_orders = st.sampled_from(("==", "!=", "<", "<=", ">", ">="))
_equal = st.sampled_from(("==", "!="))
_compares = st.one_of(
    st.tuples(keys, st.just("value"), _equal, values),
    st.tuples(keys, st.just("exists"), _equal, st.booleans()),
    st.tuples(keys, st.sampled_from(("version", "created")), _orders, numbers),
)
_branch = st.lists(calls({**CHANGES["map"], **QUERIES["map"]}), max_size=4)
CHANGES["map"]["transaction"] = (st.lists(_compares, max_size=2), _branch, _some(_branch))
