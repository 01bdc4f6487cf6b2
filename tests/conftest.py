"""Fixtures for tests that need Blender, and the renders that they share."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import platformdirs
import pytest

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does, and before anything loads torch

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background job; what tests start would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)

from holodriver.blender.find import Blender, blender_environment, find_blender
from holodriver.blender.stack import render_stack
from holodriver.errors import BlenderError
from holodriver.scene.render_job import RenderJob

hypothesis.settings.register_profile("holodriver", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("holodriver")


@pytest.fixture(autouse=True)
def own_signals() -> Iterator[None]:
    """What a test, or a library that it loads, makes of signals ends with it."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What this machine's user has measured is neither read nor replaced."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(platformdirs, "user_cache_dir", lambda *_, **__: str(folder))
        yield


SCENES = Path(__file__).parent / "blender_addon" / "scenes.py"
"""Builds small scenes; runs in Blender."""


@pytest.fixture(scope="session")
def blender() -> Blender:
    """A Blender; without one the test is skipped, or fails where Blender is required."""
    try:
        return find_blender()
    except BlenderError as error:
        if os.environ.get("CI") or os.environ.get("HOLODRIVER_REQUIRE_BLENDER"):
            pytest.fail(f"Blender is required here: {error}")
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def blend_file(blender, tmp_path_factory):
    """Builds a scene of `scenes.py` by its name and arguments, as a .blend file."""
    folder = tmp_path_factory.mktemp("scenes")

    def build(name: str, *arguments: object) -> Path:
        path = folder / ("_".join([name, *map(str, arguments)]) + ".blend")
        if not path.exists():
            command = blender.command(SCENES, [name, str(path), *map(str, arguments)])
            done = subprocess.run(command, env=blender_environment(), capture_output=True, text=True)
            assert path.is_file(), done.stderr[-2000:]
        return path

    return build


@pytest.fixture(scope="session")
def demo_stack_folder(blender, tmp_path_factory) -> Path:
    """The demo scene as a focal stack: 96 × 96 pixels, 21 planes, 4 samples a pixel."""
    path = tmp_path_factory.mktemp("demo") / "demo.stack"
    job = RenderJob(scene="demo", width=96, height=96, planes=21, coc_max=15.0, samples=4)
    return render_stack(job, path, blender=blender)
