"""What a mutant is: a bug to plant in the protocol, who should find it, and how it is looked for.

A mutant is made from a function that plants it and whose docstring says in one sentence what is
wrong. It must be one rule of the protocol that is missing or misread, as small as it can be.
"""

from __future__ import annotations

import resource
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from paxos_ray.simulation.customer_schedule import CustomerSchedule
from paxos_ray.simulation.island import Settings
from paxos_ray.simulation.plan import draw
from paxos_ray.simulation.schedule import Schedule

Plant = Callable[[pytest.MonkeyPatch], None]
Run = Callable[..., str | None]

IN_CORE = "AssertionError in the core or the simulation"
INVALID = "InvalidGovernment in the core or the simulation"
VALUE_ERROR = "ValueError in the core or the simulation"
PROGRESS = "progress after healing"
ATTACHED = "registers follow the log"
UNAPPLIED = "nothing unapplied is let go"
FORK = (
    "committed is recorded by a majority",
    "one entry per promise",
    "one log",
    "same ballot, same register",
    "no acknowledged entry is lost",
    IN_CORE,
)
"""A fork shows in more than one way, and which comes first depends on the seed."""

SECONDS = 30
BYTES = 4_000_000_000


class Endless(BaseException):
    """A schedule that does not end: no `Exception`, or the schedule would take it for its own."""


@dataclass(frozen=True)
class Mutant:
    """What to plant; `checkers` may catch it, any other that does has found something else.

    `run` is given a seed and the fields of the plan that are to be other than the seed's own; it
    returns the name of the checker that caught something. `witness` is the scenario that tells
    another story when this is planted: of what random schedules find too rarely, or not at all.
    """

    plant: Plant
    checkers: tuple[str, ...]
    run: Run
    witness: str | None = None
    plan: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of the function that plants it."""
        return self.plant.__name__

    @property
    def what(self) -> str:
        """What is wrong, in a sentence."""
        return " ".join((self.plant.__doc__ or "").split())

    def caught(self, seed: int) -> str | None:
        """Run one schedule, planted or not; the name of the checker that caught something."""
        with bounded():
            return self.run(seed, **self.plan)


def schedule(seed: int, **plan: Any) -> str | None:
    """The schedule of that seed, its plan and settings changed where that is asked for."""
    drawn = draw(seed)
    limits = {name: plan.pop(name) for name in Settings.__slots__ if name in plan}
    settings = replace(drawn.settings, **limits)
    return Schedule(seed, plan=replace(drawn, settings=settings, **plan)).run().failure


def customers(seed: int) -> str | None:
    """The schedule of that seed, with clients that keep sessions."""
    return CustomerSchedule(seed).run().failure


def mutant(
    *checkers: str,
    run: Run = schedule,
    witness: str | None = None,
    **plan: Any,
) -> Callable[[Plant], Mutant]:
    """Make a `Mutant` of the function that plants it."""
    return lambda plant: Mutant(plant, checkers, run, witness, plan)


@contextmanager
def bounded() -> Iterator[None]:
    """Raise `Endless` after `SECONDS` of this process's own work, and give no more than `BYTES` of
    memory: what is planted may loop for ever, or feed itself."""

    def give_up(*_: object) -> None:
        raise Endless(f"no end after {SECONDS} s of work")

    before = resource.getrlimit(resource.RLIMIT_DATA)
    least = min(limit for limit in (BYTES, *before) if limit != resource.RLIM_INFINITY)
    resource.setrlimit(resource.RLIMIT_DATA, (least, before[1]))
    handler = signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)  # not by the clock: the machine may be busy
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, handler)
        resource.setrlimit(resource.RLIMIT_DATA, before)
