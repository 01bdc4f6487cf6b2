"""Build the Blender extension: one zip file with the add-on and the wheel of holodriver.

    python3.11 scripts/build_extension.py [-o dist]

Blender's own builder makes and validates the zip: that of the `bpy` package in `.venv-blender` (see scripts/dev.py), or
of the Blender given with `--blender`. The wheel is pure Python, so one zip serves all operating systems.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ADDON = ROOT / "blender_addon"
MANIFEST = "blender_manifest.toml"
BUILDER = "bpy/*/scripts/addons_core/bl_pkg/cli/blender_ext.py"


class Failure(Exception):
    """A problem that the user can solve."""


def main(arguments: Sequence[str]) -> int:
    """Build and validate the zip, print its path, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "dist", help="folder for the zip")
    parser.add_argument("--blender", type=Path, help="a Blender executable to build and validate with")
    options = parser.parse_args(arguments)
    try:
        path = build(options.output.resolve(), builder(options.blender))
    except Failure as failure:
        print(f"build_extension.py: {failure}", file=sys.stderr)
        return 1
    print(path)
    return 0


def build(output: Path, command: list[str]) -> Path:
    """Build the zip, let Blender validate it, and return its path.

    Args:
        output: folder for the zip.
        command: command that starts Blender's extension builder.

    Raises:
        Failure: a step failed; the message contains the end of the step's output.
    """
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="holodriver-extension-") as scratch:
        staged = Path(scratch) / "holodriver"
        shutil.copytree(ADDON, staged, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        wheels = staged / "wheels"
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-deps", "--quiet"]
        _run([*pip, "--wheel-dir", str(wheels), str(ROOT)], "building the wheel")
        names = sorted(f'"./wheels/{path.name}"' for path in wheels.iterdir())
        manifest = staged / MANIFEST
        text = manifest.read_text(encoding="utf-8")
        lines = text.replace("\n[permissions]", f"\nwheels = [{', '.join(names)}]\n\n[permissions]", 1)
        manifest.write_text(lines, encoding="utf-8")
        version = re.search(r'^version = "(.+)"$', text, re.MULTILINE)
        assert version is not None
        path = output / f"holodriver-{version[1]}.zip"
        path.unlink(missing_ok=True)
        source = ["--source-dir", str(staged), "--output-filepath", str(path)]
        _run([*command, "build", *source], "building the zip")
        _run([*command, "validate", str(path)], "validating the zip")
    return path


def builder(blender: Path | None = None) -> list[str]:
    """Command that starts Blender's extension builder.

    Raises:
        Failure: there is no Blender.
    """
    if blender is not None:
        return [str(blender), "--command", "extension"]
    scripts = sorted((ROOT / ".venv-blender").glob(f"*/python*/site-packages/{BUILDER}"))
    scripts += sorted((ROOT / ".venv-blender").glob(f"Lib/site-packages/{BUILDER}"))
    if not scripts:
        raise Failure("there is no .venv-blender: run scripts/dev.py setup first, or name a Blender with --blender")
    return [sys.executable, str(scripts[0])]


def _run(command: list[str], what: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        said = "\n".join(f"    {line}" for line in (done.stdout + done.stderr).splitlines()[-12:])
        raise Failure(f"{what} failed:\n{said}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
