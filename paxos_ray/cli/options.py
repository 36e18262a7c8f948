"""Options and arguments that several commands share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

Address = Annotated[
    str | None,
    typer.Option(
        "--address",
        help="The Ray cluster: host:port, ray://…, or auto. Else RAY_ADDRESS, else this machine's.",
        show_default=False,
    ),
]
Record = Annotated[
    Path | None,
    typer.Option(
        "--record",
        metavar="DIR",
        file_okay=False,
        help="Record each citizen into a file below this directory, on its own node.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, for programs.")]
Timeout = Annotated[
    float, typer.Option("--timeout", min=0.1, metavar="SECONDS", help="How long to wait at most.")
]
IslandName = Annotated[str, typer.Argument(metavar="ISLAND", help="The island's name.")]


def cores() -> int:
    """How many this process may use: the machine may have more."""
    return len(os.sched_getaffinity(0))
