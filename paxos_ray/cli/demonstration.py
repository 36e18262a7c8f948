"""What the demo does: count on an island while its leader is killed and it grows and shrinks."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import paxos_ray
from paxos_ray.cli.probe import NAME as PROBE
from paxos_ray.cli.probe import Probe, longest_gap_s
from paxos_ray.cli.text import words

if TYPE_CHECKING:
    from paxos_ray import Government, Island, Task

CITIZENS = 5
_LIMIT_S = 60.0
_LOOK_S = 0.01
_AROUND_S = 5.0  # a pause that begins this long after the kill was not its doing


def count_words(island: Island, chunk: str) -> int:
    """Increment the counter of each word of `chunk` once an occurrence; how many there were."""
    counter = cache(island.counter)
    responses = [counter(word).increment.remote(1) for word in words(chunk)]
    for response in responses:
        response.result(timeout_s=_LIMIT_S)
    return len(responses)


@dataclass(frozen=True, slots=True)
class Watcher:
    """What the demonstration tells whoever shows it: words counted so far, and what goes on."""

    counted: Callable[[int], None]
    says: Callable[[str], None]


class Occasion(NamedTuple):
    """A government, what it came of, and when it was seen: s since the counting began."""

    when: str
    at_s: float
    government: Government


@dataclass(slots=True)
class Findings:
    """What came of it. Times in ms of this process's monotonic clock."""

    expected: Counter[str]
    counted: dict[str, int] = field(default_factory=dict)
    probe_expected: int = 0
    probe_counted: int = 0
    occasions: list[Occasion] = field(default_factory=list)
    digests: dict[str, str | None] = field(default_factory=dict)
    reflects: str = ""
    killed: str = ""
    pause_ms: float = 0.0
    usual_ms: float = 0.0
    seconds: float = 0.0

    @property
    def wrong(self) -> list[str]:
        """The words whose counter is not exact."""
        return [word for word, count in self.expected.items() if self.counted.get(word) != count]

    @property
    def exact(self) -> bool:
        """Whether every counter is exact, the probe's too, and every citizen has the same state."""
        return (
            not self.wrong
            and self.probe_counted == self.probe_expected
            and None not in self.digests.values()
            and len(set(self.digests.values())) == 1
        )


class Demonstration:
    """One run on an island of five, counting `chunks` of text, so many `tasks` at a time."""

    def __init__(self, island: Island, chunks: Sequence[str], tasks: int, watcher: Watcher) -> None:
        self._island = island
        self._chunks = chunks
        self._width = tasks
        self._watcher = watcher
        self._probe = Probe(island, _LIMIT_S)
        self._began = self._killed_at = 0.0
        self.findings = Findings(Counter(word for chunk in chunks for word in words(chunk)))

    def run(self) -> Findings:
        """Do all of it. Raises what the island raised: then nothing is shown to be exact."""
        self._began = time.monotonic()
        self._note("launched")
        self._probe.start()
        try:
            with ThreadPoolExecutor(1) as acts:
                self._count(acts)
        finally:
            self._probe.stop()
        self.findings.seconds = time.monotonic() - self._began
        self._check()
        return self.findings

    def _count(self, acts: ThreadPoolExecutor) -> None:
        """Keep tasks at work; each act begins at its place in the text, once the last has ended.

        Text beyond the place of the next act is not given out before that begins: so each of them
        happens while words are counted.
        """
        script: list[tuple[float, Callable[[], None]]] = [
            (0.2, self._kill_leader),
            (0.4, lambda: self._scale(7)),
            (0.7, lambda: self._scale(3)),
        ]
        tasks: list[Task[int]] = []
        under_way: Future[None] | None = None
        given = 0
        while given < len(self._chunks) or tasks or script:
            if under_way is not None and under_way.done():
                under_way.result()
                under_way = None
            limit = int(script[0][0] * len(self._chunks)) if script else len(self._chunks)
            if script and under_way is None and given >= limit:
                under_way = acts.submit(script.pop(0)[1])
                continue
            while given < limit and len(tasks) < self._width:
                tasks.append(paxos_ray.start(count_words, self._island, self._chunks[given]))
                given += 1
            done = [task for task in tasks if task.ready()]
            tasks = [task for task in tasks if task not in done]
            for task in done:
                self._watcher.counted(task.result())
            if not done:
                time.sleep(_LOOK_S)
        if under_way is not None:
            under_way.result()

    def _kill_leader(self) -> None:
        from paxos_ray.chaos import kill  # not before it is asked for: it imports Ray

        leader = self._island.status().citizens[0]
        if leader.pid is None:
            raise paxos_ray.TimedOut(f"{leader.id}, who leads, does not say where it is")
        self._probe.wait(_LIMIT_S)  # a pause is between two of its increments
        self._watcher.says(f"killing the leader, {leader.id}, process {leader.pid}")
        self._killed_at = time.monotonic()
        paxos_ray.start(kill, leader.pid, node_id=leader.node_id, num_cpus=0).result(_LIMIT_S)
        self.findings.killed = leader.id
        deadline = time.monotonic() + _LIMIT_S
        while self._island.government().leader == leader.id:
            if time.monotonic() > deadline:
                raise paxos_ray.TimedOut(f"{leader.id} was killed and nobody leads in its place")
            time.sleep(2 * _LOOK_S)
        self._note("leader killed")

    def _scale(self, citizens: int) -> None:
        self._watcher.says(f"scaling to {citizens} citizens")
        self._island.scale(citizens, timeout_s=_LIMIT_S, progress=False)
        self._note(f"scaled to {citizens}")

    def _note(self, occasion: str) -> None:
        at_s = time.monotonic() - self._began
        self.findings.occasions.append(Occasion(occasion, at_s, self._island.government()))
        self._watcher.says("counting words")

    def _check(self) -> None:
        findings = self.findings
        self._watcher.says("reading every counter")
        acknowledged = self._probe.acknowledged
        findings.pause_ms = 1e3 * longest_gap_s(acknowledged, self._killed_at, _AROUND_S)
        gaps = sorted(b - a for a, b in pairwise(acknowledged))
        findings.usual_ms = 1e3 * gaps[len(gaps) // 2] if gaps else 0.0
        findings.probe_expected = len(acknowledged)
        findings.probe_counted = self._island.counter(PROBE).value(timeout_s=_LIMIT_S)
        findings.counted = self._island.values(list(findings.expected), timeout_s=_LIMIT_S)
        self._watcher.says("comparing the citizens' states")
        settled = self._island.settled(timeout_s=_LIMIT_S)
        findings.digests = {citizen.id: citizen.digest for citizen in settled.citizens}
        findings.reflects = str(settled.citizens[0].applied)
