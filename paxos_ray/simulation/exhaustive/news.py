"""What one process of a search has worked out, told to another from which it was forked.

Both have numbered alike what there was then (the `Extent`); what is beyond is told by content, and
gets the number that the hearer has or gives for it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from paxos_ray.simulation.exhaustive.cells import Turn
from paxos_ray.simulation.exhaustive.postures import REFUSED, Deed, Step
from paxos_ray.simulation.exhaustive.state import (
    STRAY_MASK,
    STRAY_SHIFT,
    Bundle,
    State,
    stray,
)
from paxos_ray.simulation.exhaustive.world import World
from paxos_ray.simulation.watch import Violation

News = dict[str, Any]


class Extent(NamedTuple):
    """How many of each there are."""

    values: int
    postures: int
    sights: int
    annals: int
    witnesses: int
    cells: int

    @classmethod
    def of(cls, world: World) -> Extent:
        """How many there are now."""
        postures, courts = world.postures, world.courts
        return cls(
            len(world.likeness), len(postures), len(postures.sights), len(courts.annals),
            len(courts.witnesses), len(world.cells),
        )  # fmt: skip


def tell(world: World, extent: Extent) -> News:
    """All that is beyond that extent."""
    likeness, postures, courts = world.likeness, world.postures, world.courts
    cells, verdicts = world.cells.cells, world.verdicts
    sights = zip(postures.seen_as[extent.sights :], postures.sights[extent.sights :], strict=True)
    made = postures.made
    return {
        "values": likeness.told(range(extent.values, len(likeness))),
        "annals": courts.annals.told(extent.annals),
        "witnesses": courts.witnesses.told(extent.witnesses),
        "postures": likeness.freeze(postures.postures[extent.postures :]),
        "sights": likeness.freeze(list(sights)),
        "steps": [(posture, deed, _plain(made[posture, deed])) for posture, deed in postures.news],
        "cells": [(it.who, it.posture, it.bundle, it.witness) for it in cells[extent.cells :]],
        "answers": world.cells.news,
        "turns": [
            (cell, key, _told(turn))
            for cell, key in world.turns
            if not isinstance(turn := cells[cell].turns[key], Violation)
        ],
        "verdicts": [(*key, *verdicts.known[key]) for key in verdicts.news],
        "seen": world.sights,
    }


def _plain(step: Step) -> tuple[Any, ...]:
    return (step.to, step.reply, step.kept, step.given, step.sight, step.elapsed, step.failure)


def _told(turn: Turn | None) -> tuple[Any, ...] | None:
    if turn is None:
        return None
    return (
        turn.posture, turn.bundle, turn.strays, turn.reply, turn.sight, turn.elapsed, turn.quiet,
        turn.after,
    )  # fmt: skip


class Translation:
    """The numbers of the teller in those of the hearer; what is not known yet has none."""

    def __init__(self, extent: Extent, citizens: int) -> None:
        self._extent = extent
        self._citizens = citizens
        self.values: list[int] = []
        self.postures: list[int] = []
        self.sights: list[int] = []
        self.annals: list[int] = []
        self.witnesses: list[int] = []
        self.cells: list[int] = []

    def value(self, number: int) -> int:
        """Of a shared value."""
        beyond = number - self._extent.values
        return number if beyond < 0 else self.values[beyond]

    def posture(self, number: int) -> int:
        """Of a posture, or `DEAD` or `REFUSED`."""
        beyond = number - self._extent.postures
        return number if beyond < 0 else self.postures[beyond]

    def sight(self, number: int) -> int:
        """Of a sight, or -1."""
        beyond = number - self._extent.sights
        return number if beyond < 0 else self.sights[beyond]

    def annal(self, number: int) -> int:
        """Of an annal."""
        beyond = number - self._extent.annals
        return number if beyond < 0 else self.annals[beyond]

    def witness(self, number: int) -> int:
        """Of a witness."""
        beyond = number - self._extent.witnesses
        return number if beyond < 0 else self.witnesses[beyond]

    def cell(self, number: int) -> int:
        """Of a cell, or -1."""
        beyond = number - self._extent.cells
        return number if beyond < 0 else self.cells[beyond]

    def reply(self, number: int) -> int:
        """Of a reply, or -1."""
        return self.value(number)

    def stray(self, number: int) -> int:
        """A stray."""
        return stray(number & STRAY_MASK, self.value(number >> STRAY_SHIFT))

    def bundle(self, bundle: Bundle) -> Bundle:
        """Carriers."""
        return tuple(
            (place, tuple((to, it if it < 0 else 2 * self.value(it >> 1) + it % 2)
                          for to, it in slots))
            for place, slots in bundle
        )  # fmt: skip

    def deed(self, deed: Deed) -> Deed:
        """An input."""
        match deed:
            case ("receive" | "embark" as kind, number):
                return kind, self.value(number)
            case ("sent", place, results):
                return "sent", place, tuple((id, self.reply(it)) for id, it in results)
        return deed

    def key(self, key: int) -> int:
        """The key of a turn; see `World.make`."""
        return key if key >> 6 & 3 else self.value(key >> 8) << 8 | key & 255

    def step(self, plain: tuple[Any, ...]) -> Step:
        """What an input does to a posture."""
        to, reply, kept, given, sight, elapsed, failure = plain
        if to == REFUSED:
            return Step(REFUSED, failure=failure)
        reply = None if reply is None else self.value(reply)
        given = tuple(
            (place, tuple((id, self.value(it)) for id, it in envelopes))
            for place, envelopes in given
        )
        return Step(self.posture(to), reply, kept, given, self.sight(sight), elapsed, failure)

    def turn(self, told: tuple[Any, ...] | None) -> Turn | None:
        """What an input does to a cell."""
        if told is None:
            return None
        posture, bundle, strays, reply, sight, elapsed, quiet, after = told
        turn = Turn(
            self.posture(posture), self.bundle(bundle), tuple(map(self.stray, strays)),
            self.reply(reply), self.sight(sight), elapsed, quiet,
        )  # fmt: skip
        turn.after = self.cell(after)
        return turn

    def state(self, state: State) -> State:
        """A state."""
        count = self._citizens
        return (
            *map(self.cell, state[:count]),
            self.annal(state[count]),
            state[count + 1],
            *map(self.stray, state[count + 2 :]),
        )


def hear(world: World, extent: Extent, news: News) -> Translation:
    """Take in what is told by one who was forked off at that extent."""
    likeness, postures, courts = world.likeness, world.postures, world.courts
    to = Translation(extent, world.count)
    to.values = likeness.hear(news["values"])
    to.annals = courts.annals.hear(news["annals"])
    to.witnesses = courts.witnesses.hear(news["witnesses"])
    to.postures = [postures.adopt(it) for it in likeness.thaw(news["postures"])]
    to.sights = [
        postures.adopt_sight(seen_as, replace(it, posture=to.posture(it.posture)))
        for seen_as, it in likeness.thaw(news["sights"])
    ]
    for posture, deed, plain in news["steps"]:
        postures.made.setdefault((to.posture(posture), to.deed(deed)), to.step(plain))
    number = world.cells.number
    for who, posture, bundle, witness in news["cells"]:
        at = number(who, to.posture(posture), to.bundle(bundle), to.witness(witness))
        to.cells.append(at)
    _hear_turns(world, to, news)
    return to


def _hear_turns(world: World, to: Translation, news: News) -> None:
    cells, verdicts = world.cells.cells, world.verdicts
    for number, place, slot, reply, after in news["answers"]:
        world.cells.learn(to.cell(number), place, slot, to.reply(reply), to.cell(after))
    for number, key, told in news["turns"]:
        cells[to.cell(number)].turns.setdefault(to.key(key), to.turn(told))
    for annal, bench, sight, then, witness in news["verdicts"]:
        on = (to.annal(annal), tuple(map(to.witness, bench)), to.sight(sight))
        verdicts.known[on] = (to.annal(then), to.witness(witness))
    for number, key, annal, then, after in news["seen"]:
        turn = cells[to.cell(number)].turns[to.key(key)]
        assert isinstance(turn, Turn)
        turn.seen[to.annal(annal)] = (to.annal(then), to.cell(after))
