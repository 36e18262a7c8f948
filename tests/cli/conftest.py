"""Running the program inside of the test's process."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import pytest

from paxos_ray.cli import main


class Ran(NamedTuple):
    """What a run of the program came to."""

    code: int
    out: str
    err: str


# A thread of Ray's in this process tells of workers that earlier tests have killed, whenever it
# hears of it, among whatever is being captured then.
FROM_RAY = re.compile(r"^\x1b\[\d+m\(raylet[^)]*\)\x1b\[0m .*\n", re.MULTILINE)


@pytest.fixture
def program(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run `paxos-ray` on some arguments."""

    def run(*arguments: object) -> Ran:
        with pytest.raises(SystemExit) as exit:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Ran(int(exit.value.code or 0), FROM_RAY.sub("", out), FROM_RAY.sub("", err))

    return run
