"""One growth run: `python -m benchmarks.growth ENTRIES` prints CPU time an entry, peak memory."""

from __future__ import annotations

import json
import resource
import sys
from time import process_time

from benchmarks.core import BATCH, queued
from benchmarks.pure_island import PureIsland


def main(entries: int) -> None:
    """Write `entries` entries into a fresh island and print the figures as JSON.

    CPU time, not the clock's: the process waits for nothing, and what else the machine does
    would weigh differently on a run of a fifth of a second and on one of twenty.
    """
    island = PureIsland()
    queued(island, 2)
    started = process_time()
    queued(island, entries // BATCH)
    seconds = process_time() - started
    held = max(len(each.log) for each in island.everybody.values())
    if held > 2 * BATCH:
        raise RuntimeError(f"the log was not trimmed: {held} entries")
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    result = {"s_per_entry": seconds / entries, "peak_mib": peak_mib}
    sys.stdout.write(json.dumps(result))


if __name__ == "__main__":
    main(int(sys.argv[1]))
