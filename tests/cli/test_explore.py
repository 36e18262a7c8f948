"""`paxos-ray explore`: what it says, and what it exits with."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from typing import Any

import pytest

from paxos_ray.cli import explore as command
from paxos_ray.cli import render
from paxos_ray.core import election
from paxos_ray.simulation import CrewError, Exploration
from tests.cli.processes import end, runs

SMALL = ("explore", "--changes", 0, "--crashes", 0, "--faults", 0, "--entries", 1)


def test_it_says_what_it_has_counted(program: Callable[..., Any]) -> None:
    ran = program(*SMALL, "--elections", 0)
    assert ran.code == 0, ran.err
    assert ran.out.startswith("6 states, 5 transitions")
    assert ran.out.endswith(": all states\n")


def test_json_for_programs(program: Callable[..., Any]) -> None:
    ran = program(*SMALL, "--elections", 0, "--json")
    told = json.loads(ran.out)
    assert ran.code == 0
    assert told["complete"] is True
    assert told["states"] == 6
    assert told["bounds"]["entries"] == 1
    assert told["finding"] is None


def test_plain_leaves_nothing_out(program: Callable[..., Any]) -> None:
    ran = program(*SMALL, "--elections", 0, "--plain", "--json")
    assert json.loads(ran.out)["states"] == 10


def test_a_violation_is_told(program: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(election.Proposer, "_highest", lambda self: None)
    ran = program(*SMALL)
    assert ran.code == 1
    assert ran.out.startswith("  1 a is asked to write a1")
    assert "committed is recorded by a majority: " in ran.out
    told = json.loads(program(*SMALL, "--json").out)
    assert told["finding"]["name"] == "committed is recorded by a majority"
    assert len(told["finding"]["path"]) > 3


def test_the_limit_is_a_code_of_its_own(program: Callable[..., Any]) -> None:
    ran = program(*SMALL, "--limit", 50)
    assert ran.code == 5
    assert "states left" in ran.out


@pytest.mark.parametrize(
    ("end", "code", "said"),
    [
        (KeyboardInterrupt(), 130, ""),
        (CrewError("process 7, which searched, has died"), 6, "paxos-ray: process 7, which"),
    ],
)
def test_what_ends_it_early_does_not_lose_the_counts(
    program: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    end: BaseException,
    code: int,
    said: str,
) -> None:
    def ended(bounds: Any, limit: Any, reduced: bool, report: Any, jobs: int) -> None:
        report(Exploration(bounds, reduced, states=1_234, frontier=56))
        raise end

    monkeypatch.setattr(command, "search", ended)
    ran = program(*SMALL)
    assert ran.code == code
    assert said in ran.err
    assert "Traceback" not in ran.err
    assert ran.out.startswith("1,234 states")
    assert ran.out.endswith("56 states left\n")
    told = json.loads(program(*SMALL, "--json").out)
    assert (told["states"], told["complete"]) == (1_234, False)


def test_who_is_told_to_end_tells_what_it_has_counted() -> None:
    ended = end(signal.SIGTERM, 2, "explore", "--jobs", "2")
    assert ended.code == 143
    assert ended.out.endswith("states left\n")
    assert not any(map(runs, ended.children))


@pytest.mark.parametrize(
    "wrong", [("--citizens", 2), ("--change", "depart"), ("--entries", -1), ("--limit", 0)]
)
def test_wrong_usage(program: Callable[..., Any], wrong: tuple[Any, ...]) -> None:
    ran = program("explore", *wrong)
    assert ran.code == 2
    assert ran.out == ""
    assert wrong[0].removeprefix("--").removesuffix("s") in ran.err


def test_without_a_terminal_there_is_a_line_now_and_then(
    program: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render, "MINUTE_S", 0.0)
    ran = program(*SMALL, "--elections", 0)
    assert ran.code == 0
    assert "states, " in ran.err
