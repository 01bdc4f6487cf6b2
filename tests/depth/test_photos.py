"""Photos become RGB-D files that describe themselves and that hologram synthesis reads."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from spoiled import Spoiler, misfit, scene

from holodriver.depth.convert import Options, find_sources
from holodriver.depth.estimators import NetworkEstimator
from holodriver.depth.photos import MeasuredSettings, convert_photo, photo_outputs
from holodriver.depth.pipeline import DepthSettings
from holodriver.errors import FileFormatError, InputError, OutputExistsError
from holodriver.farm.run import run
from holodriver.farm.unit import failures
from holodriver.files.exr import write_exr
from holodriver.files.photos import EmbeddedDepth, Photo
from holodriver.files.rgbd import read_description, read_rgbd
from holodriver.scene.cut import layers_of
from holodriver.tasks.batches.rgbd import Networks, rgbd_batch

SMALL = DepthSettings(sizes=(64, 96))
RNG = np.random.default_rng(0)


@pytest.fixture
def photo(tmp_path: Path) -> tuple[Path, np.ndarray, np.ndarray]:
    picture, truth = scene()
    Image.fromarray(picture).save(tmp_path / "a.png")
    return tmp_path / "a.png", picture, truth


def test_near_is_white_in_16_bits_and_beside_the_colour_in_8(photo) -> None:
    path, picture, truth = photo
    outputs = photo_outputs("a", path.parent)
    convert_photo(path, outputs, [Spoiler(truth)], DepthSettings(sizes=(192, 320)))
    assert [output.name for output in outputs] == ["a_depth.png", "a_rgbd_lr.png"]
    depth = cv2.imread(str(outputs[0]), cv2.IMREAD_UNCHANGED)
    pair = cv2.imread(str(outputs[1]), cv2.IMREAD_UNCHANGED)
    assert (depth.dtype, depth.shape, pair.dtype, pair.shape) == (np.uint16, (180, 320), np.uint8, (180, 640, 3))
    assert len(np.unique(depth)) > 5000  # and not 256 levels in 16 bits
    assert misfit(depth.astype(np.float32), truth) < 0.03
    assert np.corrcoef(depth.ravel(), truth.ravel())[0, 1] > 0.97
    np.testing.assert_array_equal(pair[:, :320, ::-1], picture)
    assert np.abs(pair[:, 320:, 0] / 255 - depth / 65535).max() < 1 / 400


def test_the_files_say_how_they_were_made(photo) -> None:
    path, _, truth = photo
    outputs = photo_outputs("a", path.parent)
    convert_photo(path, outputs, [Spoiler(truth)], DepthSettings(sizes=(192, 320), tta=True))
    for output in outputs:
        with Image.open(output) as image:
            said = json.loads(image.info["holodriver"])
        assert said["models"] == ["spoiler"]
        assert said["options"] == {
            "sizes": [192, 320],
            "tta": True,
            "refiner": "edges",
            "strength": 1.0,
            "invert": False,
        }
        assert (said["near"], said["mapping"], said["source"]) == ("white", "dioptric", "a.png")
        assert said["range"]["near"] > said["range"]["far"]


def test_the_result_opens_in_hologram_synthesis_the_right_way_round(photo) -> None:
    path, _, truth = photo
    outputs = photo_outputs("a", path.parent)
    convert_photo(path, outputs, [Spoiler(truth)], DepthSettings(sizes=(192, 320)))
    for source in (path, outputs[1]):
        image = read_rgbd(source)
        assert image.mapping == "dioptric"
        assert np.corrcoef(image.depth.ravel(), truth.ravel())[0, 1] < -0.97  # near is 0 there
        assert layers_of(image, 15.0).layers


def test_a_description_that_is_not_understood_is_refused(photo) -> None:
    path, _, truth = photo
    outputs = photo_outputs("a", path.parent)
    convert_photo(path, outputs, [Spoiler(truth)], DepthSettings(sizes=(192,)))
    from holodriver.files.images import write_png

    pixels = cv2.imread(str(outputs[0]), cv2.IMREAD_UNCHANGED)
    write_png(outputs[0], pixels, text={"holodriver": '{"format": "holodriver rgbd", "version": 99}'}, overwrite=True)
    with pytest.raises(FileFormatError, match=r"a_depth\.png: its text field 'holodriver'"):
        read_description(outputs[0])


def test_invert_swaps_near_and_far(photo) -> None:
    path, _, truth = photo
    for name, invert in (("plain", False), ("inverted", True)):
        settings = DepthSettings(sizes=(192,), invert=invert, refiner="none")
        convert_photo(path, photo_outputs(name, path.parent), [Spoiler(truth)], settings)
    plain, inverted = (cv2.imread(str(path.with_name(f"{n}_depth.png")), -1).astype(int) for n in ("plain", "inverted"))
    assert np.abs(plain + inverted - 65535).max() <= 1


def test_measured_depth_is_kept_and_completed(photo) -> None:
    path, _, truth = photo
    millimetres = np.rint(1000 / truth).astype(np.uint16)
    millimetres[50:90, 100:180] = 0
    cv2.imwrite(str(path.with_name("measured.png")), millimetres)
    outputs = photo_outputs("a", path.parent)
    measured = MeasuredSettings(path.with_name("measured.png"))
    convert_photo(path, outputs, [Spoiler(truth, bias=0.05)], DepthSettings(sizes=(192, 320)), measured)
    depth = cv2.imread(str(outputs[0]), -1) / 65535
    said = read_description(outputs[0])
    inverse = said["range"]["far"] + depth * (said["range"]["near"] - said["range"]["far"])
    outside = np.ones(truth.shape, bool)
    outside[40:100, 90:190] = False
    clipped = np.clip(truth, said["range"]["far"], said["range"]["near"])
    assert np.median(np.abs(inverse - clipped)[outside]) < 2e-3
    assert said["range"]["unit"] == "1/m"
    assert said["measured"]["holes"] == pytest.approx(40 * 80 / truth.size, abs=0.01)


def test_a_phones_depth_is_used_unless_it_is_ignored(photo, monkeypatch: pytest.MonkeyPatch) -> None:
    path, picture, truth = photo
    half = cv2.resize(truth, (160, 90))
    inside = EmbeddedDepth(half, near_is_high=True)
    monkeypatch.setattr("holodriver.depth.photos.read_photo", lambda source: Photo(picture, inside))
    wrong = Spoiler(truth[::-1].copy())
    for name, ignored in (("with", False), ("without", True)):
        outputs = photo_outputs(name, path.parent)
        convert_photo(path, outputs, [wrong], SMALL, MeasuredSettings(ignore_embedded=ignored))
    found = [
        cv2.imread(str(path.with_name(f"{name}_depth.png")), -1).astype(np.float32) for name in ("with", "without")
    ]
    assert misfit(found[0], truth) < 0.2 * misfit(found[1], truth)


@pytest.mark.parametrize("spoil", ["hole", "aspect", "colour"])
def test_measured_depth_that_cannot_be_used_is_named(photo, spoil: str) -> None:
    path, _, truth = photo
    file = path.with_name("m.png")
    made = {
        "hole": np.zeros((180, 320), np.uint16),
        "aspect": np.full((180, 200), 900, np.uint16),
        "colour": RNG.integers(0, 255, (180, 320, 3), np.uint8),
    }[spoil]
    cv2.imwrite(str(file), made)
    with pytest.raises(InputError, match=r"m\.png"):
        convert_photo(path, photo_outputs("a", path.parent), [Spoiler(truth)], SMALL, MeasuredSettings(file))
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["a.png", "m.png"]


def test_depth_of_openexr(photo) -> None:
    path, _, truth = photo
    z = (1 / truth).astype(np.float32)
    z[:20] = 1e10  # what Blender writes where there is nothing
    write_exr(path.with_name("m.exr"), {"Z": z})
    outputs = photo_outputs("a", path.parent)
    measured = MeasuredSettings(path.with_name("m.exr"))
    convert_photo(path, outputs, [Spoiler(truth)], DepthSettings(sizes=(192,)), measured)
    assert misfit(cv2.imread(str(outputs[0]), -1).astype(np.float32), truth) < 0.02


KINDS = {
    "one pixel": Image.new("RGB", (1, 1), (9, 9, 9)),
    "panorama": Image.fromarray(RNG.integers(0, 256, (30, 600, 3), np.uint8)),
    "tower": Image.fromarray(RNG.integers(0, 256, (600, 30, 3), np.uint8)),
    "grey": Image.fromarray(RNG.integers(0, 256, (40, 50), np.uint8)),
    "palette": Image.fromarray(RNG.integers(0, 256, (40, 50, 3), np.uint8)).convert("P"),
    "alpha": Image.fromarray(RNG.integers(0, 256, (40, 50, 4), np.uint8)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_photo_gives_files_of_its_own_size(tmp_path: Path, dpt_folder: Path, kind: str) -> None:
    KINDS[kind].save(tmp_path / "a.png")
    said: list[str] = []
    convert_photo(
        tmp_path / "a.png", photo_outputs("a", tmp_path), [NetworkEstimator(str(dpt_folder))], SMALL, warn=said.append
    )
    width, height = KINDS[kind].size
    assert cv2.imread(str(tmp_path / "a_depth.png"), -1).shape == (height, width)
    assert cv2.imread(str(tmp_path / "a_rgbd_lr.png")).shape == (height, 2 * width, 3)
    if kind == "one pixel":
        assert "one plane" in said[0]


def test_nothing_is_overwritten_unasked(photo) -> None:
    path, _, truth = photo
    outputs = photo_outputs("a", path.parent)
    outputs[1].write_bytes(b"mine")
    with pytest.raises(OutputExistsError):
        convert_photo(path, outputs, [Spoiler(truth)], SMALL)
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["a.png", "a_rgbd_lr.png"]
    assert outputs[1].read_bytes() == b"mine"


def test_a_batch_goes_on_and_sums_up(tmp_path: Path, dpt_folder: Path) -> None:
    for name in ("a.png", "c.jpg", "c.png"):
        Image.fromarray(RNG.integers(0, 256, (40, 50, 3), np.uint8)).save(tmp_path / name)
    (tmp_path / "b.png").write_bytes(b"no picture")
    (tmp_path / "d.mp4").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("left alone")
    (tmp_path / "old_depth.png").write_bytes(b"left alone")
    sources = find_sources([tmp_path])
    assert [(source.path.name, source.name) for source in sources] == [
        ("a.png", "a"),
        ("b.png", "b"),
        ("c.jpg", "c"),
        ("c.png", "c_png"),
        ("d.mp4", "d"),
    ]
    networks = Networks((str(dpt_folder),), "cpu", "fp32")
    batch = rgbd_batch(sources, networks, Options(SMALL), tmp_path)
    outcomes = run(batch)
    assert [outcome.error is None for outcome in outcomes] == [True, False, True, True, False]
    assert str(failures(outcomes)) == "2 of 5 failed: b.png, d.mp4"
    again = run(batch)
    assert [outcome.attempts == 0 for outcome in again] == [True, False, True, True, False]


def test_no_input_an_empty_folder_and_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no input"):
        find_sources([])
    with pytest.raises(InputError, match="holds no photo or video"):
        find_sources([tmp_path])
    with pytest.raises(FileFormatError, match=r"gone\.png: does not exist"):
        find_sources([tmp_path / "gone.png"])
