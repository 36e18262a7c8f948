"""Handles of replicated elections."""

from __future__ import annotations

from paxos_ray.actors.standard.base import Change, Query, StandardObject
from paxos_ray.machines.election import Election as Machine


class Election(StandardObject):
    """A replicated election: one leader at a time among those who stand; see
    `paxos_ray.machines.Election`.

    `stand` is the machine's `campaign`, which waits for nothing: it answers with a term, or with a
    ticket for the line."""

    __slots__ = ()

    machine = Machine

    stand = Change(Machine.campaign)
    proclaim = Change(Machine.proclaim)
    resign = Change(Machine.resign)
    renew = Change(Machine.renew)
    cancel = Change(Machine.cancel)

    leader = Query(Machine.leader)
    candidates = Query(Machine.candidates)
    state = Query(Machine.state)
