"""What a replicated object is: the interface that a kind of state machine implements."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from paxos_ray.core.promise import Promise


class Context(NamedTuple):
    """Where in the log a call is applied: the entry, its stamp (ms of log time), the session."""

    promise: Promise
    stamp: int
    session: Promise


class Machine(Protocol):
    """A deterministic state machine: equal calls in equal order give equal states and replies.

    No clock (time is `context.stamp`), no chance, no iteration over sets. Arguments, replies and
    snapshots are plain values (numbers, text, bytes, None; tuples, lists and dicts of them), and
    no reply or snapshot may change when the state later does.
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
