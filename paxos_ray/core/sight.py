"""What can be seen of a Legislator, by its runtime, by checkers and by people."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from paxos_ray.core.election import Proposer
from paxos_ray.core.government import Government
from paxos_ray.core.legislation import Writer
from paxos_ray.core.log import Log
from paxos_ray.core.messages import Inspection, Register
from paxos_ray.core.promise import Ballot, Promise
from paxos_ray.core.state import State


class Visible:
    """All that a Legislator shows of its state; looking changes nothing."""

    def __init__(self, state: State) -> None:
        self._state = state

    @property
    def id(self) -> str:
        """This citizen's id."""
        return self._state.id

    @property
    def government(self) -> Government | None:
        """The committed government, None before this citizen has been written in."""
        return self._state.government if self._state.arrived else None

    @property
    def citizens(self) -> Mapping[str, Mapping[str, Any]]:
        """Each citizen's id and properties, as the committed government has them."""
        government = self.government
        if government is None:
            return MappingProxyType({})
        return MappingProxyType(
            {id: MappingProxyType(c.properties) for id, c in government.citizens.items()}
        )

    @property
    def leader(self) -> str | None:
        """The id of the leader, as far as this citizen knows."""
        government = self.government
        return None if government is None else government.leader

    @property
    def collapsed(self) -> bool:
        """Whether this citizen has found the majority broken, and stands for election."""
        return isinstance(self._state.role, Proposer)

    @property
    def log(self) -> Log:
        """The committed entries from the minimum on: iterate, or ask for its `len`."""
        return self._state.log

    @property
    def top(self) -> Promise | None:
        """The promise of the last committed entry, None before there is one."""
        return None if self._state.government is None else self._state.log.top

    @property
    def minimum(self) -> Promise:
        """Everybody present has committed the log up to here; what is below is let go."""
        return self._state.minimum

    @property
    def promised(self) -> Ballot:
        """The highest ballot promised: nothing is recorded at a lower one."""
        return self._state.promised

    @property
    def register(self) -> Register | None:
        """What is recorded beyond the committed log."""
        return self._state.register

    @property
    def stateful(self) -> bool:
        """Whether the application of this citizen has its state."""
        return self._state.stateful

    @property
    def donor(self) -> str | None:
        """Whom to ask for the application's state, None when it is here.

        At first who brings the log, if that one has it; another one after each `timeout`."""
        state = self._state
        if state.stateful or state.government is None:
            return None
        government = state.government
        if not state.arrived:
            return state.patron
        able = [
            id
            for id in (*government.parliament, *government.constituents)
            if id in government.acclimated and id != state.id and id not in state.gone
        ]
        if state.patron in able:
            able.remove(state.patron)
            able.insert(0, state.patron)
        if not able:
            return None
        return able[(state.now - state.stateless_since) // state.limits.timeout % len(able)]

    def inspect(self) -> Inspection:
        """Everything that checkers and people look at."""
        state = self._state
        writer = state.role if isinstance(state.role, Writer) else None
        first = state.log.first
        return Inspection(
            id=state.id,
            role="exiled" if state.exiled else state.role.name,
            republic=state.republic,
            cookie=state.cookie,
            top=self.top,
            start=None if first is None else first.promise,
            minimum=state.minimum,
            promised=state.promised,
            register=state.register,
            government=self.government,
            stateful=state.stateful,
            exiled=state.exiled,
            queued=0 if writer is None else len(writer.queue),
            heft=state.log.heft,
            details={
                "givings": tuple(state.givings),
                "seen": state.seen,
                "queue_weight": 0 if writer is None else writer.queued,
                "log_weight": state.log.weight,
            },
        )
