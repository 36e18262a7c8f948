"""`counter increment` and `counter value`: one replicated counter from the command line."""

from __future__ import annotations

from typing import Annotated

import typer

from paxos_ray import Consistency
from paxos_ray.cli import cluster, secret
from paxos_ray.cli.exits import EPILOG
from paxos_ray.cli.options import Address, IslandName, Json, Timeout
from paxos_ray.cli.render import out, print_json

app = typer.Typer(name="counter", help="Increment and read replicated counters.", epilog=EPILOG)

CounterName = Annotated[str, typer.Argument(metavar="COUNTER", help="The counter's name.")]


# -3 is an argument here, and not an option that nobody knows
@app.command(epilog=EPILOG, context_settings={"ignore_unknown_options": True})
def increment(
    name: IslandName,
    counter: CounterName,
    n: Annotated[int, typer.Argument(metavar="N", help="By how much; may be negative.")] = 1,
    address: Address = None,
    timeout: Timeout = 30.0,
    as_json: Json = False,
) -> None:
    """Increment a counter, exactly once, and print its new value."""
    with cluster.running(address):
        counted = secret.attach(name).counter(counter).increment(n, timeout_s=timeout)
    _print(name, counter, counted, as_json)


@app.command(epilog=EPILOG)
def value(
    name: IslandName,
    counter: CounterName,
    address: Address = None,
    timeout: Timeout = 30.0,
    as_json: Json = False,
    eventual: Annotated[
        bool,
        typer.Option(
            "--eventual", help="Of any citizen, maybe old; answered without a majority, too."
        ),
    ] = False,
) -> None:
    """Print a counter's value, every increment acknowledged before included."""
    consistency: Consistency = "eventual" if eventual else "linearizable"
    with cluster.running(address):
        value = secret.attach(name).counter(counter).value
        counted = value.options(consistency=consistency)(timeout_s=timeout)
    _print(name, counter, counted, as_json)


def _print(island: str, counter: str, value: int, as_json: bool) -> None:
    if as_json:
        print_json({"island": island, "counter": counter, "value": value})
    else:
        out.print(str(value), highlight=False)
