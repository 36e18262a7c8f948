"""A path of moves in words, so that a person can follow it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from paxos_ray.core.describe import (
    describe_register,
    describe_replies,
    describe_reply,
    describe_request,
)
from paxos_ray.simulation.exhaustive.postures import body
from paxos_ray.simulation.exhaustive.state import DEAD, STRAY_SHIFT, Move, State, Way
from paxos_ray.simulation.exhaustive.world import World
from paxos_ray.simulation.watch import Violation


def retell(world: World, first: State, numbers: Sequence[int], last: Way) -> tuple[str, ...]:
    """The moves from the first state, by what was followed of each in turn, and the last ones."""
    lines: list[str] = []
    state = first
    for number in numbers:
        way, after = next(islice(world.follow(state), number, None))
        assert not isinstance(after, Violation)
        lines += _tell(world, state, way)
        state = after
    return (*lines, *_tell(world, state, last))


def _tell(world: World, state: State, way: Way) -> Iterator[str]:
    """A line for each of these moves."""
    for move in way:
        made = world.make(state, move)
        assert made is not None
        after = made[0]
        told = _told(world, state, move)
        if not isinstance(after, Violation):
            yield "; ".join((told, *_changed(world, state, after)))
            state = after
        else:
            yield f"{told}: {after.name}"


def _told(world: World, state: State, move: Move) -> str:
    """What happens."""
    who = world.ids[move.who]
    match move.kind:
        case "deliver" | "double" | "late" | "late again":
            return _received(world, state, move)
        case "results" | "lost" | "missed":
            dies = f"{world.ids[move.other]} dies; " if move.kind == "missed" else ""
            return f"{dies}{who} gets results: {_results(world, state, move)}"
        case "write":
            posture = world.postures.postures[_posture(world, state, move.who)]
            return f"{who} is asked to write {body(posture).decode()}"
        case "emigrate" | "embark":
            return f"{who} is asked to let {world.ids[move.other]} {move.kind}"
        case "hint":
            return f"{who} is told that {world.ids[move.other]} is dead"
    words = {
        "read": "is asked to confirm a read",
        "crash": "dies",
        "load": "has loaded the application's state",
        "alarm": "sees its clock move to its alarm",
    }
    return f"{who} {words[move.kind]}"


def _received(world: World, state: State, move: Move) -> str:
    """A request arrives: in whose hands or late, and for the last time or not."""
    values, late = world.likeness.values, move.kind.startswith("late")
    if late:
        request = state[world.count + 2 + move.place] >> STRAY_SHIFT
    else:
        carried = world.cells.cells[state[move.other]].bundle[move.place][1]
        request = carried[move.slot][1] >> 1
    line = f"{world.ids[move.who]} receives{', late,' if late else ''} "
    line += describe_request(values[request])
    if move.kind in ("double", "late again"):
        line += ", which is on its way once more"
    step = world.postures.step(_posture(world, state, move.who), ("receive", request))
    return line if step.reply is None else f"{line} / {describe_reply(values[step.reply])}"


def _results(world: World, state: State, move: Move) -> str:
    slots: dict[str, Any] = {}
    for at, (to, code) in enumerate(world.cells.cells[state[move.who]].bundle[move.place][1]):
        lost = at == move.slot or code < 0
        slots[world.ids[to]] = None if lost else world.likeness.values[code >> 1]
    return describe_replies(slots)


def _changed(world: World, before: State, after: State) -> Iterator[str]:
    """What is new at whoever acted."""
    for who, id in enumerate(world.ids):
        old, new = _posture(world, before, who), _posture(world, after, who)
        if DEAD in (old, new) or old == new:
            continue
        was, now = world.postures.postures[old], world.postures.postures[new]
        legislator = world.postures.legislator(new)
        if was.view[1] != now.view[1]:
            yield f"{id} has committed {legislator.top}"
        if was.view[2] != now.view[2]:
            yield f"{id} has promised {legislator.promised}"
        if was.view[5] != now.view[5] and legislator.register is not None:
            yield f"{id} has recorded {describe_register(legislator.register)}"
        if not was.collapsed and now.collapsed:
            yield f"{id} has collapsed"
        if not was.leads and now.leads:
            yield f"{id} leads"


def _posture(world: World, state: State, who: int) -> int:
    return world.cells.cells[state[who]].posture
