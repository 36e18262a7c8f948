"""`replay`: recorded citizens live again, and must do what they did."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from operator import eq
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table

from paxos_ray.cli.ending import orderly
from paxos_ray.cli.exits import EPILOG, CommandError, Exit
from paxos_ray.cli.options import Json
from paxos_ray.cli.render import err, out, print_json, print_table, say
from paxos_ray.simulation import Difference, RecordError, Replayed, Torn, records, replay

_WIDTH = 600  # characters of a line that people are shown
_LEAD = 200  # of which so many come before a difference
_STEP_BYTES = 1 << 16  # that are replayed between two looks of the progress bar


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one file: a replay, or why it was refused."""

    file: str
    replayed: Replayed | None
    refused: str | None = None
    line: int | None = None  # at fault, if refused

    @property
    def difference(self) -> Difference | None:
        """Where the replay went another way."""
        return None if self.replayed is None else self.replayed.difference


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(name="replay", epilog=EPILOG)(orderly()(replay_records))


def replay_records(
    place: Annotated[
        Path,
        typer.Argument(
            metavar="DIR|FILE",
            exists=True,
            readable=True,
            help="A record, or a directory: all records in it and below.",
            show_default=False,
        ),
    ],
    up_to_torn: Annotated[
        bool,
        typer.Option(
            "--up-to-torn",
            help="Replay a record whose last line is cut off up to that line, don't refuse it.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Give each recorded input to a fresh Legislator, and compare all that comes of it.

    Prints, for each citizen, how many inputs, entries and governments matched, and the first
    difference with what preceded it. Exits with 0 if there is none, 1 if there is one, 4 if a
    record was refused: torn, damaged, of another version, or no record at all.
    """
    try:
        files = records(place)
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}", Exit.REFUSED) from None
    if not files:
        raise CommandError(f"there is no record in {place}", Exit.REFUSED)
    with _progress(sum(map(_size, files))) as passed:
        findings = [_replayed(file, place, up_to_torn, passed) for file in files]
    if as_json:
        print_json(
            {
                "identical": all(_is_identical(finding) for finding in findings),
                "records": [_finding_json(finding) for finding in findings],
            }
        )
    else:
        _show(findings)
    if any(finding.difference is not None for finding in findings):
        raise typer.Exit(Exit.WRONG)
    if any(finding.refused is not None for finding in findings):
        raise typer.Exit(Exit.REFUSED)


def _replayed(file: Path, place: Path, up_to_torn: bool, passed: Callable[[int], None]) -> Finding:
    name = str(file.relative_to(place)) if file != place else file.name
    try:
        return Finding(name, replay(file, up_to_torn=up_to_torn, passed=passed))
    except RecordError as error:
        some = isinstance(error, Torn) and error.line > 1
        hint = "; --up-to-torn replays what is before it" if some else ""
        return Finding(name, None, f"{error}{hint}", error.line)
    except OSError as error:
        return Finding(name, None, f"{file}: {error.strerror}")


def _size(file: Path) -> int:
    """In bytes; of what is not there, nothing."""
    try:
        return file.stat().st_size
    except OSError:
        return 0


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error, to be told of the bytes that are done."""
    waiting = 0
    with Progress(
        TextColumn("replaying"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=err,
        disable=not err.is_terminal,
    ) as progress:
        bar = progress.add_task("replaying", total=total)

        def passed(length: int) -> None:
            nonlocal waiting
            waiting += length
            if waiting > _STEP_BYTES:
                progress.advance(bar, waiting)
                waiting = 0

        yield passed
        progress.update(bar, completed=total)


def _is_identical(finding: Finding) -> bool:
    return finding.refused is None and finding.difference is None


# -- for programs ----------------------------------------------------------------------------


def _finding_json(finding: Finding) -> dict[str, Any]:
    """One record's finding; what does not apply is null."""
    replayed, difference = finding.replayed, finding.difference
    return {
        "file": finding.file,
        "citizen": replayed and replayed.citizen,
        "inputs": replayed and replayed.inputs,
        "entries": replayed and replayed.entries,
        "governments": replayed and replayed.governments,
        "torn_line": replayed and replayed.torn,
        "refused": finding.refused and {"why": finding.refused, "line": finding.line},
        "difference": None if difference is None else _difference_json(difference),
    }


def _difference_json(difference: Difference) -> dict[str, Any]:
    return {
        "line": difference.line,
        "parts": list(difference.parts),
        "recorded": difference.recorded,
        "came": difference.came,
        "before": [{"line": line, "text": text} for line, text in difference.before],
    }


# -- for people ------------------------------------------------------------------------------


def _show(findings: list[Finding]) -> None:
    names = (Column("record", overflow="fold"), "citizen")
    table = Table(*names, "inputs", "entries", "governments", "", title="Replay")
    for column in (2, 3, 4):
        table.columns[column].justify = "right"
    for finding in findings:
        replayed = finding.replayed
        if replayed is None:
            table.add_row(escape(finding.file), "", "", "", "", "REFUSED", style="red")
            continue
        counts = (replayed.inputs, replayed.entries, replayed.governments)
        verdict = "identical"
        if replayed.difference is not None:
            verdict = f"DIFFERS in line {replayed.difference.line}"
        who = (escape(finding.file), escape(replayed.citizen))
        table.add_row(*who, *(f"{each:,}" for each in counts), verdict)
    print_table(table)
    for finding in findings:
        if finding.refused is not None:
            say(f"paxos-ray: {finding.refused}", style="red")
        elif finding.difference is not None:
            _show_difference(finding.file, finding.difference)
        elif finding.replayed is not None and finding.replayed.torn is not None:
            _say(f"{finding.file}: line {finding.replayed.torn}, the last, is cut off: left out")
    if all(_is_identical(finding) for finding in findings):
        total = sum(finding.replayed.inputs for finding in findings if finding.replayed)
        many = f"{len(findings)} citizens" if len(findings) > 1 else "one citizen"
        out.print(f"All {total:,} inputs of {many} gave what they gave.", style="green")


def _show_difference(file: str, difference: Difference) -> None:
    """What preceded it, the input, and each part of what came of it that differs."""
    _say(f"{file}, line {difference.line}: the first difference", style="bold red")
    for number, text in difference.before:
        _say(f"{number:>8}  {_short(text)}", style="dim")
    asked = {
        name: each
        for name, each in difference.recorded.items()
        if name not in ("gives", "raises", "state")
    }
    _say(f"{difference.line:>8}  {_short(json.dumps(asked))}")
    for part in difference.parts:
        _show_part(part, difference)
    if not difference.parts:
        _say("          the same, written in another way", style="red")


def _show_part(part: str, difference: Difference) -> None:
    """Where the part first differs, and what is around there, in the record and now."""
    lines = (difference.recorded, difference.came)
    recorded, came = (json.dumps(line[part]) if part in line else "nothing" for line in lines)
    if all(part in line for line in lines):
        if path := _path(*(line[part] for line in lines)):
            _say(f"          {part} differs first at {'/'.join(path)}", style="red")
    same = sum(1 for _ in takewhile(bool, map(eq, recorded, came)))
    for word, text in (("recorded", recorded), ("came", came)):
        _say(f"          {part}, {word}: {_short(text, max(0, same - _LEAD))}", style="red")


def _path(one: Any, other: Any) -> list[str]:
    """The keys and places that lead to the first difference of two values."""
    if type(one) is type(other) is list:
        one, other = (dict(enumerate(each)) for each in (one, other))
    if type(one) is type(other) is dict:
        for key in {**one, **other}:
            if key not in one or key not in other:
                return [str(key)]
            if json.dumps(one[key]) != json.dumps(other[key]):
                return [str(key), *_path(one[key], other[key])]
    return []


def _short(text: str, start: int = 0) -> str:
    """The text, or what of it comes from there on, if it is long."""
    if len(text) <= _WIDTH:
        return text
    cut, end = "…" if start else "", start + _WIDTH
    if end >= len(text):
        return f"{cut}{text[start:]} ({len(text):,} characters)"
    return f"{cut}{text[start:end]}… ({len(text):,} characters)"


def _say(line: str, style: str = "") -> None:
    out.print(line, style=style, markup=False, highlight=False, soft_wrap=True)
