"""Chaos on a real island, for a short time: what can be had on any cluster."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from paxos_ray import FewCitizens, InvalidArgument, attach, launch
from paxos_ray.chaos import KINDS, Chaos, Plan
from paxos_ray.chaos.schedule import LASTING
from paxos_ray.cli import chaos
from paxos_ray.cli.exits import Exit


def test_faults_come_and_go_and_nothing_is_wrong(
    name: str, cluster: str, tmp_path: Path, program: Callable[..., Any]
) -> None:
    island = launch(name, 3, progress=False)
    island.counter("sold").increment(3)
    arguments = ("--minutes", 0.2, "--faults", "kill,coordinator", "--seed", 5, "--clients", 2)
    there = ("--html", tmp_path / "page.html", "--address", cluster)
    ran = program("chaos", name, *arguments, *there, "--json")
    told = json.loads(ran.out)
    assert told["good"], [check for check in told["checks"] if not check["good"]]
    assert ran.code == Exit.OK
    assert "seed 5" in ran.err
    assert {"kill", "coordinator"} == {f["kind"] for f in told["faults"] if not f["left_out"]}
    assert told["answered"] > 0
    assert set(told["calls"]) <= {"increment", "value", "compare_and_set"}
    assert told["pauses"]["kill"]["worst_ms"] > 0
    assert "Nothing" not in (tmp_path / "page.html").read_text()
    assert island.objects() == {"sold": "counter"}, "what was called is retired"
    assert island.status().population == 3


def test_the_clients_of_an_island_with_a_secret_know_it(
    name: str, cluster: str, tmp_path: Path, program: Callable[..., Any]
) -> None:
    (tmp_path / "secret").write_text("correct horse battery staple\n")
    knows = ("--secret-file", tmp_path / "secret")
    island = launch(name, 3, secret="correct horse battery staple", progress=False)
    arguments = ("--minutes", 0.1, "--faults", "coordinator", "--seed", 5, "--clients", 1)
    ran = program(*knows, "chaos", name, *arguments, "--address", cluster, "--json")
    assert ran.code == Exit.OK, ran.err
    assert json.loads(ran.out)["answered"] > 0
    assert island.objects() == {}


def test_a_run_in_which_a_fault_never_took_place_is_bad(name: str) -> None:
    """Nobody can be killed of an island of one: what was not tried is not good."""
    with pytest.warns(FewCitizens):
        island = launch(name, 1, progress=False)
    plan = Plan(("kill",), 3.0, seed=1, clients=1, extra_s=0.0)
    findings = Chaos(island, plan, lambda what: None).run()
    assert not findings.good
    assert [check.name for check in findings.checks if not check.good] == ["all tried"]
    assert not any(event.happened for event in findings.events)


def test_what_cannot_be_had_is_refused_and_nothing_is_done(
    name: str, cluster: str, program: Callable[..., Any]
) -> None:
    launch(name, 3, progress=False)
    ran = program("chaos", name, "--faults", "kill,partition,rpc", "--address", cluster)
    assert ran.code == Exit.REFUSED
    assert "partition: it needs somebody" in ran.err
    assert "RAY_testing_rpc_failure" in ran.err
    assert attach(name).objects() == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"kinds": ()},
        {"kinds": ("flood",)},
        {"kinds": ("kill", "kill")},
        {"seconds": 0.0},
        {"clients": 0},
        {"rate": -1.0},
        {"seconds": float("nan")},
    ],
)
def test_bad_plans(wrong: dict[str, Any]) -> None:
    island: Any = None  # it is not asked for anything
    with pytest.raises(InvalidArgument):
        Chaos(island, Plan(**wrong), print)


def test_the_schedule_can_be_seen_beforehand(program: Callable[..., Any]) -> None:
    ran = program("chaos", "shop", "--schedule", "--seed", 3, "--faults", "all", "--minutes", 1)
    assert ran.code == Exit.OK
    assert ran.out.startswith("1: ")
    again = program("chaos", "shop", "--schedule", "--seed", 3, "--faults", "all", "--minutes", 1)
    assert again.out == ran.out
    assert program("chaos", "shop", "--schedule", "--faults", "flood").code == Exit.USAGE


def test_the_command_names_all_faults(program: Callable[..., Any]) -> None:
    told = " ".join(program("chaos", "--help").out.replace("│", " ").split())
    assert ", ".join(KINDS) in told
    assert chaos._ALONE.split(",") == [
        kind
        for kind in KINDS
        if kind not in LASTING and kind not in ("partition", "oneway", "node")
    ]


def test_a_page_that_cannot_be_written_is_told_before_anything_is_done(
    program: Callable[..., Any], tmp_path: Path
) -> None:
    ran = program("chaos", "shop", "--html", tmp_path / "none" / "page.html")
    assert ran.code == Exit.USAGE
    assert "No such file" in ran.err
