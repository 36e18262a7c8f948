"""What README shows is run as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
COMMANDS = (
    "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/paxos-ray demo",
    "python3 -m venv .venv && .venv/bin/pip install '.[test]' && .venv/bin/pytest",
)


@pytest.mark.parametrize("block", BLOCKS, ids=range(1, len(BLOCKS) + 1))
def test_each_program_prints_what_its_comments_say(block: str, tmp_path: Path) -> None:
    """A line `print(…)  # 1000: why` must print 1000."""
    program = tmp_path / "program.py"
    program.write_text(block)
    ran = subprocess.run(
        [sys.executable, program], cwd=tmp_path, capture_output=True, text=True, timeout=180
    )
    assert ran.returncode == 0, ran.stderr
    promised = re.findall(r"^ *print\(.*\)  # (\S+?)(?::.*)?$", block, re.MULTILINE)
    assert promised
    assert [line for line in ran.stdout.splitlines() if line in promised] == promised


def test_there_is_a_program_of_about_twenty_lines() -> None:
    (first, *_) = BLOCKS
    assert 10 <= len([line for line in first.splitlines() if line.strip()]) <= 22


def test_the_two_commands_stand_there_alone() -> None:
    lines = [line.strip() for line in README.splitlines()]
    assert [line for line in lines if line.startswith("python3 -m venv")] == list(COMMANDS)


def test_its_commands_are_the_package_s_own() -> None:
    """A renamed script or extra would leave README behind."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "paxos-ray" in project["scripts"]
    assert "test" in project["optional-dependencies"]


def test_every_file_it_links_to_is_there() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_layers_it_lists_are_there() -> None:
    listed = set(re.findall(r"^    paxos_ray/(\w+) ", README, re.MULTILINE))
    present = {path.parent.name for path in (ROOT / "paxos_ray").glob("*/__init__.py")}
    assert listed == present
