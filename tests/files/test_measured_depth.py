"""Measured depth: units, holes, and polarity."""

from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pytest

from holodriver.errors import FileFormatError, InputError
from holodriver.files.exr import write_exr
from holodriver.files.measured_depth import measured_from, read_measured
from holodriver.files.photos import EmbeddedDepth
from holodriver.files.rgbd import write_depth

METRES = np.array([[0.5, 1.0, 2.0], [4.0, 8.0, 10.0]], np.float32)


def test_16_bits_are_millimetres_with_holes_at_zero(tmp_path: Path) -> None:
    levels = (METRES * 1000).astype(np.uint16)
    levels[1, 2] = 0
    cv2.imwrite(str(tmp_path / "a.png"), levels)
    found = read_measured(tmp_path / "a.png")
    assert found.metric
    np.testing.assert_allclose(found.inverse[0], 1 / METRES[0], rtol=1e-5)
    assert np.isnan(found.inverse[1, 2])
    assert found.holes == pytest.approx(1 / 6)


def test_8_bits_are_disparity_unless_said_otherwise(tmp_path: Path) -> None:
    levels = np.array([[0, 51, 255]], np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), levels)
    np.testing.assert_allclose(read_measured(tmp_path / "a.png").inverse, [[np.nan, 0.2, 1]], rtol=1e-5)
    np.testing.assert_allclose(read_measured(tmp_path / "a.png", "distance").inverse, [[np.nan, 5, 1]], rtol=1e-5)


@pytest.mark.parametrize("channel", ["Z", "ViewLayer.Depth.Z", "Y"])
def test_openexr_is_metres_and_the_sky_is_a_hole(tmp_path: Path, channel: str) -> None:
    values = METRES.copy()
    values[0, 0], values[0, 1], values[1, 0] = np.inf, 1e10, -1
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    with OpenEXR.File(header, {channel: values}) as file:  # our own writer refuses what is not finite
        file.write(str(tmp_path / "a.exr"))
    found = read_measured(tmp_path / "a.exr")
    assert found.metric
    np.testing.assert_allclose(found.inverse, [[np.nan, np.nan, 0.5], [np.nan, 0.125, 0.1]], rtol=1e-5)


def test_float_tiff_is_metres(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.tiff"), METRES)
    np.testing.assert_allclose(read_measured(tmp_path / "a.tiff").inverse, 1 / METRES, rtol=1e-6)


def test_our_own_depth_is_nearness_without_holes(tmp_path: Path) -> None:
    near = np.array([[0, 0.25, 1]])
    write_depth(tmp_path / "a_depth.png", near, {})
    np.testing.assert_allclose(read_measured(tmp_path / "a_depth.png").inverse, near, atol=1e-5)


def test_a_phones_depth_may_be_either_way_round() -> None:
    levels = np.array([[0, 0.5, 1]], np.float32)
    np.testing.assert_allclose(measured_from(EmbeddedDepth(levels, True)).inverse, [[np.nan, 0.5, 1]])
    np.testing.assert_allclose(measured_from(EmbeddedDepth(levels, False)).inverse, [[np.nan, 2, 1]])
    np.testing.assert_allclose(measured_from(EmbeddedDepth(levels, True), "distance").inverse, [[np.nan, 2, 1]])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: cv2.imwrite(str(path), np.zeros((4, 4), np.uint16)), "no pixel that was measured"),
        (lambda path: cv2.imwrite(str(path), np.eye(3, dtype=np.uint8)[..., None] * [1, 2, 3]), "in colour"),
        (lambda path: path.write_bytes(b"\x89PNG\r\n"), "is not a picture"),
        (lambda path: None, "does not exist"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, make, said: str) -> None:
    make(tmp_path / "a.png")
    with pytest.raises(FileFormatError, match=rf"a\.png: .*{said}"):
        read_measured(tmp_path / "a.png")


def test_openexr_without_depth_and_unknown_kinds_are_refused(tmp_path: Path) -> None:
    write_exr(tmp_path / "a.exr", {"G": METRES, "B": METRES})
    with pytest.raises(FileFormatError, match=r"no channel is depth \(it has B, G\)"):
        read_measured(tmp_path / "a.exr")
    (tmp_path / "b.exr").write_bytes(b"junk")
    with pytest.raises(FileFormatError, match=r"b\.exr: is not an OpenEXR file"):
        read_measured(tmp_path / "b.exr")
    with pytest.raises(InputError, match="kind is 'metres'"):
        read_measured(tmp_path / "a.exr", "metres")  # type: ignore[arg-type]
