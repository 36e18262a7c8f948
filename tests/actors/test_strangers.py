"""What a carrier makes of what Ray says, or fails to say, of those it does not know."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from paxos_ray.actors import strangers
from paxos_ray.actors.authority import OPEN
from paxos_ray.actors.strangers import Strangers


def test_whom_ray_fails_to_find_is_no_stranger_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the carrier would leave pulses to others from then on."""

    def look_up(*_: object) -> Any:
        raise KeyError("surprise")

    monkeypatch.setattr(strangers, "look_up", look_up)

    async def run() -> None:
        known = Strangers("island", OPEN, print)
        known.look_for("d")
        assert known.among("d")
        with pytest.raises(KeyError):
            await known._asked["d"]
        assert not known.among("d")

    asyncio.run(run())


def test_of_few_is_remembered_that_they_are_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strangers, "look_up", lambda *_: None)
    monkeypatch.setattr(strangers, "KEPT", 2)
    monkeypatch.setattr(strangers, "AGAIN_S", 0.0)

    async def run() -> None:
        known = Strangers("island", OPEN, print)
        for id in "abac":
            known.look_for(id)
            assert await known._asked[id] is None
        assert list(known._nobody) == ["a", "c"]

    asyncio.run(run())
