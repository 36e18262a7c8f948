"""What is replicated: state machines, sessions that make retries safe, the bodies of entries.

Pure and deterministic, like the core: the same entries give the same state in any process.
"""

from paxos_ray.machines.barrier import Barrier
from paxos_ray.machines.context import Context, Event, Reading, context
from paxos_ray.machines.counter import Counter
from paxos_ray.machines.election import Election
from paxos_ray.machines.errors import (
    AlreadyDeployed,
    CannotSnapshot,
    ConfiguredOtherwise,
    InvalidArguments,
    InvalidClass,
    InvalidSnapshot,
    MachineError,
    Malformed,
    NoContext,
    NotHeld,
    OperationFailed,
    QueryWrites,
    QueueFull,
    RemoteTraceback,
    TooLarge,
    UnknownMethod,
    UnknownObject,
    WrongKind,
    WrongValue,
    from_reply,
)
from paxos_ray.machines.journal import LogEntry, LogOperation, read_entry
from paxos_ray.machines.kinds import KINDS, STANDARD
from paxos_ray.machines.lock import Lock
from paxos_ray.machines.machine import Alarmed, Change, Listener, Machine
from paxos_ray.machines.map import Map
from paxos_ray.machines.operations import (
    Batch,
    Open,
    Operation,
    Pass,
    decode,
    encode_batch,
    encode_open,
    encode_pass,
)
from paxos_ray.machines.outcomes import value_of
from paxos_ray.machines.queue import Queue
from paxos_ray.machines.replica import Applied, Replica
from paxos_ray.machines.replicated import query, replicated
from paxos_ray.machines.replies import (
    ACKNOWLEDGED,
    ERROR,
    EXPIRED,
    GAP,
    OK,
    RAISED,
    RESULT,
    Reply,
    Status,
    decode_replies,
    encode_replies,
)
from paxos_ray.machines.semaphore import Semaphore
from paxos_ray.machines.sequence import Sequence
from paxos_ray.machines.standard import Standard

__all__ = [
    "ACKNOWLEDGED",
    "ERROR",
    "EXPIRED",
    "GAP",
    "KINDS",
    "OK",
    "RAISED",
    "RESULT",
    "STANDARD",
    "Alarmed",
    "AlreadyDeployed",
    "Applied",
    "Barrier",
    "Batch",
    "CannotSnapshot",
    "Change",
    "ConfiguredOtherwise",
    "Context",
    "Counter",
    "Election",
    "Event",
    "InvalidArguments",
    "InvalidClass",
    "InvalidSnapshot",
    "Listener",
    "Lock",
    "LogEntry",
    "LogOperation",
    "Machine",
    "MachineError",
    "Malformed",
    "Map",
    "NoContext",
    "NotHeld",
    "Open",
    "Operation",
    "OperationFailed",
    "Pass",
    "QueryWrites",
    "Queue",
    "QueueFull",
    "Reading",
    "RemoteTraceback",
    "Replica",
    "Reply",
    "Semaphore",
    "Sequence",
    "Standard",
    "Status",
    "TooLarge",
    "UnknownMethod",
    "UnknownObject",
    "WrongKind",
    "WrongValue",
    "context",
    "decode",
    "decode_replies",
    "encode_batch",
    "encode_open",
    "encode_pass",
    "encode_replies",
    "from_reply",
    "query",
    "read_entry",
    "replicated",
    "value_of",
]
