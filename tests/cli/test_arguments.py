"""What the program says to wrong usage, and when there is no cluster: nothing is started."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import paxos_ray
from paxos_ray import Island
from paxos_ray.cli import islands, recovery
from paxos_ray.cli.app import app

COMMANDS = [
    "demo",
    "launch",
    "scale",
    "autoscale",
    "status",
    "log",
    "counter",
    "shutdown",
    "swarm",
    "replay",
]


def test_help_lists_every_command_and_the_exit_codes() -> None:
    result = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    for command in COMMANDS:
        assert f" {command} " in result.output
    assert "3 when no Ray cluster was found" in " ".join(result.output.split())


@pytest.mark.parametrize(
    "command", [[c] for c in COMMANDS] + [["counter", "increment"], ["counter", "value"]]
)
def test_each_command_helps(command: list[str]) -> None:
    result = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    assert "Exits with 0" in " ".join(result.output.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["conquer"],
        ["scale", "harbour"],
        ["scale", "harbour", "0"],
        ["scale", "harbour", "-1"],
        ["scale", "harbour", "many"],
        ["autoscale", "harbour", "3", "9"],
        ["autoscale", "harbour", "3", "--reads-per-citizen", "10"],
        ["autoscale", "harbour", "0", "9", "--reads-per-citizen", "10"],
        ["launch"],
        ["launch", "harbour", "--citizens", "0"],
        ["shutdown"],
        ["log"],
        ["log", "harbour", "--since", "7"],
        ["log", "harbour", "--since", "7/x"],
        ["log", "harbour", "--count", "0"],
        ["counter", "increment", "harbour"],
        ["counter", "increment", "harbour", "ships", "1.5"],
        ["counter", "value", "harbour"],
        ["demo", "--increments", "0"],
        ["demo", "no such file"],
        ["demo", "/"],
        ["demo", "--record", __file__],
        ["launch", "harbour", "--record", __file__],
        ["replay"],
        ["replay", "no such file"],
        ["status", "harbour", "--no-such-option"],
    ],
)
def test_wrong_usage_exits_with_2(program: Any, arguments: list[str]) -> None:
    ran = program(*arguments)
    assert ran.code == 2
    assert ran.out == ""
    assert "Usage" in ran.err


@pytest.mark.parametrize(
    ("command", "called"),
    [
        (islands.launch, paxos_ray.launch),
        (islands.scale, Island.scale),
        (islands.autoscale, Island.autoscale),
        (islands.renew, Island.renew),
        (islands.status, Island.status),
        (islands.shutdown, Island.shutdown),
        (recovery.recover, paxos_ray.recover),
    ],
    ids=lambda each: each.__qualname__,
)
def test_a_command_waits_as_long_as_what_it_calls(
    command: Callable[..., None], called: Callable[..., Any]
) -> None:
    waits = inspect.signature(command).parameters["timeout"].default
    assert waits == inspect.signature(called).parameters["timeout_s"].default


@pytest.mark.parametrize("command", ["status", "shutdown"])
def test_no_command_waits_longer_than_it_is_told(
    program: Any, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    class Silent:
        def status(self, *, digests: bool, timeout_s: float) -> None:
            raise paxos_ray.TimedOut(f"nobody answers, within {timeout_s:g} s")

        def shutdown(self, timeout_s: float) -> None:
            self.status(digests=False, timeout_s=timeout_s)

    monkeypatch.setattr(islands.cluster, "running", lambda address: nullcontext())
    monkeypatch.setattr(islands.secret, "attach", lambda name: Silent())
    ran = program(command, "shop", "--timeout", 7)
    assert (ran.code, ran.out) == (5, "")
    assert "nobody answers, within 7 s" in ran.err


def test_text_without_a_word_is_wrong_usage(program: Any, tmp_path: Path) -> None:
    (tmp_path / "numbers").write_text("1 2 3\n")
    ran = program("demo", tmp_path / "numbers")
    assert (ran.code, ran.err) == (2, "paxos-ray: there is no word in the text\n")
