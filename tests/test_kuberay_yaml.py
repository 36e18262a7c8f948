"""docs/kuberay.yaml is a RayCluster that KubeRay takes, with what an island needs of one.

Checked: by models below, that every field it has is one of KubeRay's `ray.io/v1` or of the pods'
templates, by name and type, and no other; by Ray's own code, that the autoscaler can read it; and
what an island needs. Not checked, since that takes a Kubernetes with KubeRay: that it is admitted,
that images and secrets are there, and how pods are placed.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import ray
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from ray._private.resource_and_label_spec import ResourceAndLabelSpec
from ray.autoscaler._private.kuberay import autoscaling_config

from paxos_ray.actors.placement import ZONE

FILE = Path(__file__).resolve().parent.parent / "docs" / "kuberay.yaml"
Config = dict[str, Any]

Quantity = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?(m|[KMGT]i?)?$")]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)]


class Model(BaseModel):
    """Fields as Kubernetes has them, in strict types; none that is not named here."""

    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel)


class KeyRef(Model):
    name: Name
    key: str


class FieldRef(Model):
    field_path: str


class Source(Model):
    secret_key_ref: KeyRef | None = None
    field_ref: FieldRef | None = None

    @model_validator(mode="after")
    def one(self) -> Source:
        if (self.secret_key_ref is None) == (self.field_ref is None):
            raise ValueError("a value comes from one place")
        return self


class Variable(Model):
    name: str
    value: str | None = None  # a text: Kubernetes refuses numbers
    value_from: Source | None = None


class Credential(Model):
    value: str | None = None
    value_from: Source | None = None


class Resources(Model):
    limits: dict[str, Quantity]
    requests: dict[str, Quantity]


class Port(Model):
    name: Annotated[str, Field(max_length=15)]
    container_port: Annotated[int, Field(gt=0, lt=65536)]


class Container(Model):
    name: Name
    image: str
    resources: Resources
    ports: list[Port] = []
    env: list[Variable] = []


class Selector(Model):
    match_labels: dict[str, str]


class Spread(Model):
    topology_key: str
    max_skew: Annotated[int, Field(ge=1)]
    min_domains: Annotated[int, Field(ge=1)] | None = None
    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"]
    label_selector: Selector

    @model_validator(mode="after")
    def least(self) -> Spread:
        if self.min_domains is not None and self.when_unsatisfiable != "DoNotSchedule":
            raise ValueError("minDomains goes with DoNotSchedule")
        return self


class PodSpec(Model):
    containers: Annotated[list[Container], Field(min_length=1)]
    topology_spread_constraints: list[Spread] = []
    termination_grace_period_seconds: int = 30
    node_selector: dict[str, str] = {}


class Template(Model):
    spec: PodSpec


class HeadGroup(Model):
    ray_start_params: dict[str, str]
    template: Template
    labels: dict[str, str] = {}


class WorkerGroup(HeadGroup):
    group_name: Name
    replicas: Annotated[int, Field(ge=0)]
    min_replicas: Annotated[int, Field(ge=0)]
    max_replicas: Annotated[int, Field(ge=1)]

    @model_validator(mode="after")
    def ordered(self) -> WorkerGroup:
        if not self.min_replicas <= self.replicas <= self.max_replicas:
            raise ValueError("replicas lie between minReplicas and maxReplicas")
        return self


class Autoscaler(Model):
    version: Literal["v1", "v2"]
    idle_timeout_seconds: int
    upscaling_mode: Literal["Default", "Aggressive", "Conservative"]


class Authentication(Model):
    mode: Literal["disabled", "token"]
    secret_name: Name


class FaultTolerance(Model):
    redis_address: str
    redis_password: Credential


class Spec(Model):
    ray_version: str
    auth_options: Authentication
    gcs_fault_tolerance_options: FaultTolerance
    enable_in_tree_autoscaling: bool
    autoscaler_options: Autoscaler
    head_group_spec: HeadGroup
    worker_group_specs: list[WorkerGroup]


class Metadata(Model):
    name: Name


class RayCluster(Model):
    api_version: Literal["ray.io/v1"]
    kind: Literal["RayCluster"]
    metadata: Metadata
    spec: Spec


@pytest.fixture
def config() -> Config:
    loaded: Config = yaml.safe_load(FILE.read_text())
    return loaded


@pytest.fixture
def spec(config: Config) -> Spec:
    return RayCluster.model_validate(config).spec


def groups(spec: Spec) -> list[HeadGroup]:
    return [spec.head_group_spec, *spec.worker_group_specs]


def test_ray_s_autoscaler_can_read_it(config: Config) -> None:
    config["metadata"]["namespace"] = "default"  # as Kubernetes gives it
    read = autoscaling_config._derive_autoscaling_config_from_ray_cr(config)
    types = read["available_node_types"]
    assert types[read["head_node_type"]]["resources"]["CPU"] == 0
    assert types["citizens"]["resources"]["CPU"] >= 1
    assert types["citizens"]["min_workers"] >= 5
    assert types["citizens"]["labels"] == {"ray.io/market-type": "on-demand"}
    assert types["spot"]["labels"] == {"ray.io/market-type": "spot"}


def test_the_version_of_ray_is_the_package_s(spec: Spec) -> None:
    assert spec.ray_version == ray.__version__


def test_the_head_holds_no_citizens(spec: Spec) -> None:
    assert spec.head_group_spec.ray_start_params["num-cpus"] == "0"


def test_every_pod_has_the_token_and_waits_for_the_head(spec: Spec) -> None:
    assert spec.auth_options.mode == "token"
    for group in groups(spec):
        (container,) = group.template.spec.containers
        variables = {each.name: each for each in container.env}
        assert int(variables["RAY_gcs_rpc_server_reconnect_timeout_s"].value or 0) > 60
        assert not any("TOKEN" in name or "AUTH" in name for name in variables), "KubeRay's to set"


def test_no_secret_is_in_the_file(spec: Spec) -> None:
    password = spec.gcs_fault_tolerance_options.redis_password
    assert password.value is None
    assert password.value_from is not None and password.value_from.secret_key_ref is not None


def test_citizens_are_spread_over_machines_and_zones(spec: Spec) -> None:
    (citizens,) = (group for group in spec.worker_group_specs if group.group_name == "citizens")
    spreads = {
        each.topology_key: each for each in citizens.template.spec.topology_spread_constraints
    }
    assert spreads.keys() == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}
    for spread in spreads.values():
        assert spread.when_unsatisfiable == "DoNotSchedule"
        assert spread.max_skew == 1
        labels = spread.label_selector.match_labels  # those that KubeRay gives to pods
        assert labels == {"ray.io/cluster": "paxos-ray", "ray.io/group": "citizens"}
    assert (spreads["kubernetes.io/hostname"].min_domains or 0) >= citizens.max_replicas


def test_the_zone_of_a_pod_becomes_the_label_that_citizens_spread_by(
    spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    for group in groups(spec):
        (container,) = group.template.spec.containers
        (zone,) = (each for each in container.env if each.name == "RAY_NODE_ZONE")
        assert zone.value_from is not None and zone.value_from.field_ref is not None
        assert "topology.kubernetes.io/zone" in zone.value_from.field_ref.field_path
    monkeypatch.setenv("RAY_NODE_ZONE", "a")
    assert ResourceAndLabelSpec._get_default_labels(None)[ZONE] == "a"


def change(*path: str | int, to: object) -> Callable[[Config], None]:
    def make(config: Config) -> None:
        place: Any = config
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = to

    return make


BROKEN: dict[str, tuple[Callable[[Config], None], str]] = {
    "a field of another version": (change("spec", "headService", to={}), "headService"),
    "a mode that is none": (change("spec", "authOptions", "mode", to="on"), "mode"),
    "a number for a text": (
        change("spec", "headGroupSpec", "rayStartParams", "num-cpus", to=0),
        "num-cpus",
    ),
    "more than the most": (change("spec", "workerGroupSpecs", 0, "replicas", to=9), "between"),
    "a quantity that is none": (
        change(
            *("spec", "headGroupSpec", "template", "spec", "containers", 0),
            *("resources", "limits", "memory"),
            to="8 gigs",
        ),
        "memory",
    ),
    "no template": (lambda config: config["spec"]["headGroupSpec"].pop("template"), "template"),
}


@pytest.mark.parametrize(("breaks", "says"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_copy_is_refused(
    config: Config, breaks: Callable[[Config], None], says: str
) -> None:
    broken = copy.deepcopy(config)
    breaks(broken)
    with pytest.raises(ValidationError, match=says):
        RayCluster.model_validate(broken)
