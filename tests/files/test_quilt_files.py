"""Quilt files, the Go's JSON beside them, and .hop files."""

import json
import zipfile

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holodriver.errors import FileFormatError, InputError, OutputExistsError
from holodriver.files.hop import read_hop, unpack_hop, write_hop
from holodriver.files.quilt import QuiltCanvas, go_sidecar, read_quilt, write_go_sidecar
from holodriver.optics.lookingglass import LookingGlass, looking_glass, quilt_path

SMALL = LookingGlass("small", "small", "", None, 3, 2, (31, 21), 0.75, 40.0)


@pytest.fixture
def quilt(tmp_path):
    canvas = QuiltCanvas(SMALL)
    for view in range(6):
        canvas.add(view, np.full((20, 20, 3), 40 * view, np.uint8))
    path = quilt_path(tmp_path / "a.png", SMALL)
    canvas.write(path)
    return path


def test_each_view_is_found_again_by_the_name_alone(quilt):
    """Pixels that the quilt's size would leave over are left out: all readers then find the same tiles."""
    pixels, layout = read_quilt(quilt)
    assert pixels.shape == (20, 30, 3)
    assert [int(pixels[layout.place(view)].mean()) for view in range(6)] == [40 * view for view in range(6)]
    assert np.ptp(pixels[layout.place(3)]) == 0


def test_views_of_16_bits_are_rounded(tmp_path):
    canvas = QuiltCanvas(SMALL)
    for view, level in enumerate((0, 128, 129, 257, 65535)):
        canvas.add(view, np.full((20, 20, 3), level, np.uint16))
    assert [int(canvas.pixels[SMALL.place(view)].mean()) for view in range(5)] == [0, 0, 1, 1, 255]
    assert canvas.missing == 1
    with pytest.raises(InputError, match="view is 6, expected 0 to 5"):
        canvas.tile(6)


def test_jpeg_keeps_the_colours_of_single_pixels(tmp_path):
    """Views are small: chroma of half the resolution would tint them."""
    canvas = QuiltCanvas(SMALL)
    canvas.pixels[:, ::2] = (0, 0, 200)
    canvas.write(tmp_path / "a.jpg")
    back = cv2.imread(str(tmp_path / "a.jpg")).astype(int)
    assert np.abs(back - canvas.pixels).mean() < 6


def test_the_sidecar_is_as_the_go_reads_it(quilt):
    path = write_go_sidecar(quilt, looking_glass("go"))
    assert path == go_sidecar(quilt)
    assert path.name == "a_qs3x2a0.75.png.json"
    told = json.loads(path.read_text(encoding="utf-8"))
    lies = {"viewX": 11, "viewY": 6, "viewTotal": 66, "aspect": 0.5625, "invertViews": False}
    assert told == {"mediaType": "quilt", "quilt_settings": lies, "focus": 0.0, "zoom": 1.0, "duration": 10.0}
    with pytest.raises(OutputExistsError):
        write_go_sidecar(quilt, looking_glass("go"))


def test_a_picture_without_a_quilts_name_is_none(tmp_path):
    with pytest.raises(FileFormatError, match="does not have the name of a quilt"):
        read_quilt(tmp_path / "a.png")


def test_a_hop_file_is_a_zip_with_the_quilt_and_what_is_said_of_it(quilt, tmp_path):
    path = write_hop(tmp_path / "a.hop", quilt, SMALL, focus=0.1)
    with zipfile.ZipFile(path) as packed:
        assert packed.namelist() == [quilt.name, f"{quilt.name}.json"]
        assert packed.read(quilt.name) == quilt.read_bytes()
        assert json.loads(packed.read(f"{quilt.name}.json"))["mediaType"] == "quilt"
    media, said = unpack_hop(path, tmp_path / "..")
    assert media.read_bytes() == quilt.read_bytes()
    media.unlink()
    assert (said.columns, said.rows, said.aspect, said.focus, said.zoom) == (3, 2, 0.75, 0.1, 1.0)


def test_rgbd_does_not_go_into_a_hop_file_because_nobody_says_how(tmp_path):
    (tmp_path / "a_rgbd_lr.png").touch()
    with pytest.raises(InputError, match="a quilt, the only kind that"):
        write_hop(tmp_path / "a.hop", tmp_path / "a_rgbd_lr.png", SMALL)


def packed(path, files):
    with zipfile.ZipFile(path, "w") as target:
        for name, content in files.items():
            target.writestr(name, content)
    return path


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "holds 0 descriptions"),
        ({"a.png": "", "a.png.json": "{"}, "is not JSON"),
        ({"a.png": "", "a.png.json": '{"mediaType": "RGBD"}'}, "field 'mediaType' is 'RGBD'"),
        ({"a.png.json": '{"mediaType": "quilt"}'}, "holds 0 pictures"),
        (
            {"../a.png": "", "a.json": '{"mediaType": "quilt"}'},
            r"names '\.\./a\.png', which is not the name of a file in its folder",
        ),
        ({"a.png": "", "a.json": '{"mediaType": "quilt", "quilt_settings": {"viewX": 0}}'}, "wrong or missing field"),
    ],
)
def test_other_hop_files_are_refused_with_the_reason(tmp_path, files, said):
    with pytest.raises(FileFormatError, match=said):
        read_hop(packed(tmp_path / "a.hop", files))


@given(st.binary(max_size=300) | st.binary(max_size=60).map(lambda end: b"PK\x03\x04" + end))
def test_no_bytes_bring_the_reader_down(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("hop") / "a.hop"
    path.write_bytes(content)
    with pytest.raises(FileFormatError):
        read_hop(path)
