"""RGB-D in the two halves of a picture: near is white, depth on any side, and round trips."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from holodriver.errors import FileFormatError
from holodriver.files.halves import ENDS, join, read_halves, side_of, split
from holodriver.files.images import write_pixels
from holodriver.files.rgbd import read_rgbd
from holodriver.scene.rgbd import RgbdImage


@pytest.fixture
def image() -> RgbdImage:
    rng = np.random.default_rng(0)
    return RgbdImage(rng.random((3, 6, 10)), rng.random((6, 10)))


PLACES = {"right": np.s_[:, 10:], "left": np.s_[:, :10], "bottom": np.s_[6:], "top": np.s_[:6]}


@pytest.mark.parametrize("side", ENDS)
def test_depth_is_where_it_should_be_and_near_is_white(image, side):
    picture = join(image, side)
    assert picture.dtype == np.uint8
    depth = picture[PLACES[side]]
    assert (depth == np.rint((1 - image.depth) * 255)[..., None]).all()


@pytest.mark.parametrize("side", ENDS)
@pytest.mark.parametrize(("bits", "error"), [(8, 0.5 / 255), (16, 0.5 / 65535)])
def test_halves_are_read_back(image, side, bits, error, tmp_path):
    path = tmp_path / "a.png"
    write_pixels(path, join(image, side, bits=bits)[..., ::-1])
    back = read_halves(path, side)
    assert np.abs(back.depth - image.depth).max() < error + 1e-6
    assert np.abs(back.color - image.color).max() < 10 * error  # the steepest part of the sRGB curve


def test_the_usual_layout_is_what_the_rest_of_the_program_reads(image, tmp_path):
    path = tmp_path / "a_rgbd_lr.png"
    write_pixels(path, join(image, "right", bits=16)[..., ::-1])
    assert np.abs(read_rgbd(path).depth - image.depth).max() < 1e-4


def test_names_say_where_depth_is():
    named = {
        name: side_of(Path(name))
        for name in ("a_rgbd_lr.png", "a_RGBD_TB.mp4", "a_rgbd_rl.x", "a_rgbd_bt.jpg", "a.png")
    }
    assert list(named.values()) == ["right", "bottom", "left", "top", None]


def test_odd_pictures_and_coloured_depth_are_refused(image, tmp_path):
    with pytest.raises(FileFormatError, match="width is 5, expected two halves"):
        split(np.zeros((4, 5, 3), np.uint8), "left", where=tmp_path)
    coloured = np.zeros((4, 8, 3), np.uint8)
    coloured[:, 4:, 0] = 255
    with pytest.raises(FileFormatError, match="the half that should be depth is in colour"):
        split(coloured, "right", where=tmp_path)
    assert split(coloured, "right", where=tmp_path, strict=False).depth.mean() == pytest.approx(2 / 3)


def test_a_jpeg_is_read_with_its_traces_of_colour(image, tmp_path):
    big = RgbdImage(np.repeat(np.repeat(image.color, 16, 1), 16, 2), np.repeat(np.repeat(image.depth, 16, 0), 16, 1))
    path = tmp_path / "a.jpg"
    cv2.imwrite(str(path), join(big, "right")[..., ::-1])
    assert np.abs(read_halves(path, "right").depth - big.depth).mean() < 0.01
