"""Configuration that is shared: every worker sees every change, in order, though a leader dies.

python examples/configuration.py
"""

import os
import signal
from typing import Any

import ray

import paxos_ray

WORKERS, CHANGES = 3, 20


@ray.remote(num_cpus=0)
def work(island: paxos_ray.Island) -> tuple[dict[str, Any], list[tuple[str, Any, int]]]:
    """Follow the configuration until it says `stop`; what it is then, and what was seen of it."""
    map = island.map("configuration")
    seen = []
    with map.watch(timeout_s=120) as changes:
        # What there is, read after the watch began: nothing falls between the two.
        config = {key: (value, version) for key, value, version in map.range()[0]}
        island.barrier("ready").wait(WORKERS + 1, timeout_s=120)
        for change in changes:
            what, *told = change.event
            if what != "put":  # deleted, expired, ended
                config.pop(change.key, None)
            elif change.key == "stop":
                break
            elif told[1] > config.get(change.key, (None, 0))[1]:  # not what was read already
                config[change.key] = value, version = told
                seen.append((change.key, value, version))
    return {key: value for key, (value, _) in config.items()}, seen


ray.init(include_dashboard=False)
island = paxos_ray.launch("settings", citizens=3, progress=False)
configuration = island.map("configuration")
configuration.put("colour", "red")
workers = [work.remote(island) for _ in range(WORKERS)]
island.barrier("ready").wait(WORKERS + 1, timeout_s=120)  # all of them watch

written = []
for n in range(CHANGES):
    key, value = ("colour", "blue") if n == CHANGES - 1 else (f"limit {n % 3}", n)
    written.append((key, value, configuration.put(key, value)))
    if n == CHANGES // 2:
        os.kill(island.status().leader_pid, signal.SIGKILL)
        print("the leader is dead")
configuration.put("stop", True)

for config, seen in ray.get(workers):
    print("saw", len(seen), "changes, in order:", seen == written, "colour:", config["colour"])
island.shutdown()
