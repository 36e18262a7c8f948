"""`swarm`: seeded schedules of faults against simulated islands; which fail, and how to see why."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
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
from paxos_ray.cli.options import Json, cores
from paxos_ray.cli.render import Minutes, err, print_json
from paxos_ray.simulation import (
    PATIENCE,
    Summary,
    Tally,
    Workload,
    run_schedule,
    run_schedules,
    shrink,
)


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(epilog=EPILOG)(swarm)


def parse_seeds(text: str) -> range:
    """`3..7` as the range 3 to 7, both included; `3` as that one seed. Raises `ValueError`."""
    first, dots, last = text.partition("..")
    try:
        seeds = range(int(first), int(last if dots else first) + 1)
    except ValueError:
        seeds = range(0)
    if not seeds or seeds[0] < 0:
        raise ValueError(f"seeds are A..B, both included, or one number, not {text!r}")
    return seeds


def swarm(
    seeds: Annotated[
        str, typer.Option(metavar="A..B", help="The seeds: A to B, both included, or one.")
    ] = "0..999",
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="How many processes run schedules; else one a core."),
    ] = None,
    most: Annotated[int, typer.Option(min=1, help="Stop after so many failures.")] = 20,
    trace: Annotated[bool, typer.Option(help="Print each event of each schedule.")] = False,
    scenarios: Annotated[
        Path, typer.Option(metavar="DIR", help="Where to write what is left of each failure.")
    ] = Path("swarm-failures"),
    shrinks: Annotated[
        bool, typer.Option("--shrink/--no-shrink", help="Shrink each failure to a scenario.")
    ] = True,
    record: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            file_okay=False,
            help="Record each schedule's citizens, in a directory DIR/SEED.",
            show_default=False,
        ),
    ] = None,
    workload: Annotated[
        Workload, typer.Option(help="What clients do; by default what the seed picks.")
    ] = Workload.SEED,
    as_json: Json = False,
) -> None:
    """Run seeded schedules of faults against simulated islands; exit code 1 if any fails.

    Each seed picks the island, its clients and every fault. Safety is checked after every input of
    every citizen; then the faults end, and the island must come to rest within 400 pings and 20
    timeouts. The same seed is the same schedule, on any machine. A failure is shrunk to the few
    steps that are to blame, and written as a scenario (docs/scenarios.md).
    """
    chosen = _chosen(seeds)
    tally = Tally()
    if trace:
        for seed in chosen:
            tally.add(run_schedule(seed, note=typer.echo, workload=workload))
    else:
        _run(chosen, jobs or cores(), most, record, workload, tally)
    written = _shrink(tally.failures, scenarios, workload) if shrinks else {}
    if as_json:
        print_json(_json(chosen, tally, written))
    else:
        for failure in tally.failures:
            _tell(failure, workload, written.get(failure.seed))
        _sum_up(tally)
    raise typer.Exit(Exit.WRONG if tally.failures else Exit.OK)


def _chosen(seeds: str) -> range:
    try:
        return parse_seeds(seeds)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--seeds") from None


def _run(
    seeds: range, jobs: int, most: int, record: Path | None, workload: Workload, tally: Tally
) -> None:
    """Run the schedules under a progress bar."""
    columns = (
        TextColumn("schedules"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[failed]}", style="red"),
    )
    minutes = Minutes()
    with Progress(*columns, console=err, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("", total=len(seeds), failed="")
        for summary in run_schedules(seeds, jobs, record, workload):
            tally.add(summary)
            failed = f"{len(tally.failures)} failed" if tally.failures else ""
            progress.update(task, advance=1, failed=failed)
            minutes.tell(f"{tally.schedules:,} of {len(seeds):,} schedules {failed}".rstrip())
            if len(tally.failures) >= most:
                break


def _shrink(failures: Sequence[Summary], directory: Path, workload: Workload) -> dict[int, Path]:
    """Write each failure as a scenario, if its commands alone show it: by seed, where."""
    written: dict[int, Path] = {}
    columns = (TextColumn("shrinking"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("", total=len(failures) * PATIENCE)
        for number, failure in enumerate(failures):
            shrunk = shrink(
                failure.seed, progress=lambda _: progress.advance(task), workload=workload
            )
            progress.update(task, completed=(number + 1) * PATIENCE)
            if shrunk.scenario is not None:
                directory.mkdir(parents=True, exist_ok=True)
                written[failure.seed] = directory / f"seed_{failure.seed}.txt"
                written[failure.seed].write_text(shrunk.scenario)
    return written


def _tell(failure: Summary, workload: Workload, scenario: Path | None) -> None:
    """What failed, and how to see it again."""
    typer.echo(f"seed {failure.seed}, at {failure.elapsed_ms} ms: {failure.failure}")
    typer.echo(f"    {failure.detail}")
    chosen = "" if workload is Workload.SEED else f" --workload {workload}"
    typer.echo(f"    paxos-ray swarm --seeds {failure.seed}{chosen} --trace")
    if scenario is not None:
        typer.echo(f"    {scenario}")


def _sum_up(tally: Tally) -> None:
    typer.echo(
        f"{tally.schedules} schedules, {len(tally.failures)} failed: {tally.messages} messages, "
        f"{tally.acknowledged} writes acknowledged, {tally.confirmed} reads confirmed, "
        f"at rest after at most {tally.rested_pings} pings"
    )
    if tally.undecided:
        typer.echo(f"{tally.undecided} histories of clients were too costly to check")
    for what, counts in (("deeds", tally.deeds), ("changes", tally.changes)):
        typer.echo(
            f"{what}: " + ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
        )


def _json(seeds: range, tally: Tally, written: dict[int, Path]) -> dict[str, Any]:
    return {
        "seeds": [seeds[0], seeds[-1]],
        "schedules": tally.schedules,
        "messages": tally.messages,
        "acknowledged": tally.acknowledged,
        "confirmed": tally.confirmed,
        "undecided": tally.undecided,
        "rested_pings": tally.rested_pings,
        "deeds": dict(sorted(tally.deeds.items())),
        "changes": dict(sorted(tally.changes.items())),
        "failures": [
            {
                "seed": each.seed,
                "at_ms": each.elapsed_ms,
                "name": each.failure,
                "why": each.detail,
                "scenario": str(written[each.seed]) if each.seed in written else None,
            }
            for each in tally.failures
        ],
    }
