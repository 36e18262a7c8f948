"""How a client with a secret learns for which republic it is to sign, and shows that it may."""

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
            republic: str = door.greet.remote().get(timeout=_STEP_S)
        except (GetTimeoutError, RayActorError) as error:
            if time.monotonic() > deadline:
                why = type(error).__name__
                raise TimedOut(f"island {island!r}: nobody lets one in ({why})") from None
            time.sleep(_AGAIN_S)
        else:
            return Guarded(coordinator, authority.under(republic))
