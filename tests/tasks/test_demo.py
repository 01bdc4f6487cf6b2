"""The whole demo once, small, with a real Blender and the rig's processes."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from holodriver.blender.find import Blender
from holodriver.errors import InputError, OutputExistsError
from holodriver.files.frames import read_frames_folder
from holodriver.files.hologram import read_hologram
from holodriver.optics.display import REFERENCE
from holodriver.tasks.demo import METHODS, DemoSettings, run_demo
from holodriver.viewer.page import read_page

SETTINGS = DemoSettings(width=64, height=64, samples=4, iterations=40)


@pytest.fixture(scope="module")
def folder(blender: Blender, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "demo"
    run_demo(path, SETTINGS, REFERENCE, blender=blender.path)
    return path


def test_writes_all_that_it_promises(folder: Path) -> None:
    scores = json.loads((folder / "scores.json").read_text())
    assert [row["name"] for row in scores["fields"]] == list(METHODS)
    sheet = cv2.imread(str(folder / "contact_sheet.png"))
    assert min(sheet.shape[:2]) > 600
    for name in ("deh", "ncgh", "flat_phase"):
        hologram = read_hologram(folder / f"{name}.holo")
        frames = read_frames_folder(folder / f"{name}.frames")
        assert np.array_equal(hologram.frames.pixels, frames.pixels)
    page = read_page(folder / "view.html")
    assert [method["name"] for method in page["methods"]] == ["rendered", *METHODS]
    means = [method["means"]["psnr"] for method in page["methods"][1:]]
    assert means == pytest.approx([row["mean"]["psnr"] for row in scores["played"]], abs=1e-4)
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_reaches_the_papers_margins(folder: Path) -> None:
    scores = json.loads((folder / "scores.json").read_text())
    fields = {row["name"]: row["mean"]["psnr"] for row in scores["fields"]}
    played = {row["name"]: row["mean"]["psnr"] for row in scores["played"]}
    assert fields["DEH"] >= fields["nCGH"] + 6.5
    assert fields["DEH"] >= fields["flat phase"] + 4
    assert played["DEH"] >= fields["DEH"] - 1.5


def test_goes_on_from_its_own_stack_and_touches_no_other(folder: Path) -> None:
    stack = folder / "scene.stack" / "stack.json"
    before = stack.stat().st_mtime_ns
    again = run_demo(folder, SETTINGS, REFERENCE, blender=Path("no Blender is needed"))
    assert again.reused
    assert stack.stat().st_mtime_ns == before
    with pytest.raises(OutputExistsError, match="other settings"):
        run_demo(folder, DemoSettings(width=32), REFERENCE)
    with pytest.raises(OutputExistsError, match="another display"):
        run_demo(folder, SETTINGS, replace(REFERENCE, coc_max=8.0))
    with pytest.raises(InputError, match="27 pixels"):
        run_demo(folder, DemoSettings(width=26), REFERENCE)
