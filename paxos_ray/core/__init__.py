"""The Legislator: a pure, deterministic, replayable participant of Multi-Paxos."""

from paxos_ray.core.government import Citizen, Government
from paxos_ray.core.legislator import Legislator
from paxos_ray.core.log import Entry
from paxos_ray.core.messages import Envelope, Outcome, Pulse, Receipt, Reply, Request
from paxos_ray.core.promise import Ballot, Promise

__all__ = [
    "Ballot",
    "Citizen",
    "Entry",
    "Envelope",
    "Government",
    "Legislator",
    "Outcome",
    "Promise",
    "Pulse",
    "Receipt",
    "Reply",
    "Request",
]
