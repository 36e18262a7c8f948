"""How a client learns which republic it is of: with a secret, it is to sign for that one."""

from __future__ import annotations

import time
from typing import Any

from ray.exceptions import GetTimeoutError, RayActorError

from paxos_ray.actors.authority import Authority
from paxos_ray.actors.errors import TimedOut
from paxos_ray.actors.guard import Guarded

LIMIT_S = 20.0
"""How long a coordinator is waited for: Ray may be restarting it."""

_STEP_S = 5.0
_AGAIN_S = 0.1


def greeted(island: str, coordinator: Any, authority: Authority) -> Guarded:
    """A coordinator's handle to call it by. Raises `NotAdmitted`, `TimedOut`."""
    door = Guarded(coordinator, authority)
    if not authority.rootless:
        return door
    deadline = time.monotonic() + LIMIT_S
    while True:
        try:
            republic = republic_of(door)
        except (GetTimeoutError, RayActorError) as error:
            if time.monotonic() > deadline:
                why = type(error).__name__
                raise TimedOut(f"island {island!r}: nobody lets one in ({why})") from None
            time.sleep(_AGAIN_S)
        else:
            return Guarded(coordinator, authority.under(republic))


def republic_of(coordinator: Guarded) -> str:
    """What it says when it is asked once. Raises `NotAdmitted`, `GetTimeoutError`, `RayError`."""
    republic: str = coordinator.greet.remote().get(timeout=_STEP_S)
    return republic
