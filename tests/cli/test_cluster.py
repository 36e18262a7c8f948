"""Finding a cluster to speak to."""

from __future__ import annotations

import os
import socket
import time
from typing import Any

import pytest
from ray.exceptions import RayError

from paxos_ray import NoCluster, Task, TaskFailed, TimedOut, UnknownObject, start
from paxos_ray.cli import cluster


@pytest.fixture
def unconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process of its own, whatever cluster the other tests share."""
    monkeypatch.setattr("ray.is_initialized", lambda: False)


@pytest.fixture
def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.mark.usefixtures("unconnected")
@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_an_address_where_nobody_listens(free_port: int, scheme: str) -> None:
    address = f"{scheme}127.0.0.1:{free_port}"
    with pytest.raises(NoCluster, match="ray start --head"), cluster.running(address):
        pass


@pytest.mark.usefixtures("unconnected")
@pytest.mark.parametrize(
    "arguments",
    [
        ["status", "harbour"],
        ["launch", "harbour"],
        ["scale", "harbour", "5"],
        ["shutdown", "harbour"],
        ["counter", "value", "harbour", "ships"],
        ["counter", "increment", "harbour", "ships", "-3"],
        ["demo"],
    ],
)
def test_every_command_says_so_and_exits_with_3(
    program: Any, free_port: int, arguments: list[str]
) -> None:
    address = f"127.0.0.1:{free_port}"
    ran = program(*arguments, "--address", address)
    assert ran.code == 3
    assert ran.out == ""
    assert ran.err.startswith(f"paxos-ray: no Ray cluster at {address}: ")


@pytest.mark.usefixtures("unconnected")
def test_the_environment_names_a_cluster_too(
    monkeypatch: pytest.MonkeyPatch, free_port: int
) -> None:
    assert not cluster.asked_for(None)
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{free_port}")
    assert cluster.asked_for(None)
    with pytest.raises(NoCluster, match=str(free_port)), cluster.running(None):
        pass


def _divide(a: int, b: int) -> tuple[int, int]:
    return divmod(a, b)


def _slow() -> None:
    time.sleep(30)


def _fails() -> None:
    raise UnknownObject("of a task")


def _dies() -> None:
    os.kill(os.getpid(), 9)


def test_a_task_that_is_lost_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    def get(*_: object, timeout: float | None) -> None:
        raise RayError

    monkeypatch.setattr("ray.get", get)
    with pytest.raises(TaskFailed, match="RayError"):
        Task[None](None).result()


@pytest.mark.usefixtures("cluster")
class TestTasks:
    """Functions run on the cluster."""

    def test_its_result(self) -> None:
        task = start(_divide, 17, 5, num_cpus=0)
        assert task.result(timeout_s=60) == (3, 2)
        assert task.ready()

    def test_its_error(self) -> None:
        with pytest.raises(UnknownObject, match="of a task"):
            start(_fails, num_cpus=0).result(timeout_s=60)

    def test_it_takes_too_long(self) -> None:
        task = start(_slow, num_cpus=0)
        with pytest.raises(TimedOut, match="it goes on"):
            task.result(timeout_s=0.1)
        assert not task.ready()

    def test_it_dies(self) -> None:
        with pytest.raises(TaskFailed):
            start(_dies, num_cpus=0).result(timeout_s=60)
