"""The extension as artists get it: the zip is built and installed into Blender, and every button is pressed."""

import ast
import importlib.util
import json
import os
import stat
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import holodriver
from holodriver.blender.find import blender_environment

ROOT = Path(__file__).resolve().parents[2]
INSIDE = Path(__file__).with_name("inside_extension.py")
FAKE = Path(__file__).with_name("fake_driver.py")
CHECKS = [
    part.name
    for part in ast.parse(INSIDE.read_text(encoding="utf-8")).body
    if isinstance(part, ast.FunctionDef) and part.name.startswith("check_")
]


def _script():
    spec = importlib.util.spec_from_file_location("build_extension", ROOT / "scripts" / "build_extension.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def extension_zip(blender, tmp_path_factory) -> Path:
    """The extension, built and accepted by Blender's validator."""
    script = _script()
    try:
        command = script.builder()
    except script.Failure as failure:
        pytest.skip(str(failure))
    return script.build(tmp_path_factory.mktemp("extension"), command)


def _executable(path: Path, *command: object) -> Path:
    path.write_text("#!/bin/sh\nexec " + " ".join(f"'{part}'" for part in command) + ' "$@"\n', encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture(scope="session")
def outcomes(blender, extension_zip, tmp_path_factory) -> dict[str, str]:
    """Why each check failed, empty where it did not; all run in one Blender, in which the zip is installed."""
    if os.name == "nt":
        pytest.skip("the driver's stand-in is a shell script")
    folder = tmp_path_factory.mktemp("inside")
    driver = _executable(folder / "holodriver", sys.executable, "-m", "holodriver")
    fake = _executable(folder / "fake", sys.executable, FAKE)
    results = folder / "results"
    results.mkdir()
    command = blender.command(INSIDE, [str(part) for part in (extension_zip, results, driver, fake)])
    environment = blender_environment() | {"BLENDER_USER_RESOURCES": str(folder / "user")}
    (folder / "user").mkdir()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace", timeout=900)
    lines = [line.removeprefix("check: ") for line in done.stdout.splitlines() if line.startswith("check: ")]
    found = {check["name"]: check["failure"] for check in map(json.loads, lines)}
    assert found, done.stdout[-2000:] + done.stderr[-2000:]
    return found


@pytest.mark.parametrize("check", CHECKS)
def test_in_blender(outcomes, check):
    assert outcomes.get(check, "did not run") == ""


def test_zip_holds_the_add_on_and_the_wheel_and_no_more(extension_zip):
    names = zipfile.ZipFile(extension_zip).namelist()
    wheels = [name for name in names if name.endswith(".whl")]
    assert wheels == [f"wheels/holodriver-{holodriver.__version__}-py3-none-any.whl"]
    assert {"blender_manifest.toml", "__init__.py", "render/headless.py", "LICENSE", "ui/panels.py"} <= set(names)
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_manifest_says_the_version_of_the_driver():
    manifest = tomllib.loads((ROOT / "blender_addon" / "blender_manifest.toml").read_text(encoding="utf-8"))
    assert manifest["version"] == holodriver.__version__
    assert set(manifest["permissions"]) == {"files", "network"}


def test_a_manifest_that_blender_refuses_stops_the_build(tmp_path, monkeypatch):
    script = _script()
    addon = tmp_path / "blender_addon"
    addon.mkdir()
    text = (ROOT / "blender_addon" / "blender_manifest.toml").read_text(encoding="utf-8")
    (addon / "blender_manifest.toml").write_text(text.replace('id = "holodriver"', 'id = "holo-driver"'))
    (addon / "__init__.py").touch()
    monkeypatch.setattr(script, "ADDON", addon)
    try:
        command = script.builder()
    except script.Failure as failure:
        pytest.skip(str(failure))
    with pytest.raises(script.Failure, match="building the zip failed"):
        script.build(tmp_path / "dist", command)
