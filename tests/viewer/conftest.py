"""A page of the viewer, and a browser to open it in."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from layered import layered_stack
from programs import unavailable

from holodriver.files.hologram import Hologram, write_hologram
from holodriver.files.stack import read_stack, write_stack
from holodriver.optics.display import REFERENCE
from holodriver.panel.encoder import automatic_gains, encode
from holodriver.panel.lut import AmplitudeLut
from holodriver.synthesis.baselines import flat_phase, ncgh
from holodriver.viewer.inputs import read_content
from holodriver.viewer.page import write_page

SIZE, PLANES = 64, 5
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def viewed(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A focal stack, an encoded nCGH and a flat-phase field without frames, and the page that shows all three."""
    folder = tmp_path_factory.mktemp("viewed")
    write_stack(layered_stack(SIZE, planes=PLANES), folder / "scene.stack")
    stack = read_stack(folder / "scene.stack").exposed()
    profile = REFERENCE.resized(SIZE, SIZE)
    field = ncgh(stack, profile)
    frames = encode(field, automatic_gains([field]), AmplitudeLut.simulated_panel(profile.wavelengths))
    write_hologram(folder / "sharp.holo", Hologram(field, frames, {"method": "ncgh"}))
    write_hologram(folder / "flat.holo", Hologram(flat_phase(stack, profile)))
    sources = [folder / name for name in ("scene.stack", "sharp.holo", "flat.holo")]
    content = read_content(sources)
    page = folder / "view.html"
    write_page(page, content)
    return SimpleNamespace(folder=folder, stack=stack, content=content, page=page, profile=profile, frames=frames)


@pytest.fixture(scope="module")  # no longer: Playwright keeps an event loop running meanwhile
def chromium():
    """A headless Chromium of this machine; without one the test is skipped, or fails where programs are required."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = next(filter(None, map(shutil.which, CHROMIUM)), playwright.chromium.executable_path)
        if not Path(path).is_file():
            unavailable("no Chromium: see `dev.py packages --tests`, or run `.venv/bin/playwright install chromium`")
        browser = playwright.chromium.launch(executable_path=Path(path), args=["--no-sandbox"])
        yield browser
        browser.close()
