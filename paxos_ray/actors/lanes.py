"""The reads that a client asks of the citizens, as they wait and as they are asked."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

from paxos_ray.actors.errors import InvalidArgument
from paxos_ray.actors.neighbours import Neighbour
from paxos_ray.actors.response import Response
from paxos_ray.actors.session import BATCH
from paxos_ray.machines import ERROR, Operation, Reply, UnknownObject

Consistency = Literal["linearizable", "session", "eventual"]
"""What a read reflects: see `handles.Query`."""


def check_consistency(consistency: object) -> Consistency:
    """Raises `InvalidArgument`."""
    for known in get_args(Consistency):
        if consistency == known:
            return known  # type: ignore[no-any-return]
    raise InvalidArgument(
        f"consistency is 'linearizable', 'session' or 'eventual', not {consistency!r}"
    )


@dataclass(slots=True, eq=False)
class Read:
    """One read; `answered` by whoever was first."""

    query: Operation
    response: Response[Any]
    answered: bool = False


@dataclass(slots=True, eq=False)
class Batch:
    """Reads that are asked together. `tried` are the citizens that did not help."""

    reads: list[Read]
    tried: list[str] = field(default_factory=list)
    rounds: int = 0  # how often everybody was tried
    began: float = 0.0
    not_before: float = 0.0


@dataclass(slots=True, eq=False)
class Lane:
    """The reads of one consistency. `idle`: a read that comes now may find somebody free.

    `pace` is how many are asked together: what a citizen had no time for is better asked of others.
    """

    name: str
    waiting: deque[Read] = field(default_factory=deque)
    again: deque[Batch] = field(default_factory=deque)
    idle: bool = True
    pace: int = BATCH


class Call(NamedTuple):
    """A batch that a citizen has been asked, and by when (monotonic time, s) it should answer."""

    number: int
    neighbour: Neighbour
    lane: Lane
    batch: Batch
    reads: list[Read]  # the batch's, as they were sent
    deadline: float


def tell(heard: Iterable[tuple[Read, Reply]]) -> list[tuple[Read, Reply]]:
    """Those of the reads with their replies that have not been answered before."""
    told = []
    for read, reply in heard:
        if not read.answered:
            read.answered = True
            told.append((read, reply))
    return told


def is_unknown(reply: Reply) -> bool:
    """Whether it says that there is no object of that name."""
    return reply.status == ERROR and reply.value[0] == UnknownObject.__name__
