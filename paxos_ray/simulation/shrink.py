"""Shrinking: of a schedule that fails, the few steps that are to blame, as a scenario.

First fewer faults: every rate of the plan is tried without. Then fewer steps: the schedule is
written down as commands, and those are left out without which it fails as before (Zeller and
Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002: ddmin).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial

from paxos_ray.core.legislator import Legislator
from paxos_ray.simulation import running
from paxos_ray.simulation.healing import HEALING_PINGS, Progress
from paxos_ray.simulation.island import Make
from paxos_ray.simulation.network import Weather
from paxos_ray.simulation.plan import Plan
from paxos_ray.simulation.scenario import compose, failure_of
from paxos_ray.simulation.schedule import Schedule, Summary
from paxos_ray.simulation.scribe import Scribe
from paxos_ray.simulation.script import Script
from paxos_ray.simulation.stage import Unknown
from paxos_ray.simulation.workloads import Workload, schedule_of

FAULTS = (
    *("ambush", "collapse", "hints", "crash", "cut", "emigrate", "newcomer", "spurious"),
    *("coordinator", "coup", "pause", "storm", "blind"),
)
"""The rates of a plan that can be nothing."""

WEATHER = (
    *("lose_request", "lose_reply", "double", "slow", "refuse", "dies", "dies_late"),
    "slow_carrier",
)
"""Those of its weather."""

PATIENCE = 3_000
"""How often a failure is tried again, with less, before shrinking ends."""


@dataclass(frozen=True, slots=True)
class Shrunk:
    """What is left of a failure. `scenario` is a text for `tests/scenarios`; `steps` counts its
    commands, `steps_before` those of the whole schedule; `without` names the faults that it does
    not need, also those that the schedule never had. The scenario is None when the failure does not
    show in the commands alone: in what clients were answered, say, or in a change of government
    which the coordinator should have asked for."""

    seed: int
    failure: str
    without: tuple[str, ...]
    steps_before: int
    steps: int
    scenario: str | None

    @property
    def needed(self) -> tuple[str, ...]:
        """The faults of the schedule without one of which it does not fail, or not so."""
        return _needed(self.without)


class NotFailing(ValueError):
    """The schedule of a seed does not fail, so there is nothing to shrink."""


def shrink(
    seed: int,
    make: Make = Legislator,
    patience: int = PATIENCE,
    progress: Callable[[int], None] | None = None,
    workload: Workload = Workload.SEED,
) -> Shrunk:
    """Shrink the failing schedule of that seed; `progress` is told each try by its number.

    Raises `NotFailing`."""
    summary = schedule_of(seed, make, workload=workload).run()
    if summary.failure is None:
        raise NotFailing(f"the schedule of seed {seed} does not fail")
    tries = Tries(patience, progress)
    of = partial(schedule_of, seed, make, workload=workload)
    plan, without = _calmer(of, schedule_of(seed, workload=workload).plan, summary, tries)
    schedule = of(plan=plan, kind=Scribe)
    schedule.run()
    island = schedule.island
    assert isinstance(island, Scribe)
    commands = island.commands
    if summary.failure == Progress.name:
        # What the healed island did is not to blame for what it should have done.
        commands = commands[: _written_by(commands, schedule.healed_ms)]
    judge = _judge(summary.failure, plan, make)
    left = _fewer(commands, judge, tries)
    text = None
    if left is not None:
        left = _carried_out(left, make)
        text = compose(_why(seed, summary, without), [*left, *judge.epilogue], make)
    steps = len(commands if left is None else left)
    return Shrunk(seed, summary.failure, tuple(without), len(island.commands), steps, text)


class Tries:
    """Counts tries; true while there are more."""

    def __init__(self, most: int, progress: Callable[[int], None] | None) -> None:
        self.done = 0
        self._most = most
        self._progress = progress

    def __bool__(self) -> bool:
        return self.done < self._most

    def count(self) -> None:
        """One more."""
        self.done += 1
        if self._progress:
            self._progress(self.done)


# -- fewer faults ----------------------------------------------------------------------------


def _calmer(
    of: Callable[..., Schedule], plan: Plan, summary: Summary, tries: Tries
) -> tuple[Plan, list[str]]:
    """A plan with fewer faults that fails alike, and the names of those it does without."""
    without: list[str] = []
    for name, calmer in _calmings():
        if not tries:
            break
        candidate = calmer(plan)
        if candidate == plan:
            without.append(name)
            continue
        tries.count()
        again = of(plan=candidate).run()
        if again.failure == summary.failure:
            plan = candidate
            without.append(name)
    return plan, without


def _calmings() -> Iterator[tuple[str, Callable[[Plan], Plan]]]:
    """What can be left out, the largest first; each as a function of the plan so far."""
    for name in FAULTS:
        yield name, lambda plan, name=name: replace(plan, **{name: 0.0})  # type: ignore[misc]
    for name in WEATHER:
        yield name, lambda plan, name=name: _fairer(plan, **{name: 0.0})  # type: ignore[misc]
    yield "impatient carriers", lambda plan: _fairer(plan, patience=1.0)
    yield "clock skew", lambda plan: replace(plan, skew_ms=0)
    yield "late alarms", lambda plan: replace(plan, late_ms=0)
    yield "bursts", lambda plan: replace(plan, burst=1)


def _fairer(plan: Plan, **changed: float) -> Plan:
    known = {field.name for field in fields(Weather)}
    assert set(changed) <= known
    return replace(plan, weather=replace(plan.weather, **changed))  # type: ignore[arg-type]


# -- fewer steps -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Judge:
    """Says up to where commands must be carried out to fail alike; None when they do not.

    `epilogue` are the commands that show the failure."""

    fails: Callable[[Sequence[str]], int | None]
    epilogue: tuple[str, ...] = ()


def _judge(failure: str, plan: Plan, make: Make) -> Judge:
    if failure != Progress.name:
        return Judge(lambda commands: _violates(commands, failure, make))
    settings = plan.settings
    patience_ms = HEALING_PINGS * settings.ping + 20 * settings.timeout

    def stuck(commands: Sequence[str]) -> int | None:
        script = Script(None, True, make)
        if any(failure_of(script, line) for line in commands):
            return None
        return len(commands) if _is_stuck(script, patience_ms) else None

    return Judge(stuck, (f"run {patience_ms}", "show"))


def _violates(commands: Sequence[str], failure: str, make: Make) -> int | None:
    script = Script(None, True, make)
    for number, line in enumerate(commands, 1):
        violation = failure_of(script, line)
        if violation is not None:
            return number if violation.name == failure else None
    return None


def _is_stuck(script: Script, patience_ms: int) -> bool:
    """Whether nobody gets anything written, however long everybody runs without a fault, though
    most of the parliament lives."""
    stage = script.stage
    living = {who.id: who.cookie for who in stage.living()}
    known = [g for who in stage.living() if (g := who.legislator.government) is not None]
    government = max(known, key=lambda government: government.number, default=None)
    if government is None:
        return False
    seated = [id for id in government.parliament if government.lists(id, living.get(id))]
    if len(seated) < government.quorum:
        return False
    acknowledged = stage.history.acknowledged
    running.run(stage, patience_ms)
    for who in [who for who in stage.living() if who.leads]:
        stage.enqueue(who.id, b"proof")
    running.run(stage, 2 * stage.settings.timeout)
    return stage.history.acknowledged == acknowledged


def _fewer(commands: Sequence[str], judge: Judge, tries: Tries) -> list[str] | None:
    """As few of the commands as fail alike; None when they do not fail at all."""
    tries.count()
    end = judge.fails(commands)
    if end is None:
        return None
    left = _coarsely(list(commands[:end]), judge, tries)
    size = max(1, len(left) // 2)
    while tries:
        shorter = _leave_out(left, size, judge, tries)
        if len(shorter) == len(left) and size == 1:
            break
        if len(shorter) == len(left) or size > len(shorter):
            size = max(1, size // 2)
        left = shorter
    return left


def _coarsely(commands: list[str], judge: Judge, tries: Tries) -> list[str]:
    """Without what it fails without in large: which of the replies come home, somebody altogether,
    a kind of command, one kind for one citizen."""
    simpler = [_all_replies(line) for line in commands]
    end = judge.fails(simpler)
    if end is not None:
        commands = simpler[:end]
    joined = [line.split()[1] for line in commands if line.startswith("join ")]
    for id in reversed(dict.fromkeys(joined)):
        commands = _try([_without(line, id) for line in commands], commands, judge, tries)
    for length in (1, 2):
        for kind in dict.fromkeys(tuple(line.split()[:length]) for line in commands[1:]):
            others = [line for line in commands if tuple(line.split()[:length]) != kind]
            commands = _try(others, commands, judge, tries)
    return commands


def _try(candidate: Sequence[str], commands: list[str], judge: Judge, tries: Tries) -> list[str]:
    """The candidate, without what is empty, if it fails alike; else the commands as they are."""
    if not tries:
        return commands
    tries.count()
    fewer = [line for line in candidate if line]
    end = judge.fails(fewer)
    return commands if end is None else fewer[:end]


def _all_replies(line: str) -> str:
    return " ".join(line.split()[:2]) if line.startswith("answer ") else line


def _without(line: str, id: str) -> str:
    """The command without that citizen, empty if it is about that one."""
    verb, *words = line.split()
    if verb in ("enqueue", "settings") or not any(_named(word) == id for word in words):
        return line if verb != "enqueue" or words[0] != id else ""
    if verb == "answer" and _named(words[0]) != id:
        return " ".join([verb, *(word for word in words if _named(word) != id)])
    return ""


def _named(word: str) -> str:
    return word.partition("~")[0].partition("/")[0]


def _leave_out(commands: list[str], size: int, judge: Judge, tries: Tries) -> list[str]:
    """Without those runs of `size` commands, tried from the end, that it fails without."""
    at = max(1, len(commands) - size)  # the first command says how citizens are made
    while tries:
        commands = _try(commands[:at] + commands[at + size :], commands, judge, tries)
        if at == 1:
            break
        at = max(1, min(at, len(commands)) - size)
    return commands


def _carried_out(commands: Sequence[str], make: Make) -> list[str]:
    """Without the commands that were skipped, since what they refer to was not there."""
    script, done = Script(None, False, make), []
    for line in commands:
        try:
            failure_of(script, line)
        except Unknown:
            continue
        done.append(line)
    return done


def _written_by(commands: Sequence[str], ms: int) -> int:
    """How many of the commands had been written by that time."""
    for number, line in enumerate(commands):
        if line.startswith("at ") and int(line.removeprefix("at ")) > ms:
            return number
    return len(commands)


def _why(seed: int, summary: Summary, without: Sequence[str]) -> str:
    return (
        f"Found by the swarm, seed {seed}, and shrunk: {summary.failure}.\n"
        f"Needed of the seed's faults: {', '.join(_needed(without)) or 'none'}."
    )


def _needed(without: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name, _ in _calmings() if name not in without)
