"""Whether a history is linearizable: each call took effect at one moment while it was open.

The search is Wing & Gong's ("Testing and verifying concurrent objects", 1993) with the memory of
what was tried, and the just-in-time linearization, of Lowe ("Testing for linearizability", 2017).
It goes through the history in time and keeps every *configuration* that explains it so far: the
object's state, and which of the open calls have taken effect. A call takes effect no earlier than
a return needs it to. When no configuration explains a return, the history is refused.

1. Objects are checked one by one.
2. A call that leaves the state as it is takes effect as soon as its result fits: to wait longer
   would leave the same state, and one obligation more.
3. Calls of unknown outcome stay open for ever, so they would double the configurations each. They
   are told apart by what they do only: a configuration counts how many of each kind it has used.
   One that would change nothing is never used. Of two configurations that differ in these counts
   alone, one is enough if what it has left can do all that the other's can.
4. Unknown calls that only add to the state commute. They are not tried one after the other: what
   is missing to a state in which another call fits is made of them, in every way that makes it.
5. Before unknown calls are used, it is seen that this leaves each open call a state to fit in.

What remains can still be too much; the search then ends with `TooManyOrders`, it never hangs.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from functools import lru_cache
from itertools import combinations
from typing import Any, NamedTuple

from paxos_ray.core.errors import PaxosError
from paxos_ray.simulation.histories import (
    CounterModel,
    Effect,
    Model,
    Operation,
    by_object,
)
from paxos_ray.simulation.windows import Window

LIMIT = 2_000_000
"""Configurations that are looked at, for one object, before the search gives up."""

MOST_WAYS = 500
"""Ways to make up a difference of unknown calls, or alike configurations, that are compared."""

MOST_SUMS = 50_000
"""Steps to find these ways, before the search gives up."""

MOST_SPARE = 8
"""Unknown calls of which it is seen whether they can stand for others; of more it is not."""

COUNTER: Model = CounterModel()

Used = tuple[int, ...]
Steps = list[tuple[Any, Any]]


class TooManyOrders(PaxosError, RuntimeError):
    """The history has more possible orders than the search may look at; it is neither proved nor
    refuted. Calls of unknown outcome that differ from each other are what makes it so."""


class Configuration(NamedTuple):
    """One explanation of the history so far: the state, the open calls that have taken effect (a
    bit each), and how many unknown calls of each kind have."""

    state: Any
    done: int
    used: Used


class Known(NamedTuple):
    """A call that returned, as the search sees it. `steps` are the changes that it can make, from
    which state to which; `listed` whether these are all. `until` is when it returned."""

    operation: Operation
    effect: Effect
    steps: Steps
    listed: bool
    until: int


def check(
    operations: Iterable[Operation], model: Model = COUNTER, limit: int = LIMIT
) -> Window | None:
    """None if the history is linearizable; else the window of calls that cannot be ordered, the
    one of fewest calls if more than one object has one. See `Window` for what is guaranteed.

    `limit` is how many configurations are looked at, for each object. Raises `TooManyOrders`,
    `InvalidHistory`.
    """
    windows = [
        window
        for history in by_object(operations).values()
        if (window := _Search(history, model, limit).run()) is not None
    ]
    return min(windows, key=lambda window: len(window.operations), default=None)


class _Unknown:
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
        self.steps = [_steps(operation, effect, model) for operation, effect in self.calls]
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
                    (place + 1, missing - more * shift, _plus(taken, kind, more))
                    for more in range(most + 1)
                ]


class _Search:
    """The search over the history of one object."""

    def __init__(self, operations: list[Operation], model: Model, limit: int) -> None:
        self._model = model
        self._limit = limit
        self._looked_at = 0
        self._operations = operations
        self._unknown = _Unknown(operations, model)
        self._known = [self._describe(o) for o in operations if o.returned is not None]
        self._known.sort(key=lambda known: known.operation.invoked)
        self._invoked = 0  # how many of the known have been
        self._open: dict[int, Known] = {}  # by bit
        self._at_start: dict[int, frozenset[Configuration]] = {}  # by bit

    def _describe(self, operation: Operation) -> Known:
        method, arguments, outcome = operation.method, operation.arguments, operation.outcome
        effect = self._model.effect(method, arguments, outcome)
        listed = not effect.changes or effect.before is not None
        assert operation.returned is not None
        steps = _steps(operation, effect, self._model)
        return Known(operation, effect, steps, listed, operation.returned)

    def run(self) -> Window | None:
        """Go through the history; the window at which it cannot be explained any more."""
        nothing = (0,) * len(self._unknown.calls)
        configurations = frozenset((Configuration(self._model.initial, 0, nothing),))
        bits: dict[int, int] = {}
        for _, returns, operation in _events(self._operations):
            key = id(operation)
            if returns:
                bit = bits.pop(key)
                explained = self._return(configurations, bit)
                if not explained:
                    return self._window(bit)
                configurations = explained
                del self._open[bit], self._at_start[bit]
            elif operation.returned is None:
                if key in self._unknown.of:
                    self._unknown.available[self._unknown.of[key]] += 1
            else:
                bits[key] = bit = _free(self._open)
                self._at_start[bit] = configurations
                self._open[bit] = self._known[self._invoked]
                self._invoked += 1
                configurations = frozenset(map(self._quietly, configurations))
        return None

    def _window(self, bit: int) -> Window:
        start = self._at_start[bit]
        unknown = self._unknown
        unused = {
            kind
            for kind, total in enumerate(unknown.total)
            if any(configuration.used[kind] < total for configuration in start)
        }
        possible = [
            operation
            for operation in self._operations
            if operation.returned is not None or unknown.of.get(id(operation)) in unused
        ]
        states = list(dict.fromkeys(configuration.state for configuration in start))
        return Window.of(self._open[bit].operation, possible, states)

    # -- a return ------------------------------------------------------------------------

    def _return(self, start: frozenset[Configuration], bit: int) -> frozenset[Configuration]:
        """Every configuration in which the call of `bit` has taken effect, from those before."""
        seen = set(start)
        stack = list(start)
        explained: set[Configuration] = set()
        while stack:
            configuration = stack.pop()
            state, done, used = configuration
            if done & bit:
                explained.add(Configuration(state, done & ~bit, used))
                continue
            for after in self._moves(configuration):
                if after not in seen:
                    self._count()
                    seen.add(after)
                    stack.append(after)
        return self._least(explained)

    def _least(self, configurations: set[Configuration]) -> frozenset[Configuration]:
        """Of those alike but for the unknown calls used, those that no other stands for."""
        alike: dict[tuple[Any, int], list[Used]] = {}
        for state, done, used in configurations:
            alike.setdefault((state, done), []).append(used)
        if len(alike) == len(configurations):
            return frozenset(configurations)
        least = self._unknown.least
        return frozenset(
            Configuration(*like, used) for like, ways in alike.items() for used in least(ways)
        )

    def _count(self) -> None:
        self._looked_at += 1
        if self._looked_at > self._limit:
            many = f"{len(self._operations)} calls, {sum(self._unknown.total)} of them unknown"
            raise TooManyOrders(f"more than {self._limit} configurations: {many}")

    def _moves(self, configuration: Configuration) -> Iterator[Configuration]:
        """One open call more takes effect, after such unknown ones that only add as it needs."""
        for bit, known in self._open.items():
            if not configuration.done & bit:
                operation, before = known.operation, known.effect.before
                for ready in self._ready(configuration, operation, before, bit):
                    yield self._applied(ready, operation, bit)
        unknown = self._unknown
        for kind in unknown.others:
            if configuration.used[kind] < unknown.available[kind]:
                operation, effect = unknown.calls[kind]
                for ready in self._ready(configuration, operation, effect.before, 0):
                    state, done, used = self._applied(ready, operation, 0)
                    after = Configuration(state, done, _plus(used, kind, 1))
                    if state != ready.state and self._hopeful(after):
                        yield after

    def _applied(self, ready: Configuration, operation: Operation, bit: int) -> Configuration:
        state = self._model.step(ready.state, operation.method, operation.arguments)[0]
        return self._quietly(Configuration(state, ready.done | bit, ready.used))

    def _ready(
        self,
        configuration: Configuration,
        operation: Operation,
        before: tuple[Hashable, ...] | None,
        bit: int,
    ) -> Iterator[Configuration]:
        """Configurations in which the call fits, reached by unknown calls that only add."""
        if before is None:
            yield from self._wander(configuration, operation)
            return
        for state in before:
            if state == configuration.state:
                yield configuration
            elif self._unknown.shifts:
                yield from self._jump(configuration, state, operation, bit)

    def _jump(
        self, configuration: Configuration, to: Any, operation: Operation, bit: int
    ) -> Iterator[Configuration]:
        state, done, used = configuration
        low, high = self._unknown.bounds(used, self._unknown.available)
        if not low <= to - state <= high:
            return
        if bit:
            landed = self._applied(Configuration(to, done, used), operation, bit)
            if not self._hopeful(landed):
                return
        for more in self._unknown.ways(to - state, used):
            self._count()
            yield self._quietly(Configuration(to, done, more))

    def _wander(
        self, configuration: Configuration, operation: Operation
    ) -> Iterator[Configuration]:
        """The same where the states in which a call fits cannot be listed: step by step. Beyond
        one in which it fits and changes nothing there is no need to go: that may come later."""
        model, method, arguments = self._model, operation.method, operation.arguments
        unknown = self._unknown
        seen = {configuration}
        stack = [configuration]
        while stack:
            here = stack.pop()
            state, result = model.step(here.state, method, arguments)
            fits = operation.returned is None or _same(result, operation.result)
            if fits:
                yield here
            if fits and state == here.state and operation.returned is not None:
                continue
            for kind, shift in unknown.shifts:
                if here.used[kind] < unknown.available[kind]:
                    used = _plus(here.used, kind, 1)
                    there = self._quietly(Configuration(here.state + shift, here.done, used))
                    if there not in seen:
                        self._count()
                        seen.add(there)
                        stack.append(there)

    def _quietly(self, configuration: Configuration) -> Configuration:
        """With all open calls that fit and leave the state as it is."""
        state, done, used = configuration
        for bit, known in self._open.items():
            effect = known.effect
            if done & bit or effect.changes:
                continue
            if effect.before is None:
                operation = known.operation
                result = self._model.step(state, operation.method, operation.arguments)[1]
                fits = _same(result, operation.result)
            else:
                fits = state in effect.before
            if fits:
                done |= bit
        return Configuration(state, done, used)

    # -- what is hopeless ----------------------------------------------------------------

    def _hopeful(self, configuration: Configuration) -> bool:
        """Whether each open call may yet find a state in which it fits: the present one, or one
        left by a call that may find one too and is open or invoked in time; and what unknown
        calls add to either. Each call may serve many, so this can hope in vain."""
        state, done, used = configuration
        goals = [k for bit, k in self._open.items() if not done & bit and k.effect.before]
        if not goals or self._unknown.wild:
            return True
        low, high = self._unknown.bounds(used, self._unknown.total)
        steps = self._others(used)
        until = max(goal.until for goal in goals)
        for place in range(self._invoked, len(self._known)):
            known = self._known[place]
            if known.operation.invoked > until:
                break
            if not known.listed:
                return True
            steps += known.steps
        for bit, known in self._open.items():
            if not done & bit:
                if not known.listed:
                    return True
                steps += known.steps
        reached = [state]
        for source in reached:  # which grows
            left = []
            for step in steps:
                if low <= step[0] - source <= high if low != high else step[0] == source:
                    if step[1] not in reached:
                        reached.append(step[1])
                else:
                    left.append(step)
            steps = left
        return all(
            any(_within(goal.effect.before or (), source, low, high) for source in reached)
            for goal in goals
        )

    def _others(self, used: Used) -> Steps:
        """From which states to which the unknown calls lead that do not only add."""
        unknown = self._unknown
        return [
            step
            for kind in unknown.others
            if used[kind] < unknown.total[kind]
            for step in unknown.steps[kind]
        ]


def _within(before: tuple[Any, ...], source: Any, low: int, high: int) -> bool:
    if low == high:
        return source in before
    return any(low <= state - source <= high for state in before)


def _steps(operation: Operation, effect: Effect, model: Model) -> Steps:
    """What changes a call can make, as far as they can be listed."""
    if not effect.changes:
        return []
    call = operation.method, operation.arguments
    return [(before, model.step(before, *call)[0]) for before in effect.before or ()]


def _events(operations: list[Operation]) -> list[tuple[int, bool, Operation]]:
    """Invocations and returns in time; of those at the same time, invocations first."""
    events = [(o.invoked, False, o) for o in operations]
    events += [(o.returned, True, o) for o in operations if o.returned is not None]
    return sorted(events, key=lambda event: event[:2])


def _free(open: dict[int, Known]) -> int:
    bit = 1
    while bit in open:
        bit <<= 1
    return bit


def _plus(used: Used, kind: int, more: int) -> Used:
    return used if more == 0 else (*used[:kind], used[kind] + more, *used[kind + 1 :])


def _same(result: Any, told: Any) -> bool:
    """Equal, and not as True is equal to 1."""
    return type(result) is type(told) and bool(result == told)


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
