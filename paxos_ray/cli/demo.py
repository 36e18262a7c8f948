"""`demo`: the whole of it on real text, with a progress bar and a verdict."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

import paxos_ray
from paxos_ray.cli import cluster, secret
from paxos_ray.cli.demonstration import CITIZENS, Demonstration, Findings, Occasion, Watcher
from paxos_ray.cli.exits import EPILOG, CommandError, Exit
from paxos_ray.cli.options import Address, Json, Record
from paxos_ray.cli.render import err, government_json, out, print_json
from paxos_ray.cli.text import chunks, own_text, text_of

if TYPE_CHECKING:
    from paxos_ray import Cluster, Island

_CHUNK_WORDS = 2_500
_TOP = 10


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(epilog=EPILOG)(demo)


def demo(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILES]...",
            exists=True,
            dir_okay=False,
            readable=True,
            help="The text to count; without any, text that comes with Python.",
            show_default=False,
        ),
    ] = None,
    address: Address = None,
    increments: Annotated[
        int, typer.Option(min=1, help="Count at least so many words; a short text is repeated.")
    ] = 200_000,
    record: Record = None,
    as_json: Json = False,
) -> None:
    """Count words exactly while the leader is killed and the island grows and shrinks.

    Ray tasks count each word of the text into a replicated counter of its own, on an island of
    five. Midway the leader's process is killed (SIGKILL), and the island scales to 7 and then to 3.
    Exits with 0 only if every count equals that of collections.Counter and all citizens have the
    same state. Without --address and RAY_ADDRESS it starts a Ray of its own for the while.
    """
    texts = text_of(files) if files else own_text(increments)
    size = max(1, min(_CHUNK_WORDS, increments // 20))
    try:
        cut = chunks(texts, increments, size)
    except ValueError as error:
        raise CommandError(str(error), Exit.USAGE) from None
    where: AbstractContextManager[Cluster]
    where = cluster.running(address) if cluster.asked_for(address) else cluster.embedded()
    with where as found, _island(record) as island:
        findings = _watched(island, cut, max(2, int(2 * found.cpus)))
    if as_json:
        print_json(findings_json(findings))
    else:
        show(findings)
    if not findings.exact:
        raise typer.Exit(Exit.WRONG)


@contextmanager
def _island(record: Path | None) -> Iterator[Island]:
    name = f"demo-{secrets.token_hex(3)}"
    island = paxos_ray.launch(
        name, CITIZENS, record=record, secret=secret.given(), progress=err.is_terminal
    )
    try:
        yield island
    finally:
        island.shutdown()


def _watched(island: Island, cut: list[str], tasks: int) -> Findings:
    """Run the demonstration under a progress bar on standard error."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
        disable=not err.is_terminal,
    ) as progress:
        bar = progress.add_task("counting words")
        watcher = Watcher(
            counted=lambda words: progress.advance(bar, words),
            says=lambda what: progress.update(bar, description=what),
        )
        demonstration = Demonstration(island, cut, tasks, watcher)
        progress.update(bar, total=demonstration.findings.expected.total())
        return demonstration.run()


def findings_json(findings: Findings) -> dict[str, Any]:
    """The findings for programs; `wrong` has each word whose count is not exact."""
    top = [word for word, _ in findings.expected.most_common(_TOP)]
    return {
        "exact": findings.exact,
        "total": {"expected": findings.expected.total(), "counted": sum(findings.counted.values())},
        "distinct": len(findings.expected),
        "top": {word: _pair(findings, word) for word in top},
        "wrong": {word: _pair(findings, word) for word in findings.wrong},
        "probe": {"expected": findings.probe_expected, "counted": findings.probe_counted},
        "seconds": round(findings.seconds, 3),
        "increments_per_s": round(findings.expected.total() / findings.seconds),
        "killed": findings.killed,
        "pause_ms": round(findings.pause_ms, 1),
        "usual_ms": round(findings.usual_ms, 2),
        "governments": [
            {"when": when, "at_s": round(at_s, 3), **government_json(government)}
            for when, at_s, government in findings.occasions
        ],
        "digests": findings.digests,
        "reflects": findings.reflects,
    }


def _pair(findings: Findings, word: str) -> dict[str, int | None]:
    return {"expected": findings.expected[word], "counted": findings.counted.get(word)}


def show(findings: Findings) -> None:
    """Print the findings as tables, and the verdict."""
    out.print(_counts_table(findings))
    out.print(_governments_table(findings.occasions))
    states = Table("citizen", "state reflects", "digest of the state", title="States")
    for citizen, digest in findings.digests.items():
        states.add_row(citizen, findings.reflects, (digest or "none")[:32])
    out.print(states)
    total = findings.expected.total()
    out.print(
        f"{total:,} increments of {len(findings.expected):,} counters in {findings.seconds:.1f} s "
        f"({total / findings.seconds:,.0f}/s). When {findings.killed} was killed, acknowledgements "
        f"paused for {findings.pause_ms:.0f} ms, where {findings.usual_ms:.1f} ms is usual.",
        highlight=False,
    )
    if findings.exact:
        out.print("Every count is exact, and all citizens have the same state.", style="green")
    else:
        out.print(
            f"NOT EXACT: {len(findings.wrong)} counters differ, the probe counted "
            f"{findings.probe_counted} of {findings.probe_expected}, "
            f"{len(set(findings.digests.values()))} different states.",
            style="bold red",
        )


def _governments_table(occasions: list[Occasion]) -> Table:
    columns = ("when", "at", "government", "majority", "minority", "constituents")
    table = Table(*columns, title="Governments")
    for when, at_s, government in occasions:
        seats = (government.majority, government.minority, government.constituents)
        table.add_row(
            when, f"{at_s:.1f} s", str(government.promise), *(" ".join(ids) for ids in seats)
        )
    return table


def _counts_table(findings: Findings) -> Table:
    table = Table("word", "collections.Counter", "island", "", title="Words")
    rows = [(word, count) for word, count in findings.expected.most_common(_TOP)]
    rows += [(word, findings.expected[word]) for word in findings.wrong[:_TOP]]
    for word, count in rows:
        counted = findings.counted.get(word)
        table.add_row(word, f"{count:,}", f"{counted or 0:,}", "=" if counted == count else "WRONG")
    rest = len(findings.expected) - len(rows)
    total, counted = findings.expected.total(), sum(findings.counted.values())
    table.add_row(f"… and {rest:,} more words", "", "", "=" if not findings.wrong else "")
    table.add_row(
        "total", f"{total:,}", f"{counted:,}", "=" if total == counted else "WRONG", style="bold"
    )
    for column in (1, 2):
        table.columns[column].justify = "right"
    return table
