"""The functions `read` and `write`: everything that holodriver writes is read back unchanged."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest
from layered import layered_stack, texture

import holodriver as hd
from holodriver.errors import FileFormatError, InputError, OutputExistsError
from holodriver.files.halves import ENDS
from holodriver.optics.array_layout import Layout
from holodriver.panel.calibration import ColourCalibration
from holodriver.panel.lut import AmplitudeLut

SMALL = hd.REFERENCE.resized(48, 64)
RNG = np.random.default_rng(3)


@pytest.fixture(scope="module")
def field() -> hd.WaveField:
    return hd.WaveField.from_array(RNG.normal(size=(3, 64, 48)) + 1j, display=SMALL)


@pytest.fixture
def image() -> hd.RgbdImage:
    return hd.RgbdImage(texture(RNG, 32), RNG.random((32, 32), np.float32))


def calibration() -> hd.Calibration:
    colours = tuple(ColourCalibration(w, AmplitudeLut.linear(), 0.001, 256) for w in hd.REFERENCE.wavelengths)
    return hd.Calibration("panel", "", datetime(2026, 11, 30, tzinfo=UTC), "meter", "uniform", colours)


def test_a_hologram_of_field_and_frames_in_any_order(tmp_path, field):
    frames = hd.encode(field)
    for number, things in enumerate([(field, frames), (frames, field), (hd.Hologram(field, frames),)]):
        (path,) = hd.write(tmp_path / f"{number}.holo", *things)
        found = hd.read(path, hd.Hologram)
        assert found.field is not None
        assert found.frames is not None
        assert np.array_equal(found.field.values, field.values)
        assert np.array_equal(found.frames.pixels, frames.pixels)
        assert found.frames.gains == frames.gains


def test_a_field_keeps_in_the_file_what_it_was_made_from(tmp_path, field):
    np.save(tmp_path / "theirs.npy", field.values)
    theirs = hd.read(tmp_path / "theirs.npy", hd.WaveField, display=hd.REFERENCE)
    hd.write(tmp_path / "ours.holo", theirs)
    imported = hd.read(tmp_path / "ours.holo").provenance["imported"]
    assert imported["files"] == ["theirs.npy"]
    assert "axes (C, H, W)" in imported["assumed"]


def test_data_types_by_the_name_of_the_file(tmp_path, field):
    stack = layered_stack(32, planes=3)
    frames = hd.encode(field)
    for name, thing in (
        ("scene.stack", stack),
        ("scene.frames", frames),
        ("panel.json", calibration()),
        ("display.toml", SMALL),
    ):
        assert hd.write(tmp_path / name, thing) == [tmp_path / name]
    images = hd.read(tmp_path / "scene.stack", hd.FocalStack).images
    assert np.allclose(images, stack.images, rtol=2**-11)  # half floats, as the files have
    assert np.array_equal(hd.read(tmp_path / "scene.frames", hd.PanelFrames).pixels, frames.pixels)
    assert hd.read(tmp_path / "display.toml", hd.DisplayProfile) == SMALL
    assert hd.read(tmp_path / "panel.json", hd.Calibration).panel == "panel"


@pytest.mark.parametrize("name", ["photo.png", "photo_rgbd_lr.png", "photo.exr"])
def test_pictures_with_depth(tmp_path, image, name):
    written = hd.write(tmp_path / name, image)
    assert all(path.is_file() for path in written)
    found = hd.read(written[0], hd.RgbdImage)
    assert np.abs(found.color - image.color).max() < 1e-4
    assert np.abs(found.depth - image.depth).max() < 1e-4


def test_pictures_with_depth_on_any_side(tmp_path, image):
    from holodriver.files.halves import join
    from holodriver.files.images import write_pixels

    for side, end in ENDS.items():
        path = tmp_path / f"photo{end}.png"
        write_pixels(path, join(image, side)[..., ::-1])
        assert np.abs(hd.read(path, hd.RgbdImage).depth - image.depth).max() < 1 / 255


def test_a_quilt_and_how_its_views_lie(tmp_path, image):
    quilt = hd.quilt(image, display="go")
    picture, sidecar = hd.write(tmp_path / "photo.png", quilt)
    assert picture.name == "photo_qs11x6a0.5625.png"
    assert json.loads(sidecar.read_text())["quilt_settings"]["viewX"] == 11
    found = hd.read(picture)
    assert found.display.views == 66
    assert found.missing == 0
    assert np.array_equal(found.pixels, quilt.pixels)


def test_a_picture_of_linear_light(tmp_path):
    light = np.full((3, 4, 5), 0.2140, np.float32)
    (path,) = hd.write(tmp_path / "picture.png", light)
    import cv2

    assert (cv2.imread(str(path)) == 127).all()  # IEC 61966-2-1: 1.055 · 0.214^(1/2.4) − 0.055 = 0.4998


def test_other_files_of_ours(tmp_path):
    from holodriver.files.readings import read_readings, write_readings
    from holodriver.panel.response import Readings
    from holodriver.rig.settings import PanelSettings, Rig, write_rig

    write_rig(tmp_path / "rig.toml", Rig(panel=PanelSettings("simulated")))
    assert isinstance(hd.read(tmp_path / "rig.toml"), Rig)
    (tmp_path / "scores.json").write_text('{"format": "holodriver evaluation", "version": 1}')
    assert hd.read(tmp_path / "scores.json")["version"] == 1
    greys = np.arange(0, 250, 10)
    write_readings(tmp_path / "meter.csv", [Readings(greys, greys + 1.0, np.zeros(len(greys), bool))])
    (found,) = hd.read(tmp_path / "meter.csv")
    assert np.array_equal(found.greys, read_readings(tmp_path / "meter.csv")[0].greys)


def test_a_wave_field_from_several_pictures(tmp_path):
    phase = RNG.integers(0, 256, (2, 8, 8)).astype(np.uint8)
    import cv2

    for number in (0, 1):
        cv2.imwrite(str(tmp_path / f"{number}.png"), phase[number])
    layout: Layout | None = None
    found = hd.read(
        [tmp_path / "0.png", tmp_path / "1.png"],
        pitch=8e-6,
        wavelengths=[638e-9, 515e-9],
        layout=layout,
        conjugate=True,
    )
    assert np.allclose(found.values, np.exp(-2j * np.pi * phase / 255), atol=1e-6)
    assert found.provenance["imported"]["conjugate"] is True
    assert "conjugated" in found.provenance["imported"]["assumed"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing.holo", "does not exist"),
        ("notes.txt", r"is nothing that can be read; expected a focal stack \(NAME.stack\), a hologram"),
        ("empty", "is nothing that can be read"),
        ("foreign.json", "is nothing that can be read"),
        ("theirs.npy", "may be a wave field, whose pitch and wavelengths are not in it"),
        ("photo.png", "has no photo_depth.png beside it"),
    ],
)
def test_what_cannot_be_read_is_one_line_that_says_what_can(tmp_path, name, said):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("no data")
    (tmp_path / "foreign.json").write_text('{"format": "of others"}')
    np.save(tmp_path / "theirs.npy", np.ones((4, 4), complex))
    hd.write(tmp_path / "photo.png", np.ones((3, 8, 8)))
    with pytest.raises((FileFormatError, InputError), match=said) as caught:
        hd.read(tmp_path / name)
    assert "\n" not in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)


def test_several_files_need_their_light(tmp_path):
    with pytest.raises(InputError, match="several files are a wave field"):
        hd.read([tmp_path / "a.png", tmp_path / "b.png"])


def test_another_kind_than_expected(tmp_path, field):
    hd.write(tmp_path / "a.holo", field)
    with pytest.raises(InputError, match="holds a Hologram, expected a FocalStack"):
        hd.read(tmp_path / "a.holo", hd.FocalStack)


def test_nothing_is_overwritten_unasked(tmp_path, field):
    hd.write(tmp_path / "a.holo", field)
    with pytest.raises(OutputExistsError):
        hd.write(tmp_path / "a.holo", field)
    hd.write(tmp_path / "a.holo", field, overwrite=True)


def test_what_is_not_written_to_such_a_file(tmp_path, field):
    with pytest.raises(InputError, match="WaveField is not written to a file of this name"):
        hd.write(tmp_path / "field.stack", field)
    with pytest.raises(InputError, match="nothing is not written"):
        hd.write(tmp_path / "a.png")
    with pytest.raises(InputError, match="a DisplayProfile is no part of a hologram"):
        hd.write(tmp_path / "a.holo", hd.REFERENCE)
    with pytest.raises(InputError, match="field were given twice"):
        hd.write(tmp_path / "a.holo", field, hd.WaveField(field.values, field.profile))
