"""This process's clients: one for each island, authority and connection to Ray."""

from __future__ import annotations

import threading
import time
from typing import Any

import ray
from ray.exceptions import RayError

from paxos_ray.actors.authority import Authority, root_of
from paxos_ray.actors.client import Client
from paxos_ray.actors.connection import ask_ray, named
from paxos_ray.actors.errors import IslandError, IslandShutDown
from paxos_ray.actors.greeting import greeted, republic_of
from paxos_ray.actors.guard import Guarded
from paxos_ray.actors.settings import COORDINATOR, actor_id

_clients: dict[tuple[str, Authority, str], Client] = {}
_lock = threading.RLock()
"""Held over the table alone: Ray may take long to answer for an island, and others do not wait.
A finalizer that the garbage collector runs meanwhile may unpickle a handle, and take it again."""


def client(island: str, authority: Authority, launched: Any | None = None) -> Client:
    """This process's client of that island by that authority, made if there is none yet; of the
    coordinator `launched`, if the island is a new one. One of an island that had its name before
    is closed.

    Raises `RayNotInitialised`, `NotAdmitted`; `ValueError` if there is no such island."""
    worker: str = ask_ray(ray.get_runtime_context).get_worker_id()
    key = (island, authority, worker)
    present = _clients.get(key)
    if launched is None and present is not None and present.fresh:
        return present
    coordinator = named(COORDINATOR, island) if launched is None else launched
    if present is None or not _serves(present, coordinator):
        door = greeted(island, coordinator, authority)
        rooted = (island, door.authority, worker)
        for former in _all(island, worker):
            if not former.closed and not _serves(former, coordinator):
                _supersede(former, coordinator, launched is not None)
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


def _all(island: str, worker: str) -> list[Client]:
    with _lock:
        ours = [each for key, each in _clients.items() if (key[0], key[2]) == (island, worker)]
    return list(dict.fromkeys(ours))


def _supersede(former: Client, coordinator: Any, launched: bool) -> None:
    """Have a client turn to that coordinator, if the island was recovered; if it is another that
    has its name now, close it. If that is not known, it goes on by itself."""
    if not launched:
        if former.root is None:
            return
        try:
            root = root_of(republic_of(Guarded(coordinator, former.authority)))
        except (RayError, IslandError):
            return
        if former.root == root:
            former.follow()
            return
    why = f"island {former.island!r} was shut down; another has its name"
    former.close(IslandShutDown(why))
