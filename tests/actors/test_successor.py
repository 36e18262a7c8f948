"""Whom a client turns to when its coordinator has ended for good, by the names that Ray knows."""

from __future__ import annotations

from typing import Any

import pytest
import ray
from ray.exceptions import RpcError

from paxos_ray.actors.settings import COORDINATOR, RECOVERY
from paxos_ray.actors.successor import successor


class Handle:
    """As much of an actor's handle as is looked at."""

    def __init__(self, id: bytes) -> None:
        self._actor_id = id


OLD, NEW = Handle(b"old"), Handle(b"new")


@pytest.fixture(autouse=True)
def connected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: True)


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

    monkeypatch.setattr(ray, "get_actor", get_actor)
    assert successor("rome", OLD) is found


@pytest.mark.parametrize("away", [RpcError("away"), OSError("away"), RuntimeError("away")])
def test_while_ray_cannot_say_it_is_the_same(
    away: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def get_actor(name: str, **_: Any) -> Handle:
        if name == RECOVERY:
            raise ValueError(name)
        raise away

    monkeypatch.setattr(ray, "get_actor", get_actor)
    assert successor("rome", OLD) is OLD


def test_without_ray_none_is_started_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "get_actor", lambda name, **_: asked.append(name))
    assert successor("rome", OLD) is OLD
    assert not asked
