"""How a command that works for long ends, other than by being done."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from paxos_ray import PaxosError
from paxos_ray.cli.exits import CommandError, Exit


@contextmanager
def orderly() -> Iterator[None]:
    """SIGTERM ends what is within as Ctrl-C does, so that what there is is told: 143. That it
    cannot be written says nothing of what was found: 6, or 141 when nobody reads it any more."""
    before = signal.signal(signal.SIGTERM, _terminated)
    try:
        yield
    except PaxosError:  # which `RecordExists` is, too
        raise
    except OSError as error:
        if error.errno != errno.EPIPE:
            raise CommandError(f"a file could not be written: {error}", Exit.BROKEN) from None
        # Else what is left would be tried again, and complained about, as the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(128 + signal.SIGPIPE) from None
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminated(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
