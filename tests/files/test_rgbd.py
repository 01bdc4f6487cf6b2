"""RGB-D pictures on disk: round trips in both polarities, and errors that name what is wrong."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from holodriver.errors import FileFormatError, InputError, OutputExistsError
from holodriver.files.exr import write_exr
from holodriver.files.images import write_picture, write_pixels
from holodriver.files.rgbd import read_rgbd, write_rgbd
from holodriver.scene.rgbd import RgbdImage

RNG = np.random.default_rng(4)
IMAGE = RgbdImage(RNG.random((3, 6, 8)), np.linspace(0, 1, 48).reshape(6, 8))
NEAR_FIRST = np.array([[0, 64, 128, 255]] * 2, np.uint8)


@pytest.mark.parametrize("near", [None, "black", "white"])
@pytest.mark.parametrize(
    ("name", "written"), [("a.png", ["a.png", "a_depth.png"]), ("a_rgbd_lr.png", None), ("a.exr", None)]
)
def test_comes_back(tmp_path: Path, name: str, written: list[str] | None, near: str | None) -> None:
    paths = write_rgbd(IMAGE, tmp_path / name, near=near)
    assert sorted(path.name for path in tmp_path.iterdir()) == [path.name for path in paths] == (written or [name])
    back = read_rgbd(tmp_path / name, near=near)
    np.testing.assert_allclose(back.color, IMAGE.color, atol=2e-5)
    np.testing.assert_allclose(back.depth, IMAGE.depth, atol=1 / 65535)
    assert back.mapping == "dioptric"
    assert read_rgbd(tmp_path / name, near=near, mapping="linear").mapping == "linear"


@settings(max_examples=25)
@given(arrays.arrays(np.uint16, (3, 5)), st.sampled_from(["black", "white"]))
def test_every_level_comes_back_exactly(tmp_path_factory: pytest.TempPathFactory, levels: np.ndarray, near) -> None:
    path = tmp_path_factory.mktemp("levels") / "a.png"
    write_rgbd(RgbdImage(np.ones((3, 3, 5)), levels / 65535), path, near=near)
    stored = cv2.imread(str(path.with_name("a_depth.png")), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(stored, levels if near == "black" else 65535 - levels)
    np.testing.assert_array_equal(np.rint(read_rgbd(path, near=near).depth * 65535), levels)


def test_our_own_depth_is_black_where_near_and_a_looking_glass_is_white(tmp_path: Path) -> None:
    write_rgbd(IMAGE, tmp_path / "a.png")
    write_rgbd(IMAGE, tmp_path / "a_rgbd_lr.png")
    beside = cv2.imread(str(tmp_path / "a_depth.png"), cv2.IMREAD_UNCHANGED)
    pair = cv2.imread(str(tmp_path / "a_rgbd_lr.png"), cv2.IMREAD_UNCHANGED)
    assert (beside.dtype, beside.shape, pair.shape) == (np.uint16, (6, 8), (6, 16, 3))
    assert (beside[0, 0], beside[-1, -1]) == (0, 65535)
    assert (pair[0, 8].tolist(), pair[-1, -1].tolist()) == ([65535] * 3, [0] * 3)
    expected = cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(pair[:, :8], expected)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_eight_bits_and_grey_stored_as_colour_are_read(tmp_path: Path, suffix: str) -> None:
    write_picture(tmp_path / f"a{suffix}", np.ones((3, 2, 4)))
    write_pixels(tmp_path / "a_depth.png", np.repeat(NEAR_FIRST[..., None], 3, 2))
    np.testing.assert_allclose(read_rgbd(tmp_path / f"a{suffix}").depth, NEAR_FIRST / 255, atol=1e-6)
    write_pixels(tmp_path / "other.png", NEAR_FIRST)
    back = read_rgbd(tmp_path / f"a{suffix}", tmp_path / "other.png", near="white")
    np.testing.assert_allclose(back.depth, 1 - NEAR_FIRST / 255, atol=1e-6)


def test_depth_of_openexr_may_stand_beside(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", IMAGE.color)
    write_exr(tmp_path / "a_depth.exr", {"Z": IMAGE.depth})
    np.testing.assert_array_equal(read_rgbd(tmp_path / "a.png").depth, IMAGE.depth)


def test_a_compressed_pair_is_read(tmp_path: Path) -> None:
    """Compression spreads colour across the middle and moves levels a little."""
    y, x = np.mgrid[:64, :64] / 64
    pair = np.hstack([np.stack([x, y, 1 - x], 2), np.repeat((1 - y)[..., None], 3, 2)])
    write_pixels(tmp_path / "a_rgbd_lr.jpg", np.rint(pair * 255).astype(np.uint8))
    np.testing.assert_allclose(read_rgbd(tmp_path / "a_rgbd_lr.jpg").depth[:, 16:], y[:, 16:], atol=0.03)


@pytest.mark.parametrize("name", ["a.png", "a_rgbd_lr.png"])
def test_colour_is_black_where_it_is_transparent(tmp_path: Path, name: str) -> None:
    """As `rgbd` sees the photo, whatever colour the file hides there."""
    pixels = np.full((6, 8, 4), 255, np.uint8)
    pixels[:, :2, 3] = 0
    Image.fromarray(pixels).save(tmp_path / name)
    write_pixels(tmp_path / "a_depth.png", np.zeros((6, 8), np.uint8))
    color = read_rgbd(tmp_path / name).color
    assert color[:, :, :2].max() == 0
    assert color[:, :, 2:].min() == 1


def test_colour_of_floating_point_is_read(tmp_path: Path) -> None:
    Image.fromarray(np.linspace(0, 1, 48, dtype=np.float32).reshape(6, 8)).save(tmp_path / "a.tif")
    write_pixels(tmp_path / "a_depth.png", np.zeros((6, 8), np.uint8))
    color = read_rgbd(tmp_path / "a.tif").color
    assert (color.min(), color.max()) == (0, 1)


def test_heic_is_read(tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    Image.fromarray(np.full((64, 64, 3), 188, np.uint8)).save(tmp_path / "a.heic")
    write_pixels(tmp_path / "a_depth.png", np.zeros((64, 64), np.uint8))
    assert read_rgbd(tmp_path / "a.heic").color.mean() == pytest.approx(0.5, abs=0.02)  # sRGB 188 is half the light


def test_a_flat_depth_is_read_and_warns(tmp_path: Path) -> None:
    write_rgbd(RgbdImage(IMAGE.color, np.full((6, 8), 0.5)), tmp_path / "a.png")
    image = read_rgbd(tmp_path / "a.png")
    assert np.ptp(image.depth) == 0
    assert image.warnings()


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    (tmp_path / "a_depth.png").write_bytes(b"mine")
    with pytest.raises(OutputExistsError, match=r"a_depth\.png"):
        write_rgbd(IMAGE, tmp_path / "a.png")
    assert [path.name for path in tmp_path.iterdir()] == ["a_depth.png"]
    write_rgbd(IMAGE, tmp_path / "a.png", overwrite=True)
    with pytest.raises(InputError, match=r"\.png or \.exr"):
        write_rgbd(IMAGE, tmp_path / "a.jpg")


def wrong_size(folder: Path) -> None:
    write_pixels(folder / "a_depth.png", np.zeros((6, 9), np.uint8), overwrite=True)


def truncated(folder: Path) -> None:
    whole = (folder / "a_depth.png").read_bytes()
    (folder / "a_depth.png").write_bytes(whole[: len(whole) // 2])


def coloured(folder: Path) -> None:
    write_pixels(folder / "a_depth.png", RNG.integers(0, 256, (6, 8, 3), np.uint8), overwrite=True)


def missing(folder: Path) -> None:
    (folder / "a_depth.png").unlink()


def metric(folder: Path) -> None:
    missing(folder)
    write_exr(folder / "a_depth.exr", {"Z": 5 + IMAGE.depth})


def without_depth(folder: Path) -> None:
    missing(folder)
    write_exr(folder / "a_depth.exr", {"depth.Z": IMAGE.depth})


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (wrong_size, r"a_depth\.png: depth is 9 × 6 pixels, expected 8 × 6"),
        (truncated, r"a_depth\.png: is not a picture"),
        (coloured, r"a_depth\.png: depth is in colour"),
        (missing, r"a\.png: has no a_depth\.png.*--depth"),
        (metric, r"a_depth\.exr: depth spans 5 to 6, expected normalised depth"),
        (without_depth, r"a_depth\.exr: channel 'Z' is missing"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, spoil, said: str) -> None:
    write_rgbd(IMAGE, tmp_path / "a.png")
    spoil(tmp_path)
    with pytest.raises(FileFormatError, match=said):
        read_rgbd(tmp_path / "a.png")


def test_a_pair_of_odd_width_and_a_wrong_polarity_are_refused(tmp_path: Path) -> None:
    write_pixels(tmp_path / "a_rgbd_lr.png", np.zeros((4, 7, 3), np.uint8))
    with pytest.raises(FileFormatError, match=r"width is 7"):
        read_rgbd(tmp_path / "a_rgbd_lr.png")
    with pytest.raises(InputError, match="'near'"):
        read_rgbd(tmp_path / "a.png", near="grey")  # type: ignore[arg-type]
    write_exr(tmp_path / "n.exr", {name: np.full((4, 4), -1.0) for name in "RGB"} | {"Z": np.zeros((4, 4))})
    with pytest.raises(FileFormatError, match="negative"):
        read_rgbd(tmp_path / "n.exr")
