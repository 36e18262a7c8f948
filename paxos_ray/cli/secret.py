"""The secret of the islands that a command is about: from a file, or else from the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import paxos_ray

SecretFile = Annotated[
    Path | None,
    typer.Option(
        "--secret-file",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="Holds the islands' secret, at least 16 bytes. Else PAXOS_RAY_SECRET, if it is set.",
        show_default=False,
    ),
]

_given: bytes | None = None


def take(file: Path | None) -> None:
    """From now on it is what that file holds, less a newline at its end."""
    global _given
    _given = None if file is None else file.read_bytes().removesuffix(b"\n").removesuffix(b"\r")


def given() -> bytes | None:
    """The secret from the file, None if there was none."""
    return _given


def attach(name: str) -> paxos_ray.Island:
    """The island of that name, by the secret."""
    return paxos_ray.attach(name, secret=_given)
