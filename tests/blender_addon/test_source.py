"""The add-on's parts that need no render: runs all checks of `inside_source.py` in one Blender."""

import ast
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from holodriver.blender.find import blender_environment

INSIDE = Path(__file__).with_name("inside_source.py")
FAKE = Path(__file__).with_name("fake_driver.py")
CHECKS = [
    part.name
    for part in ast.parse(INSIDE.read_text(encoding="utf-8")).body
    if isinstance(part, ast.FunctionDef) and part.name.startswith("check_")
]


@pytest.fixture(scope="session")
def source_outcomes(blender, tmp_path_factory) -> dict[str, str]:
    """Why each check failed, empty where it did not."""
    if os.name == "nt":
        pytest.skip("the driver's stand-in is a shell script")
    folder, results = (tmp_path_factory.mktemp(name) for name in ("source", "results"))
    fake = folder / "fake"
    fake.write_text(f"#!/bin/sh\nexec '{sys.executable}' '{FAKE}' \"$@\"\n", encoding="utf-8")
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    environment = blender_environment() | {"BLENDER_USER_RESOURCES": str(folder)}
    command = blender.command(INSIDE, [str(results), str(fake)])
    done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace", timeout=300)
    lines = [line.removeprefix("check: ") for line in done.stdout.splitlines() if line.startswith("check: ")]
    found = {check["name"]: check["failure"] for check in map(json.loads, lines)}
    assert found, done.stdout[-2000:] + done.stderr[-2000:]
    return found


@pytest.mark.parametrize("check", CHECKS)
def test_in_blender(source_outcomes, check):
    assert source_outcomes.get(check, "did not run") == ""
