"""`paxos-ray recover`, from what it would come to, to what came of it."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

import paxos_ray
from tests.actors.test_recovery import await_lost, kill_but

pytestmark = pytest.mark.usefixtures("cluster")

SOON_S = 90.0


@pytest.fixture
def program_at(program: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The program as one runs it on a running cluster."""
    monkeypatch.setenv("RAY_ADDRESS", "auto")  # not looked up: this process is connected
    return program


class Terminal(io.StringIO):
    """Somebody who types this."""

    def isatty(self) -> bool:
        return True


def test_an_island_is_recovered_once_that_is_accepted(
    program_at: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    island = paxos_ray.launch(name)
    counter = island.counter("ships")
    assert counter.increment.remote(5).result(SOON_S) == 5
    island.settled(timeout_s=SOON_S)

    ran = program_at("recover", name, "--dry-run")
    assert ran.code == 0
    assert "Not to be recovered: a majority of the parliament is alive" in ran.out
    ran = program_at("recover", name, "--yes", "--abandon-silent")
    assert (ran.code, ran.out) == (4, "")
    assert "so nothing is lost" in ran.err

    (survivor,) = kill_but(island, 1)
    await_lost(counter)
    told = json.loads(program_at("recover", name, "--dry-run", "--json").out)
    assert (told["heir"], told["refused"], told["recovered"]) == (survivor, None, False)
    assert [gone["how"] for gone in told["missing"]] == ["dead", "dead"]
    ran = program_at("recover", name)
    assert ran.code == 4, "nobody can be asked here"
    assert "May be lost: " in ran.err
    assert "nothing was changed: accept what may be lost by --yes" in ran.err
    assert ran.out == ""

    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    ran = program_at("recover", name)
    assert ran.code == 4
    assert "Found the island anew from what is left? [y/N]" in ran.err
    assert "paxos-ray: nothing was changed" in ran.err

    ran = program_at("recover", name, "--yes", "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["recovered"] is True
    assert program_at("counter", "value", name, "ships")[:2] == (0, "5\n")
    assert len(json.loads(program_at("status", name, "--json").out)["citizens"]) == 3


def test_an_island_that_never_was_is_not_recovered(program_at: Any, name: str) -> None:
    ran = program_at("recover", name, "--yes")
    assert (ran.code, ran.out) == (4, "")
    assert name in ran.err
