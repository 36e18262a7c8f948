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
5. What needs few unknown calls is looked at first. The history is gone through with those
   configurations only that have used at most so many more than the one that used the fewest
   (`SLACKS`): if they explain all of it, it is linearizable. If they do not, it is gone through
   again with more of them. It is refused only when none was left out.
6. When none is left out, it is seen before unknown calls are used that this leaves each open call
   a state to fit in. That looks at results still to come; which return was the first that no order
   explains is then found by going through the history again, with fewer of them.

What remains can still be too much; the search then ends with `TooManyOrders`, after a number of
steps that is set beforehand (`LIMIT`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush
from itertools import count
from typing import Any, NamedTuple

from paxos_ray.simulation.histories import (
    CounterModel,
    Effect,
    Model,
    Operation,
    by_object,
)
from paxos_ray.simulation.unknown import (
    Steps,
    TooManyOrders,
    Unknown,
    Used,
    Work,
    plus,
    steps_of,
)
from paxos_ray.simulation.windows import Beginning, Window

__all__ = ["LIMIT", "TooManyOrders", "check"]

LIMIT = 2_000_000
"""Steps of the search, for one object, before it gives up: a configuration that is looked at, or
a comparison of about the same length."""

SLACKS = (0, 1, None)
"""How many unknown calls more than the fewest a configuration may have used that is not left out,
each time that the history is gone through. None: as many as there are."""

COUNTER: Model = CounterModel()


class Configuration(NamedTuple):
    """One explanation of the history so far: the state, the open calls that have taken effect (a
    bit each), and how many unknown calls of each kind have."""

    state: Any
    done: int
    used: Used


class Known(NamedTuple):
    """A call that returned, as the search sees it. `steps` are the changes that it can make, from
    which state to which; `listed` whether these are all. `invoked` and `until` are the numbers of
    the events that are its invocation and its return."""

    operation: Operation
    effect: Effect
    steps: Steps
    listed: bool
    invoked: int
    until: int


class Start(NamedTuple):
    """What there was when a call was invoked: the configurations, and the open calls by bit."""

    configurations: Sequence[Configuration]
    open: dict[int, Known]


def check(
    operations: Iterable[Operation], model: Model = COUNTER, limit: int = LIMIT
) -> Window | None:
    """None if the history is linearizable; else the window of calls that cannot be ordered, the
    one of fewest calls if more than one object has one. See `Window` for what is guaranteed.

    `limit` is how many steps the search may take, for each object. Raises `TooManyOrders`,
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
        self._operations = operations
        self._events = _events(operations)
        self._work = Work(limit, operations)
        self._unknown = Unknown(operations, model, self._work)
        returns = {id(event[2]): n for n, event in enumerate(self._events) if event[1]}
        self._known = [
            self._describe(operation, number, returns[id(operation)])
            for number, (_, is_return, operation) in enumerate(self._events)
            if not is_return and operation.returned is not None
        ]

    def _describe(self, operation: Operation, invoked: int, until: int) -> Known:
        method, arguments, outcome = operation.method, operation.arguments, operation.outcome
        effect = self._model.effect(method, arguments, outcome)
        listed = not effect.changes or effect.before is not None
        steps = steps_of(operation, effect, self._model)
        return Known(operation, effect, steps, listed, invoked, until)

    def run(self) -> Window | None:
        """None, or the window at which the history cannot be explained any more."""
        for slack in SLACKS:
            refused = self._attempt(slack, len(self._events))
            if refused is None:
                return None
            if not self._left_out:
                return self._window(refused if slack is not None else self._first())
        raise AssertionError("with no slack set, none is left out")

    def _attempt(self, slack: int | None, horizon: int) -> int | None:
        """Go through the history. The bit of the call whose return is not explained by the
        configurations within the slack; None if all are. `horizon` is the last return that counts:
        of calls that return later, nothing is asked."""
        self._slack = slack
        self._horizon = horizon
        self._left_out = False
        self._invoked = 0  # how many of the known have been
        self._open: dict[int, Known] = {}  # by bit
        self._at_start: dict[int, Start] = {}  # by bit
        self._unknown.available = [0] * len(self._unknown.calls)
        nothing = (0,) * len(self._unknown.calls)
        configurations: Sequence[Configuration]
        configurations = (Configuration(self._model.initial, 0, nothing),)
        bits: dict[int, int] = {}
        for _, returns, operation in self._events[: horizon + 1]:
            key = id(operation)
            if returns:
                bit = bits.pop(key)
                explained = self._return(configurations, bit)
                if not explained:
                    return bit
                configurations = explained
                del self._open[bit], self._at_start[bit]
            elif operation.returned is None:
                if key in self._unknown.of:
                    self._unknown.available[self._unknown.of[key]] += 1
            else:
                bits[key] = bit = _free(self._open)
                self._at_start[bit] = Start(configurations, dict(self._open))
                self._open[bit] = self._known[self._invoked]
                self._invoked += 1
                configurations = tuple(dict.fromkeys(map(self._quietly, configurations)))
        return None

    def _first(self) -> int:
        """The bit of the call whose return is the first that no order explains, after an attempt
        that left nothing out. That looked at the returns of the calls that were open where it
        ended; so if none before the last of these is the first, the last is."""
        open, at_start = self._open, self._at_start
        last = max(open, key=lambda bit: open[bit].until)
        ended = min(known.until for known in open.values())
        returns = sorted(known.until for known in self._known)
        try:
            for horizon in returns:
                if ended <= horizon < open[last].until:
                    if self._attempt(None, horizon) is not None:
                        return next(b for b, known in self._open.items() if known.until == horizon)
        except TooManyOrders:
            pass  # it is refused all the same
        self._open, self._at_start = open, at_start
        return last

    def _window(self, bit: int) -> Window:
        start = self._at_start[bit]
        unknown = self._unknown
        beginnings = {}
        for state, done, used in start.configurations:
            taken = [
                operation
                for kind, times in enumerate(used)
                for operation in unknown.members[kind][:times]
            ]
            taken += [
                known.operation
                for open_bit, known in start.open.items()
                if done & open_bit and known.effect.changes
            ]
            beginnings[state, tuple(map(id, taken))] = Beginning(state, tuple(taken))
        possible = [o for o in self._operations if o.returned is not None or id(o) in unknown.of]
        return Window.of(self._open[bit].operation, possible, list(beginnings.values()))

    # -- a return ------------------------------------------------------------------------

    def _return(self, start: Sequence[Configuration], bit: int) -> Sequence[Configuration]:
        """The configurations in which the call of `bit` has taken effect, from those before. They
        are looked at in the order of how many unknown calls they have used, up to the slack; so
        what stands for another comes before it."""
        number = count(0, -1)  # of those alike, the one that was reached last is first
        seen = set(start)
        # The last is how many that only add are used in the moves that are next.
        heap = [(sum(each.used), next(number), each, 0) for each in start]
        heap.sort()
        alike: dict[tuple[Any, int], list[Used]] = {}
        explained: list[Configuration] = []
        most: int | None = None
        while heap:
            used, _, here, more = heappop(heap)
            if most is not None and used > most:
                self._left_out = True
                break
            self._work.count()
            if more == 0:
                others = alike.setdefault((here.state, here.done), [])
                if self._unknown.stood_for(here.used, others):
                    continue
                others.append(here.used)
            if here.done & bit:
                explained.append(here._replace(done=here.done & ~bit))
                if most is None and self._slack is not None:
                    most = used + self._slack
                continue
            moves, further = self._moves(here, more)
            for after in moves:
                if after in seen:
                    continue
                seen.add(after)
                if more == 0 or self._slack is not None or self._hopeful(after):
                    heappush(heap, (sum(after.used), next(number), after, 0))
            if further:
                heappush(heap, (used + 1, next(number), here, more + 1))
        return explained

    def _moves(self, here: Configuration, more: int) -> tuple[list[Configuration], bool]:
        """What follows when one more call takes effect, with exactly `more` unknown ones, and
        whether there can be moves with still more. Either it is an open call, before which so many
        unknown ones only add; or it is the last of these, and does not only add."""
        unknown = self._unknown
        reach = unknown.reach(here.used)
        moves: list[Configuration] = []
        wild = unknown.wild  # whether a call may fit in states that are not listed
        farthest = 0
        for bit, known in self._open.items():
            if here.done & bit:
                continue
            operation, before = known.operation, known.effect.before
            if before is None:
                wild = True
                if more == 0 and _same(self._step(here.state, operation)[1], operation.result):
                    moves.append(self._applied(here, operation, bit))
                continue
            for to in before:
                if reach.left and reach.low <= to - here.state <= reach.high:
                    farthest = max(farthest, abs(to - here.state))
                ready = self._ready(here, to, more)
                moves += [self._applied(each, operation, bit) for each in ready]
        if more and unknown.others:
            for kind, to in unknown.near(here.state, here.used, more - 1):
                operation = unknown.calls[kind][0]
                for each in self._ready(here, to, more - 1):
                    after = self._applied(each, operation, 0)
                    moves.append(after._replace(used=plus(after.used, kind, 1)))
        if wild and more == 1:
            moves += self._anywhere(here)
        return moves, more < unknown.longest(here.state, farthest, reach, wild)

    def _ready(self, here: Configuration, to: Any, more: int) -> list[Configuration]:
        """With that state, after exactly `more` unknown calls that only add."""
        state, done, used = here
        if to == state:
            return [here] if more == 0 else []
        return [
            self._quietly(Configuration(to, done, after))
            for after in self._unknown.ways(to, state, used, more)
        ]

    def _anywhere(self, here: Configuration) -> Iterator[Configuration]:
        """After one unknown call, where the states in which a call fits are not listed."""
        state, done, used = here
        unknown = self._unknown
        for kind, (operation, effect) in enumerate(unknown.calls):
            if effect.before is None and used[kind] < unknown.available[kind]:
                after = self._step(state, operation)[0]
                if after != state:
                    yield self._quietly(Configuration(after, done, plus(used, kind, 1)))

    def _step(self, state: Any, operation: Operation) -> tuple[Any, Any]:
        return self._model.step(state, operation.method, operation.arguments)

    def _applied(self, ready: Configuration, operation: Operation, bit: int) -> Configuration:
        state = self._step(ready.state, operation)[0]
        return self._quietly(Configuration(state, ready.done | bit, ready.used))

    def _quietly(self, configuration: Configuration) -> Configuration:
        """With all open calls that fit and leave the state as it is."""
        state, done, used = configuration
        for bit, known in self._open.items():
            effect = known.effect
            if done & bit or effect.changes:
                continue
            if effect.before is None:
                operation = known.operation
                fits = _same(self._step(state, operation)[1], operation.result)
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
        goals = [
            known
            for bit, known in self._open.items()
            if known.until <= self._horizon and not done & bit and known.effect.before
        ]
        if not goals or self._unknown.wild:
            return True
        low, high = self._unknown.bounds(used, self._unknown.total)
        steps = self._others(used)
        until = max(goal.until for goal in goals)
        for place in range(self._invoked, len(self._known)):
            known = self._known[place]
            if known.invoked > until:
                break
            if not known.listed:
                return True
            steps += known.steps
        for bit, known in self._open.items():
            if not done & bit:
                if not known.listed:
                    return True
                steps += known.steps
        reached, many = [state], len(steps)
        for source in reached:  # which grows
            left = []
            for step in steps:
                if low <= step[0] - source <= high if low != high else step[0] == source:
                    if step[1] not in reached:
                        reached.append(step[1])
                else:
                    left.append(step)
            steps = left
        self._work.count(1 + len(reached) * many // 100)
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
