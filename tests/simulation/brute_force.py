"""Linearizability by trying every order: right by its simplicity, for histories of a few calls."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, permutations

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
