"""Run the add-on's tests with several versions of Blender and print a table.

    python3.11 scripts/drills/blender_versions.py [--versions 4.2.23 4.5.15 5.0.1 5.2.3] [--record]
        [pytest options]

Each version is the `bpy` package in a separate environment, `.venv-bpy-VERSION` (about 1 GB each, made once). The tests
run in `.venv` (see scripts/dev.py) and start that Blender. Blender 5.1 and later need Python 3.13: `python3.13` on the
path, or the program given with --python313.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "bench"))

import record

ROOT = record.ROOT
VERSIONS = ("4.2.23", "4.5.15", "5.0.1", "5.2.3")
TESTS = ("tests/blender_addon", "tests/blender")
SCRIPTS = "Scripts" if os.name == "nt" else "bin"


class Failure(Exception):
    """A problem that the user can solve."""


@dataclass(frozen=True)
class Row:
    """Result of the tests with one version of Blender."""

    blender: str
    python: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    failures: tuple[str, ...] = ()


def main(arguments: Sequence[str]) -> int:
    """Set up, test, and print the table; return 1 if any test failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--versions", nargs="+", default=list(VERSIONS), metavar="VERSION")
    parser.add_argument("--python313", default="python3.13", help="Python for Blender 5.1 and later")
    record.add_option(parser)
    options, rest = parser.parse_known_args(arguments)
    driver = ROOT / ".venv" / SCRIPTS / "python"
    if not driver.exists():
        print("blender_versions.py: there is no .venv: run scripts/dev.py setup first", file=sys.stderr)
        return 1
    with record.section("blender_versions", "Versions of Blender", write=options.record) as results:
        return measure(options, rest, driver, results)


def measure(options: argparse.Namespace, rest: list[str], driver: Path, results: record.Section) -> int:
    """Test each version; return 1 if any test failed."""
    rows = []
    for version in options.versions:
        try:
            blender = environment(version, options.python313)
            rows.append(test(version, driver, blender, rest or list(TESTS)))
        except Failure as failure:
            print(f"blender_versions.py: {failure}", file=sys.stderr)
            rows.append(Row(version, "-", failed=1, failures=(str(failure).splitlines()[0],)))
    results.table(
        ("Blender", "Python", "passed", "failed", "skipped", "s"),
        [(r.blender, r.python, r.passed, r.failed, r.skipped, f"{r.seconds:.0f}") for r in rows],
    )
    for row in rows:
        for name in row.failures:
            print(f"{row.blender}: {name}")
    return 1 if any(row.failed for row in rows) else 0


def environment(version: str, python313: str) -> Path:
    """Path of the Python in the environment with that version of bpy; the environment is made if it is missing.

    Raises:
        Failure: Python or the bpy package is not available.
    """
    folder = ROOT / f".venv-bpy-{version}"
    python = folder / SCRIPTS / "python"
    if _run([str(python), "-c", "import bpy"]) == 0:
        return python
    newer = tuple(int(part) for part in version.split(".")[:2]) >= (5, 1)
    base = shutil.which(python313) if newer else sys.executable
    if base is None or _run([base, "--version"]):
        raise Failure(f"Blender {version} needs {python313}, which was not found; give its path with --python313")
    print(f"making {folder.name} ...", file=sys.stderr, flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
    for command in ([base, "-m", "venv", str(folder)], [*pip, f"bpy=={version}"]):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise Failure(f"bpy {version} cannot be installed: {(done.stderr.strip() or '?').splitlines()[-1]}")
    return python


def test(version: str, driver: Path, blender: Path, arguments: Sequence[str]) -> Row:
    """Run the tests with one Blender.

    Raises:
        Failure: pytest did not run.
    """
    said = subprocess.run([str(blender), "--version"], capture_output=True, text=True).stdout.split()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [str(driver), "-m", "pytest", "-q", "--junitxml", str(report), *arguments]
        chosen = os.environ | {"HOLODRIVER_BLENDER": str(blender), "HOLODRIVER_REQUIRE_BLENDER": "1"}
        begun = time.monotonic()
        done = subprocess.run(command, cwd=ROOT, env=chosen, stdout=sys.stderr)
        seconds = time.monotonic() - begun
        if not report.is_file():
            raise Failure(f"pytest did not run with Blender {version} (exit status {done.returncode})")
        cases = ElementTree.parse(report).getroot().findall(".//testcase")
    bad = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    skipped = sum(case.find("skipped") is not None for case in cases)
    names = tuple(f"{case.get('classname')}::{case.get('name')}" for case in bad)
    return Row(version, said[-1], len(cases) - len(bad) - skipped, len(bad), skipped, seconds, names)


def _run(command: list[str]) -> int:
    try:
        return subprocess.run(command, capture_output=True).returncode
    except OSError:
        return 1


if __name__ == "__main__":
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a job in the background ignores it, and so would the tests
    sys.exit(main(sys.argv[1:]))
