"""Letting a stage run: everybody does what is due, and messages take no time.

For the parts of a story that are not about single messages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from paxos_ray.core.government import Government
from paxos_ray.core.messages import Prepare, Pulse, Write
from paxos_ray.simulation.inhabitant import Inhabitant
from paxos_ray.simulation.stage import Flight, Stage, Unknown
from paxos_ray.simulation.watch import Violation

ENOUGH = 10_000
"""Pulses carried at one moment after which it is clear that there will be no end of them."""

PATIENCE = 60
"""Timeouts for which something is waited for."""

Condition = Callable[[Stage], bool]


def run(
    stage: Stage, ms: int, only: Sequence[str] | None = None, until: Condition | None = None
) -> bool:
    """Everybody who lives (or `only` these) runs for `ms`, or until it is so; whether it became so.

    What no step has taken up is carried; whoever does not run gets nothing and gives nothing."""
    for id in only or ():
        stage.alive(id)
    end = stage.agenda.now + ms
    before, stage.running = stage.running, True
    try:
        while True:
            if _carry_all(stage, only, until):
                return True
            due = [at for who in _those(stage, only) if (at := _due(stage, who)) is not None]
            if stage.agenda.now >= end:
                return False
            stage.agenda.now = min([end, *due])
            for who in _those(stage, only):
                wakeup = who.legislator.wakeup
                if wakeup is not None and wakeup <= who.now:
                    stage.tick(who.id)
                    if until is not None and until(stage):
                        return True
    finally:
        stage.running = before
        if not before:
            for flight in stage.untouched.values():
                if not flight.name:
                    stage.name(flight)


def settle(stage: Stage) -> None:
    """Run until nothing changes any more for two timeouts."""
    timeout = stage.settings.timeout
    end = stage.agenda.now + PATIENCE * timeout
    before = None
    while stage.agenda.now < end:
        run(stage, 2 * timeout)
        now = [
            (who.id, who.top, who.minimum, who.legislator.inspect().role, len(who.tickets))
            for who in stage.living()
        ]
        if now == before:
            return
        before = now
    stage.say(f"no rest within {PATIENCE * timeout} ms")


def grow(stage: Stage, ids: Sequence[str]) -> None:
    """Found an island of these, who come in one after the other; tell only what came of it."""
    tell, stage.tell, stage.running = stage.tell, _hush, True
    try:
        founder = stage.found(ids[0])
        for id in ids[1:]:
            stage.join(id)
            stage.embark(ids[0], id)
            if not run(stage, PATIENCE * stage.settings.timeout, until=_has_state(founder, id)):
                raise Unknown(f"{id} does not come in")
        run(stage, 2 * stage.settings.timeout)
    finally:
        stage.tell, stage.running = tell, False


def _hush(line: str) -> None:
    """Nobody is told."""


def writes(id: str) -> Condition:
    """`id` has given a pulse that writes a government."""
    return lambda stage: any(
        flight.pulse.sender == id and _writes_government(flight.pulse)
        for flight in stage.untouched.values()
    )


def stands(id: str) -> Condition:
    """`id` has given a pulse that asks for promises."""
    return lambda stage: any(
        flight.pulse.sender == id and isinstance(flight.pulse.envelopes[0].request, Prepare)
        for flight in stage.untouched.values()
    )


def leads(id: str) -> Condition:
    """`id` leads."""
    return lambda stage: stage.who(id).leads


def _has_state(leader: Inhabitant, id: str) -> Condition:
    def has(_: Stage) -> bool:
        government = leader.legislator.government
        return government is not None and id in government.acclimated

    return has


def _writes_government(pulse: Pulse) -> bool:
    request = pulse.envelopes[0].request
    return isinstance(request, Write) and isinstance(request.proposals[-1].body, Government)


def _those(stage: Stage, only: Sequence[str] | None) -> list[Inhabitant]:
    """Who runs."""
    return [
        who
        for who in stage.living()
        if who.id not in stage.paused and (only is None or who.id in only)
    ]


def _due(stage: Stage, who: Inhabitant) -> int | None:
    """When it is to be ticked, in the stage's time."""
    wakeup = who.legislator.wakeup
    return None if wakeup is None else max(wakeup - who.offset, stage.agenda.now + 1)


def _carry_all(stage: Stage, only: Sequence[str] | None, until: Condition | None) -> bool:
    """Carry pulses and load states until nothing is left to do at this moment."""
    for _ in range(ENOUGH):
        if until is not None and until(stage):
            return True
        running = [who.id for who in _those(stage, only)]
        flight = _next(stage, running)
        if flight is not None:
            stage.carry(flight, running)
        elif not _load(stage, running):
            return False
    raise Violation("pulses end", f"{ENOUGH} were carried at {stage.agenda.now} ms")


def _next(stage: Stage, running: Sequence[str]) -> Flight | None:
    return next((f for f in stage.untouched.values() if f.pulse.sender in running), None)


def _load(stage: Stage, running: Sequence[str]) -> bool:
    """Somebody who needs the application's state gets it from whom it asks."""
    for id in running:
        who = stage.inhabitants[id]
        donor = None if who.stateful or id in stage.idle else who.legislator.donor
        if donor is None or donor not in running or not stage.reaches(donor, id):
            continue
        if stage.inhabitants[donor].stateful and load(stage, id, donor):
            return True
    return False


def load(stage: Stage, id: str, donor: str) -> bool:
    """A snapshot of the donor's state, made and restored at once."""
    name = stage.snapshot(donor)
    done = stage.restore(id, name)
    if stage.running:
        del stage.snapshots[name]
    return done
