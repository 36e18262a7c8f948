"""Replay: the same again, in any process; and whatever comes out otherwise is found and shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from paxos_ray.core.recording import Recorder as Follower
from paxos_ray.core.state import State
from paxos_ray.simulation import Difference, record_schedule, records, replay
from paxos_ray.simulation.replay import BEFORE
from tests.simulation.test_records import resealed

SEEDS = range(6)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The records of a few schedules."""
    directory = tmp_path_factory.mktemp("records")
    for seed in SEEDS:
        assert record_schedule(seed, directory).failure is None
    return directory


def differences(directory: Path) -> list[Difference]:
    replays = [replay(path) for path in records(directory)]
    return [replayed.difference for replayed in replays if replayed.difference is not None]


def test_every_record_replays(recorded: Path) -> None:
    assert len(records(recorded)) > 3 * len(SEEDS)
    assert differences(recorded) == []


def test_a_directory_holds_what_is_below_it_in_order(recorded: Path) -> None:
    found = records(recorded)
    assert found == sorted(found)
    assert records(recorded / "0") == [path for path in found if path.parent.name == "0"]
    assert records(found[0]) == [found[0]]


def other_process(hash_seed: str, *arguments: object) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": ":".join(sys.path)}
    command = [sys.executable, *map(str, arguments)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.parametrize("hash_seed", ["1", "31337"])
def test_another_process_replays_the_same(recorded: Path, hash_seed: str) -> None:
    told = json.loads(other_process(hash_seed, "-m", "paxos_ray.cli", "replay", recorded, "--json"))
    assert told["identical"] is True
    here = [replay(path) for path in records(recorded)]
    assert [(r["inputs"], r["entries"], r["governments"]) for r in told["records"]] == [
        (each.inputs, each.entries, each.governments) for each in here
    ]


def test_another_process_records_the_same(recorded: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from paxos_ray.simulation import record_schedule\n"
        "record_schedule(0, Path(sys.argv[1]))"
    )
    other_process("4711", "-c", code, tmp_path)
    here, there = records(recorded / "0"), records(tmp_path / "0")
    assert [path.name for path in here] == [path.name for path in there]
    assert [path.read_bytes() for path in here] == [path.read_bytes() for path in there]


# -- differences -----------------------------------------------------------------------------


def copied(recorded: Path, tmp_path: Path, wanted: bytes) -> Path:
    """A record that has `wanted` in it, to be changed."""
    for path in records(recorded):
        content = path.read_bytes()
        if wanted in content:
            copy = tmp_path / path.name
            copy.write_bytes(content)
            return copy
    raise AssertionError(f"no record has {wanted!r}")


def only_difference(path: Path) -> Difference:
    (difference,) = differences(path)
    lines = path.read_text().splitlines()
    number = difference.line
    assert difference.recorded == json.loads(lines[number - 1].rpartition(',"sum"')[0] + "}")
    assert len(difference.before) == min(BEFORE, number - 2)
    for before, text in difference.before:
        assert lines[before - 1].startswith(text[:-1])
    assert [before for before, _ in difference.before][-1:] == [number - 1][: number - 2]
    return difference


def test_another_seed_is_found(recorded: Path) -> None:
    """Chance decides when a candidate stands again."""

    def reseed(lines: list[bytes]) -> list[bytes]:
        header = json.loads(lines[0] + b"}")
        header["options"]["seed"] += 1
        told = json.dumps(header, separators=(",", ":"))[:-1].encode()
        return [told, *lines[1:]]

    found = []
    for path in records(recorded):
        content = path.read_bytes()
        resealed(path, reseed)
        try:
            if differences(path):
                found.append(only_difference(path))
        finally:
            path.write_bytes(content)
    assert found
    for difference in found:
        assert set(difference.parts) <= {"gives", "state"}


def test_another_timeout_is_found(recorded: Path, tmp_path: Path) -> None:
    path = copied(recorded, tmp_path, b'"state":"stands')
    resealed(path, lambda ls: [ls[0].replace(b'"timeout":', b'"timeout":1'), *ls[1:]])
    difference = only_difference(path)
    assert difference.recorded["call"] in ("wakeup", "outbox", "tick")


def planted_rules() -> dict[str, Callable[[pytest.MonkeyPatch], None]]:
    def nobody_stands(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(Follower, "may_stand", lambda self: False)

    def no_promise(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(State, "promise", lambda self, ballot: None)

    def asserts(patch: pytest.MonkeyPatch) -> None:
        def broken(self: Any, *arguments: Any) -> None:
            raise AssertionError("planted")

        patch.setattr(State, "commit_register", broken)

    return {"nobody stands": nobody_stands, "no promise": no_promise, "asserts": asserts}


@pytest.mark.parametrize("name", planted_rules())
def test_a_changed_rule_is_found(
    recorded: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    planted_rules()[name](monkeypatch)
    found = [only_difference(path) for path in records(recorded) if differences(path)]
    assert found
    for difference in found:
        assert difference.parts
        if name == "asserts":
            assert difference.came["raises"] == "AssertionError"
            assert "raises" in difference.parts


def test_a_changed_body_is_found_where_it_is_given(recorded: Path, tmp_path: Path) -> None:
    path = copied(recorded, tmp_path, b'"body":{"bytes":"')

    def change(lines: list[bytes]) -> list[bytes]:
        place = [b'"body":{"bytes":"' in line and b'"gives":[' not in line for line in lines]
        at = len(place) - 1 - place[::-1].index(True)
        lines[at] = lines[at].replace(b'"body":{"bytes":"', b'"body":{"bytes":"other ')
        return lines

    resealed(path, change)
    difference = only_difference(path)
    assert difference.recorded["call"] == "outbox"
    assert difference.parts == ("gives",)


def test_what_is_recorded_otherwise_is_a_difference(recorded: Path, tmp_path: Path) -> None:
    path = copied(recorded, tmp_path, b'"gives":{"id":"a/')
    for old, new, part in (
        (b'"state":"', b'"state":"!', "state"),
        (b'"gives":[]', b'"gives":[[1,null,1]]', "gives"),
        (b'"gives":{"id":"a/', b'"gives":{"id":"b/', "gives"),
        (b'"call":"wakeup"', b'"call":"wakeup","raises":"Strike"', "raises"),
    ):
        content = path.read_bytes()

        def change(lines: list[bytes], old: bytes = old, new: bytes = new) -> list[bytes]:
            at = next(at for at, line in enumerate(lines) if old in line)
            lines[at] = lines[at].replace(old, new)
            return lines

        resealed(path, change)
        assert only_difference(path).parts == (part,)
        path.write_bytes(content)


def test_what_the_core_asserts_replays_as_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record of a run that broke is what one wants most."""
    with monkeypatch.context() as patch:
        planted_rules()["asserts"](patch)
        assert record_schedule(0, tmp_path).failure is not None
        assert differences(tmp_path) == []
    (difference,) = differences(tmp_path)
    assert difference.recorded["raises"] == "AssertionError"
    assert "raises" not in difference.came


def test_damage_after_a_difference_does_not_hide_it(recorded: Path, tmp_path: Path) -> None:
    path = copied(recorded, tmp_path, b'"state":"stands')
    resealed(path, lambda ls: [ls[0].replace(b'"timeout":', b'"timeout":1'), *ls[1:]])
    path.write_bytes(path.read_bytes() + b"torn")
    assert replay(path).difference is not None


def test_progress_is_told(recorded: Path) -> None:
    path = records(recorded)[0]
    passed: list[int] = []
    replay(path, passed=passed.append)
    header = len(path.read_bytes().splitlines(True)[0])
    assert sum(passed) + header == path.stat().st_size
