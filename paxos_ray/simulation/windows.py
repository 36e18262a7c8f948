"""The part of a history that cannot be ordered, for people to read."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from paxos_ray.simulation.histories import Operation

WIDTH = 40
"""Characters of the timeline."""

MOST = 30
"""Rows and states that are shown; of more, how many there are."""

MOST_TAKEN = 5
"""The same of the calls that had brought the object to a state."""


class Beginning(NamedTuple):
    """A state in which the object may have been when a window began, and which of the calls that
    were open then had taken effect to bring it there: those that change the state."""

    state: Hashable
    taken: tuple[Operation, ...] = ()

    def __str__(self) -> str:
        if not self.taken:
            return repr(self.state)
        shown = ", ".join(f"{each.client}: {each.call}" for each in self.taken[:MOST_TAKEN])
        more = len(self.taken) - MOST_TAKEN
        return f"{self.state!r} after {shown}{f' and {more} more' if more > 0 else ''}"


@dataclass(frozen=True, slots=True)
class Window:
    """Why a history is not linearizable, `str()` of it is a table.

    `culprit` is the call whose return is the first event that no order explains: up to just before
    it the history, with that call still open, can be ordered. (If to find it takes more steps than
    the search may, it is one of those that were open then and returned later.) The window lasts
    from the culprit's invocation to its return, and `operations` are all calls that were open at
    some time within it: calls of unknown outcome too, unless they must have taken effect before or
    could change nothing. `beginnings` are the states in which the object may have been when the
    window began, as far as what was told up to its end shows, and what had brought it there. Of
    unknown calls that do the same, those invoked first are named.

    From none of these beginnings is there an order of the window's calls without those that had
    taken effect. The window is the shortest: of what lies between two moments of the history, given
    the beginnings at the first, whatever is shorter can be ordered. If it ends before the culprit
    returned, it is part of what can be; if it begins after the culprit was invoked, the culprit is
    not in it, and what is left is part of the same. Nothing is said of what comes after the
    culprit's return, nor that the culprit is what went wrong: an earlier answer may be, that only
    this return contradicts.
    """

    culprit: Operation
    operations: tuple[Operation, ...]
    beginnings: tuple[Beginning, ...]

    @property
    def states(self) -> tuple[Hashable, ...]:
        """The states of the beginnings, each once."""
        return tuple(dict.fromkeys(beginning.state for beginning in self.beginnings))

    @classmethod
    def of(
        cls, culprit: Operation, history: Iterable[Operation], beginnings: Sequence[Beginning]
    ) -> Window:
        """The window of that culprit in the history of its object. Unknown calls that had taken
        effect in all beginnings are no part of it."""
        end = culprit.returned
        assert end is not None
        spent = set.intersection(
            *({id(o) for o in each.taken if o.returned is None} for each in beginnings)
        )
        operations = [
            operation
            for operation in history
            if operation.invoked <= end
            and (operation.returned is None or operation.returned >= culprit.invoked)
            and id(operation) not in spent
        ]
        operations.sort(key=lambda operation: operation.invoked)
        told = [
            Beginning(state, tuple(o for o in taken if id(o) not in spent))
            for state, taken in beginnings
        ]
        return cls(culprit, tuple(operations), tuple(sorted(told, key=repr)))

    def __str__(self) -> str:
        begin, end = self.culprit.invoked, self.culprit.returned
        assert end is not None
        states = "; ".join(map(str, self.beginnings[:MOST]))
        left = len(self.beginnings) - MOST
        more = f" and {left} more" if left > 0 else ""
        shown = _nearest(self.operations, self.culprit)
        left_out = len(self.operations) - len(shown)
        rows = [
            (
                ("> " if operation is self.culprit else "  ") + operation.client,
                operation.call,
                "unknown" if operation.returned is None else repr(operation.result),
                _bar(operation, begin, end),
            )
            for operation in shown
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        lines = [
            f"{self.culprit.object!r} is not linearizable: from {begin} to {end} there is no order",
            f"possible states at {begin}: {states}{more}",
        ]
        lines += ["  ".join([*map(str.ljust, row[:3], widths), row[3]]).rstrip() for row in rows]
        if left_out:
            lines.append(f"  and {left_out} more calls of unknown outcome or that were open")
        return "\n".join(lines)


def _nearest(operations: Sequence[Operation], culprit: Operation) -> list[Operation]:
    """At most so many: those of known outcome first, then what was invoked last."""
    ranked = sorted(
        operations,
        key=lambda o: (o is not culprit, o.returned is None, -o.invoked),
    )
    return sorted(ranked[:MOST], key=lambda o: o.invoked)


def _bar(operation: Operation, begin: int, end: int) -> str:
    """When it was open within the window: `├──┤`, with `…` where it began before or ended later."""
    span = max(1, end - begin)
    last = WIDTH - 1
    first = max(0, (operation.invoked - begin) * last // span)
    until = last if operation.returned is None else (operation.returned - begin) * last // span
    until = min(last, max(until, first))
    bar = ["─"] * (until - first + 1)
    bar[0] = "…" if operation.invoked < begin else "├"
    if operation.returned is None or operation.returned > end:
        bar[-1] = "…"
    elif until > first:
        bar[-1] = "┤"
    return " " * first + "".join(bar)
