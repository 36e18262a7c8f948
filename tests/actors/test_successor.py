"""Whom a client turns to when its coordinator has ended for good, by the names that Ray knows."""

from __future__ import annotations

from typing import Any

import pytest
from ray.exceptions import RpcError

from paxos_ray.actors import successor as module
from paxos_ray.actors.settings import COORDINATOR, RECOVERY
from paxos_ray.actors.successor import successor


class Handle:
    """As much of an actor's handle as is looked at."""

    def __init__(self, id: bytes) -> None:
        self._actor_id = id


OLD, NEW = Handle(b"old"), Handle(b"new")


@pytest.mark.parametrize(
    ("named", "found"),
    [
        ({}, None),
        ({RECOVERY: Handle(b"r")}, OLD),
        ({RECOVERY: Handle(b"r"), COORDINATOR: NEW}, NEW),
        ({COORDINATOR: NEW}, NEW),
        # Two calls to the one before failed at once, and the other has turned to this one already.
        ({COORDINATOR: Handle(b"old")}, OLD),
    ],
    ids=["shut down", "being recovered", "about to be there", "recovered", "turned to already"],
)
def test_whom_one_turns_to(
    named: dict[str, Handle], found: Handle | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def get_actor(name: str, **_: Any) -> Handle:
        if name not in named:
            raise ValueError(name)
        return named[name]

    monkeypatch.setattr(module.ray, "get_actor", get_actor)
    assert successor("rome", OLD) is found


@pytest.mark.parametrize("away", [RpcError("away"), OSError("away"), RuntimeError("away")])
def test_while_ray_cannot_say_it_is_the_same(
    away: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def get_actor(name: str, **_: Any) -> Handle:
        if name == RECOVERY:
            raise ValueError(name)
        raise away

    monkeypatch.setattr(module.ray, "get_actor", get_actor)
    assert successor("rome", OLD) is OLD
