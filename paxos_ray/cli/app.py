"""The program `paxos-ray`: its commands, and how errors become messages and exit codes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

import typer

import paxos_ray
from paxos_ray.cli import (
    chaos,
    counters,
    demo,
    explore,
    islands,
    log,
    recovery,
    replay,
    secret,
    swarm,
)
from paxos_ray.cli.exits import EPILOG, CommandError, Exit
from paxos_ray.cli.render import say

app = typer.Typer(
    name="paxos-ray",
    help="Replicated state for Ray: islands of citizens that keep one log, whoever is killed.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _common(secret_file: secret.SecretFile = None) -> None:
    secret.take(secret_file)


demo.register(app)
islands.register(app)
log.register(app)
recovery.register(app)
replay.register(app)
swarm.register(app)
explore.register(app)
chaos.register(app)
app.add_typer(counters.app)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the program on `arguments`, the process's unless given, and exit."""
    try:
        code = app(args=arguments)
    except CommandError as error:
        code = _say(str(error), error.code)
    except paxos_ray.TimedOut as error:
        code = _say(str(error), Exit.TIMEOUT)
    except (paxos_ray.NoCluster, paxos_ray.RayNotInitialised) as error:
        code = _say(str(error), Exit.NO_CLUSTER)
    except paxos_ray.PaxosError as error:
        code = _say(str(error), Exit.REFUSED)
    sys.exit(code)


def _say(message: str, code: Exit) -> Exit:
    say(f"paxos-ray: {message}", style="red")
    return code
