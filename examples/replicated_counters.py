"""A counter that survives: three citizens keep it, and one of them is killed."""

import os
import signal

import ray

import paxos_ray

ray.init(include_dashboard=False)
island = paxos_ray.launch("harbour", citizens=3)
ships = island.counter("ships")

print("one ship:", ships.increment.remote(1).result(timeout_s=10))

responses = [ships.increment.remote(1) for _ in range(1_000)]  # none of them is waited for yet
print("a thousand more:", responses[-1].result(timeout_s=10))

leader = island.status().citizens[0]
os.kill(leader.pid, signal.SIGKILL)
print(
    f"{leader.id} led and is dead; one ship more:", ships.increment.remote(1).result(timeout_s=30)
)
print("now", island.government().leader, "leads, and reads", ships.value())

island.shutdown()
