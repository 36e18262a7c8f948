"""How roles follow each other: who leads, who stands, who follows."""

from __future__ import annotations

from paxos_ray.core.election import Proposer
from paxos_ray.core.government import Government
from paxos_ray.core.legislation import Writer
from paxos_ray.core.promise import Ballot
from paxos_ray.core.recording import Recorder
from paxos_ray.core.state import Role, State


class Swap:
    """Swaps the role of a citizen. No result of the old role's pulses counts for the new one."""

    def __init__(self, state: State) -> None:
        self._state = state

    def installed(self, before: Government | None) -> None:
        """A government was committed: its leader leads, unless it promised another ballot."""
        state, role = self._state, self._state.role
        government = state.government
        assert government is not None
        state.drop_givings()
        if government.leader != state.id or not state.active:
            made_way = isinstance(role, Writer) and before is not None and not state.exiled
            farewell = government.leader if made_way and government.leader != state.id else None
            self.become(Recorder(state, farewell))
        elif state.promised != government.ballot:
            self.collapse(self._pause())
        elif isinstance(role, Writer):
            role.reign()
        else:
            self.become(Writer(state))

    def superseded(self, ballot: Ballot) -> None:
        """A higher ballot was promised: a leader has collapsed by that, a candidate has lost."""
        role = self._state.role
        if isinstance(role, Writer):
            self.collapse(self._pause())
        elif isinstance(role, Proposer):
            role.superseded()
        elif isinstance(role, Recorder):
            role.grace()

    def collapse(self, delay: int) -> None:
        """Stand for election after `delay` ms."""
        self.become(Proposer(self._state, delay))

    def deposed(self) -> None:
        """Others have moved the log: a leader that a bounded part of it left in office is not the
        leader any more, it only has not been told yet who is."""
        if isinstance(self._state.role, Writer):
            self.collapse(self._pause())

    def stand_down(self) -> None:
        """Follow whoever leads."""
        self.become(Recorder(self._state))

    def become(self, role: Role) -> None:
        """Take that role, and let go of all that the one before has under way."""
        state = self._state
        if isinstance(state.role, Writer):
            state.role.resign()
        state.drop_givings()
        state.role = role

    def _pause(self) -> int:
        timeout = self._state.limits.timeout
        return self._state.random.randint(timeout // 2, timeout)
