"""Handles of replicated maps."""

from __future__ import annotations

from typing import Any

from paxos_ray.actors.standard.base import Change, P, Query, R, StandardObject
from paxos_ray.machines.map import Map as Machine


class _Transaction(Change[P, R]):
    def check(self, arguments: tuple[Any, ...]) -> None:
        super().check(arguments)
        Machine.plan(*arguments)


class Map(StandardObject):
    """A replicated map: values by text keys, in order, with versions, times to live, keys that go
    with the session that put them, and transactions; see `paxos_ray.machines.Map`."""

    __slots__ = ()

    machine = Machine

    put = Change(Machine.put)
    put_if_absent = Change(Machine.put_if_absent)
    put_if_version = Change(Machine.put_if_version)
    compare_and_set = Change(Machine.compare_and_set)
    increment = Change(Machine.increment)
    delete = Change(Machine.delete)
    delete_range = Change(Machine.delete_range)
    delete_prefix = Change(Machine.delete_prefix)
    touch = Change(Machine.touch)
    transaction = _Transaction(Machine.transaction)

    get = Query(Machine.get)
    entry = Query(Machine.entry)
    contains = Query(Machine.contains)
    range = Query(Machine.range)
    prefix = Query(Machine.prefix)
    count = Query(Machine.count)
    revision = Query(Machine.revision)
