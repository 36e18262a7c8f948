"""What is asked wrongly is refused with a clear typed error, and changes nothing."""

from __future__ import annotations

import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import paxos_ray
from paxos_ray import Island, Promise, attach, islands, launch

ROOT = Path(__file__).resolve().parents[2]
SOON_S = 60.0


@pytest.fixture(scope="module")
def island(cluster: str) -> Iterator[Island]:
    island = launch(f"strict-{uuid.uuid4().hex[:8]}")
    yield island
    island.shutdown()


def test_an_unknown_island(cluster: str) -> None:
    with pytest.raises(paxos_ray.UnknownIsland, match="no island named 'atlantis'"):
        attach("atlantis")


def test_a_counter_that_was_never_incremented(island: Island) -> None:
    with pytest.raises(paxos_ray.UnknownObject, match="never"):
        island.counter("never").value(timeout_s=SOON_S)
    with pytest.raises(paxos_ray.UnknownObject):
        island.values(["never"], SOON_S)


@pytest.mark.parametrize("name", ["", 7, None])
def test_a_counter_whose_name_is_none(island: Island, name: Any) -> None:
    with pytest.raises(paxos_ray.InvalidArgument):
        island.counter(name)


@pytest.mark.parametrize("n", [True, 1.0, "1", None, [1]])
def test_an_increment_that_is_no_integer(island: Island, n: Any) -> None:
    counter = island.counter("strict")
    before = counter.increment(0, timeout_s=SOON_S)
    with pytest.raises(paxos_ray.InvalidArgument, match="increment takes an integer"):
        counter.increment.remote(n)
    assert counter.value(timeout_s=SOON_S) == before


@pytest.mark.parametrize("arguments", [(True, 1), (0, 1.0), ("0", 1), (0, None)])
def test_a_compare_and_set_of_no_integers(island: Island, arguments: Any) -> None:
    counter = island.counter("strict")
    before = counter.increment(0, timeout_s=SOON_S)
    with pytest.raises(paxos_ray.InvalidArgument, match="compare_and_set takes integers"):
        counter.compare_and_set.remote(*arguments)
    assert counter.value(timeout_s=SOON_S) == before


@pytest.mark.parametrize("timeout_s", ["5", -1, float("nan"), True])
def test_a_call_is_not_made_with_a_time_that_is_none(island: Island, timeout_s: Any) -> None:
    counter = island.counter("kept")
    before = counter.increment(0, timeout_s=SOON_S)
    for call in (counter.increment, counter.value):
        with pytest.raises(paxos_ray.InvalidArgument, match="a number of seconds"):
            call(timeout_s=timeout_s)
    with pytest.raises(paxos_ray.InvalidArgument, match="a number of seconds"):
        counter.compare_and_set(before, before + 1, timeout_s=timeout_s)
    assert counter.value(timeout_s=SOON_S) == before


def test_a_second_launch_of_a_name(island: Island) -> None:
    before = island.counter("kept").increment(1, timeout_s=SOON_S)
    with pytest.raises(paxos_ray.NameTaken, match=re.escape(repr(island.name))):
        launch(island.name)
    assert island.counter("kept").value(timeout_s=SOON_S) == before


@pytest.mark.parametrize("citizens", [0, -1, 2.0, "3", True, None])
def test_a_population_that_is_none(island: Island, citizens: Any) -> None:
    with pytest.raises(paxos_ray.InvalidArgument, match="whole number"):
        island.scale(citizens)
    with pytest.raises(paxos_ray.InvalidArgument, match="whole number"):
        launch("nobody", citizens)
    assert len(island.government().citizens) == 3
    assert "nobody" not in islands()


def test_a_parliament_below_its_floor(island: Island) -> None:
    with pytest.raises(paxos_ray.NotEnoughCitizens, match="floor of 3"):
        island.scale(2)
    assert island.status().population == 3


def test_more_citizens_than_the_cluster_has_cpus_for(cluster: str) -> None:
    with pytest.raises(paxos_ray.ClusterTooSmall, match="3 citizens of 1000 CPUs"):
        launch("giants", 3, num_cpus=1000)
    assert "giants" not in islands()


@pytest.mark.parametrize(
    "settings",
    [
        {"parliament_size": 4},
        {"parliament_size": 0},
        {"parliament_size": 3, "parliament_floor": 5},
        {"parliament_floor": 2},
        {"num_cpus": -1},
        {"num_cpus": "many"},
    ],
)
def test_settings_that_make_no_sense(cluster: str, settings: dict[str, Any]) -> None:
    with pytest.raises(paxos_ray.InvalidArgument):
        launch("nonsense", **settings)
    assert "nonsense" not in islands()


@pytest.mark.parametrize("name", ["", "a/b", 7, None])
def test_a_name_that_is_none(cluster: str, name: Any) -> None:
    with pytest.raises(paxos_ray.InvalidArgument):
        launch(name)


def test_a_launch_that_takes_too_long_leaves_nothing_behind(cluster: str) -> None:
    with pytest.raises(paxos_ray.TimedOut, match="'hasty'"):
        launch("hasty", timeout_s=0.01)
    assert "hasty" not in islands()


def test_few_citizens_are_warned_of(name: str) -> None:
    with pytest.warns(paxos_ray.FewCitizens, match="one death can lose data"):
        island = launch(name, 1)
    counter = island.counter("alone")
    responses = [counter.increment.remote(1) for _ in range(5_000)]
    assert [response.result(SOON_S) for response in responses] == list(range(1, 5_001))
    island.scale(3)
    assert counter.value(timeout_s=SOON_S) == 5_000


def test_calls_after_shutdown(name: str) -> None:
    island = launch(name)
    counter = island.counter("late")
    counter.increment(1)
    attached = attach(name)
    island.shutdown()
    for call in (
        lambda: counter.increment.remote(1).result(SOON_S),
        lambda: counter.value(timeout_s=SOON_S),
        lambda: attached.counter("late").increment(1, timeout_s=SOON_S),
        lambda: island.scale(5),
        island.status,
        island.government,
    ):
        with pytest.raises(paxos_ray.IslandShutDown, match=name):
            call()
    with pytest.raises(paxos_ray.UnknownIsland):
        attach(name)


def test_ray_that_is_not_initialised() -> None:
    program = (
        "import paxos_ray\n"
        "for call in (lambda: paxos_ray.launch('x'), lambda: paxos_ray.attach('x'),\n"
        "             paxos_ray.islands):\n"
        "    try:\n"
        "        call()\n"
        "    except paxos_ray.RayNotInitialised as error:\n"
        "        print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=True, timeout=120, cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.count("call ray.init()") == 3


def test_ray_that_was_shut_down(cluster: str, island: Island) -> None:
    """Nothing that is called then makes Ray start a cluster, in whatever thread."""
    program = (
        "import sys, time, paxos_ray, ray\n"
        "ray.init(sys.argv[1], logging_level='ERROR', log_to_driver=False)\n"
        "island = paxos_ray.attach(sys.argv[2])\n"
        "stream, counter = island.log(), island.counter('late')\n"
        "counter.increment(1)\n"
        "ray.shutdown()\n"
        "for call in (island.shutdown, island.status, island.government, island.settled,\n"
        "             lambda: island.scale(5), island.renew, lambda: island.autoscale(None),\n"
        "             island.recover, lambda: paxos_ray.prospect('x'), lambda: list(stream),\n"
        "             lambda: counter.increment(1), island.objects,\n"
        "             lambda: island.values(['late']),\n"
        "             lambda: island.lock('late').watch(), paxos_ray.islands,\n"
        "             lambda: island.log().get(), lambda: paxos_ray.attach(sys.argv[2])):\n"
        "    try:\n"
        "        call()\n"
        "    except paxos_ray.RayNotInitialised:\n"
        "        print('not connected')\n"
        "time.sleep(1)\n"
        "print(ray.is_initialized())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, cluster, island.name],
        timeout=120, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.split("\n") == [*["not connected"] * 17, "False", ""], done.stderr
    assert "Traceback" not in done.stderr
    assert island.name in islands()


@pytest.mark.parametrize("timeout_s", ["soon", -1, float("nan"), True, None])
def test_a_time_that_is_none(timeout_s: Any) -> None:
    """Refused before anything is asked of anybody: there need be no island."""
    island: Any = Island("nowhere", None)  # type: ignore[arg-type]
    for call in (
        lambda: launch("nowhere", timeout_s=timeout_s),
        lambda: paxos_ray.prospect("nowhere", timeout_s=timeout_s),
        lambda: paxos_ray.recover("nowhere", timeout_s=timeout_s),
        lambda: island.status(timeout_s=timeout_s),
        lambda: island.government(timeout_s),
        lambda: island.settled(timeout_s),
        lambda: island.scale(3, timeout_s=timeout_s),
        lambda: island.autoscale(None, timeout_s=timeout_s),
        lambda: island.renew(timeout_s=timeout_s),
        lambda: island.shutdown(timeout_s),
    ):
        with pytest.raises(paxos_ray.InvalidArgument, match="timeout_s is a number of seconds"):
            call()


@pytest.mark.parametrize("timeout_s", [float("inf"), 10**400])
def test_a_time_that_never_is_up(island: Island, timeout_s: float) -> None:
    assert island.government(timeout_s) == island.settled(timeout_s).government
    assert paxos_ray.prospect(island.name, timeout_s=timeout_s).lives
    with pytest.raises(paxos_ray.UnknownObject):
        island.values(["never"], timeout_s)


@pytest.mark.parametrize("names", ["c", b"c", 5, None])
def test_names_that_are_none(names: Any) -> None:
    island = Island("nowhere", None)  # type: ignore[arg-type]
    with pytest.raises(paxos_ray.InvalidArgument, match="a list of counters' names"):
        island.values(names)


@pytest.mark.parametrize("record", [5, b"records", True])
def test_a_record_that_is_no_directory(record: Any) -> None:
    with pytest.raises(paxos_ray.InvalidArgument, match="record is a directory"):
        launch("nowhere", record=record)


def test_every_error_is_a_paxos_error() -> None:
    errors = [getattr(paxos_ray, name) for name in paxos_ray.__all__]
    classes = [each for each in errors if isinstance(each, type) and issubclass(each, Exception)]
    for each in classes:
        assert issubclass(each, paxos_ray.PaxosError | UserWarning), each


def test_a_session_that_expired(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    counter = launch(name).counter("late")
    counter.increment(1, timeout_s=SOON_S)
    session = counter._client._session
    monkeypatch.setattr(session, "name", Promise(0, 1))  # of which the island knows no more
    with pytest.raises(paxos_ray.OutcomeUnknown, match="once, or never"):
        counter.increment(1, timeout_s=SOON_S)
    assert counter.increment(1, timeout_s=SOON_S) == 2  # in another session
    assert counter.increment(1, timeout_s=SOON_S) == 3
