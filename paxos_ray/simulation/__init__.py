"""Many Legislators in virtual time, a seeded network and adversary, checkers of what must hold.

What runs, here or on Ray, can be recorded, and the records replayed.
"""

from paxos_ray.simulation.customer_schedule import run_customers
from paxos_ray.simulation.exhaustive import Bounds, CrewError, Exploration, Finding, explore
from paxos_ray.simulation.guarantees import Broken, check_sessions
from paxos_ray.simulation.histories import HistoryRecorder, InvalidHistory, Operation
from paxos_ray.simulation.linearizability import TooManyOrders, check
from paxos_ray.simulation.object_schedule import run_objects
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
from paxos_ray.simulation.schedule import Summary
from paxos_ray.simulation.shrink import PATIENCE, NotFailing, Shrunk, shrink
from paxos_ray.simulation.swarm import Tally, WorkerDied, run_schedules
from paxos_ray.simulation.windows import Window
from paxos_ray.simulation.workloads import Workload, record_schedule, run_schedule

__all__ = [
    "PATIENCE",
    "Bounds",
    "Broken",
    "CrewError",
    "Damaged",
    "Difference",
    "Exploration",
    "Finding",
    "HistoryRecorder",
    "InvalidHistory",
    "NotARecord",
    "NotFailing",
    "Operation",
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
    "TooManyOrders",
    "Torn",
    "Unrecordable",
    "Window",
    "WorkerDied",
    "Workload",
    "check",
    "check_sessions",
    "explore",
    "record_schedule",
    "records",
    "replay",
    "run_customers",
    "run_objects",
    "run_schedule",
    "run_schedules",
    "shrink",
]
