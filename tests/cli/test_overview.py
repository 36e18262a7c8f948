"""What `status` shows, of an island that is made up: nothing of it hides anything else."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from paxos_ray import Autoscale, IslandStatus, Limits, NodeStatus, Promise
from paxos_ray.actors.audit import Divergence
from paxos_ray.actors.status import CitizenStatus, CoordinatorStatus
from paxos_ray.cli.overview import status_json, status_table

WROTE = Promise(3, 7)
ANSWERS = CitizenStatus(
    "c0",
    "leader",
    True,
    alive=True,
    node_id="node0",
    address="10.0.0.0",
    pid=100,
    role="writer",
    top=WROTE,
    minimum=Promise(3, 2),
    applied=Promise(3, 6),
)
SILENT = CitizenStatus("c1", "majority", True, alive=False, node_id="node1")
NODES = tuple(
    NodeStatus(f"node{n}", f"10.0.0.{n}", "", True, (f"c{n}",), n == 0, n == 1) for n in (0, 1)
)
QUIET = IslandStatus(
    name="shop",
    republic="a9",
    population=2,
    shaped=True,
    government=None,
    governments=(),
    coordinator=CoordinatorStatus(99, "node0"),
    citizens=(ANSWERS, SILENT),
    underway=(),
    limits=Limits(),
    alarms=(),
    nodes=NODES,
)
SAYS = {
    "alarm": {"alarms": ("the log of c0 weighs 60 bytes; the limit is 64",)},
    "scaling": {"autoscale": Autoscale(3, 9, 1_000.0), "reads_per_s": 1_234.0},
    "shape": {"shaped": False},
    "underway": {"underway": ("c4 waits: its package has version 3, this one 1 [/red]",)},
    "divergence": {"divergences": (Divergence(WROTE, "stock", ("c1",), True),)},
}
SHOWN = {
    "alarm": "the log of c0 weighs 60 bytes; the limit is 64",
    "scaling": "now 1,234",
    "shape": "it has not come to its shape yet",
    "underway": "c4 waits: its package has version 3, this one 1 [/red]",
    "divergence": "object 'stock' has diverged at c1, as of 3/7: replaced",
}
PLACED = "coordinator on 10.0.0.0; the parliament would not bear the loss of 10.0.0.1"


def shown(status: IslandStatus) -> str:
    console = Console(width=200)
    with console.capture() as captured:
        console.print(status_table(status))
    return " ".join(captured.get().split())


def having(*what: str) -> IslandStatus:
    changes: dict[str, Any] = {}
    for each in what:
        changes |= SAYS[each]
    return replace(QUIET, **changes)


@pytest.mark.parametrize("what", SAYS)
def test_each_is_shown_if_there_is_any(what: str) -> None:
    assert SHOWN[what] in shown(having(what))
    assert SHOWN[what] not in shown(QUIET)
    assert PLACED in shown(having(what))


def test_all_are_shown_together() -> None:
    told = shown(having(*SAYS))
    assert [text for text in (*SHOWN.values(), PLACED) if text not in told] == []


def test_who_does_not_answer_is_not_said_to_be_dead() -> None:
    told = shown(QUIET)
    assert "silent" in told
    assert "dead" not in told


def test_json_has_what_somebody_may_be_woken_for() -> None:
    told = json.loads(json.dumps(status_json(having(*SAYS))))
    assert told["republic"] == "a9"
    assert told["shaped"] is False
    assert told["underway"] == [SHOWN["underway"]]
    assert told["divergences"] == [
        {"promise": "3/7", "object": "stock", "citizens": ["c1"], "decided": True}
    ]
    assert json.loads(json.dumps(status_json(QUIET)))["divergences"] == []


def test_json_has_what_each_citizen_does_and_how_far_it_is() -> None:
    answers, silent = json.loads(json.dumps(status_json(QUIET)))["citizens"]
    told = ("role", "top", "minimum", "applied")
    assert [answers[each] for each in told] == ["writer", "3/7", "3/2", "3/6"]
    assert [silent[each] for each in told] == [None, None, None, None]


def test_json_leaves_nothing_out() -> None:
    """A field that is new in the status is to be told here, too, or to be left out on purpose."""
    told = status_json(QUIET)
    names = set(IslandStatus.__dataclass_fields__) - {"name", "governments"}
    assert names <= set(told)
    assert set(CitizenStatus.__dataclass_fields__) <= set(told["citizens"][0])
    assert set(NodeStatus.__dataclass_fields__) <= set(told["nodes"][0])
    assert set(CoordinatorStatus.__dataclass_fields__) <= set(told["coordinator"])
