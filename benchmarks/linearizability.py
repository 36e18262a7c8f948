"""How long it takes to check a history that is linearizable because it is made so.

`python -m benchmarks.linearizability [mix ...]` prints the CPU seconds for histories of several
mixes of calls and parts of unknown outcome.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from heapq import heappop, heappush
from random import Random
from time import perf_counter, process_time

from paxos_ray.simulation.histories import CounterModel, Operation
from paxos_ray.simulation.linearizability import TooManyOrders, check

CALLS = 10_000
CLIENTS = 10
UNKNOWN = 0.02
"""The part of calls whose outcome stays unknown; of these half take effect, some of them late."""

LONG = 200
"""A call is open for up to so long, as is its client's pause afterwards at most a tenth of it."""

INCREMENTS = (1, 1, 2, 3)
"""What is added, one as often as another."""

MIXES = {
    "adds 1 to 3": INCREMENTS,
    "adds 1 to 3, takes 1": (*INCREMENTS, -1),
    "adds or takes 1": (1, -1),
    "adds or takes 1 to 3": (1, -1, 2, -2, 3, -3),
}

PARTS = (0.05, 0.02)

Call = tuple[str, tuple[int, ...]]


def history(
    seed: int = 0,
    calls: int = CALLS,
    clients: int = CLIENTS,
    unknown: float = UNKNOWN,
    increments: Sequence[int] = INCREMENTS,
) -> list[Operation]:
    """Calls of concurrent clients on one counter: these increments, reads, compare-and-sets from
    the value that a client saw last. Each takes effect at a moment while it is open."""
    random, model = Random(f"history {seed}"), CounterModel()
    state, seen = model.initial, [0] * clients
    # At a time, in order: a client begins a call, or a call begun takes effect.
    agenda: list[tuple[int, int, int, Call | None]] = []
    operations: list[Operation] = []
    place_of: dict[int, tuple[int, int | None]] = {}
    for client in range(clients):
        heappush(agenda, (random.randrange(LONG), client, client, None))
    begun = clients
    while agenda:
        now, number, client, call = heappop(agenda)
        if call is None:
            if len(operations) == calls:
                continue
            call = _choose(random, seen[client], increments)
            lost = random.random() < unknown
            effect = now + 2 * random.randrange(LONG // 2) + 1
            returned = now + LONG + random.randrange(LONG // 2) * 2
            begun += 1
            place_of[begun] = (len(operations), None if lost else returned)
            name = f"client-{client}"
            operations.append(Operation(name, "counter", *call, now, None))
            if not lost or random.random() < 0.5:
                late = random.randrange(20 * LONG) if lost and random.random() < 0.5 else 0
                heappush(agenda, (effect + late, begun, client, call))
            heappush(agenda, (returned + random.randrange(LONG // 10) * 2, client, client, None))
            continue
        state, result = model.step(state, *call)
        place, until = place_of[number]
        if until is not None:
            seen[client] = state
            operations[place] = operations[place]._replace(returned=until, result=result)
    return operations


def _choose(random: Random, seen: int, increments: Sequence[int]) -> Call:
    drawn = random.random()
    if drawn < 0.5:
        return "increment", (random.choice(increments),)
    if drawn < 0.8:
        return "value", ()
    return "compare_and_set", (seen, seen + random.randrange(-5, 6))


def seconds(operations: list[Operation]) -> float:
    """The time to check this history, which must hold."""
    started = perf_counter()
    window = check(operations)
    took = perf_counter() - started
    if window is not None:
        raise RuntimeError(f"a linearizable history is refused: {window}")
    return took


def spoilt(operations: list[Operation]) -> list[Operation]:
    """The same history, but late in it a client read more than there ever can have been."""
    reads = [each for each in operations if each.method == "value" and each.returned is not None]
    wrong = reads[len(reads) * 9 // 10]
    far = wrong._replace(result=wrong.result + 10 * len(operations))
    return [far if each is wrong else each for each in operations]


def _told(operations: list[Operation]) -> str:
    started = process_time()
    try:
        verdict = "holds" if check(operations) is None else "refused"
    except TooManyOrders:
        verdict = "given up"
    return f"{verdict} {process_time() - started:.1f} s"


if __name__ == "__main__":
    for mix in sys.argv[1:] or MIXES:
        for part in PARTS:
            made = history(unknown=part, increments=MIXES[mix])
            told = f"{_told(made)}; with a wrong read, {_told(spoilt(made))}"
            sys.stdout.write(f"{mix}, {part:.1%} unknown: {told}\n")
            sys.stdout.flush()
