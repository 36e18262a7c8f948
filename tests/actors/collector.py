"""The garbage collector, as it runs in the middle of something: and what it ends there calls."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import paxos_ray

SOON_S = 30.0
PACKAGE = str(Path(paxos_ray.__file__).parent)


def ends(deed: Callable[[], object]) -> bool:
    """Whether it comes to its end, and does not wait for itself."""
    thread = threading.Thread(target=deed, daemon=True)
    thread.start()
    thread.join(SOON_S)
    return not thread.is_alive()


def comes_in_between(line: int, deed: Callable[[], object], finalizer: Callable[[], object]) -> int:
    """Do the deed, and before its line of that number (of the package's, or of `threading`) what a
    finalizer does. How many such lines there were, without the finalizer's."""
    passed = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal passed
        file = frame.f_code.co_filename
        if not file.startswith(PACKAGE) and file != threading.__file__:
            return None
        if event == "line":
            if passed == line:
                finalizer()
            passed += 1
        return trace

    def run() -> None:
        sys.settrace(trace)
        try:
            deed()
        finally:
            sys.settrace(None)

    assert ends(run), f"it hangs at line {line}"
    return passed
