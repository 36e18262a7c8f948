"""What a replicated object is: the interface that a kind of state machine implements."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from paxos_ray.core.promise import Promise
from paxos_ray.machines.context import Context

__all__ = ["Alarmed", "Change", "Context", "Listener", "Machine"]


class Machine(Protocol):
    """A deterministic state machine: equal calls in equal order give equal states and replies.

    No clock (time is `context.stamp`), no chance but `context.random`, no iteration over sets.
    Arguments, replies and snapshots are plain values (numbers, text, bytes, None; tuples, lists
    and dicts of them), and no reply or snapshot may change when the state later does.

    A machine may have more, which is then called in the order of the log, on all alike; see
    `Listener` and `Alarmed`.
    """

    def apply(self, method: str, arguments: tuple[Any, ...], context: Context) -> Any:
        """Change the state; the reply.

        An `Exception` raised here is the reply too, on every citizen alike. It must leave the
        state as it was: check first, then change. Its message must say nothing that differs from
        process to process, such as an address in memory.
        """
        ...

    def query(self, method: str, arguments: tuple[Any, ...]) -> Any:
        """Answer without changing anything; raises likewise."""
        ...

    def snapshot(self) -> Any:
        """A copy of the whole state, cheap to take."""
        ...

    def restore(self, snapshot: Any) -> None:
        """Become what `snapshot` says, or raise `InvalidSnapshot` and stay."""
        ...


class Change(NamedTuple):
    """A government that begins to rule, and who has come, loaded the state, and gone with it."""

    number: int
    leader: str
    arrived: tuple[str, ...]
    acclimated: tuple[str, ...]
    departed: tuple[str, ...]

    def news(self) -> list[tuple[str, tuple[Any, ...]]]:
        """All of that one by one, by the name of the hook that it is told to and its arguments."""
        return [
            *(("depart", (id,)) for id in self.departed),
            *(("arrive", (id,)) for id in self.arrived),
            *(("acclimated", (id,)) for id in self.acclimated),
            ("government", (self.number, self.leader)),
        ]


class Listener(Protocol):
    """What a machine may have to be told of more than calls. Neither may raise."""

    def session_ended(self, session: Promise, context: Context) -> None:
        """A session has ended: before the entry whose stamp shows it is applied."""
        ...

    def governed(self, news: str, told: tuple[Any, ...], context: Context) -> None:
        """A new government rules: one of its `Change.news`."""
        ...


class Alarmed(Protocol):
    """What a machine has that does something when log time comes. Neither may raise."""

    def due(self) -> int | None:
        """The stamp (ms of log time) at which there is something to do, None: at none.

        It changes only by calls of this machine."""
        ...

    def tick(self, context: Context) -> None:
        """Do it: before an entry whose stamp is `due()` or later, as often as that is so."""
        ...
