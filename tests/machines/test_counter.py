"""The counter, alone."""

from __future__ import annotations

import pytest

from paxos_ray.core.promise import Promise
from paxos_ray.machines import Context, Counter, InvalidArguments, InvalidSnapshot, UnknownMethod

CONTEXT = Context(Promise(1, 2), 0, Promise(1, 1))


def test_it_counts_without_bounds() -> None:
    counter = Counter()
    assert counter.query("value", ()) == 0
    assert counter.apply("increment", (1,), CONTEXT) == 1
    assert counter.apply("increment", (-3,), CONTEXT) == -2
    assert counter.apply("increment", (10**5000,), CONTEXT) == 10**5000 - 2
    assert counter.query("value", ()) == 10**5000 - 2


@pytest.mark.parametrize("argument", [True, False, 1.0, "1", None, (1,), 1j])
def test_only_integers_count(argument: object) -> None:
    counter = Counter()
    with pytest.raises(InvalidArguments, match="takes an integer, not"):
        counter.apply("increment", (argument,), CONTEXT)
    assert counter.query("value", ()) == 0


def test_compare_and_set() -> None:
    counter = Counter()
    assert counter.apply("compare_and_set", (0, 7), CONTEXT) is True
    assert counter.apply("compare_and_set", (0, 9), CONTEXT) is False
    assert counter.query("value", ()) == 7
    assert counter.apply("compare_and_set", (7, 7), CONTEXT) is True
    assert counter.apply("compare_and_set", (7, -(10**5000)), CONTEXT) is True
    assert counter.query("value", ()) == -(10**5000)


@pytest.mark.parametrize("arguments", [(), (0,), (0, 1, 2), (False, 1), (0, True), (0, 1.0)])
def test_compare_and_set_takes_two_integers(arguments: tuple) -> None:
    counter = Counter()
    with pytest.raises(InvalidArguments, match="compare_and_set takes"):
        counter.apply("compare_and_set", arguments, CONTEXT)
    assert counter.query("value", ()) == 0


@pytest.mark.parametrize("arguments", [(), (1, 2)])
def test_increment_takes_one_argument(arguments: tuple) -> None:
    with pytest.raises(InvalidArguments):
        Counter().apply("increment", arguments, CONTEXT)


def test_unknown_methods() -> None:
    counter = Counter()
    for method in ("value", "decrement", "__init__", "_value", "snapshot", ""):
        with pytest.raises(UnknownMethod):
            counter.apply(method, (1,), CONTEXT)
    with pytest.raises(UnknownMethod):
        counter.query("increment", (1,))
    with pytest.raises(InvalidArguments):
        counter.query("value", (1,))


def test_snapshot() -> None:
    counter, other = Counter(), Counter()
    counter.apply("increment", (5,), CONTEXT)
    other.restore(counter.snapshot())
    counter.apply("increment", (1,), CONTEXT)
    assert other.query("value", ()) == 5
    for malformed in (None, "5", True, 5.0):
        with pytest.raises(InvalidSnapshot):
            other.restore(malformed)
    assert other.query("value", ()) == 5
