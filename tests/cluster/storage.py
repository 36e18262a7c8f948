"""What a head keeps what it knows in, so that it can be started anew: a Redis, beside the hosts.

It runs on the hub, which every host reaches and nothing that is done to a host reaches: as a Redis
does that is on a machine of its own. It writes nothing to a disk.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

from tests.cluster.network import HUB, Network, gateway

PORT = 6390
_START_S = 30.0
_NOTE = "redis"


def installed() -> bool:
    """Whether there is a Redis here: Debian's `redis-server`."""
    return shutil.which("redis-server") is not None


def start(network: Network, directory: Path, host: int) -> subprocess.Popen[bytes] | None:
    """Start one, if it is installed, for that host to use; it ends with the network. Returns once
    it answers. Raises `TimeoutError`."""
    if not installed():
        return None
    at = gateway(host)
    command = ["redis-server", "--bind", at, "--port", str(PORT), "--protected-mode", "no"]
    command += ["--save", "", "--appendonly", "no", "--dir", str(directory)]
    with (directory / "redis.log").open("wb") as log:
        started = subprocess.Popen(
            [*network.inside(HUB), *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    ping = [*network.inside(HUB), "redis-cli", "-h", at, "-p", str(PORT), "ping"]
    deadline = time.monotonic() + _START_S
    while subprocess.run(ping, capture_output=True, check=False).stdout.strip() != b"PONG":
        if time.monotonic() > deadline:
            raise TimeoutError((directory / "redis.log").read_text())
        time.sleep(0.05)
    (directory / _NOTE).write_text(f"{at}:{PORT}")
    return started


def environment(directory: Path) -> dict[str, str]:
    """What has the head use it: nothing, if there is none."""
    note = directory / _NOTE
    if not note.exists():
        return {}
    named = {"RAY_external_storage_namespace": directory.name}
    return {"RAY_REDIS_ADDRESS": note.read_text(), **named}
