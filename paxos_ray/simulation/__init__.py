"""Many Legislators in virtual time, a seeded network and adversary, checkers of what must hold.

What runs, here or on Ray, can be recorded, and the records replayed.
"""

from paxos_ray.simulation.recording import Recorder, Recording
from paxos_ray.simulation.records import (
    Damaged,
    NotARecord,
    OtherVersion,
    RecordError,
    RecordExists,
    RecordFile,
    Torn,
    Unrecordable,
)
from paxos_ray.simulation.replay import Difference, Replayed, records, replay
from paxos_ray.simulation.schedule import Summary, record_schedule, run_schedule
from paxos_ray.simulation.shrink import PATIENCE, Shrunk, shrink
from paxos_ray.simulation.swarm import Tally, run_schedules

__all__ = [
    "PATIENCE",
    "Damaged",
    "Difference",
    "NotARecord",
    "OtherVersion",
    "RecordError",
    "RecordExists",
    "RecordFile",
    "Recorder",
    "Recording",
    "Replayed",
    "Shrunk",
    "Summary",
    "Tally",
    "Torn",
    "Unrecordable",
    "record_schedule",
    "records",
    "replay",
    "run_schedule",
    "run_schedules",
    "shrink",
]
