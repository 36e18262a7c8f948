"""`launch`, `scale`, `autoscale`, `renew`, `status` and `shutdown`: islands as a whole."""

from __future__ import annotations

import signal
import sys
import warnings
from contextlib import redirect_stdout
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

import paxos_ray
from paxos_ray.cli import cluster, secret
from paxos_ray.cli.exits import EPILOG
from paxos_ray.cli.options import Address, IslandName, Json, Record, Timeout
from paxos_ray.cli.overview import status_json, status_table
from paxos_ray.cli.render import out, print_json, say

if TYPE_CHECKING:
    from paxos_ray import IslandStatus


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    for command in (launch, scale, autoscale, renew, status, shutdown):
        app.command(epilog=EPILOG)(command)


def launch(
    name: IslandName,
    citizens: Annotated[
        int, typer.Option("--citizens", "-n", min=1, help="How many citizens to begin with.")
    ] = 3,
    record: Record = None,
    address: Address = None,
    timeout: Timeout = 120.0,
    as_json: Json = False,
) -> None:
    """Found an island.

    On a running cluster (--address or RAY_ADDRESS) it stays there when this command has ended.
    Without one, a Ray is started in this process, and the island lives until Ctrl-C: other
    terminals of this machine reach it meanwhile.
    """
    stdout = sys.stdout
    if cluster.asked_for(address):
        with cluster.running(address):
            launched = _launch(name, citizens, record, timeout)
        _show(launched, as_json)
        return
    with cluster.embedded() as own:
        launched = _launch(name, citizens, record, timeout)
        with redirect_stdout(stdout):
            _show(launched, as_json)
        _stay(
            "No --address was given: this island lives in a Ray of this command's own and ends "
            "with it, by Ctrl-C. Elsewhere, until then: "
            f"RAY_AUTH_MODE=token paxos-ray status {name} --address {own.address}"
        )


def scale(
    name: IslandName,
    citizens: Annotated[int, typer.Argument(metavar="CITIZENS", min=1, help="How many citizens.")],
    address: Address = None,
    timeout: Timeout = 120.0,
    as_json: Json = False,
) -> None:
    """Let an island grow or shrink to so many citizens; returns when its government has them."""
    with cluster.running(address):
        island = secret.attach(name)
        island.scale(citizens, timeout_s=timeout)
        scaled = island.status()
    _show(scaled, as_json)


def autoscale(
    name: IslandName,
    minimum: Annotated[int, typer.Argument(metavar="MINIMUM", min=1, help="Citizens at least.")],
    maximum: Annotated[int, typer.Argument(metavar="MAXIMUM", min=1, help="And at most.")],
    reads_per_citizen: Annotated[
        float,
        typer.Option(
            "--reads-per-citizen",
            min=0.001,
            metavar="RATE",
            help="Session and eventual reads a second that one citizen is to answer.",
        ),
    ],
    address: Address = None,
    timeout: Timeout = 30.0,
    as_json: Json = False,
) -> None:
    """Let the number of an island's citizens follow what is read from them; `scale` ends that."""
    with cluster.running(address):
        island = secret.attach(name)
        rules = paxos_ray.Autoscale(minimum, maximum, reads_per_citizen)
        island.autoscale(rules, timeout_s=timeout)
        shown = island.status()
    _show(shown, as_json)


def renew(
    name: IslandName,
    address: Address = None,
    timeout: Timeout = 600.0,
    as_json: Json = False,
) -> None:
    """Replace all citizens of an island, one at a time, by others.

    They run the package that is installed on their nodes now: so an island is upgraded.
    """
    with cluster.running(address):
        island = secret.attach(name)
        island.renew(timeout_s=timeout)
        renewed = island.status()
    _show(renewed, as_json)


def status(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[ISLAND]",
            help="The island's name; without it, all of them.",
            show_default=False,
        ),
    ] = None,
    address: Address = None,
    timeout: Timeout = 30.0,
    digests: Annotated[
        bool, typer.Option("--digests", help="Also each citizen's digest of the state.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show an island's government, and where each citizen is and how far; or list all islands."""
    if name is None:
        with cluster.running(address):
            names = paxos_ray.islands()
        _list(names, as_json)
        return
    with cluster.running(address):
        found = secret.attach(name).status(digests=digests, timeout_s=timeout)
    _show(found, as_json)


def shutdown(name: IslandName, address: Address = None, timeout: Timeout = 30.0) -> None:
    """End an island. Its state is gone then."""
    with cluster.running(address):
        secret.attach(name).shutdown(timeout)
    say(f"The island {name} is no more.")


def _launch(name: str, citizens: int, record: Path | None, timeout_s: float) -> IslandStatus:
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", paxos_ray.FewCitizens)
        island = paxos_ray.launch(
            name, citizens, record=record, secret=secret.given(), timeout_s=timeout_s
        )
    for warning in warned:
        say(f"paxos-ray: {warning.message}", style="yellow")
    return island.status()


def _list(names: list[str], as_json: bool) -> None:
    if as_json:
        print_json({"islands": names})
    else:
        for name in names:
            out.print(name, markup=False, highlight=False, soft_wrap=True)


def _show(shown: IslandStatus, as_json: bool) -> None:
    if as_json:
        print_json(status_json(shown))
    else:
        out.print(status_table(shown))


def _stay(message: str) -> None:
    """Tell the user, who may do something about it at once; return when told to end."""
    ended = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: ended.set())
    say(message)
    ended.wait()
    say("Ending it.")
