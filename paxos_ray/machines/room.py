"""Where the stack ends for a user's code must not hang on which citizen applies an entry.

How deep a citizen's own stack is differs by what brings it an entry, and by whether it lives
through the log or loads it. So what runs out of stack is run again on a new one, which has more
room than any citizen has: only what comes of it there counts.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_T = TypeVar("_T")

_MORE = 200
"""What a new stack has beyond the limit of this process, in frames; other threads have it too,
meanwhile."""


def ran_out(error: BaseException) -> bool:
    """Whether it was, or came of, a `RecursionError`."""
    pending, seen = [error], {id(error)}
    while pending:
        one = pending.pop()
        if isinstance(one, RecursionError):
            return True
        for cause in (one.__cause__, one.__context__):
            if cause is not None and id(cause) not in seen:
                seen.add(id(cause))
                pending.append(cause)
    return False


def with_room(work: Callable[[], _T]) -> _T:
    """What `work` comes to on a new stack; within it, on another that has still more room."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(limit + _MORE)
    try:
        with ThreadPoolExecutor(1, "room") as thread:
            return thread.submit(work).result()
    finally:
        sys.setrecursionlimit(limit)


def roomy(work: Callable[[], _T]) -> _T:
    """What `work`, which may be done twice, comes to: on this stack, or if that ends with room."""
    try:
        return work()
    except BaseException as error:
        if not ran_out(error):
            raise
    return with_room(work)
