"""`swarm`: seeded schedules of faults against simulated islands; which fail, and how to see why."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from paxos_ray.cli.exits import EPILOG, Exit
from paxos_ray.cli.options import Json
from paxos_ray.cli.render import err, print_json
from paxos_ray.simulation import Summary, Tally, run_schedule, run_schedules


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(epilog=EPILOG)(swarm)


def parse_seeds(text: str) -> range:
    """`3..7` as the range 3 to 7, both included; `3` as that one seed. Raises `ValueError`."""
    first, dots, last = text.partition("..")
    seeds = range(int(first), int(last if dots else first) + 1)
    if not seeds or seeds[0] < 0:
        raise ValueError(f"no seeds in {text!r}")
    return seeds


def swarm(
    seeds: Annotated[
        str, typer.Option(metavar="A..B", help="The seeds: A to B, both included, or one.")
    ] = "0..999",
    jobs: Annotated[
        int, typer.Option(min=1, help="How many processes run schedules.", show_default="all cores")
    ] = os.cpu_count() or 1,
    most: Annotated[int, typer.Option(min=1, help="Stop after so many failures.")] = 20,
    trace: Annotated[bool, typer.Option(help="Print each event of each schedule.")] = False,
    as_json: Json = False,
) -> None:
    """Run seeded schedules of faults against simulated islands; exit code 1 if any fails.

    Each seed picks the island, its clients and every fault. Safety is checked after every input of
    every citizen; then the faults end, and the island must come to rest within 400 pings and 20
    timeouts. The same seed is the same schedule, on any machine.
    """
    try:
        chosen = parse_seeds(seeds)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--seeds") from None
    tally = Tally()
    if trace:
        for seed in chosen:
            tally.add(run_schedule(seed, note=typer.echo))
    else:
        _run(chosen, jobs, most, tally)
    if as_json:
        print_json(_json(chosen, tally))
    else:
        for failure in tally.failures:
            _tell(failure)
        _sum_up(tally)
    raise typer.Exit(Exit.WRONG if tally.failures else Exit.OK)


def _run(seeds: range, jobs: int, most: int, tally: Tally) -> None:
    """Run the schedules under a progress bar."""
    columns = (
        TextColumn("schedules"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[failed]}", style="red"),
    )
    with Progress(*columns, console=err, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("", total=len(seeds), failed="")
        for summary in run_schedules(seeds, jobs):
            tally.add(summary)
            failed = f"{len(tally.failures)} failed" if tally.failures else ""
            progress.update(task, advance=1, failed=failed)
            if len(tally.failures) >= most:
                break


def _tell(failure: Summary) -> None:
    """What failed, and how to see it again."""
    typer.echo(f"seed {failure.seed}, at {failure.elapsed_ms} ms: {failure.failure}")
    typer.echo(f"    {failure.detail}")
    typer.echo(f"    paxos-ray swarm --seeds {failure.seed} --trace")


def _sum_up(tally: Tally) -> None:
    typer.echo(
        f"{tally.schedules} schedules, {len(tally.failures)} failed: {tally.messages} messages, "
        f"{tally.acknowledged} writes acknowledged, {tally.confirmed} reads confirmed, "
        f"at rest after at most {tally.rested_pings} pings"
    )
    for what, counts in (("deeds", tally.deeds), ("changes", tally.changes)):
        typer.echo(
            f"{what}: " + ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
        )


def _json(seeds: range, tally: Tally) -> dict[str, Any]:
    return {
        "seeds": [seeds[0], seeds[-1]],
        "schedules": tally.schedules,
        "messages": tally.messages,
        "acknowledged": tally.acknowledged,
        "confirmed": tally.confirmed,
        "rested_pings": tally.rested_pings,
        "deeds": dict(sorted(tally.deeds.items())),
        "changes": dict(sorted(tally.changes.items())),
        "failures": [
            {"seed": each.seed, "at_ms": each.elapsed_ms, "name": each.failure, "why": each.detail}
            for each in tally.failures
        ],
    }
