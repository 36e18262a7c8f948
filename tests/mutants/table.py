"""`python tests/mutants/table.py [--jobs N] [NAME…]`: how soon each mutant is caught, and by whom.

Every mutant is planted and runs the schedules 0, 1, 2, … until one is caught, and what came of it
is written to `found.json`, which the tests use, and into the table of `docs/testing.md`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Annotated, NamedTuple

import pytest
import typer
from rich.console import Console

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # run by its path, it finds the tests and the package beside them

from tests.mutants.catalogue import AREAS, MUTANTS  # noqa: E402
from tests.mutants.mutant import Endless, Mutant, schedule  # noqa: E402

LIMIT = 2_000
"""Schedules after which a mutant counts as not caught by them."""

DATA = Path(__file__).with_name("found.json")
DOCUMENT = ROOT / "docs" / "testing.md"
BEGIN, END = "<!-- mutants: tests/mutants/table.py writes this -->", "<!-- mutants: end -->"


class Found(NamedTuple):
    """What came of a mutant: the first seed that is caught and by whom; None if none of `LIMIT`."""

    name: str
    seed: int | None
    checker: str | None


class Wrong(Exception):
    """A mutant did what it should not, or nobody caught it."""


def find(name: str) -> Found:
    """Run the schedules of a mutant until one is caught. Raises `Wrong`."""
    mutant = MUTANTS[name]
    with pytest.MonkeyPatch.context() as patch:
        mutant.plant(patch)
        found = _first(mutant)
    if found.seed is None and mutant.witness is None:
        raise Wrong(f"{name}: nobody noticed in {LIMIT} schedules")
    if found.seed is not None and found.checker not in mutant.checkers:
        raise Wrong(f"{name}, seed {found.seed}: caught by {found.checker}, of all checkers")
    if found.seed is not None and (failure := mutant.caught(found.seed)) is not None:
        raise Wrong(f"{name}, seed {found.seed}: {failure} without it, too")
    return found


def _first(mutant: Mutant) -> Found:
    for seed in range(LIMIT):
        try:
            checker = mutant.caught(seed)
        except Endless as error:
            raise Wrong(f"{mutant.name}, seed {seed}: {error}") from None
        if checker is not None:
            return Found(mutant.name, seed, checker)
    return Found(mutant.name, None, None)


def _try(name: str) -> Found | str:
    try:
        return find(name)
    except Wrong as error:
        return str(error)


def find_all(names: Sequence[str], jobs: int) -> Iterator[Found | str]:
    """Find these, or say what is wrong with them, in `jobs` processes, as they come."""
    with ProcessPoolExecutor(max_workers=jobs) as pool:
        for future in as_completed([pool.submit(_try, name) for name in names]):
            yield future.result()


def load() -> dict[str, Found]:
    """What was found, by the name of the mutant."""
    rows = json.loads(DATA.read_text()) if DATA.exists() else []
    return {row["name"]: Found(**row) for row in rows}


def save(found: dict[str, Found]) -> None:
    """Write what was found, in the order of the catalogue, a mutant a line."""
    rows = [json.dumps(found[name]._asdict()) for name in MUTANTS if name in found]
    DATA.write_text("[\n  " + ",\n  ".join(rows) + "\n]\n")


def render(found: dict[str, Found]) -> str:
    """The table, in Markdown."""
    return "\n".join(_lines(found))


def _lines(found: dict[str, Found]) -> Iterable[str]:
    for title, area in AREAS.items():
        yield f"### {title}\n"
        yield "| mutant | what is wrong | caught by | after schedules |"
        yield "|---|---|---|---|"
        for mutant in vars(area).values():
            if isinstance(mutant, Mutant) and mutant.name in found:
                cells = (f"`{mutant.name}`", mutant.what, *_outcome(mutant, found[mutant.name]))
                yield f"| {' | '.join(cells)} |"
        yield ""


def _outcome(mutant: Mutant, found: Found) -> tuple[str, str]:
    """Who catches it, and after how many schedules."""
    if found.seed is None:
        return f"scenario `{mutant.witness}`", f"not in {LIMIT:,}"
    assert found.checker is not None
    after = f"{found.seed + 1:,}"
    if mutant.plan:
        after += ", with " + ", ".join(f"`{name}={value}`" for name, value in mutant.plan.items())
    if mutant.run is not schedule:
        after += f" with {mutant.run.__name__}"
    return found.checker, after


def tabled(text: str) -> str:
    """What stands between the markers in a text."""
    return text.partition(BEGIN)[2].partition(END)[0].strip()


def main(
    names: Annotated[list[str] | None, typer.Argument(help="Measure these only.")] = None,
    jobs: int = 1,
) -> None:
    """Measure mutants, and write the table."""
    for name in names or ():
        if name not in MUTANTS:
            raise typer.BadParameter(f"there is no mutant {name}", param_hint="NAME")
    console, found, wrong = Console(), load(), 0
    for result in find_all(names or list(MUTANTS), jobs):
        if isinstance(result, Found):
            found[result.name] = result
            console.print(f"{result.name}: {result.checker} at {result.seed}")
            save(found)
        else:
            wrong += 1
            console.print(f"[red]{result}")
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{render(found)}\n{END}{rest.partition(END)[2]}")
    raise typer.Exit(1 if wrong else 0)


if __name__ == "__main__":
    typer.run(main)
