"""Folders of panel frames, display profiles and pictures."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from holodriver.errors import FileFormatError, HolodriverError, InputError, OutputExistsError
from holodriver.files.frames import read_frames_folder, read_panel_frames, write_frames
from holodriver.files.hologram import Hologram, write_hologram
from holodriver.files.images import read_grey, write_picture, write_pixels
from holodriver.files.photos import read_picture
from holodriver.files.profile import read_profile, write_profile
from holodriver.optics.display import REFERENCE
from holodriver.optics.field import WaveField
from holodriver.panel.frames import PanelFrames
from holodriver.panel.lut import AmplitudeLut

PROFILE = REFERENCE.resized(24, 16)


def frames() -> PanelFrames:
    pixels = np.random.default_rng(2).integers(0, 256, (3, 32, 48), np.uint8)
    return PanelFrames(pixels, PROFILE, (1.0, 0.5, 0.25), (AmplitudeLut.linear(),) * 3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_frames(tmp_path / "a.frames", frames())
    return tmp_path / "a.frames"


def test_frames_come_back_bit_for_bit(folder: Path) -> None:
    back = read_frames_folder(folder)
    assert np.array_equal(back.pixels, frames().pixels)
    assert (back.profile, back.gains) == (PROFILE, frames().gains)
    # and any picture viewer sees the same grey levels
    assert np.array_equal(cv2.imread(str(folder / "colour_1.png"), cv2.IMREAD_UNCHANGED), frames().pixels[1])


def test_frames_are_read_from_either_kind_of_file(folder: Path) -> None:
    holo = folder.with_name("a.holo")
    write_hologram(holo, Hologram(frames=frames()))
    assert np.array_equal(read_panel_frames(holo).pixels, read_panel_frames(folder).pixels)
    field = WaveField(np.ones((3, 16, 24), np.complex64), PROFILE)
    write_hologram(holo, Hologram(field), overwrite=True)
    with pytest.raises(FileFormatError, match="holodriver encode"):
        read_panel_frames(holo)


def test_frames_are_not_overwritten_unasked(folder: Path) -> None:
    with pytest.raises(OutputExistsError):
        write_frames(folder, frames())
    write_frames(folder, frames(), overwrite=True)
    assert [path.name for path in folder.parent.iterdir()] == ["a.frames"]


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("format", "x", "format"),
        ("version", 9, "version"),
        ("gains", None, "gains"),
        ("gains", [1, 2], "gains"),
        ("gains", "none", "type"),
        ("amplitudes", [[0]] * 3, "look-up"),
        ("profile", {}, "display profile"),
        ("profile", 3, "type"),
        ("frames", ["colour_9.png"] * 3, "colour_9.png"),
        ("frames", ["../../../etc/passwd"] * 3, "passwd"),
        ("frames", [], "frames.json"),
    ],
)
def test_a_wrong_manifest_is_named(folder: Path, key: str, value: object, named: str) -> None:
    path = folder / "frames.json"
    manifest = json.loads(path.read_text())
    manifest[key] = value
    if value is None:
        del manifest[key]
    path.write_text(json.dumps(manifest))
    with pytest.raises(HolodriverError, match=named) as caught:
        read_frames_folder(folder)
    assert str(folder) in str(caught.value)


def test_a_wrong_picture_is_named(folder: Path) -> None:
    cv2.imwrite(str(folder / "colour_0.png"), np.zeros((8, 8), np.uint8))
    with pytest.raises(FileFormatError, match=r"colour_0\.png.*\(32, 48\)"):
        read_frames_folder(folder)
    cv2.imwrite(str(folder / "colour_0.png"), np.zeros((32, 48, 3), np.uint8))
    with pytest.raises(FileFormatError, match="8-bit grey"):
        read_frames_folder(folder)
    (folder / "colour_0.png").write_bytes((folder / "colour_1.png").read_bytes()[:60])
    with pytest.raises(FileFormatError, match=r"colour_0\.png"):
        read_frames_folder(folder)


def test_profile_comes_back_and_may_leave_fields_out(tmp_path: Path) -> None:
    write_profile(tmp_path / "p.toml", PROFILE)
    assert read_profile(tmp_path / "p.toml") == PROFILE
    (tmp_path / "q.toml").write_text('format = "holodriver display profile"\nversion = 1\npixel_pitch = 4e-6\n')
    assert read_profile(tmp_path / "q.toml").pixel_pitch == 4e-6
    assert read_profile(tmp_path / "q.toml").coc_max == REFERENCE.coc_max


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("= 3", "TOML"),
        ("width = 3", "'format'"),
        ('format = "holodriver display profile"\nversion = 2', "'version'"),
        ('format = "holodriver display profile"\nversion = 1\npitch = 3e-6', "'pitch'"),
        ('format = "holodriver display profile"\nversion = 1\npixel_pitch = "wide"', "'pixel_pitch'"),
        ('format = "holodriver display profile"\nversion = 1\nwavelengths = 3', "'wavelengths'"),
    ],
)
def test_a_wrong_profile_is_named(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "p.toml").write_text(text)
    with pytest.raises(InputError, match=named) as caught:
        read_profile(tmp_path / "p.toml")
    assert "p.toml" in str(caught.value)


def test_pictures_are_srgb_in_the_file_and_linear_outside(tmp_path: Path) -> None:
    grey = np.full((3, 4, 5), 0.2140, np.float32)  # sRGB 0.5 is 21.4 % of the light
    write_picture(tmp_path / "g.png", grey)
    stored = cv2.imread(str(tmp_path / "g.png"))
    assert set(np.unique(stored)) <= {127, 128}
    np.testing.assert_allclose(read_picture(tmp_path / "g.png"), grey, atol=2e-3)


def test_colours_keep_their_order(tmp_path: Path) -> None:
    red = np.zeros((3, 4, 4), np.float32)
    red[0] = 1
    write_picture(tmp_path / "r.png", red)
    assert cv2.imread(str(tmp_path / "r.png"))[0, 0].tolist() == [0, 0, 255]
    np.testing.assert_allclose(read_picture(tmp_path / "r.png"), red)


def test_sixteen_bits_are_read_in_full(tmp_path: Path) -> None:
    write_pixels(tmp_path / "d.png", np.full((4, 4, 3), 65535 // 2, np.uint16))
    assert read_picture(tmp_path / "d.png")[0, 0, 0] == pytest.approx(0.2140, abs=1e-3)
    with pytest.raises(FileFormatError, match="8-bit grey"):
        read_grey(tmp_path / "d.png")
