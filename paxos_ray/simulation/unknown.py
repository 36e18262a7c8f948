"""Calls of unknown outcome, as the search for an order counts and combines them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Iterable, Sequence
from functools import lru_cache
from itertools import combinations
from typing import Any, NamedTuple

from paxos_ray.core.errors import PaxosError
from paxos_ray.simulation.histories import Effect, Model, Operation

MOST_SPARE = 8
"""Unknown calls of which it is seen whether they can stand for others; of more it is not."""

Used = tuple[int, ...]
"""How many unknown calls of each kind have taken effect."""

Steps = list[tuple[Any, Any]]
"""Changes: from which state to which."""


class TooManyOrders(PaxosError, RuntimeError):
    """The history has more possible orders than the search may look at; it is neither proved nor
    refuted. Calls of unknown outcome that differ from each other are what makes it so."""


class Work:
    """Counts the steps of one search. `count` raises `TooManyOrders` beyond the limit."""

    def __init__(self, limit: int, operations: Sequence[Operation]) -> None:
        self._limit = limit
        self._done = 0
        self._operations = operations

    def count(self, steps: int = 1) -> None:
        """So many were taken."""
        self._done += steps
        if self._done > self._limit:
            unknown = sum(operation.returned is None for operation in self._operations)
            many = f"{len(self._operations)} calls, {unknown} of them unknown"
            raise TooManyOrders(f"more than {self._limit} steps: {many}")


class Reach(NamedTuple):
    """The least and the most that unknown calls can add to a state, and how many they are."""

    low: int
    high: int
    left: int


class Unknown:
    """The calls of unknown outcome, by kind. `available` counts those invoked so far, `members`
    are all, in the order in which they were invoked."""

    def __init__(self, operations: Iterable[Operation], model: Model, work: Work) -> None:
        self._work = work
        self.kinds: dict[Hashable, int] = {}
        self.calls: list[tuple[Operation, Effect]] = []  # one that stands for each kind
        self.of: dict[int, int] = {}  # id of an operation -> its kind
        self.total: list[int] = []
        self.members: list[list[Operation]] = []
        for operation in sorted(operations, key=lambda operation: operation.invoked):
            effect = model.effect(operation.method, operation.arguments, operation.outcome)
            if operation.returned is not None or not effect.changes:
                continue
            shift = effect.shift
            key = (operation.method, operation.arguments) if shift is None else shift
            kind = self.kinds.setdefault(key, len(self.kinds))
            if kind == len(self.calls):
                self.calls.append((operation, effect))
                self.total.append(0)
                self.members.append([])
            self.total[kind] += 1
            self.members[kind].append(operation)
            self.of[id(operation)] = kind
        self.available = [0] * len(self.calls)
        self.steps = [steps_of(operation, effect, model) for operation, effect in self.calls]
        self.wild = any(e.shift is None and e.before is None for _, e in self.calls)
        self._gains = [_gain(operation, effect, model) for operation, effect in self.calls]
        self._ways: dict[tuple[int, int, Used], list[Used]] = {}
        self.shifts = [(k, e.shift) for k, (_, e) in enumerate(self.calls) if e.shift is not None]
        self.others = [k for k, (_, e) in enumerate(self.calls) if e.shift is None]
        # The states in which those others fit, where they are listed.
        self._at: dict[Hashable, list[int]] = {}
        for kind in self.others:
            for state in self.calls[kind][1].before or ():
                self._at.setdefault(state, []).append(kind)
        self._states: list[Any] = sorted(self._at) if self.shifts else []
        self._low = min((shift for _, shift in self.shifts if shift < 0), default=0)
        self._high = max((shift for _, shift in self.shifts if shift > 0), default=0)

    def bounds(self, used: Used, counts: list[int]) -> tuple[int, int]:
        """The least and the most that those not used of `counts` can add to a state."""
        left = [(counts[kind] - used[kind]) * shift for kind, shift in self.shifts]
        return sum(d for d in left if d < 0), sum(d for d in left if d > 0)

    def reach(self, used: Used) -> Reach:
        """What those that only add, are available and not used can do."""
        left = sum(self.available[kind] - used[kind] for kind, _ in self.shifts)
        return Reach(*self.bounds(used, self.available), left)

    def longest(self, state: Any, farthest: int, reach: Reach, wild: bool) -> int:
        """How many unknown calls there can be in one move from this state, none of them to no
        purpose. `farthest` is the greatest difference to where an open call fits, `wild` whether
        a call may fit anywhere.

        To make up a difference: if more is missing than nothing, take a call that adds, else one
        that takes away. What is missing is then never the same twice, or those in between would
        add up to nothing."""
        if self._states and reach.left:
            first = bisect_left(self._states, state + reach.low)
            last = bisect_right(self._states, state + reach.high) - 1
            if first <= last:
                farthest = max(farthest, state - self._states[first], self._states[last] - state)
        most = min(reach.left, farthest + self._high - self._low) if farthest else 0
        return max(most + bool(self.others), int(wild))

    def near(self, state: Any, used: Used, many: int) -> list[tuple[int, Any]]:
        """Kinds that do not only add and are not used up, with a state in which they fit: one that
        exactly so many others could reach, which only add."""
        if many == 0:
            states = [state]
        else:
            first = bisect_left(self._states, state + many * self._low)
            states = self._states[first : bisect_right(self._states, state + many * self._high)]
        return [
            (kind, to)
            for to in states
            for kind in self._at.get(to, ())
            if used[kind] < self.available[kind]
        ]

    def ways(self, to: Any, state: Any, used: Used, many: int) -> list[Used]:
        """`used` with exactly so many calls more that only add and lead from `state` to another, in
        every way that does not contain some that add up to nothing (and some that do)."""
        if many < 1 or not self.shifts:
            return []
        difference = to - state
        if not self._low * many <= difference <= self._high * many:
            return []
        left = tuple(min(many, self.available[kind] - used[kind]) for kind, _ in self.shifts)
        key = (difference, many, left)
        if key not in self._ways:
            self._ways[key] = self._sums(difference, many, left)
        return [tuple(map(int.__add__, used, more)) for more in self._ways[key]]

    def stood_for(self, used: Used, others: list[Used]) -> bool:
        """Whether one of the others leaves all that this leaves, or what can do the same."""
        self._work.count(len(others))
        return any(self._stands_for(other, used) for other in others)

    def _stands_for(self, one: Used, other: Used) -> bool:
        """Whether what is left unused by `one` can do all that is left unused by `other`: what the
        first lacks, and the other has, is made of what the first has and the other lacks."""
        lacks: list[int] = []
        spare: list[int] = []
        for kind in [kind for kind, more in enumerate(one) if more != other[kind]]:
            gain, more = self._gains[kind], one[kind] - other[kind]
            if more > 0:
                if gain is None:
                    return False
                lacks += [gain] * more
            elif self.calls[kind][1].shift is not None and gain is not None:
                spare += [gain] * -more
        if not lacks:
            return True
        if len(lacks) > len(spare) or len(spare) > MOST_SPARE:
            return False
        return _made_of(tuple(sorted(lacks)), tuple(sorted(spare)))

    def _sums(self, difference: int, many: int, left: Used) -> list[Used]:
        """Exactly so many of what is left of the kinds that only add, which together add
        `difference`: see `longest` for the order in which they are taken."""
        found = []
        first = (difference, (0,) * len(self.calls))
        stack, seen = [(*first, many)], {first}
        while stack:
            self._work.count()
            missing, taken, rest = stack.pop()
            if missing == 0 or rest == 0:
                if missing == rest == 0:
                    found.append(taken)
                continue
            if not self._low * rest <= missing <= self._high * rest:
                continue
            for (kind, shift), most in zip(self.shifts, left, strict=True):
                if (shift > 0) == (missing > 0) and taken[kind] < most:
                    after = (missing - shift, plus(taken, kind, 1))
                    if after not in seen:
                        seen.add(after)
                        stack.append((*after, rest - 1))
        return sorted(found)


def steps_of(operation: Operation, effect: Effect, model: Model) -> Steps:
    """What changes a call can make, as far as they can be listed."""
    if not effect.changes:
        return []
    call = operation.method, operation.arguments
    return [(before, model.step(before, *call)[0]) for before in effect.before or ()]


def plus(used: Used, kind: int, more: int) -> Used:
    """`used`, with so many more of that kind."""
    return used if more == 0 else (*used[:kind], used[kind] + more, *used[kind + 1 :])


def _gain(operation: Operation, effect: Effect, model: Model) -> int | None:
    """What a call adds whenever it changes the state, if that is an integer and always the same."""
    if effect.shift is not None or effect.before is None or len(effect.before) != 1:
        return effect.shift
    (before,) = effect.before
    after, _ = model.step(before, operation.method, operation.arguments)
    return after - before if type(before) is int and type(after) is int else None


@lru_cache(maxsize=1 << 16)
def _made_of(lacks: tuple[int, ...], spare: tuple[int, ...]) -> bool:
    """Whether each of `lacks` is the sum of some of `spare`, none of which is used twice. It calls
    itself no deeper than `lacks` is long."""
    if not lacks:
        return True
    for many in range(1, len(spare) - len(lacks) + 2):
        for some in combinations(spare, many):
            if sum(some) == lacks[0]:
                rest = list(spare)
                for each in some:
                    rest.remove(each)
                if _made_of(lacks[1:], tuple(rest)):
                    return True
    return False
