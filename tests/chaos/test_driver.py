"""A driver is a program; what it says and how it ends is what it did."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from paxos_ray.chaos import DriverFailed, Program

PROGRAM = """
import sys
open(sys.argv[1], "a").write(" ".join(sys.argv[2:]) + "\\n")
if sys.argv[2] == "hosts":
    print("10.0.0.2\\n10.0.0.3")
if sys.argv[2] == "kill":
    sys.exit("no such node")
"""


def test_it_is_given_words(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    log = tmp_path / "log"
    driver = Program(f"{sys.executable} {tmp_path / 'program.py'} {log}")
    assert driver.hosts() == ["10.0.0.2", "10.0.0.3"]
    driver.block([("10.0.0.2", "10.0.0.3"), ("10.0.0.3", "10.0.0.2")])
    driver.heal()
    driver.start("10.0.0.2")
    with pytest.raises(DriverFailed, match=r"kill 10\.0\.0\.2: exit code 1: no such node"):
        driver.kill("10.0.0.2")
    assert log.read_text().splitlines() == [
        "hosts",
        "block 10.0.0.2 10.0.0.3 10.0.0.3 10.0.0.2",
        "heal",
        "start 10.0.0.2",
        "kill 10.0.0.2",
    ]


@pytest.mark.parametrize("command", ["", "/no/such/program"])
def test_one_that_is_not_there(command: str) -> None:
    with pytest.raises(DriverFailed):
        Program(command).hosts()
