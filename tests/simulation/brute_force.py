"""Linearizability by trying every order: right by its simplicity, for histories of a few calls."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import cache
from itertools import combinations, permutations
from typing import Any

from paxos_ray.simulation.histories import Model, Operation


def linearizable(history: Sequence[Operation], model: Model) -> bool:
    """Whether some order of those that returned and some of the others explains all results."""
    returned = [operation for operation in history if operation.returned is not None]
    unknown = [operation for operation in history if operation.returned is None]
    return any(
        explains(order, model)
        for many in range(len(unknown) + 1)
        for some in combinations(unknown, many)
        for order in permutations([*returned, *some])
    )


def explains(order: Sequence[Operation], model: Model) -> bool:
    state = model.initial
    for place, operation in enumerate(order):
        for later in order[place + 1 :]:
            if later.returned is not None and later.returned < operation.invoked:
                return False
        state, result = model.step(state, operation.method, operation.arguments)
        told = operation.result
        if operation.returned is not None and (result != told or type(result) is not type(told)):
            return False
    return True


def orderable(
    calls: Sequence[Operation],
    model: Model,
    state: Any,
    needed: Callable[[Operation, int], bool] = lambda call, returned: True,
    begin: int = 0,
) -> bool:
    """Whether from that state on there is an order of all calls that returned and are needed, and
    some of the others, that explains the results: each takes effect at `begin` or later. `needed`
    is told the call, and when it returned."""
    must = [call.returned is not None and needed(call, call.returned) for call in calls]
    everything = sum(1 << place for place, needed in enumerate(must) if needed)

    @cache
    def explained(done: int, state: Hashable) -> bool:
        if done & everything == everything:
            return True
        left = [place for place in range(len(calls)) if not done >> place & 1]
        until = min(calls[place].returned or 0 for place in left if must[place])
        for place in left:
            call = calls[place]
            if max(call.invoked, begin) <= until:
                after, result = model.step(state, call.method, call.arguments)
                fits = type(result) is type(call.result) and result == call.result
                if (call.returned is None or fits) and explained(done | 1 << place, after):
                    return True
        return False

    return explained(0, state)
