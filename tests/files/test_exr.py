"""OpenEXR files: exact round trips, and refusal of incomplete files."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holodriver.errors import FileFormatError, InputError
from holodriver.files.exr import read_exr, write_exr

RNG = np.random.default_rng(1)
CHANNELS = {name: RNG.random((6, 8)).astype(np.float32) for name in ("R", "G", "B", "Z")}
NAMES = ("R", "G", "B", "Z")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "image.exr"
    write_exr(path, CHANNELS, half=("R", "G", "B"))
    return path


def test_float_is_exact_and_half_is_rounded(file):
    found = read_exr(file, NAMES, shape=(6, 8)).channels
    np.testing.assert_array_equal(found["Z"], CHANNELS["Z"])
    for name in "RGB":
        np.testing.assert_array_equal(found[name], CHANNELS[name].astype(np.float16).astype(np.float32))
        assert found[name].dtype == np.float32


def test_light_beyond_half_precision_is_kept_as_float(tmp_path):
    bright = np.full((4, 4), 1e6, np.float32)
    write_exr(tmp_path / "sun.exr", {"R": bright}, half=("R",))
    np.testing.assert_array_equal(read_exr(tmp_path / "sun.exr", ("R",)).channels["R"], bright)


@pytest.mark.parametrize("values", [np.zeros((2, 3, 1)), np.zeros((0, 3)), np.full((2, 3), np.nan)])
def test_what_is_no_image_is_not_written(tmp_path, values):
    with pytest.raises(InputError, match="channel 'R'"):
        write_exr(tmp_path / "a.exr", {"R": values})
    assert not list(tmp_path.iterdir())


def test_channels_of_two_sizes_are_not_written(tmp_path):
    with pytest.raises(InputError, match="channel 'G'"):
        write_exr(tmp_path / "a.exr", {"R": np.zeros((2, 3)), "G": np.zeros((3, 2))})


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match=r"nothing\.exr: does not exist"):
        read_exr(tmp_path / "nothing.exr", NAMES)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match="is a folder, expected a file"):
        read_exr(tmp_path, NAMES)


@pytest.mark.parametrize("content", [b"", b"\x76\x2f", b"\x89PNG\r\n\x1a\n" + bytes(100), bytes(1000)])
def test_a_foreign_file_is_refused(tmp_path, content):
    path = tmp_path / "a.exr"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"a\.exr: is not an OpenEXR file"):
        read_exr(path, NAMES)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(file, kept):
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(FileFormatError, match=r"image\.exr.*(truncated|whole)"):
        read_exr(file, NAMES)


def test_another_size_is_refused(file):
    with pytest.raises(FileFormatError, match="size is 8 × 6, expected 6 × 8"):
        read_exr(file, NAMES, shape=(8, 6))


def test_a_missing_channel_is_refused_by_name(file):
    with pytest.raises(FileFormatError, match=r"channel 'A' is missing \(it has B, G, R, Z\)"):
        read_exr(file, ("R", "A"))


def test_values_that_are_not_finite_are_refused(tmp_path):
    import OpenEXR

    path = tmp_path / "a.exr"
    with OpenEXR.File({}, {"Z": np.full((3, 4), np.inf, np.float32)}) as image:
        image.write(str(path))
    with pytest.raises(FileFormatError, match="channel 'Z' holds values that are not finite"):
        read_exr(path, ("Z",))


def test_whole_numbers_are_refused(tmp_path):
    import OpenEXR

    path = tmp_path / "a.exr"
    with OpenEXR.File({}, {"Z": np.zeros((3, 4), np.uint32)}) as image:
        image.write(str(path))
    with pytest.raises(FileFormatError, match="channel 'Z' is uint32"):
        read_exr(path, ("Z",))


@settings(max_examples=400)
@given(data=st.data())
def test_any_damage_is_taken_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "damaged.exr"
    write_exr(path, CHANNELS, half=("R", "G", "B"))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content)
    try:
        channels, refused = read_exr(path, NAMES).channels, None
    except FileFormatError as error:
        channels, refused = {}, error
    assert refused is None or refused.where == str(path)
    assert all(np.isfinite(values).all() for values in channels.values())
