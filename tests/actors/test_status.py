"""How long one waits for an island to say how it is, and what is asked: on a clock of its own."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import ray
from ray.exceptions import GetTimeoutError

from paxos_ray import Island, TimedOut
from paxos_ray.actors import island as module


class Coordinator:
    """Says how its citizens are, in turns what it is given; a digest takes `digest_s`."""

    def __init__(self, *applied: tuple[int | None, ...], digest_s: float = 0.0) -> None:
        self.now = 0.0
        self.digest_s = digest_s
        self.asked: list[bool] = []  # whether with digests
        self.survey = SimpleNamespace(remote=self._survey)
        self._applied = list(applied)

    def _survey(self, digests: bool, limit_s: float) -> Any:
        self.asked.append(digests)
        applied = self._applied.pop(0) if len(self._applied) > 1 else self._applied[0]
        takes_s = self.digest_s if digests else 0.0
        if takes_s > limit_s:
            takes_s, applied = limit_s, (None,) * len(applied)
        takes_s += 0.01

        def get(timeout: float) -> Any:
            self.now += min(takes_s, timeout)
            if takes_s > timeout:
                raise GetTimeoutError
            citizens = tuple(SimpleNamespace(id="a", applied=each) for each in applied)
            return SimpleNamespace(shaped=True, citizens=citizens)

        return SimpleNamespace(get=get)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, pause_s: float) -> None:
        self.now += pause_s


def island(coordinator: Coordinator, monkeypatch: pytest.MonkeyPatch) -> Island:
    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    monkeypatch.setattr(module, "time", coordinator)
    monkeypatch.setattr(module, "compose", lambda _, survey: survey)
    return Island("rome", SimpleNamespace(coordinator=coordinator))  # type: ignore[arg-type]


@pytest.mark.parametrize(("digest_s", "timeout_s"), [(12.0, 30.0), (100.0, 300.0)])
def test_digests_are_waited_for_as_long_as_one_says_and_asked_for_once(
    digest_s: float, timeout_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    coordinator = Coordinator((5, 5, 5), digest_s=digest_s)
    status = island(coordinator, monkeypatch).status(digests=True, timeout_s=timeout_s)
    assert [citizen.applied for citizen in status.citizens] == [5, 5, 5]
    assert coordinator.asked == [True]


def test_digests_are_asked_for_when_all_have_applied_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    coordinator = Coordinator((4, None), (4, 5), (5, 5), (5, 6), (6, 6), digest_s=3.0)
    island(coordinator, monkeypatch).settled()
    assert coordinator.asked == [False, False, False, True, False, True]


def test_who_never_settles_is_told_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    coordinator = Coordinator((4, 5))
    with pytest.raises(TimedOut, match="a is at 4, a is at 5"):
        island(coordinator, monkeypatch).settled(3.0)
    assert not any(coordinator.asked)
