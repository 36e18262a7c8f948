"""docs/protocol.md names tests and files: they must exist, or the argument has lost its proof."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = (ROOT / "docs" / "protocol.md").read_text()
TABLE = DOCUMENT.partition("## Which test attacks which sentence")[2]
ROWS = [line for line in TABLE.splitlines() if line.startswith("| ") and "---" not in line][1:]
TOLD = {path.stem for path in (ROOT / "tests" / "scenarios").glob("*.txt")}


def exists(name: str, told: set[str]) -> bool:
    """A path in the repository, a file of its tests, or a scenario."""
    if "/" in name:
        return (ROOT / name).exists()
    if name.endswith(".py"):
        return any((ROOT / "tests").rglob(name))
    return name in told


def test_every_sentence_has_its_attack() -> None:
    assert len(ROWS) >= 10
    for row in ROWS:
        sentence, attack = [cell.strip() for cell in row.strip("|").split("|")]
        named = re.findall(r"`([^`]+)`", attack)
        assert named, f"nothing attacks: {sentence}"
        assert [name for name in named if not exists(name, TOLD)] == []


@pytest.mark.parametrize("path", re.findall(r"`((?:tests|paxos_ray|docs)/[^`]+)`", DOCUMENT))
def test_every_path_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("name", ["attack_0_nobody_told", "tests/core/none.py", "test_none.py"])
def test_a_name_that_is_gone_is_found(name: str) -> None:
    assert not exists(name, TOLD)
