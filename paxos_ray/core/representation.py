"""Who brings the log to whom: leader → majority → minority → constituents.

Follows from the government alone. A level without members is skipped; the members of a level are
dealt to those of the level above in turn.
"""

from __future__ import annotations

from paxos_ray.core.government import Government


class Representation:
    """The tree of a government: `representative` of each id, `constituency` of each id."""

    __slots__ = ("constituency", "representative")

    def __init__(self, government: Government) -> None:
        self.representative: dict[str, str] = {}
        self.constituency: dict[str, tuple[str, ...]] = {id: () for id in government.citizens}
        above: tuple[str, ...] = (government.leader,)
        for level in (government.majority[1:], government.minority, government.constituents):
            if not level:
                continue
            for index, id in enumerate(level):
                self.representative[id] = above[index % len(above)]
            for index, id in enumerate(above):
                self.constituency[id] = level[index :: len(above)]
            above = level
