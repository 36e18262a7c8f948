"""What `Island.status` says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from paxos_ray.actors.audit import Divergence
from paxos_ray.actors.autoscale import Autoscale
from paxos_ray.actors.citizen import Portrait
from paxos_ray.actors.coordinator import Survey
from paxos_ray.actors.settings import Limits
from paxos_ray.core.government import Government
from paxos_ray.core.promise import Promise


@dataclass(frozen=True, slots=True)
class CitizenStatus:
    """One citizen. `seat` is leader, majority, minority or constituent by the government; `alive`
    says that it answered: who did not may be silent only.

    `role` is what it does at the moment: writer, recorder, proposer, exiled or retired. `applied`
    is the promise that its state reflects, and `digest` that state's sha256. Its log holds
    `log_entries`, whose bodies are of `log_heft` bytes; with the entries themselves it weighs
    `log_weight`. The leader has `queued` proposals, of `queue_weight` bytes. A stream can begin
    after `stream_from`: what follows weighs `stream_weight`; a watch after `events_from`, likewise.
    All of these are None for who did not answer.
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
    log_weight: int | None = None
    queued: int | None = None
    queue_weight: int | None = None
    stream_weight: int | None = None
    stream_from: Promise | None = None
    event_weight: int | None = None
    events_from: Promise | None = None


@dataclass(frozen=True, slots=True)
class CoordinatorStatus:
    """The coordinator's process; the `calls` that it waits for results of, how many bytes those of
    clients are of (`weight`), and how many it has `refused` since it began."""

    pid: int
    node_id: str
    calls: int = 0
    weight: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """A node of the cluster that is alive, or holds a citizen: its zone by Ray's label, and the ids
    of its citizens. `vital`: without it alone there would be no majority, and no writes."""

    id: str
    address: str
    zone: str
    alive: bool
    citizens: tuple[str, ...]
    coordinator: bool
    vital: bool


@dataclass(frozen=True, slots=True)
class IslandStatus:
    """An island at a glance; the citizens in the order of their seats, the leader first.

    `population` is how many citizens were asked for, `shaped` whether it has come to that.
    `governments` are the last thousand that the present coordinator has seen, number and leader,
    the oldest first. `underway` says who is coming and going, and what that waits for. `alarms`
    says what has come near its limit, of `limits`. `divergences` are what audits have found of
    late, the oldest first: citizens whose state was not that of the others. `autoscale` says how
    the population follows what is read, None: it does not; `reads_per_s` is the rate then, of
    reads that any citizen answers.
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
    limits: Limits
    alarms: tuple[str, ...]
    nodes: tuple[NodeStatus, ...]
    divergences: tuple[Divergence, ...] = ()
    autoscale: Autoscale | None = None
    reads_per_s: float | None = None

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
    coordinator = CoordinatorStatus(
        survey.pid, survey.node, survey.calls, survey.weight, survey.refused
    )
    limits = progress.settings.limits
    return IslandStatus(
        name=name,
        republic=progress.republic,
        population=progress.wish.citizens,
        shaped=progress.shaped,
        government=government,
        governments=survey.reigns,
        coordinator=coordinator,
        citizens=citizens,
        underway=progress.underway,
        limits=limits,
        alarms=tuple(_alarms(citizens, coordinator, limits)),
        nodes=_nodes(survey, citizens),
        divergences=survey.divergences,
        autoscale=progress.wish.autoscale,
        reads_per_s=survey.reads_per_s,
    )


def _alarms(
    citizens: Iterable[CitizenStatus], coordinator: CoordinatorStatus, limits: Limits
) -> Iterator[str]:
    """What has come near its limit."""
    held: list[tuple[str, int | None, int]] = [
        ("what clients asked the coordinator for", coordinator.weight, limits.coordinator_bytes)
    ]
    for citizen in citizens:
        held.append((f"the log of {citizen.id}", citizen.log_weight, limits.log_bytes))
        held.append((f"the queue of {citizen.id}", citizen.queue_weight, limits.queue_bytes))
    for what, weight, limit in held:
        if weight is not None and weight >= limits.alarm * limit:
            yield f"{what} weighs {weight:,} bytes; the limit is {limit:,}"


def _nodes(survey: Survey, citizens: tuple[CitizenStatus, ...]) -> tuple[NodeStatus, ...]:
    known = {node.id: node for node in survey.nodes}
    homes = {citizen.node_id or "": citizen.address or "" for citizen in citizens}
    voters = {c.id: c.node_id for c in citizens if c.seat != "constituent"}
    shown = []
    for id in sorted({*known, *homes}, key=lambda id: (homes.get(id) is None, id)):
        left = [voter for voter, home in voters.items() if home != id]
        node = known.get(id)
        shown.append(
            NodeStatus(
                id=id,
                address=homes.get(id, "") if node is None else node.address,
                zone="" if node is None else node.zone,
                alive=node is not None,
                citizens=tuple(citizen.id for citizen in citizens if citizen.node_id == id),
                coordinator=id == survey.node,
                vital=len(left) <= len(voters) // 2,
            )
        )
    return tuple(shown)


def _citizen(government: Government, id: str, portrait: Portrait | None) -> CitizenStatus:
    place, acclimated = seat(government, id), id in government.acclimated
    if portrait is None:
        home = government.citizens[id].properties.get("node")
        return CitizenStatus(id, place, acclimated, alive=False, node_id=home)
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
        log_weight=portrait.log_weight,
        queued=portrait.queued,
        queue_weight=portrait.queue_weight,
        stream_weight=portrait.stream_weight,
        stream_from=portrait.stream_from,
        event_weight=portrait.event_weight,
        events_from=portrait.events_from,
    )
