"""One cluster of namespaces for all tests that need one, healed between them."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest

from tests.cluster import work
from tests.cluster.client import Client
from tests.cluster.network import NoNamespaces
from tests.cluster.nodes import HEAD, Cluster

NODES = 5
MUST = "PAXOS_RAY_NAMESPACES"
"""With this in the environment, what would be skipped for want of namespaces fails instead."""


@pytest.fixture(scope="session")
def lasting() -> Iterator[Cluster]:
    """A head and `NODES` nodes; whatever a test has done to them, see `nodes`."""
    try:
        cluster = Cluster.up(NODES)
    except NoNamespaces as error:
        if os.environ.get(MUST):
            raise
        pytest.skip(f"no network namespaces here: {error}")
    with cluster:
        yield cluster


@pytest.fixture
def nodes(lasting: Cluster) -> Iterator[Cluster]:
    """The cluster, whole: all nodes alive, and everything gets everywhere."""
    yield lasting
    lasting.restore()


@pytest.fixture
def name(nodes: Cluster) -> Iterator[str]:
    """A name for an island, which is shut down after the test."""
    yield (chosen := f"island-{uuid.uuid4().hex[:8]}")
    nodes.restore()
    nodes.client(HEAD).call(work.shutdown, chosen)


@pytest.fixture
def user(nodes: Cluster) -> Client:
    """A user of islands, on the head: no citizen is there."""
    return nodes.client(HEAD)
