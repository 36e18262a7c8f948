"""Cells: one citizen with all that is its own: posture, carriers, and how checkers saw it last.

What an input makes of a cell is a *turn*, worked out once for each. Cells and turns are few beside
the states, which are little more than one cell for each citizen: so a move is a few looks into
tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from hashlib import blake2b

from paxos_ray.simulation.exhaustive.court import Courts
from paxos_ray.simulation.exhaustive.likeness import Likeness
from paxos_ray.simulation.exhaustive.postures import Postures
from paxos_ray.simulation.exhaustive.state import DEAD, NOTHING_COMES, Bundle, Move, Slots
from paxos_ray.simulation.watch import Violation

Content = tuple[int, int, Bundle, int]
"""Who, the number of its posture or `DEAD`, its carriers, and the number of its witness."""


class Turn:
    """What an input does to a cell.

    `after` is the cell, when there is nothing to see for the checkers (`sight` is -1); else `seen`
    has, for the annals met so far, annal and cell after it, or what is broken.
    """

    __slots__ = (
        "after", "bundle", "elapsed", "given", "posture", "quiet", "reply", "seen", "sight",
        "strays",
    )  # fmt: skip

    def __init__(
        self,
        posture: int,
        bundle: Bundle,
        strays: tuple[int, ...],
        reply: int,
        sight: int,
        elapsed: int,
        quiet: bool,
    ) -> None:
        self.posture = posture
        self.bundle = bundle
        self.strays = strays  # what is on its way from here that nobody waits for any more
        self.reply = reply  # -1 when it is none to a request
        self.sight = sight
        self.elapsed = elapsed  # ms
        self.quiet = quiet  # it gives no pulse, and shows the checkers at most what was asked
        self.after = -1
        self.seen: dict[int, tuple[int, int] | Violation | None] = {}


Result = Turn | Violation | None
"""A turn, what the input breaks, or nothing when it is refused."""


class Cell:
    """One cell; the moves that its carriers offer are listed once."""

    __slots__ = (
        "answers", "bundle", "deliveries", "digest", "doubles", "forsaken", "losses", "misses",
        "posture", "results", "turns", "who", "witness",
    )  # fmt: skip

    def __init__(self, content: Content, digest: int, citizens: int) -> None:
        self.who, self.posture, self.bundle, self.witness = content
        self.digest = digest
        self.turns: dict[int, Result] = {}
        self.answers: dict[int, int] = {}  # the cell after a reply has come into a slot
        self.forsaken: dict[int, int] = {}  # the cell after somebody else has died
        self.results: tuple[Move, ...] = ()
        self.losses: tuple[Move, ...] = ()
        self.misses: tuple[Move, ...] = ()
        deliveries: list[list[Move]] = [[] for _ in range(citizens)]
        for place, (_, slots) in enumerate(self.bundle):
            missing = [at for at, (_, code) in enumerate(slots) if code >= 0 and code % 2 == 0]
            self._offer(place, missing)
            for at in missing:
                to = slots[at][0]
                deliveries[to].append(_move("deliver", to, self.who, place, at))
        self.deliveries = tuple(map(tuple, deliveries))  # by recipient
        self.doubles = tuple(
            tuple(_move("double", *move[1:]) for move in moves) for moves in deliveries
        )

    def _offer(self, place: int, missing: list[int]) -> None:
        """The ways in which a carrier may go home: with all results; but for one, which is lost;
        or without the reply of somebody who dies."""
        who, slots = self.who, self.bundle[place][1]
        if not missing:
            self.results += (_move("results", who, -1, place, -1),)
        if len(missing) <= 1:
            self.losses += tuple(
                _move("lost", who, -1, place, at)
                for at, (_, code) in enumerate(slots)
                if code >= 0 and missing in ([], [at])
            )
        if len(missing) == 1:
            self.misses += (_move("missed", who, slots[missing[0]][0], place, missing[0]),)


@cache
def _move(kind: str, who: int, other: int, place: int, slot: int) -> Move:
    """Moves are few, and shared by all cells."""
    return Move(kind, who, other, place, slot)


class Cells:
    """The cells found so far, by number."""

    def __init__(
        self, likeness: Likeness, postures: Postures, courts: Courts, citizens: int
    ) -> None:
        self.cells: list[Cell] = []
        self.digests: list[int] = []
        self.citizens = citizens
        self.news: list[tuple[int, int, int, int, int]] = []  # what `answered` has worked out
        self._likeness = likeness
        self._postures = postures
        self._courts = courts
        self._numbers: dict[Content, int] = {}

    def __len__(self) -> int:
        return len(self.cells)

    def number(self, who: int, posture: int, bundle: Bundle, witness: int) -> int:
        """The number of a cell."""
        content = (who, posture, bundle, witness)
        number = self._numbers.get(content)
        if number is None:
            number = self._numbers[content] = len(self.cells)
            digest = self._digest(content)
            self.cells.append(Cell(content, digest, self.citizens))
            self.digests.append(digest)
        return number

    def _digest(self, content: Content) -> int:
        """16 bytes of what it is, whatever numbers the search has given."""
        who, posture, bundle, witness = content
        stance = b"" if posture == DEAD else self._postures.postures[posture].digest
        parts = [f"cell {who}".encode(), stance, self._courts.witnesses.digests[witness]]
        for place, slots in bundle:
            parts.append(b"carrier %d" % place)
            parts += self._told(slots)
        return summed(parts)

    def bundle(self, carriers: Iterable[tuple[int, Slots]]) -> Bundle:
        """These carriers in order, which numbers have no part in."""
        return tuple(sorted(carriers, key=lambda carrier: (carrier[0], self._told(carrier[1]))))

    def _told(self, slots: Slots) -> list[bytes]:
        return [self._slot(to, code) for to, code in slots]

    def _slot(self, to: int, code: int) -> bytes:
        if code < 0:
            return b"%d nothing" % to
        return b"%d %d " % (to, code % 2) + self._likeness.digests[code >> 1]

    # -- without an input ----------------------------------------------------------------

    def answered(self, number: int, place: int, slot: int, reply: int) -> int:
        """The cell when a reply has come into a slot."""
        cell = self.cells[number]
        after = cell.answers.get((reply << 6 | place) << 3 | slot)
        if after is None:
            bundle = cell.bundle
            pulse, slots = bundle[place]
            slots = (*slots[:slot], (slots[slot][0], 2 * reply + 1), *slots[slot + 1 :])
            bundle = self.bundle((*bundle[:place], (pulse, slots), *bundle[place + 1 :]))
            after = self.number(cell.who, cell.posture, bundle, cell.witness)
            self.learn(number, place, slot, reply, after)
            self.news.append((number, place, slot, reply, after))
        return after

    def learn(self, number: int, place: int, slot: int, reply: int, after: int) -> None:
        """What the cell is when a reply has come into a slot."""
        self.cells[number].answers[(reply << 6 | place) << 3 | slot] = after

    def forsaken(self, number: int, dead: int) -> int:
        """The cell when somebody else has died: what was on its way to that one is not."""
        cell = self.cells[number]
        after = cell.forsaken.get(dead)
        if after is None:
            bundle = self.bundle(
                (place, tuple((to, _unless(to == dead, code)) for to, code in slots))
                for place, slots in cell.bundle
            )
            after = cell.forsaken[dead] = self.number(cell.who, cell.posture, bundle, cell.witness)
        return after


def _unless(dead: bool, code: int) -> int:
    """The code of a slot, whose request does not arrive any more at the dead."""
    return NOTHING_COMES if dead and code % 2 == 0 else code


def summed(parts: Iterable[bytes]) -> int:
    """16 bytes that tell these from others, as a number."""
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(2, "big"))
        digest.update(part)
    return int.from_bytes(digest.digest(), "big")
