"""`python -m paxos_ray.simulation --seeds 0..999 --jobs 2`: run schedules, tell which fail.

A failing seed is replayed, event by event, by `--seeds N..N --trace`.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from paxos_ray.simulation.schedule import Summary, run
from paxos_ray.simulation.swarm import Tally, swarm

console = Console(stderr=True, highlight=False)


def parse_seeds(text: str) -> range:
    """`3..7` as the range 3 to 7, both included; `3` as that one seed. Raises `ValueError`."""
    first, dots, last = text.partition("..")
    seeds = range(int(first), int(last if dots else first) + 1)
    if not seeds or seeds[0] < 0:
        raise ValueError(f"no seeds in {text!r}")
    return seeds


def main(
    seeds: Annotated[str, typer.Option(help="The seeds: A..B, both included, or one.")] = "0..999",
    jobs: Annotated[int, typer.Option(help="How many processes run schedules.")] = 1,
    trace: Annotated[bool, typer.Option(help="Print each event of each schedule.")] = False,
    most: Annotated[int, typer.Option(help="Stop after so many failures.")] = 20,
) -> None:
    """Run seeded schedules of faults against a simulated island; exit code 1 if any fails."""
    try:
        chosen = parse_seeds(seeds)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--seeds") from None
    tally = Tally()
    if trace:
        for seed in chosen:
            tally.add(run(seed, note=typer.echo))
    else:
        _show(chosen, jobs, most, tally)
    for failure in tally.failures:
        _tell(failure)
    _sum_up(tally)
    raise typer.Exit(1 if tally.failures else 0)


def _show(seeds: range, jobs: int, most: int, tally: Tally) -> None:
    """Run the schedules under a progress bar."""
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[failed]}"),
    )
    with Progress(*columns, console=console, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("schedules", total=len(seeds), failed="")
        for summary in swarm(seeds, jobs):
            tally.add(summary)
            failed = f"{len(tally.failures)} failed" if tally.failures else ""
            progress.update(task, advance=1, failed=failed)
            if len(tally.failures) >= most:
                break


def _tell(failure: Summary) -> None:
    """What failed, and how to see it again."""
    typer.echo(f"seed {failure.seed}, at {failure.elapsed_ms} ms: {failure.failure}")
    typer.echo(f"    {failure.detail}")
    typer.echo(f"    python -m paxos_ray.simulation --seeds {failure.seed} --trace")


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


if __name__ == "__main__":
    typer.run(main)
