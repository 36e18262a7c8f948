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
from typing import Any, NamedTuple

from paxos_ray.simulation.histories import (
    CounterModel,
    Effect,
    Model,
    Operation,
    by_object,
)
from paxos_ray.simulation.unknown import Steps, TooManyOrders, Unknown, Used, plus, steps_of
from paxos_ray.simulation.windows import Window

__all__ = ["LIMIT", "TooManyOrders", "check"]

LIMIT = 2_000_000
"""Configurations that are looked at, for one object, before the search gives up."""

COUNTER: Model = CounterModel()


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


class _Search:
    """The search over the history of one object."""

    def __init__(self, operations: list[Operation], model: Model, limit: int) -> None:
        self._model = model
        self._limit = limit
        self._looked_at = 0
        self._operations = operations
        self._unknown = Unknown(operations, model)
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
        steps = steps_of(operation, effect, self._model)
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
                    after = Configuration(state, done, plus(used, kind, 1))
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
                    used = plus(here.used, kind, 1)
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


def _same(result: Any, told: Any) -> bool:
    """Equal, and not as True is equal to 1."""
    return type(result) is type(told) and bool(result == told)
