"""Calls of unknown outcome, as the search for an order counts and combines them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from functools import lru_cache
from itertools import combinations
from typing import Any

from paxos_ray.core.errors import PaxosError
from paxos_ray.simulation.histories import Effect, Model, Operation

MOST_WAYS = 500
"""Ways to make up a difference of unknown calls, or alike configurations, that are compared."""

MOST_SUMS = 50_000
"""Steps to find these ways, before the search gives up."""

MOST_SPARE = 8
"""Unknown calls of which it is seen whether they can stand for others; of more it is not."""

Used = tuple[int, ...]
"""How many unknown calls of each kind have taken effect."""

Steps = list[tuple[Any, Any]]
"""Changes: from which state to which."""


class TooManyOrders(PaxosError, RuntimeError):
    """The history has more possible orders than the search may look at; it is neither proved nor
    refuted. Calls of unknown outcome that differ from each other are what makes it so."""


class Unknown:
    """The calls of unknown outcome, by kind. `available` counts those invoked so far."""

    def __init__(self, operations: Iterable[Operation], model: Model) -> None:
        self.kinds: dict[Hashable, int] = {}
        self.calls: list[tuple[Operation, Effect]] = []  # one that stands for each kind
        self.of: dict[int, int] = {}  # id of an operation -> its kind
        self.total: list[int] = []
        for operation in operations:
            effect = model.effect(operation.method, operation.arguments, operation.outcome)
            if operation.returned is not None or not effect.changes:
                continue
            shift = effect.shift
            key = (operation.method, operation.arguments) if shift is None else shift
            kind = self.kinds.setdefault(key, len(self.kinds))
            if kind == len(self.calls):
                self.calls.append((operation, effect))
                self.total.append(0)
            self.total[kind] += 1
            self.of[id(operation)] = kind
        self.available = [0] * len(self.calls)
        self.steps = [steps_of(operation, effect, model) for operation, effect in self.calls]
        self.wild = any(e.shift is None and e.before is None for _, e in self.calls)
        self._gains = [_gain(operation, effect, model) for operation, effect in self.calls]
        self._ways: dict[tuple[int, Used], list[Used]] = {}
        self.shifts = [(k, e.shift) for k, (_, e) in enumerate(self.calls) if e.shift is not None]
        self.others = [k for k, (_, e) in enumerate(self.calls) if e.shift is None]

    def bounds(self, used: Used, counts: list[int]) -> tuple[int, int]:
        """The least and the most that those not used of `counts` can add to a state."""
        left = [(counts[kind] - used[kind]) * shift for kind, shift in self.shifts]
        return sum(d for d in left if d < 0), sum(d for d in left if d > 0)

    def ways(self, difference: int, used: Used) -> list[Used]:
        """`used` with such calls more that together add `difference`, in every way that no other
        stands for."""
        left = tuple(self.available[kind] - used[kind] for kind, _ in self.shifts)
        key = (difference, left)
        if key not in self._ways:
            nothing = (0,) * len(used)
            self._ways[key] = self.least(list(self._sums(difference, used, nothing)))
        return [tuple(map(int.__add__, used, more)) for more in self._ways[key]]

    def least(self, ways: list[Used]) -> list[Used]:
        """Those for which no other stands; all, if they are too many to compare."""
        if len(ways) > MOST_WAYS:
            return ways
        ways.sort(key=lambda used: (sum(used), used))
        kept: list[Used] = []
        for one in ways:
            if not any(self._stands_for(other, one) for other in kept):
                kept = [other for other in kept if not self._stands_for(one, other)]
                kept.append(one)
        return kept

    def _stands_for(self, one: Used, other: Used) -> bool:
        """Whether what is left unused by `one` can do all that is left unused by `other`: what the
        first lacks, and the other has, is made of what the first has and the other lacks."""
        lacks: list[int] = []
        spare: list[int] = []
        for kind, (more, less) in enumerate(zip(one, other, strict=True)):
            gain = self._gains[kind]
            if more > less:
                if gain is None:
                    return False
                lacks += [gain] * (more - less)
            elif more < less and self.calls[kind][1].shift is not None and gain is not None:
                spare += [gain] * (less - more)
        if not lacks:
            return True
        if len(lacks) > len(spare) or len(spare) > MOST_SPARE:
            return False
        return _made_of(tuple(sorted(lacks)), tuple(sorted(spare)))

    def _sums(self, difference: int, used: Used, nothing: Used) -> Iterator[Used]:
        """Such calls, counted by kind, that together add `difference`. Nothing is made of calls
        that add up to nothing: not to use them is as good."""
        # What the kinds from each on can add, to turn back early.
        low, high = [0], [0]
        for kind, shift in reversed(self.shifts):
            most = (self.available[kind] - used[kind]) * shift
            low.append(low[-1] + min(0, most))
            high.append(high[-1] + max(0, most))
        low.reverse()
        high.reverse()
        stack: list[tuple[int, int, Used]] = [(0, difference, nothing)]
        steps = 0
        while stack:
            steps += 1
            if steps > MOST_SUMS:
                kinds = f"{len(self.shifts)} kinds of unknown calls"
                raise TooManyOrders(f"there are too many ways to make {difference} of {kinds}")
            place, missing, taken = stack.pop()
            if missing == 0:
                yield taken
            elif low[place] <= missing <= high[place] and place < len(self.shifts):
                kind, shift = self.shifts[place]
                most = self.available[kind] - used[kind]
                stack += [
                    (place + 1, missing - more * shift, plus(taken, kind, more))
                    for more in range(most + 1)
                ]


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
