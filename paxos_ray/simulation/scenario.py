"""Scenarios: stories in text files, each block of commands with what comes of it.

A file is paragraphs, parted by blank lines. One with a line `----` is a block: commands above it,
their outcome below. All others are prose; the first says why the story is told. A line of prose
that begins with `guards against:` names bugs which, planted in the core, must change the outcome.
docs/scenarios.md describes the commands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from paxos_ray.core.errors import InvalidArgument
from paxos_ray.core.legislator import Legislator
from paxos_ray.simulation.island import Make
from paxos_ray.simulation.script import Misused, Script
from paxos_ray.simulation.stage import Unknown
from paxos_ray.simulation.watch import Violation

RULE = "----"
GUARDS = "guards against:"
NOTHING_TOLD = "(nothing)"
NOT_REACHED = "(not reached)"


class ScenarioError(Exception):
    """A scenario is malformed, or refers to what is not there: the file, the line, and how."""

    def __init__(self, path: str, line: int, what: str) -> None:
        super().__init__(f"{path}:{line}: {what}")
        self.path = path
        self.line = line


@dataclass(slots=True)
class Paragraph:
    """Lines of a scenario; `line` is the number of the first. Of a block they are commands, and
    `outcome` is what comes of them; of prose it is None."""

    line: int
    lines: list[str]
    outcome: list[str] | None = None


@dataclass(slots=True)
class Scenario:
    """A story: `path` is what errors call it, `guards` names the bugs that it must tell of."""

    path: str
    paragraphs: list[Paragraph]
    guards: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Performance:
    """What came of a scenario: the outcomes of its blocks, and the invariant that it violated or
    None. A failure within the core itself counts as one."""

    outcomes: list[list[str]]
    violation: Violation | None = None


def parse(text: str, path: str = "scenario") -> Scenario:
    """The scenario in this text. Raises `ScenarioError`."""
    scenario = Scenario(path, [])
    lines: list[str] = []
    for number, line in enumerate([*text.splitlines(), ""], 1):
        if line.strip():
            lines.append(line.rstrip())
        elif lines:
            scenario.paragraphs.append(_paragraph(path, number - len(lines), lines))
            lines = []
    if not scenario.paragraphs or scenario.paragraphs[0].outcome is not None:
        raise ScenarioError(path, 1, "a scenario opens with a sentence of why")
    if all(paragraph.outcome is None for paragraph in scenario.paragraphs):
        raise ScenarioError(path, 1, f"nothing happens: no paragraph has a line {RULE}")
    for paragraph in scenario.paragraphs:
        if paragraph.outcome is None:
            named = [line for line in paragraph.lines if line.startswith(GUARDS)]
            for line in named:
                names = line.removeprefix(GUARDS).split(",")
                scenario.guards += [name.strip() for name in names]
    return scenario


def _paragraph(path: str, first: int, lines: list[str]) -> Paragraph:
    if RULE not in lines:
        return Paragraph(first, lines)
    at = lines.index(RULE)
    if at == 0:
        raise ScenarioError(path, first, f"no command above {RULE}")
    if RULE in lines[at + 1 :]:
        again = first + at + 1 + lines[at + 1 :].index(RULE)
        raise ScenarioError(path, again, f"a second {RULE} in one block: a blank line is missing")
    return Paragraph(first, lines[:at], lines[at + 1 :])


def render(scenario: Scenario, performance: Performance | None = None) -> str:
    """The text of a scenario, with the outcomes of that performance instead of its own."""
    outcomes = iter(performance.outcomes) if performance is not None else None
    texts = []
    for paragraph in scenario.paragraphs:
        lines = list(paragraph.lines)
        if paragraph.outcome is not None:
            outcome = paragraph.outcome if outcomes is None else next(outcomes)
            lines += [RULE, *outcome]
        texts.append("\n".join(lines))
    return "\n\n".join(texts) + "\n"


def perform(scenario: Scenario, lenient: bool = False, make: Make = Legislator) -> Performance:
    """Carry out its commands; what is violated ends the story.

    A step that refers to what is not there is skipped if `lenient`, else raises
    `ScenarioError`, as does what is no command."""
    performance = Performance([])
    for outcome, violation in outcomes(scenario, lenient, make):
        performance.outcomes.append(outcome)
        performance.violation = violation
    return performance


def outcomes(
    scenario: Scenario, lenient: bool = False, make: Make = Legislator
) -> Iterator[tuple[list[str], Violation | None]]:
    """What comes of its blocks, one after the other, and what is violated by then: see
    `perform`."""
    told: list[str] = []
    violation: Violation | None = None
    script = Script(told.append, lenient, make)
    for paragraph in scenario.paragraphs:
        if paragraph.outcome is None:
            continue
        if violation is not None:
            yield [NOT_REACHED], violation
            continue
        for number, line in enumerate(paragraph.lines, paragraph.line):
            violation = _step(script, scenario.path, number, line)
            if violation is not None:
                told.append(f"VIOLATED {violation}")
                break
        yield list(told) or [NOTHING_TOLD], violation
        told.clear()


def play(commands: Iterable[str], lenient: bool = True, make: Make = Legislator) -> Performance:
    """Carry out bare commands, and tell only what they violate: for trying many of them."""
    performance = Performance([])
    script = Script(None, lenient, make)
    for number, line in enumerate(commands, 1):
        performance.violation = _step(script, "commands", number, line)
        if performance.violation is not None:
            break
    return performance


def compose(why: str, commands: Iterable[str], make: Make = Legislator) -> str:
    """The text of a scenario of one block of these commands, with what comes of them."""
    block = Paragraph(0, [*commands], [])
    scenario = Scenario("scenario", [Paragraph(0, why.splitlines()), block])
    return render(scenario, perform(scenario, lenient=True, make=make))


def failure_of(script: Script, line: str) -> Violation | None:
    """What carrying out one command violates. A failure within the core itself counts as one.

    Raises `Misused` and `Unknown` as `Script.do` does."""
    try:
        script.do(line)
    except (Misused, Unknown):
        raise
    except InvalidArgument as error:
        raise Misused(str(error)) from None
    except Violation as violation:
        return violation
    except Exception as error:  # noqa: BLE001 - whatever a broken core raises is an outcome
        detail = str(error).splitlines()[0] if str(error) else ""
        return Violation(f"{type(error).__name__} in the core or the simulation", detail)
    return None


def _step(script: Script, path: str, number: int, line: str) -> Violation | None:
    try:
        return failure_of(script, line)
    except (Misused, Unknown) as error:
        raise ScenarioError(path, number, str(error)) from None
