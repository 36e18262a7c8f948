"""The kinds of objects that come with the package."""

from __future__ import annotations

from collections.abc import Callable

from paxos_ray.machines.barrier import Barrier
from paxos_ray.machines.counter import Counter
from paxos_ray.machines.election import Election
from paxos_ray.machines.lock import Lock
from paxos_ray.machines.machine import Machine
from paxos_ray.machines.map import Map
from paxos_ray.machines.queue import Queue
from paxos_ray.machines.semaphore import Semaphore
from paxos_ray.machines.sequence import Sequence
from paxos_ray.machines.standard import Standard

STANDARD: tuple[type[Standard], ...] = (Barrier, Election, Lock, Map, Queue, Semaphore, Sequence)
"""Those whose methods are told by tables, see `Standard`."""

KINDS: dict[str, Callable[[], Machine]] = {
    "counter": Counter,
    **{machine.kind: machine for machine in STANDARD},
}
"""All kinds, by name."""
