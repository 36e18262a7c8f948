"""The model of the sequence."""

from __future__ import annotations

from typing import Any

from paxos_ray.simulation.histories import InvalidHistory
from paxos_ray.simulation.models.model import Plain


class SequenceModel(Plain):
    """See `machines.Sequence`: the state is the highest number given out."""

    kind = "sequence"
    initial = 0

    def step(self, state: int, method: str, arguments: tuple[Any, ...]) -> tuple[int, Any]:
        """See `Model.step`."""
        match method, arguments[1:]:
            case "reserve", count:
                return state + sum(count or [1]), state + 1
            case "advance", (least,):
                state = least - 1 if least - 1 > state else state
                return state, state + 1
            case "next", ():
                return state, state + 1
            case ("session_ended", ()) | ("over", ((),)):
                return state, None
        raise InvalidHistory(f"a sequence has no {method}{arguments[1:]!r}")
