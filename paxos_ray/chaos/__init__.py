"""Breaking a running island on purpose, and judging what its clients were told meanwhile.

`Chaos(island, Plan(…), says).run()` does it; `paxos-ray chaos` is the command.
"""

from paxos_ray.chaos.driver import Driver, Program
from paxos_ray.chaos.errors import DriverFailed, FaultRefused
from paxos_ray.chaos.pages import page
from paxos_ray.chaos.pauses import Event, Pauses
from paxos_ray.chaos.run import Chaos, Findings, Plan
from paxos_ray.chaos.scene import kill
from paxos_ray.chaos.schedule import KINDS, rounds
from paxos_ray.chaos.verdict import Check

__all__ = [
    "KINDS",
    "Chaos",
    "Check",
    "Driver",
    "DriverFailed",
    "Event",
    "FaultRefused",
    "Findings",
    "Pauses",
    "Plan",
    "Program",
    "kill",
    "page",
    "rounds",
]
