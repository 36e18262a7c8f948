"""One Ray for all tests that need one: it takes seconds to start."""

from __future__ import annotations

import os
import signal
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray
from hypothesis import HealthCheck, Phase, settings

ROOT = Path(__file__).resolve().parents[1]

LONG = {"cluster": 0, "actors": 1, "tests": 2}
TOGETHER = {"cluster"}

# `pytest --hypothesis-profile=deep` looks for long, and elsewhere each time.
settings.register_profile(
    "deep",
    max_examples=20_000,
    stateful_step_count=80,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # Not to explain: that traces every line, and a scenario says more.
    phases=[phase for phase in Phase if phase is not Phase.explain],
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rewrite", action="store_true", help="renew the outcomes in tests/scenarios/*.txt"
    )


def pytest_configure() -> None:
    """Who is started in the background ignores Ctrl-C, and so would all that is tested."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Side by side (`pytest -n 2 --dist loadgroup`), a file's tests stay together, and so do all
    that need networks of namespaces. What takes long begins first."""
    for item in items:
        folder = item.path.parent
        together = folder if folder.name in TOGETHER else item.path
        item.add_marker(pytest.mark.xdist_group(str(together.relative_to(ROOT))))
    items.sort(key=lambda item: LONG.get(item.path.parent.name, len(LONG)))


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """A Ray on this machine, which this process is connected to: its address."""
    path = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), path] if path else [str(ROOT)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's own
        context = ray.init(
            address="local",
            num_cpus=4,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
        )
    yield str(context.address_info["gcs_address"])
    ray.shutdown()


@pytest.fixture
def name(cluster: str) -> Iterator[str]:
    """A name for an island, which is shut down after the test if the test has left it."""
    from paxos_ray import attach, islands

    chosen = f"island-{uuid.uuid4().hex[:8]}"
    yield chosen
    if chosen in islands():
        attach(chosen).shutdown()
