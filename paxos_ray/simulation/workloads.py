"""The schedule of a seed, with the workload that the seed picks: plain entries, or customers; or
with one that is asked for, as are the customers of standard objects."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from random import Random

from paxos_ray.simulation.customer_schedule import CustomerSchedule
from paxos_ray.simulation.island import Island, Make
from paxos_ray.simulation.object_schedule import ObjectSchedule
from paxos_ray.simulation.plan import Plan
from paxos_ray.simulation.recording import Recording
from paxos_ray.simulation.schedule import Schedule, Summary

CUSTOMERS = 0.2
"""How many of all seeds have customers, whose calls are checked as a history, too."""


class Workload(StrEnum):
    """What the clients of a schedule do. All else is the seed's, whatever they do."""

    SEED = "seed"  # one of the next two, as the seed picks
    ENTRIES = "entries"  # write entries that mean nothing
    CUSTOMERS = "customers"  # use counters, in sessions
    OBJECTS = "objects"  # use locks, queues, maps and the like, in sessions


_SCHEDULES = {
    Workload.ENTRIES: Schedule,
    Workload.CUSTOMERS: CustomerSchedule,
    Workload.OBJECTS: ObjectSchedule,
}


def schedule_of(
    seed: int,
    make: Make | None = None,
    note: Callable[[str], None] | None = None,
    plan: Plan | None = None,
    kind: type[Island] = Island,
    workload: Workload = Workload.SEED,
) -> Schedule:
    """The schedule of that seed, to be run; the other arguments are those of `Schedule`."""
    if workload is Workload.SEED:
        customers = Random(f"workload of {seed}").random() < CUSTOMERS
        workload = Workload.CUSTOMERS if customers else Workload.ENTRIES
    return _SCHEDULES[workload](seed, make, note, plan, kind)


def run_schedule(
    seed: int,
    make: Make | None = None,
    note: Callable[[str], None] | None = None,
    workload: Workload = Workload.SEED,
) -> Summary:
    """Run the schedule of that seed: with other Legislators than the core's, or telling of each
    event, if asked to."""
    return schedule_of(seed, make, note, workload=workload).run()


def record_schedule(
    seed: int,
    directory: Path,
    workload: Workload = Workload.SEED,
    note: Callable[[str], None] | None = None,
) -> Summary:
    """Run it likewise, while each citizen records into a file of its own, in a directory below
    this one that is called by the seed. Raises `RecordExists`, `OSError`: a disk that is full is
    no failure of the schedule."""
    with Recording(directory / str(seed)) as recording:
        summary = run_schedule(seed, recording, note, workload)
        if recording.failed is not None:
            raise recording.failed
    return summary
