"""Which processes are signalled: those of Ray's actors, which their titles tell, and no others."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from paxos_ray.chaos import kill
from paxos_ray.chaos.errors import NotNow


def started(title: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([title, "60"], executable="/bin/sleep")
    while not Path(f"/proc/{process.pid}/cmdline").read_bytes():
        assert process.poll() is None  # it has not come to its title yet
    return process


def test_an_actor_is_killed_and_one_that_has_ended_needs_nothing() -> None:
    with started("ray::Citizen") as process:
        kill(process.pid)
        assert process.wait(60) == -signal.SIGKILL
    kill(process.pid)


def test_what_is_no_actor_of_ray_lives_on() -> None:
    with started("sleep") as process:
        try:
            with pytest.raises(NotNow, match="no actor of Ray"):
                kill(process.pid)
            assert process.poll() is None
        finally:
            process.kill()
