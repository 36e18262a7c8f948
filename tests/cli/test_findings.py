"""The demo's verdict: exact is only what is exact in every count and every citizen's state."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from paxos_ray.cli.demo import findings_json, show
from paxos_ray.cli.demonstration import Findings, Occasion
from paxos_ray.core import Citizen, Government, Promise

GOVERNMENT = Government(
    promise=Promise(4, 0),
    majority=("b", "a"),
    minority=("c",),
    arrived={id: Promise(number, 0) for number, id in enumerate("abc", 1)},
    citizens={id: Citizen(id=id, cookie=1) for id in "abc"},
)


def made(**changes: Any) -> Findings:
    findings = Findings(Counter(the=3, sea=1))
    findings.counted = {"the": 3, "sea": 1}
    findings.probe_expected = findings.probe_counted = 7
    findings.digests = {"a": "d1", "b": "d1", "c": "d1"}
    findings.occasions = [Occasion("launched", 1.5, GOVERNMENT)]
    findings.seconds = 2.0
    for name, value in changes.items():
        setattr(findings, name, value)
    return findings


def test_exact() -> None:
    assert made().exact
    assert made().wrong == []


@pytest.mark.parametrize(
    "changes",
    [
        {"counted": {"the": 3, "sea": 2}},
        {"counted": {"the": 3}},
        {"counted": {"the": 2, "sea": 2}},
        {"counted": {}},
        {"probe_counted": 6},
        {"probe_counted": 8},
        {"digests": {"a": "d1", "b": "d2", "c": "d1"}},
        {"digests": {}},
        {"digests": {"a": None, "b": None}},
    ],
)
def test_not_exact(changes: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    findings = made(**changes)
    assert not findings.exact
    show(findings)
    assert "NOT EXACT" in capsys.readouterr().out


def test_json() -> None:
    findings = made(counted={"the": 3, "sea": 2}, pause_ms=123.456)
    told = json.loads(json.dumps(findings_json(findings)))
    assert told["exact"] is False
    assert told["total"] == {"expected": 4, "counted": 5}
    assert told["wrong"] == {"sea": {"expected": 1, "counted": 2}}
    assert told["top"]["the"] == {"expected": 3, "counted": 3}
    assert told["pause_ms"] == 123.5
    assert told["increments_per_s"] == 2
    assert told["governments"] == [
        {
            "when": "launched",
            "at_s": 1.5,
            "promise": "4/0",
            "majority": ["b", "a"],
            "minority": ["c"],
            "constituents": [],
            "acclimated": [],
        }
    ]


def test_tables(capsys: pytest.CaptureFixture[str]) -> None:
    show(made())
    out = capsys.readouterr().out
    assert "Every count is exact" in out
    assert "WRONG" not in out
    assert "4/0" in out
