"""`paxos-ray replay`: what it prints of records that match, that do not, and that are refused."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from paxos_ray.simulation import record_schedule, records
from tests.simulation.test_records import resealed


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("kept")
    record_schedule(22, directory)
    return directory / "22"


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
        assert f"{part}, recorded: " in ran.out
        assert f"{part}, came: " in ran.out


def test_a_difference_far_within_a_line_is_shown(program: Any, recorded: Path) -> None:
    """Of a long line, what is around it; and where it is."""
    number = 0

    def changed(lines: list[bytes]) -> list[bytes]:
        nonlocal number
        for at, line in enumerate(lines):
            if line.startswith(b'{"call":"outbox"') and line.endswith(b'"stateful":true}}}}'):
                if len(line) > 2_000:
                    number = at + 1
                    forged = line.removesuffix(b"true}}}}") + b"false}}}}"
                    return [*lines[:at], forged, *lines[at + 1 :]]
        raise AssertionError("no pulse is that long")

    resealed(recorded / "a.jsonl", changed)
    ran = program("replay", recorded / "a.jsonl")
    assert ran.code == 1
    assert f"a.jsonl, line {number}: the first difference" in ran.out
    said = {
        line.split(": ")[0].strip(): line
        for line in ran.out.splitlines()
        if line.strip().startswith("gives")
    }
    assert '"stateful": false}}}}' in said["gives, recorded"]
    assert '"stateful": true}}}}' in said["gives, came"]
    assert all(len(line) < 800 for line in said.values())
    (where,) = [line for line in said if "differs first at" in line]
    assert where.startswith("gives differs first at requests/")
    assert where.endswith("/stateful")


def test_a_difference_of_types_alone_is_shown(program: Any, recorded: Path) -> None:
    """A number with a point is the same to Python, and not in a record."""
    ticket = b""

    def changed(lines: list[bytes]) -> list[bytes]:
        nonlocal ticket
        for at, line in enumerate(lines):
            ticket = line.rpartition(b'"gives":')[2]
            if line.startswith(b'{"call":"enqueue"') and ticket.isdigit():
                return [*lines[:at], line + b".0", *lines[at + 1 :]]
        raise AssertionError("nothing is enqueued")

    resealed(recorded / "a.jsonl", changed)
    ran = program("replay", recorded / "a.jsonl")
    assert ran.code == 1
    assert f"gives, recorded: {ticket.decode()}.0\n" in ran.out
    assert f"gives, came: {ticket.decode()}\n" in ran.out


@pytest.mark.parametrize("name", ["[bold]x.jsonl", f"{'long-' * 30}.jsonl"])
def test_a_name_is_shown_as_it_is(program: Any, recorded: Path, name: str) -> None:
    (recorded / "a.jsonl").rename(recorded / name)
    assert name in program("replay", recorded).out


@pytest.mark.parametrize("length", [0, 20])
def test_nothing_is_before_a_torn_header(program: Any, recorded: Path, length: int) -> None:
    path = recorded / "a.jsonl"
    path.write_bytes(path.read_bytes()[:length])
    ran = program("replay", path)
    assert ran.code == 4
    assert "line 1: the f" in ran.err
    assert "--up-to-torn" not in ran.err


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


def test_links_are_followed_each_place_once(
    program: Any, recorded: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("links")
    (place / "node").symlink_to(recorded)
    (place / "round").symlink_to(place)
    (place / "same").symlink_to(recorded)
    (place / "z.jsonl").symlink_to(place / "gone")
    ran = program("replay", place, "--json")
    assert ran.code == 4
    *told, lost = json.loads(ran.out)["records"]
    assert lost["file"] == "z.jsonl"
    assert "No such file" in lost["refused"]["why"]
    assert [each["file"] for each in told] == [f"node/{path.name}" for path in records(recorded)]


def test_what_cannot_be_read_is_not_left_out(
    program: Any, recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (recorded / "secret").mkdir()
    listed = Path.iterdir

    def forbidden(self: Path) -> Any:
        if self.name == "secret":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))
        return listed(self)

    monkeypatch.setattr(Path, "iterdir", forbidden)
    ran = program("replay", recorded)
    assert ran.code == 4
    assert f"{recorded / 'secret'}: Permission denied" in ran.err.replace("\n", "")


COMMANDS = (
    ("replay", None),
    ("swarm", "--seeds", "1", "--jobs", "1"),
    ("explore", "--entries", "0", "--changes", "0", "--crashes", "0", "--faults", "0"),
)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_what_cannot_be_told_is_not_taken_for_what_is_wrong(
    recorded: Path, command: tuple[str | None, ...]
) -> None:
    run = [sys.executable, "-m", "paxos_ray.cli", *(each or str(recorded) for each in command)]
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(run, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ran.returncode == 6
    assert "No space left" in ran.stderr
    assert "Traceback" not in ran.stderr
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as unread:
        ran = subprocess.run(run, stdout=unread, stderr=subprocess.PIPE, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (141, "")


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
