"""The file that a record is: what a killed writer leaves is used, what is not whole is refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from paxos_ray.core import Citizen, Government, Legislator, Promise
from paxos_ray.core.errors import AlreadyFounded, InvalidArgument, NotFounded
from paxos_ray.core.messages import Denied
from paxos_ray.simulation import (
    Damaged,
    NotARecord,
    OtherVersion,
    Recorder,
    RecordError,
    RecordExists,
    RecordFile,
    Recording,
    Torn,
    Unrecordable,
    record_schedule,
    records,
    replay,
    run_schedule,
)
from paxos_ray.simulation.records import safe_name, seal

Change = Callable[[list[bytes]], list[bytes]]


def resealed(path: Path, change: Change) -> None:
    """Change the lines of a record as who forges them would: with right sums."""
    total, lines = 0, []
    for line in change([line.rpartition(b',"sum"')[0] for line in path.read_bytes().splitlines()]):
        tail, total = seal(line, total)
        lines.append(line + tail)
    path.write_bytes(b"".join(lines))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The record of a citizen that led, and followed."""
    directory = tmp_path_factory.mktemp("records")
    assert record_schedule(0, directory).failure is None
    return (directory / "0" / "a.jsonl").read_bytes()


@pytest.fixture
def record(recorded: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "a.jsonl"
    path.write_bytes(recorded)
    return path


# -- what a recorder writes ------------------------------------------------------------------


class Lines:
    """What a recorder has written, line by line."""

    def __init__(self, **options: int) -> None:
        self.pieces: list[bytes] = []
        self.legislator = Recorder("a", to=self.pieces.append, **options)

    def __call__(self) -> list[dict[str, object]]:
        self.legislator.flush()
        return [json.loads(line) for line in b"".join(self.pieces).splitlines()]


def test_the_first_line_says_all_that_the_legislator_was_made_of() -> None:
    (header,) = Lines(ping=7, seed=3)()
    assert (header["format"], header["version"], header["id"]) == ("paxos_ray record", 1, "a")
    options = header["options"]
    assert isinstance(options, dict)
    assert (options["ping"], options["seed"], options["timeout"]) == (7, 3, 1_000)
    assert Legislator("a", **options).id == "a"


def test_each_input_is_a_line_with_what_came_of_it() -> None:
    lines = Lines()
    a = lines.legislator
    a.bootstrap(10, "r", {"node": 1})
    a.enqueue(11, "r", b"body")
    assert a.outbox() is None
    a.outcomes()
    assert isinstance(a.wakeup, int | None)
    _, bootstrap, enqueue, outbox, outcomes, wakeup = lines()
    assert bootstrap["call"] == "bootstrap"
    assert bootstrap["properties"] == {"map": {"node": 1}}
    assert str(bootstrap["state"]).startswith("leads at 1/0")
    assert {"now": 11, "body": {"bytes": "body"}, "gives": 1}.items() <= enqueue.items()
    assert str(enqueue["state"]).startswith("leads at 1/1")
    assert outbox["gives"] is None
    assert "state" not in outbox
    assert outcomes["gives"] == [[1, "1/1", 1]]
    assert wakeup["gives"] == a.wakeup


def test_what_is_raised_is_recorded_and_raised() -> None:
    lines = Lines()
    a = lines.legislator
    with pytest.raises(NotFounded):
        a.acclimate(1)
    a.bootstrap(2, "r", {})
    with pytest.raises(AlreadyFounded):
        a.join(3, "r", "c")
    with pytest.raises(InvalidArgument):
        a.tick("now")  # type: ignore[arg-type]
    told = [(line["call"], line.get("raises")) for line in lines()[1:]]
    assert told == [
        ("acclimate", "NotFounded"), ("bootstrap", None), ("join", "AlreadyFounded"),
        ("tick", "InvalidArgument"),
    ]  # fmt: skip


def test_a_founding_upon_what_another_republic_left_replays(tmp_path: Path) -> None:
    path = tmp_path / "heir.jsonl"
    file = RecordFile(path)
    heir = Recorder("heir", to=file.append)
    with pytest.raises(Unrecordable, match="refound"):
        heir.refound(1, "r+1", {"lock": object()}, Promise(7, 5), 900, 1_000_000)
    heir.refound(1, "r+1", {"node": 1}, Promise(7, 5), 900, 1_000_000)
    heir.enqueue(2, "r+1", b"x")
    heir.outcomes()
    heir.retire(3)
    assert not heir.enqueue(4, "r+1", b"y").accepted
    heir.flush()
    file.close()
    replayed = replay(path)
    assert (replayed.difference, replayed.governments, replayed.entries) == (None, 1, 1)
    refound = json.loads(path.read_text().splitlines()[1])
    assert (refound["call"], refound["after"]) == ("refound", {"promise": [7, 5]})


def test_what_cannot_be_recorded_is_refused_and_changes_nothing() -> None:
    lines = Lines()
    a = lines.legislator
    with pytest.raises(Unrecordable, match="bootstrap"):
        a.bootstrap(1, "r", {"lock": object()})
    a.bootstrap(1, "r", {})
    before = (a.inspect(), len(lines()))
    with pytest.raises(Unrecordable, match=r"enqueue .* builtins\.set"):
        a.enqueue(2, "r", {1, 2})
    with pytest.raises(Unrecordable, match="embark"):
        a.embark(2, "r", Citizen(id="b", cookie=1, properties={"lock": object()}))
    assert (a.inspect(), len(lines())) == before
    assert a.enqueue(2, "r", [1, 2]).accepted


def test_a_peer_that_errs_is_answered_as_ever(tmp_path: Path) -> None:
    with Recording(tmp_path) as recording:
        a = recording("a")
        a.bootstrap(1, "r", {})
        for wrong in (object(), "a letter", Denied("no"), {"republic": "r"}):
            assert a.receive(2, wrong) == Legislator("a").receive(2, wrong)  # type: ignore[arg-type]
        assert a.enqueue(3, "r", b"body").accepted, "that was another's error"
        for replies in ({"b": object()}, {1: 2}):
            a.sent(4, _pulse(), replies)
        for pulse in (object(), "a/r/99", {"!": 1}):  # text is the id of a pulse it was given
            with pytest.raises(InvalidArgument):
                a.sent(4, pulse, {})  # type: ignore[arg-type]
    replayed = replay(tmp_path / "a.jsonl")
    assert (replayed.difference, replayed.inputs) == (None, 11)


def test_a_citizen_may_be_called_anything(tmp_path: Path) -> None:
    """`!` also says that something else than replies by id follows."""
    with Recording(tmp_path) as recording:
        a, b = recording("a"), recording("!")
        a.bootstrap(0, "r", {})
        b.join(0, "r", "c")
        assert a.embark(1, "r", Citizen(id="!", cookie="c")).accepted
        for now in range(2, 400, 5):
            for each in (a, b):
                each.tick(now)
                while (pulse := each.outbox()) is not None:
                    others = {"a": a, "!": b}
                    replies = {to: others[to].receive(now, it) for to, it in pulse.envelopes}
                    each.sent(now, pulse, replies)
                each.outcomes()
        government = a.government
        assert government is not None
        assert "!" in government.citizens
    for name in ("a", "%21"):
        assert replay(tmp_path / f"{name}.jsonl").difference is None


def test_a_record_is_replayed_by_the_text_of_its_path(record: Path) -> None:
    assert replay(str(record)) == replay(record)
    assert records(str(record.parent)) == [record]


def test_a_pulse_is_named_until_its_results(tmp_path: Path) -> None:
    lines = Lines()
    a = lines.legislator
    a.bootstrap(1, "r", {})
    a.embark(1, "r", Citizen(id="b", cookie="c"))
    pulse = a.outbox()
    assert pulse is not None
    assert a.given(pulse.id) is pulse
    a.sent(2, pulse, {"b": None})
    a.sent(2, pulse, {"b": None})
    with pytest.raises(KeyError):
        a.given(pulse.id)
    first, again = [line["pulse"] for line in lines() if line.get("call") == "sent"]
    assert first == pulse.id
    assert isinstance(again, dict)


def _pulse() -> object:
    from paxos_ray.core import Pulse

    return Pulse("a/r/99", "a", ())


def test_many_lines_do_not_wait_for_a_flush() -> None:
    lines = Lines()
    lines.legislator.bootstrap(1, "r", {})
    lines.legislator.enqueue(1, "r", b"x" * 300_000)
    assert len(b"".join(lines.pieces)) > 300_000
    lines.legislator.enqueue(1, "r", b"x")
    assert len(lines.pieces) == 2


# -- the file --------------------------------------------------------------------------------


def test_nothing_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "down" / "a.jsonl"
    RecordFile(path).append(b"kept")
    with pytest.raises(RecordExists, match=r"a\.jsonl"):
        RecordFile(path)
    with pytest.raises(RecordExists, match="down"):
        Recording(path.parent)
    assert path.read_bytes() == b"kept"


def test_citizens_of_one_id_have_files_of_their_own(tmp_path: Path) -> None:
    with Recording(tmp_path) as recording:
        for id in ("a", "a", "a.2", "../b"):
            recording(id)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["%2E%2E%2Fb.jsonl", "a%2E2.jsonl", "a.2.jsonl", "a.jsonl"]
    assert safe_name("..") != ".."


def test_nothing_follows_a_line_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = RecordFile(tmp_path / "a.jsonl")
    file.append(b"whole\n")
    write = os.write

    def full(descriptor: int, content: bytes) -> int:
        if len(content) < 4:
            raise OSError("no space left")
        return write(descriptor, content[:-3])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="no space"):
        file.append(b"cut off\n")
    monkeypatch.undo()
    with pytest.raises(OSError, match="closed"):
        file.append(b"whole\n")
    assert file.path.read_bytes() == b"whole\ncut o"
    file.close()


def test_a_killed_writer_leaves_all_that_was_flushed(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from paxos_ray.simulation import Recorder, RecordFile\n"
        "a = Recorder('a', to=RecordFile(Path(sys.argv[1])).append)\n"
        "a.bootstrap(1, 'r', {})\n"
        "for now in range(50): a.enqueue(now, 'r', b'x')\n"
        "a.flush(); a.enqueue(51, 'r', b'lost'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    path = tmp_path / "a.jsonl"
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    ran = subprocess.run([sys.executable, "-c", code, path], env=environment, check=False)
    assert ran.returncode == -signal.SIGKILL
    replayed = replay(path)
    assert (replayed.difference, replayed.inputs, replayed.entries) == (None, 51, 50)


# -- what is refused -------------------------------------------------------------------------


def refused(path: Path, kind: type[RecordError]) -> RecordError:
    with pytest.raises(RecordError) as info:
        replay(path)
    assert type(info.value) is kind, info.value
    assert f"{path}, line {info.value.line}: " in str(info.value)
    return info.value


def test_every_cut_is_a_torn_last_line_or_the_end(record: Path, recorded: bytes) -> None:
    start = len(b"".join(recorded.splitlines(True)[:4]))
    fifth = len(recorded.splitlines(True)[4])
    for cut in (1, fifth // 2, fifth - 1):
        record.write_bytes(recorded[: start + cut])
        assert refused(record, Torn).line == 5
        replayed = replay(record, up_to_torn=True)
        assert (replayed.inputs, replayed.torn, replayed.difference) == (3, 5, None)
    record.write_bytes(recorded[:start])
    assert replay(record).inputs == 3
    assert replay(record).torn is None


@pytest.mark.parametrize("length", [0, 1, 20, 100])
def test_a_torn_header_is_no_record_yet(record: Path, recorded: bytes, length: int) -> None:
    record.write_bytes(recorded[:length])
    assert refused(record, Torn).line == 1
    with pytest.raises(Torn):
        replay(record, up_to_torn=True)


@pytest.mark.parametrize(
    "content",
    [b"\n", b"{}\n", b"[1]\n", b"a letter", b"\x80\x05\x95", b'{"format":"other","version":1}\n',
     b"null\n", b'{"format":"paxos_ray record"}\n', b"[" * 5_000 + b"\n"],
)  # fmt: skip
def test_a_foreign_file_is_refused(record: Path, content: bytes) -> None:
    record.write_bytes(content)
    assert refused(record, NotARecord).line == 1


def test_another_version_is_refused(record: Path) -> None:
    resealed(record, lambda lines: [lines[0].replace(b'"version":1', b'"version":2'), *lines[1:]])
    error = refused(record, OtherVersion)
    assert error.line == 1
    assert "version 2" in str(error)


@pytest.mark.parametrize("version", [b"true", b"1.0", b'"1"'])
def test_a_version_that_is_no_whole_number_is_another(record: Path, version: bytes) -> None:
    told = b'"version":' + version
    resealed(record, lambda lines: [lines[0].replace(b'"version":1', told), *lines[1:]])
    assert refused(record, OtherVersion).line == 1


DAMAGES: dict[str, tuple[Change, int]] = {
    "a byte changed": (lambda ls: [*ls[:6], ls[6].replace(b'"call"', b'"cell"'), *ls[7:]], 7),
    "a sum changed": (lambda ls: [*ls[:6], ls[6][:-4] + b'!"}\n', *ls[7:]], 7),
    "a header changed": (lambda ls: [ls[0].replace(b'"id":"a"', b'"id":"b"'), *ls[1:]], 1),
    "a line lost": (lambda ls: [*ls[:6], *ls[7:]], 7),
    "a line doubled": (lambda ls: [*ls[:6], ls[5], *ls[6:]], 7),
    "two lines swapped": (lambda ls: [*ls[:6], ls[7], ls[6], *ls[8:]], 7),
    "a line cut off": (lambda ls: [*ls[:6], ls[6][:9] + b"\n", *ls[7:]], 7),
    "an end of line lost": (lambda ls: [*ls[:6], ls[6][:-1], *ls[7:]], 7),
    "an empty line": (lambda ls: [*ls[:6], b"\n", *ls[6:]], 7),
    "another record's line": (lambda ls: [*ls[:6], ls[6].replace(b'"sum":"', b'"sum":"0')], 7),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_line_is_found(record: Path, recorded: bytes, name: str) -> None:
    damage, line = DAMAGES[name]
    record.write_bytes(b"".join(damage(recorded.splitlines(True))))
    assert refused(record, Damaged).line == line


FORGERIES = (
    b'{"call":"__init__","id":"x"', b'{"call":"flush"', b'{"call":"_line","text":"x"', b"[1", b"{",
    b'{"call":"tick"', b'{"call":"receive","now":1,"request":{"os.system":"true"}', b'{"call":[]',
    b'{"call":"enqueue","now":1,"republic":"r","body":{"base64":"no"}', b'"call"',
    b'{"call":"sent","now":1,"pulse":"never given","replies":{}',
    b'{"call":"embark","now":1,"republic":"r","citizen":{"citizen":{"id":""}},"acclimated":false',
    b'{"call":"bootstrap","now":1,"republic":"r","properties":{"map":' + b'[' * 9_000,
)  # fmt: skip


@pytest.mark.parametrize("forged", FORGERIES, ids=lambda forged: forged[:40])
def test_a_forged_input_is_refused(record: Path, forged: bytes) -> None:
    resealed(record, lambda lines: [*lines[:6], forged, *lines[7:]])
    assert refused(record, Damaged).line == 7


@pytest.mark.parametrize(
    "options", [b'{"ping":0}', b'{"to":1}', b'{"no_such":1}', b"[]", b'{"ping":{"Write":{}}}']
)
def test_forged_options_are_refused(record: Path, options: bytes) -> None:
    header = b'{"format":"paxos_ray record","version":1,"id":"a","options":' + options
    resealed(record, lambda lines: [header, *lines[1:]])
    assert refused(record, Damaged).line == 1


# -- recording changes nothing ---------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
def test_recording_does_not_change_a_schedule(tmp_path: Path, seed: int) -> None:
    """And each record replays."""
    assert record_schedule(seed, tmp_path) == run_schedule(seed)
    records = sorted((tmp_path / str(seed)).iterdir())
    assert records
    governments = 0
    for record in records:
        replayed = replay(record)
        assert replayed.difference is None, replayed
        assert replayed.inputs + 1 == len(record.read_bytes().splitlines())
        governments = max(governments, replayed.governments)
    assert governments > 3


def test_governments_and_plain_bodies_are_recorded(tmp_path: Path) -> None:
    with Recording(tmp_path) as recording:
        a, b = recording("a"), recording("b")
        a.bootstrap(1, "r", {"name": "Ä"})
        b.join(1, "r", 2**70)
        a.embark(2, "r", Citizen(id="b", cookie=2**70, properties={"at": (1, None)}))
        for number, body in enumerate(({"x": [1.5, "é"]}, "text", b"", None)):
            a.enqueue(3, "r", body)
            a.tick(4 + 300 * number)
            _pump(a, b, 5 + 300 * number)
        assert [entry.body for entry in b.log][-1] is None
        assert isinstance(a.government, Government)
    for id in "ab":
        replayed = replay(tmp_path / f"{id}.jsonl")
        assert (replayed.difference, replayed.entries) == (None, 4)


def _pump(a: Legislator, b: Legislator, now: int) -> None:
    while (pulse := a.outbox()) is not None:
        replies = {envelope.to: b.receive(now, envelope.request) for envelope in pulse.envelopes}
        a.sent(now, pulse, replies)
    assert a.top is not None and a.top >= Promise(1, 1)
