"""Every mutant is caught, by whom and when the table says; the table is what was measured."""

from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from paxos_ray.simulation.scenario import outcomes, parse
from tests.mutants import table
from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import FORK, INVALID, mutant

FOUND = table.load()
BY_SEED = [name for name, found in FOUND.items() if found.seed is not None]
BY_STORY = [name for name, found in FOUND.items() if found.seed is None]

FEW = 50
"""Schedules that are all run, to see that the one that is named is the first."""


def test_the_table_is_what_was_measured() -> None:
    assert list(FOUND) == list(MUTANTS)
    assert table.tabled(table.DOCUMENT.read_text()) == table.render(FOUND).strip()
    assert len(BY_SEED) >= 25


@pytest.mark.parametrize("name", BY_SEED)
def test_a_mutant_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    planted, seed = MUTANTS[name], FOUND[name].seed
    assert seed is not None
    assert planted.caught(seed) is None, "without the bug, too"
    planted.plant(monkeypatch)
    for before in range(seed if seed < FEW else 0):
        assert planted.caught(before) is None, f"at {before} already"
    assert planted.caught(seed) == FOUND[name].checker
    assert FOUND[name].checker in planted.checkers


@pytest.mark.parametrize("name", BY_STORY)
def test_a_story_catches_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    planted = MUTANTS[name]
    path = table.ROOT / "tests" / "scenarios" / f"{planted.witness}.txt"
    scenario = parse(path.read_text(), path.name)
    told = [block.outcome for block in scenario.paragraphs if block.outcome is not None]
    outcome = outcomes(scenario, lenient=True)
    assert next(outcome)[0] == told[0]  # the island has come to be; now comes the bug
    planted.plant(monkeypatch)
    assert any(now != before for (now, _), before in zip(outcome, told[1:], strict=True))


def test_a_name_that_no_mutant_has_is_wrong_usage() -> None:
    app = typer.Typer()
    app.command()(table.main)
    ran = CliRunner().invoke(app, ["no_such_mutant"])
    assert ran.exit_code == 2
    assert "there is no mutant no_such_mutant" in ran.output


def test_a_bug_that_nobody_minds_is_not_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the table shows is not in the harness, nor in the plans that a mutant changes."""

    @mutant(*FORK, INVALID, coup=4.0)
    def harmless(patch: pytest.MonkeyPatch) -> None:
        """Nothing is wrong."""

    monkeypatch.setitem(MUTANTS, "harmless", harmless)
    monkeypatch.setattr(table, "LIMIT", 3)
    with pytest.raises(table.Wrong, match="nobody noticed"):
        table.find("harmless")
