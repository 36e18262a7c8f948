"""The commands on a real cluster, from founding an island to its end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import paxos_ray

pytestmark = pytest.mark.usefixtures("cluster")


@pytest.fixture
def program_at(program: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The program as one runs it on a running cluster."""
    monkeypatch.setenv("RAY_ADDRESS", "auto")  # not looked up: this process is connected
    return program


def test_from_launch_to_shutdown(program_at: Any, name: str) -> None:
    ran = program_at("launch", name, "--citizens", 1, "--json")
    assert ran.code == 0, ran.err
    assert "one citizen: one death can lose data" in " ".join(ran.err.split())
    told = json.loads(ran.out)
    assert told["island"] == name
    assert len(told["citizens"]) == told["population"] == 1
    assert told["citizens"][0]["seat"] == "leader"

    assert program_at("counter", "increment", name, "ships")[:2] == (0, "1\n")
    assert program_at("counter", "increment", name, "ships", 10**30)[:2] == (0, f"{10**30 + 1}\n")
    assert program_at("counter", "increment", name, "ships", "-3")[:2] == (0, f"{10**30 - 2}\n")
    assert json.loads(program_at("counter", "value", name, "ships", "--json").out) == {
        "island": name,
        "counter": "ships",
        "value": 10**30 - 2,
    }
    eventually = program_at("counter", "value", name, "ships", "--eventual")
    assert eventually[:2] == (0, f"{10**30 - 2}\n"), "there is one citizen"

    ran = program_at("log", name, "--since", "earliest", "--count", 4)
    assert ran.code == 0, ran.err
    first, *_, last = ran.out.splitlines()
    assert first.startswith("1/0\t")
    assert "government: majority" in first
    assert last.endswith(f"ships.increment({10**30}) -> {10**30 + 1}"), ran.out
    since = last.partition("\t")[0]
    ran = program_at("log", name, "--since", since, "--count", 1, "--json")
    assert ran.code == 0, ran.err
    told = [json.loads(line) for line in ran.out.splitlines()]
    assert [call for entry in told for call in entry.get("operations", ())] == [
        {
            "sequence": 3,
            "object": "ships",
            "method": "increment",
            "arguments": [-3],
            "value": 10**30 - 2,
        }
    ]
    assert program_at("log", name, "--since", told[0]["promise"], "--timeout", 0.5).code == 5

    ran = program_at("scale", name, 3, "--json")
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert [citizen["seat"] for citizen in told["citizens"]] == ["leader", "majority", "minority"]
    assert told["autoscale"] is None
    rules = ("--reads-per-citizen", 1_000)
    ran = program_at("autoscale", name, 3, 9, *rules, "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["autoscale"]["maximum"] == 9
    assert "scales itself, 3 to 9 citizens" in " ".join(program_at("status", name).out.split())
    assert program_at("autoscale", name, 9, 3, *rules).code == 4
    told = json.loads(program_at("status", name, "--json", "--digests").out)
    assert all(citizen["alive"] for citizen in told["citizens"])
    assert all(len(citizen["digest"]) == 64 for citizen in told["citizens"])
    ran = program_at("status", name)
    assert ran.code == 0
    assert "leader" in ran.out

    assert name in json.loads(program_at("status", "--json").out)["islands"]
    assert name in program_at("status").out.splitlines()
    assert program_at("shutdown", name).code == 0
    assert program_at("status", name).code == 4


def test_refusals(program_at: Any, name: str) -> None:
    for arguments in (
        ("status", name),
        ("scale", name, 3),
        ("shutdown", name),
        ("log", name),
        ("counter", "value", name, "ships"),
        ("counter", "increment", name, "ships"),
    ):
        ran = program_at(*arguments)
        assert ran.code == 4
        assert ran.out == ""
        assert ran.err.startswith("paxos-ray: ")
        assert name in ran.err
    assert program_at("launch", name, "--citizens", 1).code == 0
    ran = program_at("launch", name, "--citizens", 1)
    assert ran.code == 4
    assert name in ran.err
    ran = program_at("counter", "value", name, "ships")
    assert (ran.code, ran.out) == (4, "")
    assert "ships" in ran.err


def test_a_small_demo(program_at: Any, tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("It was the best of times, it was the worst of times\n" * 20)
    records = tmp_path / "records"
    ran = program_at("demo", text, "--increments", 6_000, "--json", "--record", records)
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert told["exact"] is True
    assert told["total"]["expected"] == told["total"]["counted"] >= 6_000
    assert told["distinct"] == 7
    assert told["wrong"] == {}
    assert told["pause_ms"] > 0
    assert len(told["digests"]) == 3
    assert [government["when"] for government in told["governments"]] == [
        "launched",
        "leader killed",
        "scaled to 7",
        "scaled to 3",
    ]
    assert told["governments"][1]["majority"][0] != told["killed"]

    ran = program_at("replay", records, "--up-to-torn", "--json")  # who was killed may leave that
    assert ran.code == 0, ran.out
    replayed = {record["citizen"] for record in json.loads(ran.out)["records"]}
    assert len(replayed) >= 8, "five, one for who was killed, two more"
    assert replayed > {told["killed"], *told["digests"]}


def test_launch_without_a_cluster_stays_until_it_is_told_to_end(name: str) -> None:
    environment = {key: text for key, text in os.environ.items() if key != "RAY_ADDRESS"}
    environment["PYTHONPATH"] = str(Path(paxos_ray.__file__).parents[1])
    command = [sys.executable, "-m", "paxos_ray.cli", "launch", name, "--citizens", "1", "--json"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None and process.stderr is not None
            told = ""
            while not told.endswith("\n}\n"):
                line = process.stdout.readline()
                assert line, process.stderr.read()
                told += line
            assert json.loads(told)["island"] == name
            while "ends" not in process.stderr.readline():
                assert process.poll() is None
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == 0
        finally:
            process.kill()


def test_an_island_with_a_secret(
    program_at: Any, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, wrong, short = tmp_path / "right", tmp_path / "wrong", tmp_path / "short"
    right.write_text("correct horse battery staple\n")
    wrong.write_text("incorrect horse battery staple\n")
    short.write_text("horse\n")
    monkeypatch.delenv("PAXOS_RAY_SECRET", raising=False)
    ran = program_at("--secret-file", short, "launch", name, "--citizens", 1)
    assert (ran.code, "at least 16 bytes" in ran.err) == (4, True), ran.err
    ran = program_at("--secret-file", tmp_path / "none", "launch", name)
    assert (ran.code, "--secret-file" in ran.err) == (2, True), ran.err
    ran = program_at("--secret-file", right, "launch", name, "--citizens", 1)
    try:
        assert ran.code == 0, ran.err
        assert "horse" not in ran.out + ran.err
        increment = ("counter", "increment", name, "ships")
        assert program_at("--secret-file", right, *increment)[:2] == (0, "1\n")
        for refused in (("--secret-file", wrong, *increment), increment):
            ran = program_at(*refused)
            assert (ran.code, "secret" in ran.err) == (4, True), ran.err
        monkeypatch.setenv("PAXOS_RAY_SECRET", right.read_text().strip())
        assert program_at(*increment)[:2] == (0, "2\n")
        ran = program_at("--secret-file", wrong, *increment)
        assert ran.code == 4, "the file goes before the environment"
        monkeypatch.delenv("PAXOS_RAY_SECRET")
    finally:
        assert program_at("--secret-file", right, "shutdown", name).code == 0
