"""The viewer's page: every kind of input, exact pictures as long as they fit, and clear refusals."""

import base64
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from layered import layered_stack
from PIL import Image

from holodriver.cli.app import main
from holodriver.errors import FileFormatError, InputError, OutputExistsError
from holodriver.files.frames import write_frames
from holodriver.files.images import srgb_pixels
from holodriver.files.rgbd import write_rgbd
from holodriver.files.stack import write_stack
from holodriver.panel.behind_slit import camera_exposure
from holodriver.panel.frames import simulated_bench
from holodriver.scene.rgbd import RgbdImage
from holodriver.scores.evaluation import evaluate
from holodriver.viewer.images import QUALITIES
from holodriver.viewer.inputs import ViewSettings, read_content
from holodriver.viewer.page import read_page, write_page


def decoded(uri: str) -> np.ndarray:
    head, _, text = uri.partition(",")
    assert head == "data:image/webp;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))


def test_small_pictures_are_kept_to_the_last_bit(viewed) -> None:
    data = read_page(viewed.page)
    assert data["quality"] == "lossless"
    assert [method["name"] for method in data["methods"]] == ["rendered", "sharp", "flat"]
    for plane, uri in enumerate(data["methods"][0]["pictures"]):
        assert np.array_equal(decoded(uri), srgb_pixels(viewed.stack.images[plane]))
    bench, exposure = simulated_bench(viewed.frames), camera_exposure(viewed.profile, viewed.frames.gains)
    seen = bench.picture(viewed.frames.pixels, float(viewed.stack.positions[3]), exposure)
    assert np.abs(decoded(data["methods"][1]["pictures"][3]).astype(int) - srgb_pixels(seen)).max() <= 1
    assert np.array_equal(
        decoded(data["depth"])[..., 0], np.rint(viewed.stack.all_in_focus_depth * 255).astype(np.uint8)
    )


def test_scores_are_those_of_evaluate(viewed) -> None:
    from holodriver.files.hologram import read_hologram

    found = evaluate("x", read_hologram(viewed.folder / "sharp.holo"), viewed.stack)
    panel = next(one for one in found if one.seen == "panel frames")
    assert viewed.content.methods[1].scores.planes() == panel.planes()
    assert [method.seen for method in viewed.content.methods] == ["focal stack", "panel frames", "wave field"]


def test_the_page_loads_nothing(viewed) -> None:
    """No address in it leads out of it, and its policy would let none be followed."""
    text = viewed.page.read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    without_data = re.sub(r"data:image/webp;base64,[A-Za-z0-9+/=]*", "", text)
    addresses = set(
        re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"'`]*", re.sub(r"(?m)^\s*//.*$|; //.*$", "", without_data))
    )
    assert addresses == {"http://www.w3.org/2000/svg"}  # the name of SVG's elements, which nobody opens
    assert not re.search(r"\b(?:fetch|XMLHttpRequest|WebSocket|sendBeacon|import)\s*\(", without_data)


def test_text_of_files_stays_text(viewed, tmp_path) -> None:
    title = "</script><script>alert(1)</script> & <b>"
    content = replace(viewed.content, title=title, notes=("{{STYLE}} <!--",))
    write_page(tmp_path / "a.html", content)
    text = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "<script>alert" not in text
    assert '<h1 id="title">&lt;/script&gt;' in text
    assert read_page(tmp_path / "a.html")["title"] == title
    assert read_page(tmp_path / "a.html")["notes"] == ["{{STYLE}} <!--"]


def test_a_limit_costs_quality_first_and_is_then_refused(viewed, tmp_path) -> None:
    whole = write_page(tmp_path / "a.html", viewed.content)
    tight = write_page(tmp_path / "b.html", viewed.content, limit=int(whole.size * 0.8))
    assert tight.size <= whole.size * 0.8
    assert tight.size == (tmp_path / "b.html").stat().st_size
    assert QUALITIES.index(tight.quality) > QUALITIES.index(whole.quality)
    with pytest.raises(InputError, match="--width, fewer --planes"):
        write_page(tmp_path / "c.html", viewed.content, limit=100_000)
    assert not (tmp_path / "c.html").exists()
    with pytest.raises(OutputExistsError):
        write_page(tmp_path / "a.html", viewed.content)


def test_wide_pictures_are_averaged_down(viewed) -> None:
    content = read_content([viewed.folder / "scene.stack"], ViewSettings(width=32))
    assert content.methods[0].pictures[0].shape == (32, 32, 3)
    halved = viewed.stack.images[0].reshape(3, 32, 2, 32, 2).mean((2, 4))
    assert np.abs(content.methods[0].pictures[0].astype(int) - srgb_pixels(halved)).max() <= 1
    assert content.shape == (64, 64)


def test_a_hologram_alone_measures_its_own_depth(viewed) -> None:
    content = read_content([viewed.folder / "sharp.holo"])
    assert len(content.positions) == viewed.profile.planes
    assert content.methods[0].scores is None
    assert "own blur" in content.notes[0]
    assert content.depth.shape == (64, 64)


def test_frames_and_field_can_be_shown_side_by_side(viewed, tmp_path) -> None:
    content = read_content([viewed.folder / "sharp.holo"], ViewSettings(planes=3, show="both"))
    assert [method.name for method in content.methods] == ["sharp, panel frames", "sharp, wave field"]
    write_frames(tmp_path / "sharp.frames", viewed.frames)
    alone = read_content([tmp_path / "sharp.frames"], ViewSettings(planes=3))
    assert np.array_equal(alone.methods[0].pictures, content.methods[0].pictures)
    with pytest.raises(InputError, match="no wave field"):
        read_content([tmp_path / "sharp.frames"], ViewSettings(planes=3, show="field"))


def test_a_picture_with_depth_is_refocused(tmp_path) -> None:
    stack = layered_stack(48, planes=3)
    level = np.percentile(stack.all_in_focus, 99.9)
    write_rgbd(RgbdImage(stack.all_in_focus / level, stack.all_in_focus_depth), tmp_path / "photo.png")
    content = read_content([tmp_path / "photo.png"], ViewSettings(planes=3))
    assert content.title == "photo"
    assert "invented" in content.methods[0].notes[0]
    near, far = content.methods[0].pictures[0].astype(float), content.methods[0].pictures[2].astype(float)
    background = np.s_[2:10, 2:20]  # sharp in the far plane, blurred in the near one
    assert far[background].std() > near[background].std()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["scene.stack", "-o", "x.png"], "NAME.html"),
        (["gone.holo", "-o", "x.html"], "gone.holo"),
        (["view.html", "-o", "x.html"], "cannot be shown"),
        (["scene.stack", "scene.stack", "-o", "x.html"], "second focal stack"),
        (["scene.stack", "small.stack", "-o", "x.html"], "second focal stack"),
        (["sharp.holo", "small.stack", "-o", "x.html"], "64 × 64 pixels, the others 48 × 48"),
        (["scene.stack", "-o", "view.html"], "--overwrite"),
        (["scene.stack", "sharp.holo", "flat.holo", "-o", "x.html", "--limit", "0.1"], "do not fit"),
    ],
)
def test_bad_input_is_one_line_and_changes_nothing(viewed, monkeypatch, capsys, arguments, said) -> None:
    monkeypatch.chdir(viewed.folder)
    if not Path("small.stack").exists():
        write_stack(layered_stack(48, planes=3), Path("small.stack"))
    before = sorted(viewed.folder.rglob("*"))
    assert main(["--progress", "none", "view", *arguments]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert said in lines[0]
    assert sorted(viewed.folder.rglob("*")) == before


def test_info_describes_a_page(viewed, capsys) -> None:
    assert main(["info", "--json", str(viewed.page)]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["kind"], facts["pictures"], facts["quality"]) == ("viewer page", [5, 64, 64], "lossless")
    assert facts["methods"]["sharp"]["psnr"] == pytest.approx(np.mean(viewed.content.methods[1].scores.psnr), abs=1e-4)
    assert main(["info", str(viewed.page)]) == 0


@pytest.mark.parametrize("damage", ["no page", '<script type="application/json" id="data">{', "version"])
def test_what_is_not_a_page_is_refused(viewed, tmp_path, damage) -> None:
    path = tmp_path / "a.html"
    text = viewed.page.read_text(encoding="utf-8").replace('"version":1', '"version":9')
    path.write_text(text if damage == "version" else damage, encoding="utf-8")
    with pytest.raises(FileFormatError):
        read_page(path)
