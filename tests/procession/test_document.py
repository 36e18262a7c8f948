"""What docs/procession.md shows is run as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from paxos_ray import procession

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "procession.md").read_text()
PROGRAM, *_ = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def test_its_program_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    exec(PROGRAM, {})
    assert capsys.readouterr().out.splitlines() == [
        "a b 3",
        "['a', 'b', 'c'] ['b', 'c']",
        "True 0",
    ]


def test_every_public_name_that_one_makes_is_told_of() -> None:
    told = set(re.findall(r"\w+", TEXT))
    silent = {"Absent", "Destroyed", "InvalidSetting", "Node", "Outlet", "ProcessionError"}
    assert set(procession.__all__) - silent <= told
