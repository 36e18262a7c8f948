"""The schedule of a seed, with the workload that the seed picks: plain entries, or customers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

from paxos_ray.simulation.customer_schedule import CustomerSchedule
from paxos_ray.simulation.island import Island, Make
from paxos_ray.simulation.plan import Plan
from paxos_ray.simulation.recording import Recording
from paxos_ray.simulation.schedule import Schedule, Summary

CUSTOMERS = 0.2
"""How many of all seeds have customers, whose calls are checked as a history, too."""


def schedule_of(
    seed: int,
    make: Make | None = None,
    note: Callable[[str], None] | None = None,
    plan: Plan | None = None,
    kind: type[Island] = Island,
) -> Schedule:
    """The schedule of that seed, to be run; the arguments are those of `Schedule`."""
    customers = Random(f"workload of {seed}").random() < CUSTOMERS
    chosen = CustomerSchedule if customers else Schedule
    return chosen(seed, make, note, plan, kind)


def run_schedule(
    seed: int, make: Make | None = None, note: Callable[[str], None] | None = None
) -> Summary:
    """Run the schedule of that seed: with other Legislators than the core's, or telling of each
    event, if asked to."""
    return schedule_of(seed, make, note).run()


def record_schedule(seed: int, directory: Path) -> Summary:
    """Run it likewise, while each citizen records into a file of its own, in a directory below
    this one that is called by the seed. Raises `RecordExists`, `OSError`."""
    with Recording(directory / str(seed)) as recording:
        return run_schedule(seed, recording)
