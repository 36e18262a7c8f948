"""Handles of replicated barriers."""

from __future__ import annotations

from paxos_ray.actors.standard.base import Change, Query, StandardObject
from paxos_ray.machines.barrier import Barrier as Machine


class Barrier(StandardObject):
    """A replicated barrier: gatherings that open when as many have arrived as they wait for, and a
    gate; see `paxos_ray.machines.Barrier`. `arrive` waits for nothing."""

    __slots__ = ()

    machine = Machine

    arrive = Change(Machine.arrive)
    cancel = Change(Machine.cancel)
    leave = Change(Machine.leave)
    hold = Change(Machine.hold)
    lift = Change(Machine.lift)

    held = Query(Machine.held)
    opened = Query(Machine.opened)
    parties = Query(Machine.parties)
    waiting = Query(Machine.waiting)
    inside = Query(Machine.inside)
    state = Query(Machine.state)
