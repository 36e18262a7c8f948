"""Follow what an island does: every change of its counters, as it is committed.

python examples/follow_the_log.py
"""

from __future__ import annotations

import threading

import ray

import paxos_ray

SALES = [("apples", 3), ("pears", 5), ("apples", 2), ("plums", 7)]


def main() -> None:
    """Sell, and read of it in the log; then read the rest from where that ended."""
    ray.init(include_dashboard=False)
    island = paxos_ray.launch("market", citizens=3, progress=False)
    with island.log(timeout_s=60) as stream:  # whatever is asked for from here on is in it
        threading.Thread(target=sell, args=(island,)).start()
        stock = follow(stream, until=len(SALES))
        since = stream.position
    print(f"sold: {stock}")

    island.counter("pears").increment(1, timeout_s=60)
    with island.log(since, timeout_s=60) as stream:  # nothing is missed in between
        print(f"then: {follow(stream, until=1)}")
    island.shutdown()


def sell(island: paxos_ray.Island) -> None:
    """What somebody else does meanwhile."""
    for fruit, number in SALES:
        island.counter(fruit).increment.remote(number)


def follow(stream: paxos_ray.Stream, until: int) -> dict[str, int]:
    """The counters' values after so many operations, by what the log says."""
    seen: dict[str, int] = {}
    count = 0
    for entry in stream:
        for told in entry.operations:
            print(f"  {told.object} +{told.arguments[0]}: {told.value}")
            seen[told.object] = told.value
            count += 1
        if count >= until:
            break
    return seen


if __name__ == "__main__":
    main()
