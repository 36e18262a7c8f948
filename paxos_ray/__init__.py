"""Multi-Paxos for Ray: replicated state that survives whatever actor, process or node is killed.

import ray
from paxos_ray import launch

ray.init()
island = launch("shop", citizens=3)
visits = island.counter("visits")
visits.increment.remote(1).result()
visits.value()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paxos_ray.actors.audit import Divergence
    from paxos_ray.actors.autoscale import Autoscale
    from paxos_ray.actors.cluster import (
        Cluster,
        NoCluster,
        Task,
        TaskFailed,
        connected,
        embedded,
        start,
    )
    from paxos_ray.actors.errors import (
        CannotRecord,
        ClusterTooSmall,
        EntryGone,
        EventsGone,
        FewCitizens,
        InvalidArgument,
        IslandError,
        IslandShutDown,
        NameTaken,
        NoQuorum,
        NotAdmitted,
        NotEnoughCitizens,
        OutcomeUnknown,
        Overloaded,
        PaxosError,
        RayNotInitialised,
        RecoveryRefused,
        SecretNeeded,
        SharedNodes,
        Superseded,
        TimedOut,
        UnknownIsland,
        WrongSecret,
        WrongVersion,
    )
    from paxos_ray.actors.gate import Backlog
    from paxos_ray.actors.handles import Counter
    from paxos_ray.actors.island import Island, attach, islands, launch
    from paxos_ray.actors.lanes import Consistency
    from paxos_ray.actors.objects import Handle
    from paxos_ray.actors.post import Change
    from paxos_ray.actors.prospect import Missing, Prospect, Survivor
    from paxos_ray.actors.recovery import prospect, recover
    from paxos_ray.actors.response import Response
    from paxos_ray.actors.settings import Limits
    from paxos_ray.actors.standard import (
        Barrier,
        Election,
        Holding,
        Inside,
        Leader,
        Lock,
        Map,
        Observation,
        Queue,
        Semaphore,
        Sequence,
        Taken,
    )
    from paxos_ray.actors.status import CitizenStatus, IslandStatus, NodeStatus
    from paxos_ray.actors.stream import Stream
    from paxos_ray.actors.watch import Watch
    from paxos_ray.core.government import Citizen, Government
    from paxos_ray.core.promise import Promise
    from paxos_ray.machines.context import Context, context
    from paxos_ray.machines.errors import (
        AlreadyDeployed,
        CannotSnapshot,
        ConfiguredOtherwise,
        InvalidArguments,
        InvalidClass,
        MachineError,
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
    )
    from paxos_ray.machines.journal import LogEntry, LogOperation
    from paxos_ray.machines.replicated import query, replicated

_WHERE = {
    "actors.audit": "Divergence",
    "actors.autoscale": "Autoscale",
    "actors.cluster": "Cluster NoCluster Task TaskFailed connected embedded start",
    "actors.errors": (
        "CannotRecord ClusterTooSmall EntryGone EventsGone FewCitizens InvalidArgument IslandError "
        "IslandShutDown NameTaken NoQuorum NotAdmitted NotEnoughCitizens OutcomeUnknown Overloaded "
        "PaxosError RayNotInitialised RecoveryRefused SecretNeeded SharedNodes Superseded TimedOut "
        "UnknownIsland WrongSecret WrongVersion"
    ),
    "actors.gate": "Backlog",
    "actors.handles": "Counter",
    "actors.island": "Island attach islands launch",
    "actors.lanes": "Consistency",
    "actors.objects": "Handle",
    "actors.post": "Change",
    "actors.prospect": "Missing Prospect Survivor",
    "actors.recovery": "prospect recover",
    "actors.response": "Response",
    "actors.settings": "Limits",
    "actors.standard": (
        "Barrier Election Holding Inside Leader Lock Map Observation Queue Semaphore Sequence Taken"
    ),
    "actors.stream": "Stream",
    "actors.watch": "Watch",
    "actors.status": "CitizenStatus IslandStatus NodeStatus",
    "core.government": "Citizen Government",
    "core.promise": "Promise",
    "machines.context": "Context context",
    "machines.errors": (
        "AlreadyDeployed CannotSnapshot ConfiguredOtherwise InvalidArguments InvalidClass "
        "MachineError NoContext NotHeld OperationFailed QueryWrites QueueFull RemoteTraceback "
        "TooLarge UnknownMethod UnknownObject WrongKind WrongValue"
    ),
    "machines.journal": "LogEntry LogOperation",
    "machines.replicated": "query replicated",
}
_MODULES = {name: module for module, names in _WHERE.items() for name in names.split()}

__all__ = [
    "AlreadyDeployed",
    "Autoscale",
    "Backlog",
    "Barrier",
    "CannotRecord",
    "CannotSnapshot",
    "Change",
    "Citizen",
    "CitizenStatus",
    "Cluster",
    "ClusterTooSmall",
    "ConfiguredOtherwise",
    "Consistency",
    "Context",
    "Counter",
    "Divergence",
    "Election",
    "EntryGone",
    "EventsGone",
    "FewCitizens",
    "Government",
    "Handle",
    "Holding",
    "Inside",
    "InvalidArgument",
    "InvalidArguments",
    "InvalidClass",
    "Island",
    "IslandError",
    "IslandShutDown",
    "IslandStatus",
    "Leader",
    "Limits",
    "Lock",
    "LogEntry",
    "LogOperation",
    "MachineError",
    "Map",
    "Missing",
    "NameTaken",
    "NoCluster",
    "NoContext",
    "NoQuorum",
    "NodeStatus",
    "NotAdmitted",
    "NotEnoughCitizens",
    "NotHeld",
    "Observation",
    "OperationFailed",
    "OutcomeUnknown",
    "Overloaded",
    "PaxosError",
    "Promise",
    "Prospect",
    "QueryWrites",
    "Queue",
    "QueueFull",
    "RayNotInitialised",
    "RecoveryRefused",
    "RemoteTraceback",
    "Response",
    "SecretNeeded",
    "Semaphore",
    "Sequence",
    "SharedNodes",
    "Stream",
    "Superseded",
    "Survivor",
    "Taken",
    "Task",
    "TaskFailed",
    "TimedOut",
    "TooLarge",
    "UnknownIsland",
    "UnknownMethod",
    "UnknownObject",
    "Watch",
    "WrongKind",
    "WrongSecret",
    "WrongValue",
    "WrongVersion",
    "attach",
    "connected",
    "context",
    "embedded",
    "islands",
    "launch",
    "prospect",
    "query",
    "recover",
    "replicated",
    "start",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: who only uses the core does not import Ray."""
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value
