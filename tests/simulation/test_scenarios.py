"""Every story in tests/scenarios ends as its file says; `pytest --rewrite` renews the files."""

from __future__ import annotations

import re
from difflib import unified_diff
from pathlib import Path

import pytest

from paxos_ray.core.legislator import Legislator
from paxos_ray.simulation.scenario import (
    ScenarioError,
    compose,
    outcomes,
    parse,
    perform,
    play,
    render,
)
from paxos_ray.simulation.script import COMMANDS
from tests.scenarios.bugs import BUGS

ROOT = Path(__file__).resolve().parents[2]
LANGUAGE = (ROOT / "docs" / "scenarios.md").read_text()
SCENARIOS = sorted((ROOT / "tests" / "scenarios").glob("*.txt"))
GUARDED = [(path, name) for path in SCENARIOS for name in parse(path.read_text(), path.name).guards]


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_scenario(path: Path, request: pytest.FixtureRequest) -> None:
    text = path.read_text()
    scenario = parse(text, path.name)
    performance = perform(scenario)
    renewed = render(scenario, performance)
    if request.config.getoption("--rewrite"):
        path.write_text(renewed)
    else:
        diff = unified_diff(text.splitlines(), renewed.splitlines(), path.name, "now", lineterm="")
        assert renewed == text, "\n".join(diff)
    assert performance.violation is None


@pytest.mark.parametrize(
    ("path", "name"), GUARDED, ids=[f"{path.stem}: {name}" for path, name in GUARDED]
)
def test_a_scenario_tells_of_the_bug_that_it_guards_against(
    path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The island has come to be before the bug is planted, or some bugs would let none be."""
    bug, scenario = BUGS[name], parse(path.read_text(), path.name)
    recorded = [block.outcome for block in scenario.paragraphs if block.outcome is not None]
    told = outcomes(scenario, lenient=True)
    if bug.early:
        bug.plant(monkeypatch)
    assert next(told)[0] == recorded[0]
    if not bug.early:
        bug.plant(monkeypatch)
    assert any(now != before for (now, _), before in zip(told, recorded[1:], strict=True))


def test_every_bug_is_guarded_against() -> None:
    assert sorted({name for _, name in GUARDED}) == sorted(BUGS)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "story:1: a scenario opens with a sentence of why"),
        ("found a\n----\n", "story:1: a scenario opens with a sentence of why"),
        ("why\n", "story:1: nothing happens"),
        ("why\n\n----\nx\n", "story:3: no command above ----"),
        ("why\n\nfound a\n----\na leads\n----\n", "story:6: a second ---- in one block"),
    ],
)
def test_a_malformed_file_is_refused_with_its_line(text: str, says: str) -> None:
    with pytest.raises(ScenarioError) as raised:
        parse(text, "story")
    assert str(raised.value).startswith(says)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("conjure a", "there is no command conjure"),
        ("found", "at least 1 words follow, not 0"),
        ("found b c", "at most 1 words follow, not 2"),
        ("found a color=red", "no option color=; there is seed, ahead"),
        ("join b seed=red", "red is no whole number"),
        ("settings ping=5", "settings come before anybody is there"),
        ('enqueue a "x', "No closing quotation"),
        ("tick z", "nobody is called z"),
        ("join a", "a lives"),
        ("found b", "b cannot found the island"),
        ("deliver a9 b", "no pulse was given that is called a9"),
        ("restore a s1", "there is no snapshot called s1"),
        ("embark a b now", "embark says acclimated or nothing"),
        ("cut a b", "somebody stands on both sides"),
        ("run until a dances", "what is dances?"),
        ("run 5 with b", "run MS only ID"),
        ("wait -5", "time does not go back by -5 ms"),
        ("resume z", "nobody is called z"),
        ("cut a | z", "nobody is called z"),
        ("hint a z", "nobody is called z"),
        ("run 5 only a z", "nobody is called z"),
        ("anew now", "at most 0 words follow, not 1"),
    ],
)
def test_a_step_that_makes_no_sense_is_refused_with_its_line(line: str, says: str) -> None:
    scenario = parse(f"why\n\nfound a\n{line}\n----\n", "story")
    with pytest.raises(ScenarioError) as raised:
        perform(scenario)
    assert str(raised.value).startswith("story:4: ")
    assert says in str(raised.value)


def test_settings_that_make_no_citizen_are_refused_with_the_line() -> None:
    with pytest.raises(ScenarioError, match="story:4: ping is a whole number of at least 1"):
        perform(parse("why\n\nsettings ping=0\nfound a\n----\n", "story"))


def test_a_lenient_script_skips_what_refers_to_nothing() -> None:
    commands = ["found a", "tick z", "deliver a9 b", "restore a s1", "embark a z", "enqueue a x"]
    assert play(commands).violation is None
    with pytest.raises(ScenarioError, match="commands:2: nobody is called z"):
        play(commands, lenient=False)
    with pytest.raises(ScenarioError, match="there is no command conjure"):
        play([*commands, "conjure"])


def test_what_is_violated_is_named_and_ends_the_story(monkeypatch: pytest.MonkeyPatch) -> None:
    BUGS["a promise not checked"].plant(monkeypatch)
    commands = "citizens a b c\nhint b a\nenqueue a x\ndeliver a1 b\nshow\n----"
    scenario = parse(f"why\n\n{commands}\n\nshow\n----\n")
    performance = perform(scenario)
    last = "VIOLATED promises are kept: b recorded at (6,a) and has promised (7,b)"
    assert performance.outcomes[0][-1] == last
    assert performance.outcomes[1] == ["(not reached)"]
    assert performance.violation is not None
    assert performance.violation.name == "promises are kept"
    assert render(scenario, performance).endswith(f"{last}\n\nshow\n----\n(not reached)\n")


def test_an_exception_of_the_core_is_an_outcome() -> None:
    def broken(id: str, **limits: int) -> Legislator:
        raise AssertionError("no citizen\nis made")

    performance = perform(parse("why\n\nfound a\n----\n"), make=broken)
    name = "AssertionError in the core or the simulation"
    assert performance.outcomes == [[f"VIOLATED {name}: no citizen"]]
    assert play(["found a"], make=broken).violation is not None


def test_composed_of_bare_commands() -> None:
    text = compose("A story.", ["found a", "tick z", "enqueue a x"])
    assert text.startswith(
        "A story.\n\nfound a\ntick z\nenqueue a x\n----\na commits [1/0: a |  | ]"
    )
    assert render(parse(text)) == text


def test_the_page_on_the_language_has_every_command() -> None:
    named = set(re.findall(r"`(\w+)", LANGUAGE))
    assert [command for command in COMMANDS if command not in named] == []


def test_the_example_on_that_page_is_true() -> None:
    lines = LANGUAGE.partition("## A file")[2].splitlines()
    first = next(at for at, line in enumerate(lines) if line.startswith("    "))
    last = next(at for at in range(first, len(lines)) if lines[at][:4].strip())
    text = "\n".join(line[4:] for line in lines[first:last]).strip() + "\n"
    scenario = parse(text)
    assert len(scenario.paragraphs) == 4
    assert render(scenario, perform(scenario)) == text
