"""Handles of replicated sequences."""

from __future__ import annotations

from paxos_ray.actors.standard.base import Change, Query, StandardObject
from paxos_ray.machines.sequence import Sequence as Machine


class Sequence(StandardObject):
    """A replicated sequence: numbers that nobody else gets; see `paxos_ray.machines.Sequence`."""

    __slots__ = ()

    machine = Machine

    reserve = Change(Machine.reserve)
    advance = Change(Machine.advance)

    next = Query(Machine.next)
