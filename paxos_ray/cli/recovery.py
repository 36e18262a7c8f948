"""`recover`: an island founded anew from what is left of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

import paxos_ray
from paxos_ray.cli import cluster, secret
from paxos_ray.cli.exits import EPILOG, CommandError, Exit
from paxos_ray.cli.options import Address, IslandName, Json, Timeout
from paxos_ray.cli.render import err, out, print_json, say

if TYPE_CHECKING:
    from rich.console import Console

    from paxos_ray import Prospect


def register(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command(epilog=EPILOG)(recover)


def recover(
    name: IslandName,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show who is left and what may be lost, no more.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Accept what may be lost without being asked.")
    ] = False,
    abandon_silent: Annotated[
        bool,
        typer.Option(
            "--abandon-silent",
            help="Count as lost who does not answer, though Ray does not know it to be dead.",
        ),
    ] = False,
    address: Address = None,
    timeout: Timeout = 120.0,
    as_json: Json = False,
) -> None:
    """Found an island anew when more than half of its parliament never comes back.

    It goes on from the most advanced survivor, under its own name, as a new republic. What no
    survivor holds is lost: that is shown first, and must be accepted. While a majority is alive and
    answers, nothing is lost, and this is refused.
    """
    with cluster.running(address):
        found = paxos_ray.prospect(name, abandon_silent=abandon_silent, secret=secret.given())
        if not dry_run:
            if found.refused is None and not yes:
                _ask(found)
            found = paxos_ray.recover(
                name,
                accept_loss=True,
                abandon_silent=abandon_silent,
                secret=secret.given(),
                timeout_s=timeout,
            )
            say(f"The island {name} has been recovered.")
    if as_json:
        print_json({**_json(found), "recovered": not dry_run})
    else:
        _show(found, out)


def _ask(found: Prospect) -> None:
    _show(found, err)
    if not sys.stdin.isatty():
        raise CommandError("nothing was changed: accept what may be lost by --yes", Exit.REFUSED)
    if not typer.confirm("Found the island anew from what is left?", err=True):
        raise CommandError("nothing was changed", Exit.REFUSED)


def _show(found: Prospect, console: Console) -> None:
    table = Table("citizen", "seat", "is", "committed", "registered", "state as of")
    table.title = f"{found.name}: what is left of government {found.government.promise}"
    for there in found.survivors:
        standing = (there.committed, there.registered, there.applied)
        what = "the heir" if there.id == found.heir else "left"
        table.add_row(there.id, there.seat, what, *(_text(each) for each in standing))
    for missing in found.missing:
        table.add_row(missing.id, missing.seat, missing.how, "", "", "")
    console.print(table)
    for line in _lines(found):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _lines(found: Prospect) -> list[str]:
    if found.refused is not None:
        return [f"Not to be recovered: {found.refused}."]
    lines = [f"The new republic goes on after {found.goes_on_after}."]
    if found.decided is not None:
        lines.append(f"Decided by it: {found.decided}.")
    lines += [f"May be lost: {loss}." for loss in found.losses]
    return lines if found.losses else [*lines, "Nothing that was acknowledged is lost."]


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _json(found: Prospect) -> dict[str, Any]:
    return {
        "island": found.name,
        "government": str(found.government.promise),
        "survivors": [
            {
                "id": there.id,
                "seat": there.seat,
                "pid": there.pid,
                "node_id": there.node_id,
                "committed": str(there.committed),
                "registered": None if there.registered is None else str(there.registered),
                "applied": None if there.applied is None else str(there.applied),
            }
            for there in found.survivors
        ],
        "missing": [
            {"id": gone.id, "seat": gone.seat, "node_id": gone.node_id, "how": gone.how}
            for gone in found.missing
        ],
        "heir": found.heir,
        "goes_on_after": None if found.goes_on_after is None else str(found.goes_on_after),
        "registered": found.registered,
        "losses": list(found.losses),
        "refused": found.refused,
    }
