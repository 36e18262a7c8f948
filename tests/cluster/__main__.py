"""`python -m tests.cluster`: a Ray cluster of several nodes on this machine, to break by hand.

`up` starts it and stays; the other commands, in another terminal, are for the cluster that runs.
They need root. Node 0 is the head. For instance:

    python -m tests.cluster up --nodes 4
    python -m tests.cluster run 1 -- paxos-ray launch shop
    python -m tests.cluster cut 2
    python -m tests.cluster run 1 -- paxos-ray status shop
    python -m tests.cluster heal
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Annotated, NoReturn

import typer

from tests.cluster import nemesis, nodes
from tests.cluster.network import NoNamespaces, address
from tests.cluster.nodes import Cluster

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)
Node = Annotated[int, typer.Argument(min=0, metavar="NODE", help="Its number; 0 is the head.")]
Nodes = Annotated[
    list[int], typer.Argument(min=0, metavar="NODES…", help="Their numbers; 0 is the head.")
]


@app.command()
def up(nodes: Annotated[int, typer.Option(min=1, max=8, help="Besides the head.")] = 4) -> None:
    """Start a cluster; ends it, and all that runs on it, by Ctrl-C."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: ended.set())
    try:
        cluster = Cluster.up(nodes)
    except NoNamespaces as error:
        _fail(str(error))
    with cluster:
        for host in cluster.hosts:
            typer.echo(f"node {host}  {address(host)}  {'head' if host == 0 else ''}".rstrip())
        typer.echo("up; Ctrl-C ends it. In another terminal: python -m tests.cluster run 1 -- bash")
        ended.wait()


@app.command(context_settings={"ignore_unknown_options": True})
def run(node: Node, command: Annotated[list[str], typer.Argument(metavar="COMMAND…")]) -> None:
    """Run a command on a node, which Ray commands find there: `run 1 -- paxos-ray status`."""
    cluster = _the_cluster(node)
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")])
    os.environ.update(cluster.environment, PATH=path)
    inside = cluster.inside(node)
    os.execvp(inside[0], [*inside, *command])


@app.command()
def cut(node: Node) -> None:
    """From now on nothing gets to a node or from it."""
    _the_cluster(node).network.cut(node)


@app.command()
def block(sender: Node, receiver: Node) -> None:
    """From now on nothing gets from one node to the other; the other way it does."""
    _the_cluster(sender, receiver).network.block(sender, receiver)


@app.command()
def split(nodes: Nodes) -> None:
    """From now on nothing gets from these nodes to the others, or back."""
    cluster = _the_cluster(*nodes)
    cluster.network.split(nodes, [host for host in cluster.hosts if host not in nodes])


@app.command()
def heal() -> None:
    """Undo all that cut, block and split have done. Ray may have given up a node meanwhile, whose
    processes then end by themselves: `start` it again."""
    _the_cluster().network.heal()


@app.command()
def kill(node: Node) -> None:
    """All processes of a node die at once."""
    _the_cluster(node).kill(node)


@app.command()
def freeze(node: Node) -> None:
    """All processes of a node stop, until `thaw`."""
    _the_cluster(node).freeze(node)


@app.command()
def thaw(node: Node) -> None:
    """All processes of a node that was frozen go on."""
    _the_cluster(node).thaw(node)


@app.command()
def start(node: Node) -> None:
    """Start a node again whose processes have died."""
    cluster = _the_cluster(node)
    if cluster.network.pids(node):
        _fail(f"node {node} runs: kill it first")
    cluster.start(node)


@app.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def chaos(
    context: typer.Context,
    nodes: Annotated[int, typer.Option(min=3, max=8, help="Besides the head.")] = 5,
    citizens: Annotated[int, typer.Option(min=3, help="Of the island that is broken.")] = 5,
    faults: Annotated[str, typer.Option(help="Which, see `paxos-ray chaos`.")] = "all",
) -> None:
    """Start a cluster, found an island on it, and run `paxos-ray chaos`, with whatever options of
    that command follow. If `rpc` is among the faults, the cluster's calls get lost now and then."""
    try:
        code = nemesis.run(nodes, citizens, faults, context.args)
    except NoNamespaces as error:
        _fail(str(error))
    raise typer.Exit(code)


@app.command(hidden=True)
def driver(
    word: Annotated[str, typer.Argument()],
    addresses: Annotated[list[str] | None, typer.Argument()] = None,
) -> None:
    """What `paxos-ray chaos --driver` wants done to the cluster: see docs/chaos.md."""
    try:
        for line in nemesis.drive(_the_cluster(), word, addresses or []):
            typer.echo(line)
    except ValueError as error:
        _fail(str(error))


def _the_cluster(*hosts: int) -> Cluster:
    running = nodes.running()
    if len(running) != 1:
        _fail(f"{len(running) or 'no'} clusters are up; `up` starts one, and only one can be meant")
    for host in hosts:
        if host not in running[0].hosts:
            _fail(f"there is no node {host}; there are {', '.join(map(str, running[0].hosts))}")
    return running[0]


def _fail(why: str) -> NoReturn:
    typer.echo(why, err=True)
    raise typer.Exit(1)


if __name__ == "__main__":
    app()
