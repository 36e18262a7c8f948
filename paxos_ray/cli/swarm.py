"""`swarm`: seeded schedules of faults against simulated islands; which fail, and how to see why."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import Annotated, Any

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from paxos_ray.cli.ending import orderly
from paxos_ray.cli.exits import EPILOG, CommandError, Exit
from paxos_ray.cli.options import Json, cores
from paxos_ray.cli.render import Minutes, err, print_json
from paxos_ray.simulation import (
    PATIENCE,
    NotFailing,
    RecordExists,
    Shrunk,
    Summary,
    Tally,
    WorkerDied,
    Workload,
    records,
    run_schedules,
    shrink,
)

_NOT_AGAIN = "it did not fail when it was run again: more than the seed is to blame"
_NOT_SHOWN = (
    "what the citizens are given and give does not show it by itself: in no scenario are there "
    "clients with what they were answered, nor a coordinator with what it should have asked for"
)


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(epilog=EPILOG)(orderly()(swarm))


def parse_seeds(text: str) -> range:
    """`3..7` as the range 3 to 7, both included; `3` as that one seed. Raises `ValueError`."""
    first, dots, last = text.partition("..")
    try:
        seeds = range(int(first), int(last if dots else first) + 1)
    except ValueError:
        seeds = range(0)
    if seeds and seeds[-1] - seeds[0] >= sys.maxsize:
        raise ValueError(f"{text} are more seeds than can be counted")
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
    trace: Annotated[
        bool, typer.Option(help="Print each event of each schedule, all run in one process.")
    ] = False,
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
    timeouts. The same seed is the same schedule, on any machine. A failure is told as soon as it is
    known. In the end each is shrunk to the few steps that are to blame, and written as a scenario
    (docs/scenarios.md), if the citizens alone show it. With --json, standard output has the JSON
    only, and the rest is told on standard error.
    """
    chosen = _chosen(seeds)
    if record is not None:
        _check_writable(record, "--record")
        _check_unrecorded(record, chosen)
    if shrinks:
        _check_writable(scenarios, "--scenarios")
    run = _Run(chosen, workload, partial(typer.echo, err=as_json))
    note = run.say if trace else None
    try:
        try:
            summaries = run_schedules(chosen, jobs or cores(), record, workload, note)
            run.run(summaries, most, bar=not trace)
        finally:  # whoever interrupts it wants to know what there is
            if not as_json:
                run.sum_up()
        if shrinks:
            run.shrink(scenarios)
    except WorkerDied as error:
        raise CommandError(str(error), Exit.BROKEN) from None
    finally:
        if as_json:
            print_json(run.json())
    raise typer.Exit(Exit.WRONG if run.tally.failures else Exit.OK)


def _chosen(seeds: str) -> range:
    try:
        return parse_seeds(seeds)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--seeds") from None


def _check_writable(directory: Path, option: str) -> None:
    """Before hours are spent on what could not be written in the end."""
    try:
        there = next(each for each in (directory, *directory.absolute().parents) if each.exists())
        with TemporaryFile(dir=there):
            pass
    except OSError as error:
        why = f"{directory} cannot be written: {error.strerror}"
        raise typer.BadParameter(why, param_hint=option) from None


def _check_unrecorded(directory: Path, seeds: range) -> None:
    """A schedule that was recorded there would end all when it is its turn, the others half done.
    Raises `RecordExists`."""
    for each in sorted(directory.iterdir()) if directory.is_dir() else ():
        if each.name.isdecimal() and int(each.name) in seeds and each.is_dir() and records(each):
            raise RecordExists(f"there are records in {each} already")


class _Run:
    """What is known so far. What people are told, `say` is given as soon as it is known."""

    def __init__(self, seeds: range, workload: Workload, say: Callable[[str], None]) -> None:
        self.seeds = seeds
        self.tally = Tally()
        self.say = say
        self._workload = workload
        self._written: dict[int, Path] = {}
        self._shrunk: dict[int, Shrunk] = {}
        self._unwritten: dict[int, str] = {}  # why there is no scenario

    def run(self, summaries: Generator[Summary, None, None], most: int, bar: bool) -> None:
        """Run the schedules, under a progress bar if asked for, until so many have failed."""
        tally, seeds, minutes = self.tally, self.seeds, Minutes()
        rest = (TimeRemainingColumn(), TextColumn("{task.fields[failed]}", style="red"))
        with closing(summaries), _progress("schedules", *rest, shown=bar) as progress:
            task = progress.add_task("", total=len(seeds), failed="")
            for summary in summaries:
                tally.add(summary)
                if summary.failure is not None:
                    self._tell(summary)
                failed = f"{len(tally.failures)} failed" if tally.failures else ""
                progress.update(task, advance=1, failed=failed)
                minutes.tell(f"{tally.schedules:,} of {len(seeds):,} schedules {failed}".rstrip())
                if len(tally.failures) >= most:
                    break

    def _tell(self, failure: Summary) -> None:
        """What failed, and how to see it again."""
        self.say(f"seed {failure.seed}, at {failure.elapsed_ms} ms: {failure.failure}")
        self.say(f"    {failure.detail}")
        chosen = "" if self._workload is Workload.SEED else f" --workload {self._workload}"
        self.say(f"    paxos-ray swarm --seeds {failure.seed}{chosen} --trace")

    def sum_up(self) -> None:
        """What all schedules so far have come to."""
        tally, of = self.tally, len(self.seeds)
        many = f"{tally.schedules}" if tally.schedules == of else f"{tally.schedules} of {of}"
        self.say(
            f"{many} schedules, {len(tally.failures)} failed: {tally.messages} messages, "
            f"{tally.acknowledged} writes acknowledged, {tally.confirmed} reads confirmed, "
            f"at rest after at most {tally.rested_pings} pings"
        )
        if tally.undecided:
            self.say(f"{tally.undecided} histories of clients were too costly to check")
        for what, counts in (("deeds", tally.deeds), ("changes", tally.changes)):
            told = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
            self.say(f"{what}: {told}")

    def shrink(self, directory: Path) -> None:
        """Write each failure as a scenario, or say why there is none."""
        failures = self.tally.failures
        with _progress("shrinking") as progress:
            task = progress.add_task("", total=len(failures) * PATIENCE)
            for number, failure in enumerate(failures, 1):
                self.say(self._shrink(failure.seed, directory, lambda _: progress.advance(task)))
                progress.update(task, completed=number * PATIENCE)

    def _shrink(self, seed: int, directory: Path, progress: Callable[[int], None]) -> str:
        """Shrink one failure, and say what came of it."""
        try:
            shrunk = shrink(seed, progress=progress, workload=self._workload)
        except NotFailing:
            why = self._unwritten[seed] = _NOT_AGAIN
            return f"seed {seed}: no scenario, since {why}"
        self._shrunk[seed] = shrunk
        if shrunk.scenario is None:
            self._unwritten[seed] = _NOT_SHOWN
            return f"seed {seed}: no scenario, since {_NOT_SHOWN}\n    {_faults(shrunk)}"
        path = directory / f"seed_{seed}.txt"
        directory.mkdir(parents=True, exist_ok=True)
        path.write_text(shrunk.scenario)
        self._written[seed] = path
        return f"seed {seed}: {shrunk.steps:,} of {shrunk.steps_before:,} steps are left: {path}"

    def json(self) -> dict[str, Any]:
        """All of it, for programs; what is not known is null."""
        tally = self.tally
        return {
            "seeds": [self.seeds[0], self.seeds[-1]],
            "schedules": tally.schedules,
            "messages": tally.messages,
            "acknowledged": tally.acknowledged,
            "confirmed": tally.confirmed,
            "undecided": tally.undecided,
            "rested_pings": tally.rested_pings,
            "deeds": dict(sorted(tally.deeds.items())),
            "changes": dict(sorted(tally.changes.items())),
            "failures": [self._failure_json(each) for each in tally.failures],
        }

    def _failure_json(self, failure: Summary) -> dict[str, Any]:
        shrunk, written = self._shrunk.get(failure.seed), self._written.get(failure.seed)
        return {
            "seed": failure.seed,
            "at_ms": failure.elapsed_ms,
            "name": failure.failure,
            "why": failure.detail,
            "scenario": None if written is None else str(written),
            "no_scenario": self._unwritten.get(failure.seed),
            "needed": None if shrunk is None else shrunk.needed,
            "without": None if shrunk is None else shrunk.without,
        }


def _faults(shrunk: Shrunk) -> str:
    """What a failure has to do with the seed's faults."""
    if not shrunk.needed:
        return "it fails without any of the seed's faults"
    without = ", ".join(shrunk.without) or "none of the seed's faults"
    return f"it fails without {without}; it needs {', '.join(shrunk.needed)}"


def _progress(what: str, *columns: ProgressColumn, shown: bool = True) -> Progress:
    """A bar on standard error; what else is printed goes above it, on the same terminal."""
    return Progress(
        *(TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), *columns),
        console=err,
        disable=not shown or not sys.stderr.isatty(),
        redirect_stdout=sys.stdout.isatty(),
    )
