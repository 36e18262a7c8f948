"""What `Island.status` says."""

from __future__ import annotations

from dataclasses import dataclass

from paxos_ray.actors.audit import Divergence
from paxos_ray.actors.citizen import Portrait
from paxos_ray.actors.coordinator import Survey
from paxos_ray.core.government import Government
from paxos_ray.core.promise import Promise


@dataclass(frozen=True, slots=True)
class CitizenStatus:
    """One citizen. `seat` is leader, majority, minority or constituent by the government.

    `role` is what it does at the moment: writer, recorder, proposer or exiled. `applied` is the
    promise that its state reflects, and `digest` that state's sha256. Its log holds `log_entries`,
    which weigh `log_heft` bytes. All of these are None for who did not answer.
    """

    id: str
    seat: str
    acclimated: bool
    alive: bool
    node_id: str | None = None
    address: str | None = None
    pid: int | None = None
    role: str | None = None
    top: Promise | None = None
    minimum: Promise | None = None
    applied: Promise | None = None
    digest: str | None = None
    log_entries: int | None = None
    log_heft: int | None = None


@dataclass(frozen=True, slots=True)
class CoordinatorStatus:
    """The coordinator's process."""

    pid: int
    node_id: str


@dataclass(frozen=True, slots=True)
class IslandStatus:
    """An island at a glance; the citizens in the order of their seats, the leader first.

    `population` is how many citizens were asked for, `shaped` whether it has come to that.
    `governments` are those that the present coordinator has seen, number and leader, the oldest
    first. `underway` says who is coming and going, and what that waits for. `divergences` are what
    audits have found of late, the oldest first: citizens whose state was not that of the others.
    """

    name: str
    republic: str
    population: int
    shaped: bool
    government: Government | None
    governments: tuple[tuple[int, str], ...]
    coordinator: CoordinatorStatus
    citizens: tuple[CitizenStatus, ...]
    underway: tuple[str, ...]
    divergences: tuple[Divergence, ...] = ()

    @property
    def leader(self) -> CitizenStatus | None:
        """The citizen that leads, None before there is one."""
        return self.citizens[0] if self.citizens else None

    @property
    def leader_pid(self) -> int | None:
        """The process that leads, None if there is none or it does not answer."""
        return None if self.leader is None else self.leader.pid

    @property
    def coordinator_pid(self) -> int:
        """The process of the coordinator."""
        return self.coordinator.pid


def seat(government: Government, id: str) -> str:
    """The seat of a citizen of that government."""
    if id == government.leader:
        return "leader"
    if id in government.majority:
        return "majority"
    return "minority" if id in government.minority else "constituent"


def compose(name: str, survey: Survey) -> IslandStatus:
    """The status that a survey comes to."""
    progress, government = survey.progress, survey.progress.government
    portraits = {portrait.id: portrait for portrait in survey.portraits}
    citizens: tuple[CitizenStatus, ...] = ()
    if government is not None:
        order = (*government.parliament, *government.constituents)
        citizens = tuple(_citizen(government, id, portraits.get(id)) for id in order)
    return IslandStatus(
        name=name,
        republic=progress.republic,
        population=progress.wish.citizens,
        shaped=progress.shaped,
        government=government,
        governments=survey.reigns,
        coordinator=CoordinatorStatus(survey.pid, survey.node),
        citizens=citizens,
        underway=progress.underway,
        divergences=survey.divergences,
    )


def _citizen(government: Government, id: str, portrait: Portrait | None) -> CitizenStatus:
    place, acclimated = seat(government, id), id in government.acclimated
    if portrait is None:
        return CitizenStatus(id, place, acclimated, alive=False)
    return CitizenStatus(
        id=id,
        seat=place,
        acclimated=acclimated,
        alive=True,
        node_id=portrait.node,
        address=portrait.address,
        pid=portrait.pid,
        role=portrait.role,
        top=portrait.top,
        minimum=portrait.minimum,
        applied=portrait.applied,
        digest=portrait.digest,
        log_entries=portrait.entries,
        log_heft=portrait.heft,
    )
