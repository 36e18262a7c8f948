"""Imports point down the layers, never up; only the actors know Ray."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = "paxos_ray"
ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / PACKAGE).rglob("*.py"))

# A layer imports itself and layers of a lower rank: the simulator plays objects with sessions, the
# actors record as simulated islands do, chaos judges islands of actors by the simulator's checkers.
# "" is the package's own `__init__`: the public names, made of what lies below, used by the
# commands.
RANKS = {"procession": 0, "core": 1, "machines": 2, "simulation": 3, "testing": 3, "actors": 4}
RANKS |= {"chaos": 5, "": 6, "cli": 7}
# What the commands may import: the public API only. Users may import the simulator and the chaos
# too; the public names of these are those of the packages themselves.
PUBLIC = {"paxos_ray", "paxos_ray.chaos", "paxos_ray.simulation"}

KNOWS_RAY = {"actors"}
# The core, and the queue under its log, get time and chance handed in, and wait for nothing.
IMPURE = {
    *("ray", "asyncio", "threading", "time", "os", "datetime", "uuid", "secrets", "socket"),
    *("multiprocessing", "concurrent", "subprocess", "select", "signal"),
}
PURE = {"core", "procession"}
# Whose work it is to make somebody wait.
MAY_WAIT = {
    "paxos_ray.procession.waiting": {"asyncio"},
    "paxos_ray.procession.throttle": {"asyncio", "threading"},
}


def layer_of(module: str) -> str:
    """`paxos_ray.core.log` is of layer core; a module right in the package is of layer ""."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in RANKS else ""


def imported(source: str, module: str, is_package: bool) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything a source text imports, relative imports resolved.

    `from paxos_ray import core` yields both `paxos_ray` and, core being a layer, `paxos_ray.core`.
    """
    package = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            layers = [alias.name for alias in node.names if alias.name in RANKS]
            if origin == PACKAGE and layers:
                yield from ((node.lineno, f"{PACKAGE}.{layer}") for layer in layers)
            if origin != PACKAGE or len(layers) < len(node.names):
                yield node.lineno, origin
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in ("import_module", "__import__") and node.args:
                argument = node.args[0]
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield node.lineno, argument.value


def violations(source: str, module: str, is_package: bool = False) -> list[str]:
    """What is wrong with the imports of this source text, one sentence each."""
    layer = layer_of(module)
    wrong = []
    for line, name in imported(source, module, is_package):
        root = name.split(".")[0]
        where = f"{module}:{line} imports {name}"
        if root == "ray" and layer not in KNOWS_RAY:
            wrong.append(f"{where}: only {', '.join(sorted(KNOWS_RAY))} know Ray")
        elif layer in PURE and root in IMPURE - MAY_WAIT.get(module, set()):
            wrong.append(f"{where}: {layer} is pure")
        elif root == PACKAGE:
            other = layer_of(name)
            if other == layer:
                continue
            if layer == "cli" and name not in PUBLIC:
                wrong.append(f"{where}: the commands use the public API only")
            elif RANKS[other] > RANKS[layer]:
                wrong.append(f"{where}: up")
    return wrong


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    parts = path.relative_to(ROOT).with_suffix("").parts
    is_package = parts[-1] == "__init__"
    module = ".".join(parts[:-1] if is_package else parts)
    assert violations(path.read_text(), module, is_package) == []


def test_every_layer_has_sources() -> None:
    """Guards against a checker that is green because it looks in the wrong place."""
    layers = {path.relative_to(ROOT / PACKAGE).parts[0] for path in SOURCES}
    assert {*RANKS} - {""} <= layers


@pytest.mark.parametrize(
    ("source", "module", "says"),
    [
        ("import ray", "paxos_ray.core.log", "only actors know Ray"),
        ("import ray.util.state", "paxos_ray.machines.counter", "only actors know Ray"),
        ("from ray import get", "paxos_ray.simulation.network", "only actors know Ray"),
        ("import time", "paxos_ray.core.legislator", "pure"),
        ("from asyncio import Future", "paxos_ray.core.legislator", "pure"),
        ("import asyncio", "paxos_ray.procession.queue", "pure"),
        ("import time", "paxos_ray.procession.throttle", "pure"),
        ("import threading", "paxos_ray.procession.waiting", "pure"),
        ("from paxos_ray.core.promise import Promise", "paxos_ray.procession.queue", "up"),
        ("def f():\n    from os import path", "paxos_ray.core.legislator", "pure"),
        ("from paxos_ray.actors.citizen import Citizen", "paxos_ray.core.log", "up"),
        ("if TYPE_CHECKING:\n    from paxos_ray import machines", "paxos_ray.core.log", "up"),
        ("from paxos_ray import Island", "paxos_ray.actors.island", "up"),
        ("from paxos_ray.cli import main", "paxos_ray", "up"),
        ("from ..actors import citizen", "paxos_ray.core.log", "up"),
        ("from ... import cli", "paxos_ray.core.deep.log", "up"),
        ("from paxos_ray.simulation import run", "paxos_ray.machines.counter", "up"),
        ("from paxos_ray.actors import citizen", "paxos_ray.simulation.network", "up"),
        ("from paxos_ray.actors.response import Response", "paxos_ray.testing.answer", "up"),
        ("import ray", "paxos_ray.cli.demo", "only actors know Ray"),
        ("import ray", "paxos_ray.chaos.scene", "only actors know Ray"),
        ("from paxos_ray.chaos.run import Chaos", "paxos_ray.cli.chaos", "public API"),
        ("from paxos_ray.chaos import Chaos", "paxos_ray.actors.island", "up"),
        ("from paxos_ray.actors.citizen import Citizen", "paxos_ray.cli.demo", "public API"),
        ("from paxos_ray.core.errors import PaxosError", "paxos_ray.cli.app", "public API"),
        ("from paxos_ray.simulation.swarm import swarm", "paxos_ray.cli.swarm", "public API"),
        ("import importlib\nimportlib.import_module('ray')", "paxos_ray.core.log", "Ray"),
    ],
)
def test_a_planted_import_is_found(source: str, module: str, says: str) -> None:
    (wrong,) = violations(source, module)
    assert says in wrong


@pytest.mark.parametrize(
    ("source", "module", "is_package"),
    [
        ("from random import Random", "paxos_ray.core.state", False),
        ("from paxos_ray.procession.queue import Queue", "paxos_ray.core.log", False),
        ("from .log import Log", "paxos_ray.core", True),
        ("from . import log", "paxos_ray.core.state", False),
        ("import time, threading", "paxos_ray.actors.citizen", False),
        ("import threading", "paxos_ray.procession.throttle", False),
        ("import ray\nfrom paxos_ray.core import Legislator", "paxos_ray.actors.citizen", False),
        ("from paxos_ray.actors import Island, launch", "paxos_ray", True),
        ("from paxos_ray import Island, launch", "paxos_ray.cli.demo", False),
        ("from paxos_ray.simulation import swarm", "paxos_ray.cli.swarm", False),
        ("import paxos_ray.machines.counter", "paxos_ray.simulation.network", False),
    ],
)
def test_imports_that_are_right(source: str, module: str, is_package: bool) -> None:
    assert violations(source, module, is_package) == []


@pytest.mark.parametrize("layer", ["procession", "core", "machines", "simulation", "testing"])
def test_pure_layers_load_without_ray(layer: str) -> None:
    """What is imported on the way counts too, the package's own `__init__` above all."""
    code = f"import sys, paxos_ray.{layer}; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("layer", ["procession", "core"])
def test_who_waits_for_nothing_loads_nothing_to_wait_with(layer: str) -> None:
    code = f"import sys, paxos_ray.{layer}; sys.exit('asyncio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
