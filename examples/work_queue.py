"""A queue feeds Ray tasks: each item is done once, though a worker and the leader are killed.

    python examples/work_queue.py

What a dead worker had taken comes back to the queue when its session ends, and is taken again: so
an item may be begun twice. Its result is written once, before it is acknowledged.
"""

import os
import signal

import ray

import paxos_ray

ITEMS, WORKERS, UNLUCKY = 40, 3, 13


@ray.remote(num_cpus=0)
def work(jobs: paxos_ray.Queue, done: paxos_ray.Map) -> None:
    """Take items until there is a None. Ray starts it anew if its process dies."""
    while True:
        with jobs.taking(timeout_s=120) as job:  # acknowledged at the end of it
            if job.value is None:
                return
            if job.value == UNLUCKY and job.attempts == 1:
                os.kill(os.getpid(), signal.SIGKILL)  # in the midst of it
            done.put_if_absent(str(job.value), [job.value**2, job.attempts])


def main() -> None:
    """Put, kill, and look at what was done."""
    ray.init(include_dashboard=False)
    # A dead client is given up after 15 s; by default it is a minute.
    island = paxos_ray.launch("works", citizens=3, session_ms=15_000, progress=False)
    jobs, done = island.queue("jobs"), island.map("done")
    workers = [work.remote(jobs, done) for _ in range(WORKERS)]
    for number in range(ITEMS):
        jobs.put(number, timeout_s=120)
        if number == ITEMS // 2:
            os.kill(island.status().leader_pid, signal.SIGKILL)  # the leader
    jobs.join(timeout_s=120)  # nothing is left, nor taken and not acknowledged

    for _ in range(WORKERS):
        jobs.put(None)
    ray.get(workers)
    results = {int(key): value for key, value, _ in done.range(limit=2 * ITEMS)[0]}
    print("done:", len(results), "right:", all(results[n][0] == n**2 for n in range(ITEMS)))
    print("begun again:", [n for n in sorted(results) if results[n][1] > 1])
    island.shutdown()


if __name__ == "__main__":
    main()
