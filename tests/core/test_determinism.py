"""The same calls in the same order give the same outbox and the same log, bit for bit."""

from __future__ import annotations

import hashlib
import os
import pickle
import random
import subprocess
import sys
from pathlib import Path

from paxos_ray.core import Citizen, Government, Promise
from tests.core.harness import PING, REPUBLIC, Island, citizen, government

ROOT = Path(__file__).parents[2]


def history(seed: int) -> str:
    """A busy life of an island, with every pulse, reply, outcome and log hashed as pickled."""
    digest = hashlib.sha256()
    chance = random.Random(seed)
    island = Island("abc", "de", "fg", catch_up_entries=2, batch_entries=3)
    for step in range(90):
        island.pass_time(chance.randint(1, PING))
        if step == 40:
            island.crash("a")
            for id in "bcdefg":
                island[id].unreachable(island.now, "a")
        if step % 30 == 10:
            island.join(f"n{step}")
        for id in island.alive():
            island.tick(id)
            for number in range(chance.randint(0, 4)):
                island[id].enqueue(island.now, REPUBLIC, {"step": step, "number": number})
            island[id].confirm(island.now)
            if step % 30 == 10:
                island[id].embark(island.now, REPUBLIC, citizen(f"n{step}"))
            if step == 70:
                island[id].emigrate(island.now, "b")
            island.load(id)
            for _ in range(chance.randint(0, 3)):
                pulse = island[id].outbox()
                if pulse is None:
                    break
                digest.update(pickle.dumps(pulse))
                replies = island.deliver(pulse)
                if chance.random() < 0.05:
                    replies[pulse.envelopes[0].to] = None
                digest.update(pickle.dumps(list(replies.items())))
                island[id].sent(island.now, pulse, replies)
            digest.update(pickle.dumps((island[id].outcomes(), island[id].wakeup)))
    island.check()
    for id in island.legislators:
        digest.update(pickle.dumps((list(island[id].log), island[id].inspect())))
    assert len(island.legislators) > 8
    return digest.hexdigest()


def elsewhere(seed: int, hash_seed: str) -> str:
    """The same in another process, where sets and dictionaries of texts hash otherwise."""
    program = f"from tests.core.test_determinism import history; print(history({seed}))"
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_the_same_calls_give_the_same_bytes_in_any_process() -> None:
    here = history(7)
    assert history(8) != here
    assert history(7) == here
    # Here, who carries messages may have been loaded, and have said how they are pickled.
    assert elsewhere(7, "1") == elsewhere(7, "2") == elsewhere(7, "3")


def test_models_survive_a_pickle() -> None:
    """Without being checked again, and without what was only looked up."""
    ruling = government("abc", "de")
    bytes_before = pickle.dumps(ruling)
    assert ruling.quorum == 3
    assert pickle.dumps(ruling) == bytes_before
    copy = pickle.loads(bytes_before)
    assert copy == ruling
    assert isinstance(copy, Government)
    assert isinstance(copy.citizens["a"], Citizen)
    assert copy.leader == "a"
    assert copy.promise == Promise(5, 0)
    assert type(copy.promise) is Promise
