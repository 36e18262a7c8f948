"""Ray tasks on any node count words together, in counters that survive the death of citizens.

    python examples/word_count.py [FILE…]        (without a file: this one)

The tasks share no memory and nobody gathers their results: each attaches to the island by its name.
"""

import sys
from collections import Counter
from pathlib import Path

import ray

import paxos_ray


@ray.remote
def count(island_name: str, text: str) -> int:
    """Count each word of `text`; returns how many there were."""
    island = paxos_ray.attach(island_name)
    responses = [island.counter(word).increment.remote(1) for word in text.split()]
    for response in responses:
        response.result(timeout_s=30)  # acknowledged: it is in the log of a majority
    return len(responses)


def main() -> None:
    """Count, then compare with a count that nothing can happen to."""
    texts = [Path(path).read_text("utf-8") for path in sys.argv[1:] or [__file__]]
    island = paxos_ray.launch("word-count", citizens=3)
    try:
        print(sum(ray.get([count.remote("word-count", text) for text in texts])), "words")
        expected = Counter(word for text in texts for word in text.split())
        for word, times in expected.most_common(5):
            print(f"{word!r}: {island.counter(word).value()} (expected {times})")
    finally:
        island.shutdown()


if __name__ == "__main__":
    ray.init(include_dashboard=False)
    main()
