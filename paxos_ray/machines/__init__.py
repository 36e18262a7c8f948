"""What is replicated: state machines, sessions that make retries safe, the bodies of entries.

Pure and deterministic, like the core: the same entries give the same state in any process.
"""

from paxos_ray.machines.context import Context, Event, Reading, context
from paxos_ray.machines.counter import Counter
from paxos_ray.machines.errors import (
    AlreadyDeployed,
    CannotSnapshot,
    InvalidArguments,
    InvalidClass,
    InvalidSnapshot,
    MachineError,
    Malformed,
    NoContext,
    OperationFailed,
    QueryWrites,
    RemoteTraceback,
    TooLarge,
    UnknownMethod,
    UnknownObject,
    WrongKind,
    from_reply,
)
from paxos_ray.machines.machine import Alarmed, Change, Listener, Machine
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

__all__ = [
    "ACKNOWLEDGED",
    "ERROR",
    "EXPIRED",
    "GAP",
    "OK",
    "RAISED",
    "RESULT",
    "Alarmed",
    "AlreadyDeployed",
    "Applied",
    "Batch",
    "CannotSnapshot",
    "Change",
    "Context",
    "Counter",
    "Event",
    "InvalidArguments",
    "InvalidClass",
    "InvalidSnapshot",
    "Listener",
    "Machine",
    "MachineError",
    "Malformed",
    "NoContext",
    "Open",
    "Operation",
    "OperationFailed",
    "Pass",
    "QueryWrites",
    "Reading",
    "RemoteTraceback",
    "Replica",
    "Reply",
    "Status",
    "TooLarge",
    "UnknownMethod",
    "UnknownObject",
    "WrongKind",
    "context",
    "decode",
    "decode_replies",
    "encode_batch",
    "encode_open",
    "encode_pass",
    "encode_replies",
    "from_reply",
    "query",
    "replicated",
    "value_of",
]
