"""`log`: what an island commits, an entry after the other, as it comes."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paxos_ray import Promise
from paxos_ray.cli import cluster, secret
from paxos_ray.cli.exits import EPILOG
from paxos_ray.cli.options import Address, IslandName
from paxos_ray.cli.render import government_json

if TYPE_CHECKING:
    from paxos_ray import Government, Island, LogEntry, LogOperation

_PROMISE = re.compile(r"(\d+)/(\d+)")
EARLIEST = Promise(0, 0)
_LONG = 200  # characters of a value that people are shown


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(epilog=EPILOG)(log)


def log(
    name: IslandName,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="PROMISE",
            help="Begin after this entry, as 7/12, or with the `earliest` that is held; else now.",
            show_default=False,
        ),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option("--count", min=1, help="End after so many entries.", show_default=False),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout",
            min=0.1,
            metavar="SECONDS",
            help="Give up when nothing came for so long.",
            show_default=False,
        ),
    ] = None,
    address: Address = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a line and entry.")
    ] = False,
) -> None:
    """Print what an island commits, as it comes, until Ctrl-C or its end.

    To go on where one was, pass the last promise as --since."""
    begin = None if since is None else _promise(since)
    output = sys.stdout
    with cluster.running(address):
        island = secret.attach(name)
        if begin == EARLIEST:
            begin = _earliest(island)
        with island.log(begin, timeout_s=timeout) as stream:
            for number, entry in enumerate(stream, 1):
                for line in _as_json(entry) if as_json else _as_text(entry):
                    print(line, file=output)
                output.flush()
                if number == count:
                    return


def _promise(text: str) -> Promise:
    """The promise that is written so; `EARLIEST` if that is asked for."""
    if text == "earliest":
        return EARLIEST
    found = _PROMISE.fullmatch(text)
    if found is None:
        what = f"an entry is named as 7/12 is, or earliest, not {text!r}"
        raise typer.BadParameter(what, param_hint="--since")
    return Promise(int(found[1]), int(found[2]))


def _earliest(island: Island) -> Promise | None:
    """After which promise a stream can begin at some citizen; None if none says so."""
    told = (citizen.stream_from for citizen in island.status().citizens)
    return min((since for since in told if since is not None), default=None)


def _as_json(entry: LogEntry) -> Iterator[str]:
    told: dict[str, Any] = {"promise": str(entry.promise), "stamp_ms": entry.stamp_ms}
    if entry.government is not None:
        told["government"] = government_json(entry.government)
    if entry.session is not None:
        told["session"] = str(entry.session)
        told["operations"] = [_operation_json(operation) for operation in entry.operations]
    if entry.raw is not None:
        told["raw"] = repr(entry.raw)
    yield json.dumps(told, ensure_ascii=False, default=repr)


def _operation_json(operation: LogOperation) -> dict[str, Any]:
    told = {name: getattr(operation, name) for name in ("sequence", "object", "method")}
    told["arguments"] = list(operation.arguments)
    if operation.error is None:
        told["value"] = operation.value
    else:
        told["error"] = f"{type(operation.error).__name__}: {operation.error}"
    return told


def _as_text(entry: LogEntry) -> Iterator[str]:
    head = f"{entry.promise}\t{entry.stamp_ms / 1000:.3f}\t"
    if entry.government is not None:
        yield head + _government(entry.government)
    elif entry.session == entry.promise:
        yield f"{head}session {entry.session} opens"
    elif entry.raw is not None:
        yield f"{head}unreadable: {_short(entry.raw)}"
    elif entry.session is None:
        yield head + "time passes"
    elif not entry.operations:
        yield f"{head}session {entry.session} is alive"
    for operation in entry.operations:
        arguments = ", ".join(map(_short, operation.arguments))
        outcome = (
            f"-> {_short(operation.value)}"
            if operation.error is None
            else f"raises {type(operation.error).__name__}: {operation.error}"
        )
        yield f"{head}{operation.object}.{operation.method}({arguments}) {outcome}"


def _government(government: Government) -> str:
    seats = ((seat, getattr(government, seat)) for seat in ("majority", "minority", "constituents"))
    return "government: " + ", ".join(f"{seat} {' '.join(ids)}" for seat, ids in seats if ids)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONG else f"{text[:_LONG]}… ({len(text)} characters)"
