"""`paxos-ray replay`: what it prints of records that match, that do not, and that are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from paxos_ray.simulation import record_schedule
from tests.simulation.test_records import resealed


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("kept")
    record_schedule(3, directory)
    return directory / "3"


@pytest.fixture
def recorded(kept: Path, tmp_path: Path) -> Path:
    """The records of one schedule, to be harmed."""
    for path in kept.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def later(path: Path) -> None:
    """As if the citizen had been made with another timeout."""
    resealed(path, lambda ls: [ls[0].replace(b'"timeout":', b'"timeout":1'), *ls[1:]])


def test_all_that_match(program: Any, recorded: Path) -> None:
    ran = program("replay", recorded)
    assert ran.code == 0, ran.err
    many = len(list(recorded.iterdir()))
    assert ran.out.count("identical") == many
    assert f"of {many} citizens gave what they gave" in ran.out
    told = json.loads(program("replay", recorded, "--json").out)
    assert told["identical"] is True
    assert [record["file"] for record in told["records"]] == sorted(
        path.name for path in recorded.iterdir()
    )
    assert all(record["inputs"] > record["governments"] > 0 for record in told["records"])
    assert all(record["entries"] > 0 for record in told["records"])


def test_one_file(program: Any, recorded: Path) -> None:
    ran = program("replay", recorded / "a.jsonl")
    assert ran.code == 0, ran.err
    assert "of one citizen gave what they gave" in ran.out


def test_a_difference_is_shown_with_what_preceded_it(program: Any, recorded: Path) -> None:
    later(recorded / "a.jsonl")
    ran = program("replay", recorded)
    assert ran.code == 1
    assert ran.out.count("identical") == len(list(recorded.iterdir())) - 1
    assert "gave what they gave" not in ran.out
    told = json.loads(program("replay", recorded, "--json").out)
    assert told["identical"] is False
    (difference,) = [r["difference"] for r in told["records"] if r["difference"]]
    line, parts = difference["line"], difference["parts"]
    assert f"DIFFERS in line {line}" in " ".join(ran.out.split())
    assert f"a.jsonl, line {line}: the first difference" in ran.out
    assert [each["line"] for each in difference["before"]] == list(range(line - 5, line))
    for each in difference["before"]:
        assert each["text"][:500] in ran.out
    for part in parts:
        assert f"{part}, recorded: {json.dumps(difference['recorded'][part])[:500]}" in ran.out
        assert f"{part}, came: {json.dumps(difference['came'][part])[:500]}" in ran.out


def test_a_torn_record_is_refused_unless_told_otherwise(program: Any, recorded: Path) -> None:
    path = recorded / "a.jsonl"
    lines = len(path.read_bytes().splitlines())
    path.write_bytes(path.read_bytes()[:-7])
    ran = program("replay", recorded)
    assert ran.code == 4
    assert "REFUSED" in ran.out
    assert f"a.jsonl, line {lines}: the last line is cut off; --up-to-torn" in ran.err
    assert ran.out.count("identical") == len(list(recorded.iterdir())) - 1
    (refused,) = [
        record["refused"]
        for record in json.loads(program("replay", recorded, "--json").out)["records"]
        if record["refused"]
    ]
    assert refused["line"] == lines

    ran = program("replay", recorded, "--up-to-torn")
    assert ran.code == 0
    assert f"a.jsonl: line {lines}, the last, is cut off" in ran.out
    told = json.loads(program("replay", path, "--up-to-torn", "--json").out)
    assert told["records"][0]["torn_line"] == lines
    assert told["records"][0]["inputs"] == lines - 2


def test_a_difference_counts_more_than_a_refusal(program: Any, recorded: Path) -> None:
    later(recorded / "a.jsonl")
    (recorded / "foreign.jsonl").write_text("hello\n")
    ran = program("replay", recorded)
    assert ran.code == 1
    assert "foreign.jsonl, line 1: this is no paxos_ray record" in ran.err


def test_there_must_be_something(program: Any, tmp_path: Path) -> None:
    ran = program("replay", tmp_path)
    assert (ran.code, ran.out) == (4, "")
    assert f"there is no record in {tmp_path}" in ran.err
    assert program("replay", tmp_path / "nowhere").code == 2


def test_a_swarm_records(program: Any, tmp_path: Path) -> None:
    arguments = ("swarm", "--seeds", "1..2", "--jobs", "1", "--record", tmp_path)
    assert program(*arguments).code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"1", "2"}
    assert program("replay", tmp_path).code == 0
    ran = program(*arguments)
    assert ran.code == 4
    assert "there are records in" in ran.err
