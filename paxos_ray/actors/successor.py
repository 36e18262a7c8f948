"""Whether a coordinator that has ended for good has a successor: the island was founded anew."""

from __future__ import annotations

from typing import Any

from ray.exceptions import RayError

from paxos_ray.actors.connection import named
from paxos_ray.actors.settings import COORDINATOR, RECOVERY, actor_id


def successor(island: str, coordinator: Any) -> Any | None:
    """The coordinator that is there instead; the same one if it still has the name, while a
    recovery is under way, or if Ray cannot say, so that one asks again; None: the island was shut
    down."""
    try:
        # In this order: a recovery begins before the old one ends, and ends once the new is there.
        underway = _named(RECOVERY, island) is not None
        found = _named(COORDINATOR, island)
    except (RayError, OSError, RuntimeError):
        return coordinator  # Ray's control service is away
    if found is not None and actor_id(found) != actor_id(coordinator):
        return found
    # With the name, it is the successor itself: of two calls that failed one has found it already.
    return coordinator if underway or found is not None else None


def _named(name: str, island: str) -> Any | None:
    try:
        return named(name, island)
    except ValueError:
        return None
