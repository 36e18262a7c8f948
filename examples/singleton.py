"""A service that runs once: several stand by, an election says who serves, the next takes over.

    python examples/singleton.py

Who was elected may be deposed and not know it yet: a term below the highest seen is refused.
"""

import os
import signal

import ray

import paxos_ray


class Deposed(Exception):
    """Somebody else has been elected."""


@paxos_ray.replicated
class Ledger:
    """What is to be written by one at a time."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, str]] = []

    def write(self, term: int, who: str) -> int:
        """Write a line; how many there are."""
        if self.lines and term < self.lines[-1][0]:
            raise Deposed(f"of term {term}: {self.lines[-1][0]} has written")
        self.lines.append((term, who))
        paxos_ray.context().publish((term, who))
        return len(self.lines)

    @paxos_ray.query
    def read(self) -> list[tuple[int, str]]:
        """All lines."""
        return self.lines


@ray.remote(num_cpus=0)
class Clerk:
    """One of those who stand by."""

    def serve(self, name: str, island: paxos_ray.Island) -> None:
        """Wait to be elected, then write, until killed."""
        ledger = island.get("ledger")
        with island.election("clerk").leading([name, os.getpid()]) as term:
            while True:
                ledger.write.remote(term, name).result(timeout_s=120)


ray.init(include_dashboard=False)
island = paxos_ray.launch("office", citizens=3, session_ms=8_000, progress=False)
ledger = island.deploy("ledger", Ledger)
lines, leaders = ledger.watch(timeout_s=120), island.election("clerk").observe(timeout_s=120)
clerks = [Clerk.remote() for _ in range(3)]
for n, clerk in enumerate(clerks):
    clerk.serve.remote(f"clerk {n}", island)

terms = []
for victims in ("clerk", "clerk and leader", None):
    term, (name, pid) = next(leader for leader in leaders if leader is not None)
    terms.append(term)
    for _ in range(10):  # lines of this term
        next(line for line in lines if line.event == (term, name))
    if victims is not None:
        print(f"term {term}: {name} writes, and is killed ({victims})")
        os.kill(pid, signal.SIGKILL)
        if "leader" in victims:
            os.kill(island.status().leader_pid, signal.SIGKILL)

print(f"term {term}: {name} writes; terms rise:", terms == sorted(set(terms)))
try:
    ledger.write(terms[0], "the first one, late")
except Deposed as error:
    print("refused:", error)
print("one writer a term:", len(set(ledger.read())) == len(terms))
island.shutdown()
