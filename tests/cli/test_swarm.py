"""`paxos-ray swarm`: what it runs, what it says of a failure, what it exits with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from paxos_ray.cli import options, render, swarm
from paxos_ray.cli.swarm import parse_seeds
from paxos_ray.core.legislator import Legislator


def break_the_core(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Any, now: int) -> Any:
        raise AssertionError("planted")

    monkeypatch.setattr(Legislator, "confirm", broken)


def test_seeds_are_read() -> None:
    assert parse_seeds("3..5") == range(3, 6)
    assert parse_seeds("7") == range(7, 8)
    for wrong in ("5..3", "-1", "a..b", ""):
        with pytest.raises(ValueError, match=r"seeds are A\.\.B, both included, or one number"):
            parse_seeds(wrong)


def test_schedules_are_run_and_summed_up(program: Callable[..., Any]) -> None:
    ran = program("swarm", "--seeds", "0..3", "--jobs", "2")
    assert ran.code == 0, ran.err
    assert "4 schedules, 0 failed" in ran.out


@pytest.mark.parametrize(("asked", "jobs"), [((), 3), (("--jobs", 2), 2)])
def test_as_many_at_a_time_as_it_has_cores(
    program: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, asked: tuple[Any, ...], jobs: int
) -> None:
    """The machine may have more than this process may use."""
    given: list[int] = []

    def run_schedules(_seeds: range, jobs: int, *_: Any) -> list[Any]:
        given.append(jobs)
        return []

    monkeypatch.setattr(options.os, "sched_getaffinity", lambda pid: {0, 4, 7})
    monkeypatch.setattr(swarm, "run_schedules", run_schedules)
    assert program("swarm", *asked).code == 0
    assert given == [jobs]


def test_wrong_seeds_are_wrong_usage(program: Callable[..., Any]) -> None:
    ran = program("swarm", "--seeds", "no")
    assert ran.code == 2
    assert "seeds are A..B" in ran.err


def test_a_failure_is_told_with_its_seed(
    program: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    break_the_core(monkeypatch)
    ran = program("swarm", "--seeds", "0..9", "--jobs", "1", "--most", "2", "--no-shrink")
    assert ran.code == 1
    assert "seed 0, at" in ran.out
    assert "planted" in ran.out
    assert "swarm --seeds 0 --trace" in ran.out
    assert "2 failed" in ran.out


def test_json_tells_the_same(
    program: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told = json.loads(program("swarm", "--seeds", "0..1", "--jobs", "1", "--json").out)
    assert told["schedules"] == 2
    assert told["failures"] == []
    break_the_core(monkeypatch)
    told = json.loads(
        program("swarm", "--seeds", "5", "--jobs", "1", "--json", "--scenarios", tmp_path).out
    )
    (failure,) = told["failures"]
    assert failure["seed"] == 5
    assert Path(failure["scenario"]).parent == tmp_path


def test_a_trace_tells_each_event(program: Callable[..., Any]) -> None:
    ran = program("swarm", "--seeds", "0", "--trace")
    assert ran.code == 0
    assert "Synchronize" in ran.out
    assert "1 schedules, 0 failed" in ran.out


def test_without_a_terminal_there_is_a_line_now_and_then(
    program: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render, "MINUTE_S", 0.0)
    ran = program("swarm", "--seeds", "1..3", "--jobs", 1)
    assert ran.code == 0
    assert "of 3 schedules" in ran.err
