"""Running the program inside of the test's process."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from paxos_ray.cli import main


class Ran(NamedTuple):
    """What a run of the program came to."""

    code: int
    out: str
    err: str


@pytest.fixture
def program(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run `paxos-ray` on some arguments."""

    def run(*arguments: object) -> Ran:
        with pytest.raises(SystemExit) as exit:
            main([str(argument) for argument in arguments])
        return Ran(int(exit.value.code or 0), *capsys.readouterr())

    return run
