"""Models of the standard objects, and of one of a user's class: they check histories and logs."""

from paxos_ray.simulation.models.bank import NAME as BANK
from paxos_ray.simulation.models.bank import BankModel
from paxos_ray.simulation.models.barrier import BarrierModel
from paxos_ray.simulation.models.grants import ElectionModel, LockModel, SemaphoreModel
from paxos_ray.simulation.models.map import MapModel
from paxos_ray.simulation.models.model import READS, ObjectModel, Refused, Where, passed
from paxos_ray.simulation.models.queue import QueueModel
from paxos_ray.simulation.models.sequence import SequenceModel

STANDARD: dict[str, ObjectModel] = {
    "barrier": BarrierModel(),
    "election": ElectionModel(),
    "lock": LockModel(),
    "map": MapModel(),
    "queue": QueueModel(),
    "semaphore": SemaphoreModel(),
    "sequence": SequenceModel(),
}
"""The model of each kind of standard object."""

MODELS = {**STANDARD, BANK: BankModel()}
"""The same, and that of the object of a user's class."""

__all__ = ["BANK", "MODELS", "READS", "STANDARD", "ObjectModel", "Refused", "Where", "passed"]
