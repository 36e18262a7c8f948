"""`paxos-ray swarm`: what it runs, what it says of a failure, what it exits with."""

from __future__ import annotations

import errno
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from paxos_ray.cli import options, render
from paxos_ray.cli import swarm as command
from paxos_ray.cli.swarm import parse_seeds
from paxos_ray.core.legislator import Legislator
from paxos_ray.simulation import swarm
from paxos_ray.simulation.records import RecordFile
from tests.actors.soon import until
from tests.cli.processes import end, runs
from tests.mutants.catalogue import MUTANTS


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

    def run_schedules(_seeds: range, jobs: int, *_: Any) -> Iterator[Any]:
        given.append(jobs)
        yield from ()

    monkeypatch.setattr(options.os, "sched_getaffinity", lambda pid: {0, 4, 7})
    monkeypatch.setattr(command, "run_schedules", run_schedules)
    assert program("swarm", *asked).code == 0
    assert given == [jobs]


def test_wrong_seeds_are_wrong_usage(program: Callable[..., Any]) -> None:
    ran = program("swarm", "--seeds", "no")
    assert ran.code == 2
    assert "seeds are A..B" in ran.err


def test_more_seeds_than_can_be_counted_are_wrong_usage(program: Callable[..., Any]) -> None:
    ran = program("swarm", "--seeds", f"0..{10**20}", "--json")
    assert (ran.code, ran.out) == (2, "")
    assert "more seeds than" in ran.err


def test_many_seeds_are_begun_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, submit = [], ProcessPoolExecutor.submit

    def counted(pool: ProcessPoolExecutor, *arguments: Any) -> Any:
        begun.append(arguments[-1])
        return submit(pool, *arguments)

    monkeypatch.setattr(ProcessPoolExecutor, "submit", counted)
    with closing(swarm.run_schedules(range(10**12), jobs=2)) as summaries:
        assert next(summaries).seed == 0
    assert 2 <= len(begun) <= 2 * swarm.AHEAD + 1


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
    assert failure["no_scenario"] is None
    assert "crash" in failure["without"]


# -- what is known is told --------------------------------------------------------------------


def interrupted_at(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the command were interrupted when the schedule of that seed begins."""
    run = swarm.run_schedule

    def interrupted(at: int, **options: Any) -> Any:
        if at == seed:
            raise KeyboardInterrupt
        return run(at, **options)

    monkeypatch.setattr(swarm, "run_schedule", interrupted)


def test_who_interrupts_it_is_told_what_failed_so_far(
    program: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    break_the_core(monkeypatch)
    interrupted_at(3, monkeypatch)
    ran = program("swarm", "--seeds", "0..9", "--jobs", "1")
    assert ran.code == 130
    for seed in range(3):
        assert f"swarm --seeds {seed} --trace" in ran.out
    assert "3 of 10 schedules, 3 failed" in ran.out


def test_json_of_what_was_interrupted_is_of_what_failed_so_far(
    program: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    break_the_core(monkeypatch)
    interrupted_at(2, monkeypatch)
    ran = program("swarm", "--seeds", "0..9", "--jobs", "1", "--json")
    assert ran.code == 130
    assert [failure["seed"] for failure in json.loads(ran.out)["failures"]] == [0, 1]
    assert "seed 0, at" in ran.err
    assert "swarm --seeds 1 --trace" in ran.err


def test_a_failure_is_told_before_the_next_schedule(
    program: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    break_the_core(monkeypatch)
    told: list[str] = []
    run = swarm.run_schedule

    def noted(seed: int, **options: Any) -> Any:
        told.append(f"schedule {seed}")
        return run(seed, **options)

    monkeypatch.setattr(swarm, "run_schedule", noted)
    monkeypatch.setattr(command.typer, "echo", lambda line, err: told.append(line))
    program("swarm", "--seeds", "0..1", "--jobs", "1", "--no-shrink")
    first = told.index("schedule 1")
    assert any(line.startswith("seed 0, at") for line in told[:first])


def test_who_interrupts_the_shrinking_knows_what_failed(
    program: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    break_the_core(monkeypatch)
    shrink = command.shrink

    def interrupted(seed: int, **options: Any) -> Any:
        if seed == 1:
            raise KeyboardInterrupt
        return shrink(seed, **options)

    monkeypatch.setattr(command, "shrink", interrupted)
    arguments = ("swarm", "--seeds", "0..2", "--jobs", "1", "--scenarios", tmp_path)
    ran = program(*arguments)
    assert ran.code == 130
    for seed in range(3):
        assert f"swarm --seeds {seed} --trace" in ran.out
    assert "3 schedules, 3 failed" in ran.out
    assert f"steps are left: {tmp_path / 'seed_0.txt'}" in ran.out
    told = json.loads(program(*arguments, "--json").out)
    assert [bool(failure["scenario"]) for failure in told["failures"]] == [True, False, False]


def test_a_worker_that_dies_is_no_failed_seed(
    program: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    break_the_core(monkeypatch)
    monkeypatch.setattr(swarm, "CHUNK", 2)
    told, run, echo = tmp_path / "told", swarm.run_schedule, command.typer.echo

    def killed(seed: int, **options: Any) -> Any:
        if seed == 5:
            deadline = time.monotonic() + 60
            while not told.exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGKILL)
        return run(seed, **options)

    def marked(line: str, **options: Any) -> None:
        told.touch()
        echo(line, **options)

    monkeypatch.setattr(swarm, "run_schedule", killed)
    monkeypatch.setattr(command.typer, "echo", marked)
    ran = program("swarm", "--seeds", "0..11", "--jobs", "2")
    assert ran.code == 6
    assert "paxos-ray: a process that ran schedules has died" in ran.err
    assert "Traceback" not in ran.err
    assert "swarm --seeds 0 --trace" in ran.out
    assert "of 12 schedules" in ran.out


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_whatever_ends_it_ends_its_processes(number: signal.Signals, code: int) -> None:
    ended = end(number, 2, "swarm", "--seeds", "0..99999", "--jobs", "2")
    assert ended.code == code
    assert ("of 100000 schedules, 0 failed" in ended.out) == (number == signal.SIGTERM)
    until(lambda: not any(map(runs, ended.children)))


def test_what_was_recorded_already_is_told_before_anything_is_run(
    program: Callable[..., Any], tmp_path: Path
) -> None:
    assert program("swarm", "--seeds", "3", "--jobs", "1", "--record", tmp_path).code == 0
    ran = program("swarm", "--seeds", "1..4", "--jobs", "1", "--record", tmp_path)
    assert ran.code == 4
    assert f"there are records in {tmp_path / '3'} already" in ran.err
    assert [each.name for each in tmp_path.iterdir()] == ["3"]
    assert program("swarm", "--seeds", "1..2", "--jobs", "1", "--record", tmp_path).code == 0


@pytest.mark.parametrize("option", ["--scenarios", "--record"])
def test_where_nothing_can_be_written_no_schedule_is_run(
    program: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, option: str
) -> None:
    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("a schedule was run")

    monkeypatch.setattr(swarm, "_run", never)
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file" / "below", Path("/proc/nowhere"), tmp_path / "file"):
        ran = program("swarm", "--seeds", "1..2", "--jobs", "1", option, place)
        assert ran.code == 2, ran.err
        assert option in ran.err


def test_what_is_asked_for_is_not_made_before_it_is_needed(
    program: Callable[..., Any], tmp_path: Path
) -> None:
    where = tmp_path / "deep" / "down"
    assert program("swarm", "--seeds", "0", "--jobs", "1", "--scenarios", where).code == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_full_disk_is_no_violation(
    program: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, jobs: int
) -> None:
    append = RecordFile.append

    def full(self: RecordFile, lines: bytes) -> None:
        if self.path.parent.name == "2":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        append(self, lines)

    monkeypatch.setattr(RecordFile, "append", full)
    break_the_core(monkeypatch)
    ran = program("swarm", "--seeds", "1..9", "--jobs", jobs, "--record", tmp_path)
    assert ran.code == 6
    assert "No space left" in ran.err
    assert "1 of 9 schedules, 1 failed" in ran.out
    assert "swarm --seeds 1 --trace" in ran.out
    assert "No space left" not in ran.out


def test_what_does_not_fail_again_does_not_keep_the_others_from_being_shrunk(
    program: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    break_the_core(monkeypatch)
    shrink = command.shrink

    def healed(seed: int, **options: Any) -> Any:
        if seed == 0:
            raise command.NotFailing("it does not")
        return shrink(seed, **options)

    monkeypatch.setattr(command, "shrink", healed)
    ran = program("swarm", "--seeds", "0..1", "--jobs", "1", "--scenarios", tmp_path)
    assert ran.code == 1
    assert "seed 0: no scenario, since it did not fail when it was run again" in ran.out
    assert (tmp_path / "seed_1.txt").exists()


def test_what_only_clients_see_says_why_there_is_no_scenario(
    program: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    MUTANTS["sequence_reused"].plant(monkeypatch)
    arguments = ("swarm", "--seeds", "0", "--workload", "customers", "--scenarios", tmp_path)
    ran = program(*arguments, "--jobs", "1")
    assert ran.code == 1
    assert "exactly once" in ran.out
    assert "seed 0: no scenario, since what the citizens are given and give does not" in ran.out
    assert "it fails without " in ran.out
    (failure,) = json.loads(program(*arguments, "--jobs", "1", "--json").out)["failures"]
    assert failure["scenario"] is None
    assert "clients" in failure["no_scenario"]
    assert failure["without"]
    assert not set(failure["without"]) & set(failure["needed"])


# -- traces -----------------------------------------------------------------------------------


def test_a_trace_tells_each_event(program: Callable[..., Any]) -> None:
    ran = program("swarm", "--seeds", "0", "--trace")
    assert ran.code == 0
    assert "Synchronize" in ran.out
    assert "1 schedules, 0 failed" in ran.out


def test_a_trace_goes_with_the_other_options(
    program: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ran = program("swarm", "--seeds", "0", "--trace", "--json", "--record", tmp_path)
    assert json.loads(ran.out)["schedules"] == 1
    assert "Synchronize" in ran.err
    assert (tmp_path / "0" / "a.jsonl").exists()
    break_the_core(monkeypatch)
    ran = program("swarm", "--seeds", "0..9", "--trace", "--most", "1", "--no-shrink")
    assert ran.code == 1
    assert "1 of 10 schedules, 1 failed" in ran.out


def test_without_a_terminal_there_is_a_line_now_and_then(
    program: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render, "MINUTE_S", 0.0)
    ran = program("swarm", "--seeds", "1..3", "--jobs", 1)
    assert ran.code == 0
    assert "of 3 schedules" in ran.err
