"""This process's clients: one for each island, authority and connection to Ray."""

from __future__ import annotations

import threading
import time
from typing import Any

import ray

from paxos_ray.actors.authority import Authority
from paxos_ray.actors.client import Client
from paxos_ray.actors.connection import ask_ray, named
from paxos_ray.actors.greeting import greeted
from paxos_ray.actors.settings import COORDINATOR, actor_id

_clients: dict[tuple[str, Authority, str], Client] = {}
_lock = threading.Lock()
"""Held over the table alone: Ray may take long to answer for an island, and others do not wait."""


def client(island: str, authority: Authority, coordinator: Any | None = None) -> Client:
    """This process's client of that island by that authority, made if there is none yet.

    Raises `RayNotInitialised`, `NotAdmitted`; `ValueError` if there is no such island."""
    worker: str = ask_ray(ray.get_runtime_context).get_worker_id()
    key = (island, authority, worker)
    present = _clients.get(key)
    if coordinator is None:
        if present is not None and present.fresh:
            return present
        coordinator = named(COORDINATOR, island)
    if present is None or not _serves(present, coordinator):
        door = greeted(island, coordinator, authority)
        rooted = (island, door.authority, worker)
        with _lock:
            present = _clients.get(rooted)
            if present is None or not _serves(present, coordinator):
                present = Client(island, door)
            _clients[rooted] = _clients[key] = present
    present.heard_at = time.monotonic()
    return present


def _serves(present: Client, coordinator: Any) -> bool:
    """Whether that client is of use, and of that coordinator."""
    return not present.closed and actor_id(present.coordinator) == actor_id(coordinator)
