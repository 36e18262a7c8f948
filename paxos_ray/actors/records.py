"""A citizen's record: where it is written, and that nothing leaves before it is."""

from __future__ import annotations

import logging
import os
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from paxos_ray.actors import placement
from paxos_ray.actors.errors import CannotRecord, InvalidArgument
from paxos_ray.core import Legislator

if TYPE_CHECKING:
    from paxos_ray.simulation import Recorder, RecordFile

log = logging.getLogger("paxos_ray")

_CHECK_LIMIT_S = 60.0


class Desk:
    """Where a citizen works: one call at a time, each on record before its answer leaves.

    A context: entered by one thread at a time; on leaving it, what was recorded meanwhile is
    handed to the system. Should that fail, the record ends there, and the citizen goes on, as it
    does when there can be no record at all: it is wanted more.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._recorder: Recorder | None = None
        self._file: RecordFile | None = None

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        try:
            self.flush()
        finally:
            self._lock.release()

    def flush(self) -> None:
        """Hand to the system what was recorded; for who works here and will not leave as usual."""
        if self._recorder is not None:
            self._recorder.flush()

    def legislator(self, directory: str | None, id: str, cookie: str, **options: Any) -> Legislator:
        """A Legislator, on record in that directory if there is one. Raises `RecordExists`."""
        if directory is None:
            return Legislator(id, **options)
        # Imported by those who record only: a citizen's process starts sooner without.
        from paxos_ray.simulation.recording import Recorder
        from paxos_ray.simulation.records import SUFFIX, RecordExists, RecordFile, safe_name

        path = Path(directory) / f"{safe_name(id)}.{safe_name(cookie)}{SUFFIX}"
        try:
            self._file = RecordFile(path)
        except RecordExists:
            raise
        except OSError as error:
            log.warning("%s goes without a record: %s", id, error)
            return Legislator(id, **options)
        self._recorder = Recorder(id, to=self._append, **options)
        return self._recorder

    def _append(self, lines: bytes) -> None:
        if self._file is None:
            return
        try:
            self._file.append(lines)
        except OSError as error:
            log.warning("%s ends here: %s", self._file.path, error)
            self._file = None


def directory_of(directory: str | Path | None, island: str) -> str | None:
    """Where the citizens of an island record, in a directory that may be shared with others. Raises
    `InvalidArgument`."""
    if directory is None:
        return None
    if not isinstance(directory, str | Path):
        raise InvalidArgument(f"record is a directory, as text or a Path, not {directory!r}")
    from paxos_ray.simulation.records import safe_name

    return str(Path(directory).absolute() / safe_name(island))


def check(directory: str, num_cpus: float) -> None:
    """Raises `CannotRecord`, unless each node that may hold a citizen can write there."""
    task: Any = ray.remote(num_cpus=0, max_retries=0)(_try)
    tried = {}
    for node in placement.living_nodes():
        if node.holds(num_cpus):
            strategy = NodeAffinitySchedulingStrategy(node.id, soft=False)
            place = task.options(scheduling_strategy=strategy)
            tried[node.address] = place.remote(directory)
    for address, reference in tried.items():
        try:
            why: str | None = ray.get(reference, timeout=_CHECK_LIMIT_S)
        except RayError as error:
            why = f"{type(error).__name__} while trying"
        if why is not None:
            raise CannotRecord(f"{directory} cannot be written on the node at {address}: {why}")


def _try(directory: str) -> str | None:
    """Why nothing can be written in that directory of this node, None if it can."""
    try:
        os.makedirs(directory, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            return None
    except OSError as error:
        return error.strerror or type(error).__name__
