"""What the commands print: JSON for programs, tables for people."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from paxos_ray import Government

MINUTE_S = 60.0
_WIDEST = 10_000  # columns


class _Console(Console):
    """One that leaves it to the command what it means that nobody reads it."""

    def on_broken_pipe(self) -> None:
        """See `Console`, which exits with 1. Raises `BrokenPipeError`."""
        raise


out = _Console()
err = _Console(stderr=True)


def say(message: str, style: str = "") -> None:
    """Tell people something on standard error, as it is: long lines are the terminal's to break."""
    err.print(message, style=style, markup=False, highlight=False, soft_wrap=True)


def print_table(table: Table) -> None:
    """Print a table, as wide as it is where no terminal limits it: in a file nothing is cut."""
    (out if out.is_terminal else _Console(width=_WIDEST)).print(table)


def print_json(value: dict[str, Any]) -> None:
    """Print `value` as one JSON object on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def government_json(government: Government) -> dict[str, Any]:
    """A government for programs: promises as text, seats as lists of ids, the leader first."""
    return {
        "promise": str(government.promise),
        "majority": list(government.majority),
        "minority": list(government.minority),
        "constituents": list(government.constituents),
        "acclimated": sorted(government.acclimated),
    }


class Minutes:
    """A line each minute of long work, on a standard error that is no terminal: in a terminal
    there is a progress bar."""

    def __init__(self) -> None:
        self._due = time.monotonic() + MINUTE_S

    def tell(self, line: str) -> None:
        """That is how far it is: call this as often as you like."""
        now = time.monotonic()
        if now >= self._due and not sys.stderr.isatty():
            self._due = now + MINUTE_S
            say(line)
