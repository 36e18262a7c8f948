"""`python -m tests.cluster.guard PID`: wait for that process to end, and clean up after it."""

from __future__ import annotations

import os
import select
import sys


def main() -> None:
    """Imports the rest only when there is something to clean."""
    try:
        owner = os.pidfd_open(int(sys.argv[1]))
    except ProcessLookupError:
        pass
    else:
        select.select([owner], [], [])
    from tests.cluster.nodes import sweep

    sweep()


if __name__ == "__main__":
    main()
