"""The benchmarks run, and write what they print."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_core_writes_its_figures(tmp_path: Path) -> None:
    figures = tmp_path / "core.json"
    command = [sys.executable, "-m", "benchmarks", "core", "--trials", "1", "--rounds", "0"]
    ran = subprocess.run(
        [*command, "--json", figures], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    written = json.loads(figures.read_text())
    assert written["core.queued_per_s"] > written["core.one_at_a_time_per_s"] > 0
    assert all(part in ran.stdout for part in ("core.queued_per_s", "must reach", "50,000"))


def test_procession_writes_its_figures(tmp_path: Path) -> None:
    figures = tmp_path / "procession.json"
    command = [sys.executable, "-m", "benchmarks", "procession", "--trials", "1"]
    ran = subprocess.run(
        [*command, "--json", figures], cwd=ROOT, capture_output=True, text=True, timeout=240
    )
    assert ran.returncode == 0, ran.stderr
    written = json.loads(figures.read_text())
    assert written["procession.push_shift_over_deque"] > 0
    assert written["procession.search_over_scan"] > 1
    assert written["procession.counter_wrapping_small_ns"] > 0


def test_growth_measures_a_trimmed_log() -> None:
    command = [sys.executable, "-m", "benchmarks.growth", "10000"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout).keys() == {"s_per_entry", "peak_mib"}


def test_sessions_writes_its_figures(tmp_path: Path) -> None:
    figures = tmp_path / "sessions.json"
    command = [sys.executable, "-m", "benchmarks", "sessions", "--clients", "1500"]
    ran = subprocess.run(
        [*command, "--json", figures], cwd=ROOT, capture_output=True, text=True, timeout=240
    )
    assert ran.returncode == 0, ran.stderr
    written = json.loads(figures.read_text())
    assert written["sessions.left_over"] < 0.05
    assert written["sessions.generations_over_one"] < 1.1
    assert written["sessions.open_1.snapshot_bytes"] > written["sessions.expired.snapshot_bytes"]
