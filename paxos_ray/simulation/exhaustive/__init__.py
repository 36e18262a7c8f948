"""Bounded exhaustive search: every order of what may happen to a small island, each state once."""

from paxos_ray.simulation.exhaustive.crew import CrewError
from paxos_ray.simulation.exhaustive.search import Exploration, Finding, explore
from paxos_ray.simulation.exhaustive.state import Bounds

__all__ = ["Bounds", "CrewError", "Exploration", "Finding", "explore"]
