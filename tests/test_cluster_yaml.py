"""cluster.yaml is what Ray takes for a cluster configuration, with token authentication on."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import ValidationError
from ray._private.resource_and_label_spec import ResourceAndLabelSpec
from ray.autoscaler._private.util import prepare_config, validate_config

from paxos_ray.actors.placement import ZONE

FILE = Path(__file__).resolve().parent.parent / "cluster.yaml"
Config = dict[str, Any]


@pytest.fixture
def config() -> Config:
    loaded: Config = yaml.safe_load(FILE.read_text())
    return loaded


def validated(config: Config) -> Config:
    """What `ray up` does with a file before it asks the provider anything."""
    prepared: Config = prepare_config(copy.deepcopy(config))
    validate_config(prepared)
    return prepared


def test_ray_accepts_it(config: Config) -> None:
    prepared = validated(config)
    assert prepared["provider"]["type"] == "aws"
    assert prepared["available_node_types"].keys() == config["available_node_types"].keys()


def test_a_spread_of_node_types(config: Config) -> None:
    types = validated(config)["available_node_types"]
    workers = {name: each for name, each in types.items() if name != config["head_node_type"]}
    assert sum(each["min_workers"] for each in workers.values()) >= 5
    assert sum(each["max_workers"] for each in workers.values()) >= 7
    assert len({each["node_config"]["InstanceType"] for each in workers.values()}) >= 3
    zones = config["provider"]["availability_zone"].split(",")
    safe = [each for name, each in workers.items() if name.startswith("citizen.")]
    subnets = [tuple(each["node_config"]["SubnetIds"]) for each in safe]
    assert len(set(subnets)) == len(safe) == len(zones) == 3, "a zone each"
    least = [each["min_workers"] for each in safe]
    assert 2 * max(least) < sum(least), "whichever zone is lost, a majority is left"
    markets = {"InstanceMarketOptions" in each["node_config"] for each in workers.values()}
    assert markets == {True, False}, "on demand and spot"


def test_every_start_of_ray_has_the_token(config: Config) -> None:
    starts = config["head_start_ray_commands"] + config["worker_start_ray_commands"]
    assert any("--head" in command for command in starts)
    assert any("$RAY_HEAD_IP" in command for command in starts)
    for command in starts:
        assert "RAY_AUTH_MODE=token" in command
    assert "/home/ubuntu/.ray/auth_token" in config["file_mounts"]
    assert any("RAY_AUTH_MODE=token" in command for command in config["initialization_commands"])


def test_the_head_outlives_its_process(config: Config) -> None:
    (head,) = (each for each in config["head_start_ray_commands"] if "--head" in each)
    (worker,) = (each for each in config["worker_start_ray_commands"] if "--address" in each)
    assert "RAY_REDIS_ADDRESS=$REDIS_ADDRESS" in head
    assert "--redis-password" in head
    assert "/home/ubuntu/.ray/redis.env" in config["file_mounts"]
    for command in (head, worker):
        assert "RAY_gcs_rpc_server_reconnect_timeout_s=600" in command
        assert "RAY_NODE_ZONE=" in command
    assert config["max_workers"] >= sum(
        each["max_workers"]
        for name, each in config["available_node_types"].items()
        if name.startswith("citizen.")
    )


def test_the_zone_of_a_node_becomes_the_label_that_citizens_spread_by(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RAY_NODE_ZONE", "a")
    assert ResourceAndLabelSpec._get_default_labels(None)[ZONE] == "a"


def test_every_node_gets_what_an_installation_needs(config: Config) -> None:
    home = "/home/ubuntu/paxos_ray/"
    mounted = {
        remote.removeprefix(home): local
        for remote, local in config["file_mounts"].items()
        if remote.startswith(home)
    }
    assert mounted == {name: f"./{name}" for name in mounted}
    assert all((FILE.parent / name).exists() for name in mounted)
    project = tomllib.loads((FILE.parent / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    needed = {"pyproject.toml", project["project"]["readme"], *project["project"]["license-files"]}
    assert mounted.keys() == {*needed, *wheel}
    assert any(
        "pip install" in each and "~/paxos_ray " in each for each in config["setup_commands"]
    )


def test_the_launcher_s_ray_is_the_package_s(config: Config) -> None:
    project = tomllib.loads((FILE.parent / "pyproject.toml").read_text())["project"]
    (ray,) = (each for each in project["dependencies"] if each.startswith("ray"))
    install = next(each for each in config["setup_commands"] if "pip install" in each)
    assert ray.replace("ray", "ray[default]", 1) in install


def set_path(*path: str, to: object) -> Callable[[Config], None]:
    def change(config: Config) -> None:
        place = config
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = to

    return change


BROKEN: dict[str, tuple[Callable[[Config], None], type[Exception], str]] = {
    "unknown key": (set_path("worker_count", to=3), ValidationError, "worker_count"),
    "commands that are no list": (
        set_path("initialization_commands", to="ls"),
        ValidationError,
        "array",
    ),
    "fractional resources": (
        set_path("available_node_types", "head", "resources", to={"CPU": 0.5}),
        ValidationError,
        "integer",
    ),
    "a type without its machine": (
        lambda config: config["available_node_types"]["head"].pop("node_config"),
        ValidationError,
        "node_config",
    ),
    "a head of no type": (set_path("head_node_type", to="nobody"), ValueError, "head_node_type"),
    "fewer than the least": (set_path("max_workers", to=1), ValueError, "max_workers"),
    "no name": (set_path("cluster_name", to=None), ValidationError, "None"),
}


@pytest.mark.parametrize(("change", "error", "says"), BROKEN.values(), ids=BROKEN.keys())
def test_ray_refuses_a_broken_copy(
    config: Config, change: Callable[[Config], None], error: type[Exception], says: str
) -> None:
    change(config)
    with pytest.raises(error, match=says):
        validated(config)
