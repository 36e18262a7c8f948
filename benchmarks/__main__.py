"""Measure, show, write: `python -m benchmarks COMMAND [--json FILE]`; `--help` names them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks import core as core_figures
from benchmarks import procession as procession_figures
from benchmarks import standard as standard_figures
from benchmarks.report import Report, Value

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)
Json = Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")]


def _finish(report: Report, console: Console, path: Path | None) -> None:
    report.show(console)
    if path is not None:
        report.write(path)


@app.command()
def core(json: Json = None, trials: int = 7, rounds: int = 3) -> None:
    """Five Legislators in one process, pulses handed over directly: rates and growth."""
    console = Console(file=sys.stdout)  # stays there when Ray's words are put aside
    _finish(core_figures.measure(console, trials, rounds), console, json)


@app.command()
def procession(json: Json = None, trials: int = 7) -> None:
    """The queue under the log beside deque and asyncio.Queue; its index; its counter."""
    console = Console(file=sys.stdout)
    _finish(procession_figures.measure(console, trials), console, json)


@app.command()
def counters(json: Json = None, trials: int = 7, kills: int = 10) -> None:
    """Replicated counters on Ray beside a plain actor and a bare chain of calls; failovers."""
    from benchmarks.counters import measure  # loads Ray, which `core` does without

    console = Console(file=sys.stdout)  # stays there when Ray's words are put aside
    _finish(measure(console, trials, kills), console, json)


@app.command()
def overload(
    json: Json = None, seconds: float = 60.0, clients: int = 5, stream_mib: int = 2
) -> None:
    """Clients at full rate, and a constituent that stands still in turns: memory, and no loss.

    `--stream-mib 16` is an island's default, which takes longer to fill."""
    from benchmarks.overload import measure  # loads Ray

    console = Console(file=sys.stdout)  # stays there when Ray's words are put aside
    _finish(measure(console, seconds, clients, stream_mib), console, json)


@app.command()
def reads(json: Json = None, trials: int = 3) -> None:
    """Reads by consistency, by 1, 3 and 5 citizens: rates and growth."""
    from benchmarks.reads import measure  # loads Ray

    console = Console(file=sys.stdout)  # stays there when Ray's words are put aside
    _finish(measure(console, trials), console, json)


@app.command()
def scale(json: Json = None, most: int = 50, trials: int = 3, handovers: int = 10) -> None:
    """From 3 citizens to `--most` and back: what that and a commit cost; the leader leaves."""
    from benchmarks.scale import measure  # loads Ray

    console = Console(file=sys.stdout)  # stays there when Ray's words are put aside
    sizes = (*(size for size in (3, 7, 25) if size < most), most)
    _finish(measure(console, sizes, trials, handovers), console, json)


@app.command()
def sessions(json: Json = None, clients: int = 10_000) -> None:
    """Sessions that are used once and never closed: memory and snapshots, without Ray."""
    from benchmarks.sessions import measure

    console = Console(file=sys.stdout)
    _finish(measure(console, clients), console, json)


@app.command()
def failover(json: Json = None, faults: int = 10, loaded: bool = False) -> None:
    """Pauses when a leader or its node is lost, on a cluster of network namespaces; needs root.

    With `--loaded`, every CPU is busy with something else meanwhile."""
    from benchmarks.failover import measure

    console = Console(file=sys.stdout)
    _finish(measure(console, faults, loaded), console, json)


@app.command()
def standard(json: Json = None, trials: int = 3) -> None:
    """Operations of each standard object that a replica applies, with 100 and 100,000 in it."""
    details: dict[str, Value] = {**standard_figures.measure(trials)}
    _finish(Report(details=details), Console(file=sys.stdout), json)


@app.command()
def objects(json: Json = None, trials: int = 5) -> None:
    """Objects of users' classes: costs of calls and exceptions, pauses at 100 MB of state."""
    from benchmarks.objects import measure

    console = Console(file=sys.stdout)
    _finish(measure(console, trials), console, json)


if __name__ == "__main__":
    app()
