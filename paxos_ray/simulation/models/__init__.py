"""Models of the standard objects, for the checkers of histories and logs."""

from paxos_ray.simulation.models.barrier import BarrierModel
from paxos_ray.simulation.models.grants import ElectionModel, LockModel, SemaphoreModel
from paxos_ray.simulation.models.map import MapModel
from paxos_ray.simulation.models.model import READS, ObjectModel, Refused, Where, passed
from paxos_ray.simulation.models.queue import QueueModel
from paxos_ray.simulation.models.sequence import SequenceModel

MODELS: dict[str, ObjectModel] = {
    "barrier": BarrierModel(),
    "election": ElectionModel(),
    "lock": LockModel(),
    "map": MapModel(),
    "queue": QueueModel(),
    "semaphore": SemaphoreModel(),
    "sequence": SequenceModel(),
}
"""The model of each kind of standard object."""

__all__ = ["MODELS", "READS", "ObjectModel", "Refused", "Where", "passed"]
