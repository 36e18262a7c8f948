"""What an island on Ray records replays elsewhere, whatever happened to it."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from paxos_ray import CannotRecord, InvalidArgument, islands, launch
from paxos_ray.actors.citizen import Citizen, Identity
from paxos_ray.actors.settings import Settings, Wish
from paxos_ray.actors.wire import WRITE, Call, seal, unseal
from paxos_ray.core import Entry
from paxos_ray.machines import Replica, encode_open
from paxos_ray.simulation import Recorder, RecordExists, RecordFile, records, replay
from tests.actors.soon import await_status, is_whole
from tests.actors.test_survival import Load, kill

pytestmark = pytest.mark.usefixtures("cluster")


def test_an_island_that_lost_its_leader_replays_elsewhere(name: str, tmp_path: Path) -> None:
    island = launch(name, record=tmp_path)
    with Load(island.counter("count")).under_way() as load:
        status = await_status(island, is_whole)
        kill(status.leader_pid)
        load.progress()
        await_status(island, is_whole)
        island.scale(5)
        load.progress()
        island.scale(3)
    government = island.settled(timeout_s=60).leader
    assert government is not None
    island.shutdown()

    environment = {**os.environ, "PYTHONHASHSEED": "271828", "PYTHONPATH": ":".join(sys.path)}
    command = [sys.executable, "-m", "paxos_ray.cli", "replay", str(tmp_path), "--json"]
    ran = subprocess.run(
        [*command, "--up-to-torn"], env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout[-3_000:] + ran.stderr
    told = json.loads(ran.stdout)
    assert told["identical"] is True
    replayed = {record["citizen"]: record for record in told["records"]}
    assert len(replayed) == len(told["records"]) >= 6, "three, one for the dead, two more"
    assert {Path(record["file"]).parts[0] for record in told["records"]} == {name}
    assert all(record["inputs"] > 10 for record in replayed.values())
    last = max(record["governments"] for record in replayed.values())
    assert last > replayed[status.leader.id]["governments"] > 5, "the dead one saw less"


def test_where_nothing_can_be_written_nothing_is_launched(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CannotRecord, match=r"file/.* cannot be written on the node at .*: Not a"):
        launch(name, record=tmp_path / "file")
    assert name not in islands()
    with pytest.raises(InvalidArgument, match="absolute"):
        Settings(record="records")


# -- one citizen, without being an actor -----------------------------------------------------


def founder(directory: Path) -> Citizen:
    identity = Identity("founder", "republic", "republic", founder=True)
    return Citizen(identity, Settings(record=str(directory)), Wish(1, 3))


def ask(citizen: Citizen, number: int) -> list[tuple[int, str]]:
    calls = seal([Call(number, WRITE, encode_open(1000))])
    said = unseal(citizen.turn("coordinator", 0, calls))
    return [(result.number, result.status) for result in said.results]


def test_what_a_citizen_says_is_on_record_before_it_says_it(tmp_path: Path) -> None:
    citizen = founder(tmp_path)
    (path,) = records(tmp_path)
    assert path.name == "founder.republic.jsonl"
    for number in range(1, 4):
        assert ask(citizen, number) == [(number, "done")]
        replayed = replay(path)
        assert (replayed.difference, replayed.entries) == (None, number)


def test_the_same_citizen_is_not_recorded_twice(tmp_path: Path) -> None:
    founder(tmp_path)
    with pytest.raises(RecordExists):
        founder(tmp_path)


def test_a_citizen_is_wanted_more_than_its_record(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Newcomers could not be started any more, and the island never had its shape again."""
    (tmp_path / "gone").write_text("in the way")
    citizen = founder(tmp_path / "gone")
    assert ask(citizen, 1) == [(1, "done")]
    (told,) = [record.message for record in caplog.records]
    assert told.startswith("founder goes without a record: ")
    assert str(tmp_path / "gone") in told


def test_what_ends_a_process_is_on_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    citizen = founder(tmp_path)
    ask(citizen, 1)
    (path,) = records(tmp_path)
    ended: list[bytes] = []

    def end() -> None:
        ended.append(path.read_bytes())

    monkeypatch.setattr("paxos_ray.actors.citizen.end_process", end)

    def breaks(self: Replica, entry: Entry) -> None:
        raise MemoryError

    monkeypatch.setattr(Replica, "apply", breaks)
    with pytest.raises(MemoryError):
        ask(citizen, 2)
    (left,) = ended
    assert left.count(b'"call":"enqueue"') == 2
    assert replay(path).entries == 2


def test_a_process_ends_though_its_record_cannot_be_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory that lacks for an entry may lack for the record, too; who is out of step must end."""
    citizen, ended = founder(tmp_path), []
    ask(citizen, 1)

    def lacks(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("paxos_ray.actors.citizen.end_process", lambda: ended.append(True))
    monkeypatch.setattr(Replica, "apply", lacks)
    monkeypatch.setattr(Recorder, "flush", lacks)
    with pytest.raises(MemoryError):
        ask(citizen, 2)
    assert ended == [True]


def test_a_citizen_goes_on_when_its_record_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    citizen = founder(tmp_path)
    ask(citizen, 1)

    def full(self: RecordFile, lines: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(RecordFile, "append", full)
    assert ask(citizen, 2) == [(2, "done")]
    monkeypatch.undo()
    assert ask(citizen, 3) == [(3, "done")]
    (path,) = records(tmp_path)
    assert [r.message for r in caplog.records] == [
        f"{path} ends here: [Errno 28] No space left on device"
    ]
    assert replay(path).entries == 1, "what is there is whole"


def test_what_is_no_request_is_recorded_too(tmp_path: Path) -> None:
    citizen = founder(tmp_path)
    for forged in (b"junk", seal(None), seal({"republic": 1}), seal(Settings())):
        citizen.receive(forged)
    ask(citizen, 1)
    (path,) = records(tmp_path)
    assert replay(path).entries == 1
