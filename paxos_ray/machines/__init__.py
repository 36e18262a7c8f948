"""What is replicated: state machines, sessions that make retries safe, the bodies of entries.

Pure and deterministic, like the core: the same entries give the same state in any process.
"""

from paxos_ray.machines.counter import Counter
from paxos_ray.machines.errors import (
    InvalidArguments,
    InvalidSnapshot,
    MachineError,
    Malformed,
    OperationFailed,
    UnknownMethod,
    UnknownObject,
    from_reply,
)
from paxos_ray.machines.journal import LogEntry, LogOperation, read_entry
from paxos_ray.machines.machine import Context, Machine
from paxos_ray.machines.operations import Batch, Open, Operation, decode, encode_batch, encode_open
from paxos_ray.machines.replica import Applied, Replica
from paxos_ray.machines.replies import (
    ACKNOWLEDGED,
    ERROR,
    EXPIRED,
    GAP,
    OK,
    Reply,
    Status,
    decode_replies,
    encode_replies,
)

__all__ = [
    "ACKNOWLEDGED",
    "ERROR",
    "EXPIRED",
    "GAP",
    "OK",
    "Applied",
    "Batch",
    "Context",
    "Counter",
    "InvalidArguments",
    "InvalidSnapshot",
    "LogEntry",
    "LogOperation",
    "Machine",
    "MachineError",
    "Malformed",
    "Open",
    "Operation",
    "OperationFailed",
    "Replica",
    "Reply",
    "Status",
    "UnknownMethod",
    "UnknownObject",
    "decode",
    "decode_replies",
    "encode_batch",
    "encode_open",
    "encode_replies",
    "from_reply",
    "read_entry",
]
