"""`explore`: every order of what may happen to a small island, within bounds."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from paxos_ray.cli.ending import orderly
from paxos_ray.cli.exits import EPILOG, CommandError, Exit
from paxos_ray.cli.options import Json, cores
from paxos_ray.cli.render import Minutes, err, print_json
from paxos_ray.simulation import Bounds, CrewError, Exploration
from paxos_ray.simulation import explore as search

_COUNTS = ("states", "transitions", "quiet", "depth", "frontier", "postures", "steps", "courts")


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(epilog=EPILOG)(orderly()(explore))


def explore(
    citizens: Annotated[int, typer.Option(help="Citizens at first: 1, 3 or 5.")] = 3,
    entries: Annotated[int, typer.Option(min=0, max=100, help="Entries proposed.")] = 2,
    reads: Annotated[int, typer.Option(min=0, max=100, help="Reads asked.")] = 0,
    changes: Annotated[
        int, typer.Option(min=0, max=100, help="Changes of government asked for.")
    ] = 1,
    change: Annotated[str, typer.Option(help="Which change: emigrate or embark.")] = "emigrate",
    elections: Annotated[
        int, typer.Option(min=0, max=100, help="Elections begun by a hint of death, true or not.")
    ] = 1,
    crashes: Annotated[int, typer.Option(min=0, max=100, help="Citizens that die.")] = 1,
    faults: Annotated[
        int, typer.Option(min=0, max=100, help="Messages lost, late or doubled.")
    ] = 1,
    alarms: Annotated[
        int, typer.Option(min=0, max=100, help="Alarms that ring; else time stands still.")
    ] = 0,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Stop at so many states; those next to the last are all counted.",
            show_default=False,
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="Processes; else one a core. The counts are the same for any."),
    ] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Leave no order of events out, equivalent or not.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Search all states that a small island can come to within bounds; exit code 1 if any is wrong.

    Every request and reply may be overtaken by any other, and whatever the bounds allow may happen
    at any moment. The checkers of the simulator look at each state. A violation is told with a
    shortest way to it. Exit code 5 when the limit ended the search first. Whatever else ends it,
    as Ctrl-C does, what has been searched by then is told.
    """
    try:
        bounds = Bounds(
            citizens=citizens,
            entries=entries,
            reads=reads,
            changes=changes,
            elections=elections,
            crashes=crashes,
            faults=faults,
            alarms=alarms,
            change=change,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    began, seen = time.monotonic(), Exploration(bounds, not plain)

    def look(exploration: Exploration) -> None:
        nonlocal seen
        seen = exploration

    try:
        _run(bounds, limit, not plain, jobs or cores(), look)
    except CrewError as error:
        raise CommandError(str(error), Exit.BROKEN) from None
    finally:  # whoever interrupts it wants to know what there is
        told = _json(seen, time.monotonic() - began)
        if as_json:
            print_json(told)
        else:
            _tell(seen, told)
    raise typer.Exit(_code(seen))


def _run(
    bounds: Bounds,
    limit: int | None,
    reduced: bool,
    jobs: int,
    look: Callable[[Exploration], None],
) -> None:
    """Search, telling on standard error how far it is. `look` is shown what it has come to."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    began, minutes = time.monotonic(), Minutes()
    with Progress(*columns, console=err, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("0 states", total=None)

        def report(exploration: Exploration) -> None:
            look(exploration)
            rate = exploration.states / max(time.monotonic() - began, 1e-3)
            line = (
                f"{exploration.states:,} states, {rate:,.0f} a second, depth {exploration.depth}, "
                f"frontier {exploration.frontier:,}"
            )
            progress.update(task, description=line)
            minutes.tell(line)

        search(bounds, limit, reduced, report, jobs)


def _code(exploration: Exploration) -> Exit:
    if exploration.finding is not None:
        return Exit.WRONG
    return Exit.OK if exploration.complete else Exit.TIMEOUT


def _json(exploration: Exploration, seconds: float) -> dict[str, Any]:
    finding = exploration.finding
    return {
        "bounds": asdict(exploration.bounds),
        "reduced": exploration.reduced,
        "complete": exploration.complete,
        **{name: getattr(exploration, name) for name in _COUNTS},
        "seconds": round(seconds, 1),
        "states_per_s": round(exploration.states / max(seconds, 1e-3)),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "finding": None if finding is None else asdict(finding),
    }


def _tell(exploration: Exploration, told: dict[str, Any]) -> None:
    finding = exploration.finding
    if finding is not None:
        for number, line in enumerate(finding.path, 1):
            typer.echo(f"{number:3d} {line}")
        typer.echo(f"{finding.name}: {finding.detail}")
    end = "all states" if exploration.complete else f"{exploration.frontier:,} states left"
    if finding is not None:
        end = "a violation"
    typer.echo(
        f"{exploration.states:,} states, {exploration.transitions:,} transitions, depth "
        f"{exploration.depth}, {exploration.quiet:,} quiet, {exploration.postures:,} postures of "
        f"a citizen; {told['seconds']:,} s, {told['states_per_s']:,} states/s, "
        f"{told['peak_mib']:,} MiB: {end}"
    )
