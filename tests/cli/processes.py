"""The program as a process of its own, and the processes that it begins."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.actors.soon import until


class Ended(NamedTuple):
    """What a process came to, and the processes that it had begun."""

    code: int
    out: str
    children: list[int]


def end(number: signal.Signals, children: int, *arguments: str) -> Ended:
    """Run `paxos-ray`; send it that signal once it has so many children."""
    command = [sys.executable, "-m", "paxos_ray.cli", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as ran:
        listed = Path(f"/proc/{ran.pid}/task/{ran.pid}/children")
        until(lambda: len(listed.read_text().split()) == children)
        begun = [int(child) for child in listed.read_text().split()]
        ran.send_signal(number)
        assert ran.stdout is not None
        told = ran.stdout.read()
        return Ended(ran.wait(60), told, begun)


def runs(pid: int) -> bool:
    """Whether that process is there, and has not ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
