"""Turns worked out: what an input makes of a citizen and of what it has on its way."""

from __future__ import annotations

from collections.abc import Mapping

from paxos_ray.simulation.exhaustive.cells import Cell, Cells, Result, Turn
from paxos_ray.simulation.exhaustive.postures import REFUSED, Deed, Postures, Step
from paxos_ray.simulation.exhaustive.state import (
    ALARMS,
    CHANGES_LEFT,
    ELECTIONS,
    ENTRIES,
    NOTHING_COMES,
    READS,
    Slots,
    undelivered,
)
from paxos_ray.simulation.watch import Violation

ASKED = {
    "write": ENTRIES,
    "read": READS,
    "emigrate": CHANGES_LEFT,
    "embark": CHANGES_LEFT,
    "hint": ELECTIONS,
    "alarm": ALARMS,
    "load": -1,
}
"""What a citizen may be asked or told, and what that takes of what is left."""
_KINDS = tuple(ASKED)
_PLACES = {kind: place for place, kind in enumerate(ASKED)}


def asking(kind: str, other: int) -> int:
    """The part of a turn's key that says what is asked, and about whom."""
    return (_PLACES[kind] << 3 | other + 1) << 2 | 2


class Turner:
    """Works turns out; `newcomers` are numbers of citizens by their places."""

    def __init__(
        self,
        postures: Postures,
        cells: Cells,
        ids: tuple[str, ...],
        newcomers: Mapping[int, int],
        reduced: bool,
    ) -> None:
        self._postures = postures
        self._cells = cells
        self._ids = ids
        self._places = {id: place for place, id in enumerate(ids)}
        self._newcomers = newcomers
        self._reduced = reduced

    def turn(self, cell: Cell, key: int) -> Result:
        """What an input does to a cell; the key is that of `World.make`."""
        dead, code, sort = key & 63, key >> 8, key >> 6 & 3
        home, lost, kind = -1, -1, ""
        deed: Deed
        if sort == 0:
            deed = ("receive", code)
        elif sort == 1:
            home, lost = code >> 3, (code & 7) - 1
            pulse, slots = cell.bundle[home]
            results = tuple(
                (self._ids[to], it >> 1 if at != lost else NOTHING_COMES)
                for at, (to, it) in enumerate(slots)
            )
            deed = ("sent", pulse, results)
        else:
            kind = _KINDS[code >> 3]
            deed = self._asked(kind, (code & 7) - 1)
        step = self._postures.step(cell.posture, deed)
        if step.to == REFUSED:
            if step.failure is None:
                return None
            return Violation("no exception in the core", step.failure)
        if kind == "hint" and not self._postures.postures[step.to].collapsed:
            return None
        turn = self._carried(cell, step, dead, home, lost)
        if kind != "read":
            turn.quiet = self._is_quiet(step)
        if step.sight < 0 and not step.elapsed:
            turn.after = self._cells.number(cell.who, turn.posture, turn.bundle, cell.witness)
        return turn

    def _is_quiet(self, step: Step) -> bool:
        """Whether it gives nothing, and shows the checkers at most what was asked."""
        if not self._reduced or step.given:
            return False
        return step.sight < 0 or self._postures.sights[step.sight].only_asked

    def _asked(self, kind: str, other: int) -> Deed:
        """The input that is asking or telling this."""
        if kind in ("emigrate", "hint"):
            return kind, self._ids[other]
        return (kind, self._newcomers[other]) if kind == "embark" else (kind,)

    def _carried(self, cell: Cell, step: Step, dead: int, home: int, lost: int) -> Turn:
        """What is on its way after a step: its pulses have other places, or are not waited for any
        more, and new ones are given. One carrier has gone `home`, without one slot if `lost`."""
        carriers: list[tuple[int, Slots]] = []
        strays: list[int] = []
        for at, (place, slots) in enumerate(cell.bundle):
            if at == home:
                strays += undelivered(slots[lost : lost + 1]) if lost >= 0 else ()
            elif step.kept[place] < 0:
                strays += undelivered(slots)
            else:
                carriers.append((step.kept[place], slots))
        for place, envelopes in step.given:
            slots = tuple(
                (to, NOTHING_COMES if dead >> to & 1 else 2 * request)
                for to, request in ((self._places[id], request) for id, request in envelopes)
            )
            if place < 0:
                strays += undelivered(slots)
            else:
                carriers.append((place, slots))
        return Turn(
            posture=step.to,
            bundle=self._cells.bundle(carriers),
            strays=tuple(strays),
            reply=-1 if step.reply is None else step.reply,
            sight=step.sight,
            elapsed=step.elapsed,
            quiet=False,
        )
