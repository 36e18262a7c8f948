"""A queue under the log: numbered nodes, tracked consumers, untracked iterators, listeners.

It knows nothing of the rest of this package and is usable without it. See docs/procession.md.
"""

from paxos_ray.procession.errors import (
    Destroyed,
    Ended,
    Full,
    InvalidSetting,
    ProcessionError,
    Shifted,
    TimedOut,
)
from paxos_ray.procession.heft import Heft
from paxos_ray.procession.listener import Listener, Metrics
from paxos_ray.procession.node import EMPTY, END, Absent, Node
from paxos_ray.procession.queue import Procession
from paxos_ray.procession.search import Search
from paxos_ray.procession.shifter import Shifter
from paxos_ray.procession.throttle import Outlet, Throttle
from paxos_ray.procession.walk import Walk

__all__ = [
    "EMPTY",
    "END",
    "Absent",
    "Destroyed",
    "Ended",
    "Full",
    "Heft",
    "InvalidSetting",
    "Listener",
    "Metrics",
    "Node",
    "Outlet",
    "Procession",
    "ProcessionError",
    "Search",
    "Shifted",
    "Shifter",
    "Throttle",
    "TimedOut",
    "Walk",
]
