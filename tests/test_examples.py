"""The examples do what they say, each in a process of its own, as a reader runs them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import ray

pytestmark = pytest.mark.usefixtures("cluster")

ROOT = Path(__file__).parents[1]
LIMIT_S = 180


def run(example: str, *arguments: object) -> str:
    """What an example prints, on the cluster that the tests share: a Ray takes seconds to start."""
    address = ray.get_runtime_context().gcs_address
    environment = {**os.environ, "RAY_ADDRESS": address, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / example), *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_replicated_counters() -> None:
    out = run("replicated_counters.py")
    assert "one ship: 1\n" in out
    assert "a thousand more: 1001\n" in out
    told = re.search(
        r"(\w+) led and is dead; one ship more: 1002\nnow (\w+) leads, and reads 1002", out
    )
    assert told is not None, out
    assert told[1] != told[2]


def test_word_count(tmp_path: Path) -> None:
    for part in ("one", "two"):
        (tmp_path / part).write_text("the sea the ship\n" * 500 + part)
    out = run("word_count.py", tmp_path / "one", tmp_path / "two")
    assert "4002 words\n" in out
    assert "'the': 2000 (expected 2000)\n" in out
    assert "'sea': 1000 (expected 1000)\n" in out


def test_follow_the_log() -> None:
    out = run("follow_the_log.py")
    assert "sold: {'apples': 5, 'pears': 5, 'plums': 7}\n" in out
    assert "then: {'pears': 6}\n" in out


def test_inventory() -> None:
    out = run("inventory.py")
    assert "sold, though a leader was killed: 250\n" in out
    assert "left: 0 orders: 250\n" in out
    assert "refused: 4 sail wanted\n" in out
    assert "sails left: 3 orders: 250\n" in out


def test_work_queue() -> None:
    out = run("work_queue.py")
    assert "done: 40 right: True\n" in out
    assert "begun again: [13]\n" in out


def test_singleton() -> None:
    out = run("singleton.py")
    assert len(re.findall(r"^term \d+: clerk \d writes, and is killed", out, re.MULTILINE)) == 2
    assert "writes; terms rise: True\n" in out
    assert re.search(r"^refused: of term 1: \d+ has written$", out, re.MULTILINE)
    assert "one writer a term: True\n" in out


def test_configuration() -> None:
    out = run("configuration.py")
    assert "the leader is dead\n" in out
    assert out.count("saw 20 changes, in order: True colour: blue\n") == 3
