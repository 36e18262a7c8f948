"""Many Legislators in virtual time, a seeded network and adversary, checkers of what must hold."""

from paxos_ray.simulation.schedule import Summary, run_schedule
from paxos_ray.simulation.shrink import PATIENCE, Shrunk, shrink
from paxos_ray.simulation.swarm import Tally, run_schedules

__all__ = ["PATIENCE", "Shrunk", "Summary", "Tally", "run_schedule", "run_schedules", "shrink"]
