"""The role of who follows: `Recorder` records for the leader and brings the log downward."""

from __future__ import annotations

from typing import Any

from paxos_ray.core.dissemination import Dissemination
from paxos_ray.core.messages import Pulse
from paxos_ray.core.state import Giving, State


class Recorder:
    """Follows the leader, records for it, and brings the log to its own constituency."""

    name = "recorder"

    def __init__(self, state: State, farewell: str | None = None) -> None:
        self.state = state
        self.dissemination = Dissemination(state)
        self.farewell = farewell  # the leader that this one has made way for
        self.stand_at = 0
        self.heard()

    def heard(self) -> None:
        """The leader lives."""
        state = self.state
        self.stand_at = state.now + state.limits.timeout

    def grace(self) -> None:
        """Somebody stands: leave it a moment, but never much longer than the leader has."""
        state = self.state
        self.stand_at = max(self.stand_at, state.now + 2 * state.limits.ping)

    def may_stand(self) -> bool:
        """A member of the majority of the committed government, or of one in the register."""
        state = self.state
        if state.government is None or not state.active:
            return False
        return state.id in state.government.majority or any(
            state.id in government.majority for government in state.pending()
        )

    def outbox(self) -> Pulse | None:
        """The next pulse: first the last word of a leader that has made way, then the log."""
        state = self.state
        if self.farewell is not None:
            assert state.census is not None
            contact = state.census.contact(self.farewell, state.now)
            self.farewell = None
            return self.dissemination.give([contact])
        return self.dissemination.pulse()

    def sent(self, giving: Giving, replies: dict[str, Any]) -> None:
        """Results of a dissemination."""
        self.dissemination.sent(giving, replies)

    def tick(self) -> None:
        """Collapse when the leader has not been heard from."""
        if self.stand_at <= self.state.now and self.may_stand():
            self.state.succession.collapse(0)

    def wakeup(self) -> int | None:
        """The next dissemination, or the end of patience."""
        if self.farewell is not None:
            return self.state.now
        soonest = self.dissemination.wakeup()
        if self.may_stand() and (soonest is None or self.stand_at < soonest):
            return self.stand_at
        return soonest
