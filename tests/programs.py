"""External programs that some tests start: without a program its tests are skipped and say so."""

import os
import shutil

import pytest

REQUIRED = "HOLODRIVER_REQUIRE_PROGRAMS"
"""Environment variable that `.ci/run` sets once it has installed `dev.py packages --tests`: then nothing is skipped."""


def need_programs(*names: str) -> None:
    """Skip the test, or fail it where programs are required, unless all of `names` are on the path."""
    if missing := [name for name in names if shutil.which(name) is None]:
        unavailable(f"{' and '.join(missing)} not installed: see `dev.py packages --tests`")


def unavailable(reason: str) -> None:
    """Skip the test for `reason`, or fail it where programs are required."""
    if os.environ.get(REQUIRED):
        pytest.fail(f"required here: {reason}")
    pytest.skip(reason)
