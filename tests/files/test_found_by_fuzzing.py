"""Damaged files that scripts/fuzz/readers.py found, each as small as possible."""

import json
import os
import zipfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from holodriver.blender import find
from holodriver.dehnet.training.pool import Pool, PoolSize
from holodriver.errors import BlenderError, FileFormatError, HolodriverError, InputError, shown
from holodriver.files.guard import guard
from holodriver.files.profile import read_profile
from holodriver.files.text import read_json
from holodriver.files.video.parts import Track, VideoParts, parse_state
from holodriver.files.video.writer import CODECS
from holodriver.optics.display import REFERENCE, DisplayProfile


def test_an_error_is_one_line_whatever_a_file_calls_itself():
    error = FileFormatError("field '\x1b[31m\n' is unknown", where="a\rb.json", remedy="x" * 5000)
    assert str(error).isprintable()
    assert len(str(error)) < 2500
    assert issubclass(FileFormatError, HolodriverError)


@pytest.mark.parametrize("value", [1 << 24_000, ["\x1b[2J"], "ä" * 500], ids=["digits", "escape", "long"])
def test_a_value_is_shown_on_one_short_line(value):
    assert shown(value).isprintable()
    assert len(shown(value)) <= 80


@pytest.mark.parametrize("field", ["width", "coc_max", "wavelengths"])
def test_a_number_beyond_the_range_of_a_float_is_a_wrong_number(field):
    value = [10**400] if field == "wavelengths" else 10**400
    with pytest.raises(InputError, match=f"field '{field}' is"):
        DisplayProfile.from_dict({**REFERENCE.as_dict(), field: value})


def test_a_profile_with_a_field_named_as_a_line_break(tmp_path):
    (tmp_path / "a.toml").write_text('format = "holodriver display profile"\nversion = 1\n"\\n" = 1\n')
    with pytest.raises(InputError, match="unknown field") as caught:
        read_profile(tmp_path / "a.toml")
    assert str(caught.value).isprintable()


def test_an_archive_of_arrays_with_something_else_in_it(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as packed:
        packed.writestr("notes.txt", "hello")
    with pytest.raises(FileFormatError, match="holds something else than arrays"):
        guard.read(parse_state, tmp_path / "a.npz")


def test_an_archive_of_arrays_with_a_pickle_in_it(tmp_path):
    mark = tmp_path / "mark"

    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(mark),)

    np.savez(tmp_path / "a.npz", allow_pickle=True, x=np.array([Evil()], object))
    with pytest.raises(FileFormatError, match="cannot be read"):
        guard.read(parse_state, tmp_path / "a.npz", guarded=False)
    assert not mark.exists()


@pytest.mark.parametrize("wrong", [{"identity": 3}, {"parts": 1e30}, {"end": "1e999999999"}, {"frames": -1}])
def test_an_unfinished_video_whose_manifest_is_wrong(tmp_path, wrong):
    track = Track(tmp_path / "a.mkv", (8, 8), CODECS["ffv1"])
    begun = VideoParts([track], {}, rate=Fraction(12), time_base=Fraction(1, 12))
    manifest = begun.folder / "parts.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), **wrong}))
    with pytest.raises(FileFormatError, match="is damaged"):
        VideoParts([track], {}, rate=Fraction(12), time_base=Fraction(1, 12), resume=True)


@pytest.mark.parametrize("header", [b"{'descr': '<f2', (", b"\0" * 60, b"[" * 200, b"{'descr': '|O', 'shape': (2,), "])
def test_a_pool_whose_arrays_have_a_damaged_header(tmp_path, header):
    """NumPy's header is a Python literal; Python's tokenizer has errors of its own."""
    Pool(tmp_path / "pool", PoolSize(2, 8, 3, 1, 4.0))
    path = tmp_path / "pool" / "images.npy"
    data = path.read_bytes()
    path.write_bytes(data[:10] + header + data[10 + len(header) :])
    with pytest.raises(FileFormatError, match=r"images\.npy: (cannot be read|has )"):
        Pool(tmp_path / "pool")


def test_a_pool_does_not_grow_to_what_a_header_says(tmp_path):
    Pool(tmp_path / "pool", PoolSize(2, 8, 3, 1, 4.0))
    path = tmp_path / "pool" / "images.npy"
    data = path.read_bytes()
    path.write_bytes(data.replace(b"(2, 3, 1, 8, 8)", b"(9999, 3, 1, 8, 8)")[: len(data)])
    size = path.stat().st_size
    with pytest.raises(FileFormatError, match="expected float16"):
        Pool(tmp_path / "pool")
    assert path.stat().st_size == size


@pytest.mark.parametrize("text", ["blender = 0x" + "f" * 6000, "a = " + "[" * 5000, "x = " + "9" * 5000])
def test_settings_of_the_user_that_are_no_settings(tmp_path, monkeypatch, text):
    (tmp_path / "holodriver.toml").write_text(text)
    monkeypatch.setattr(find, "settings_file", lambda: tmp_path / "holodriver.toml")
    monkeypatch.delenv(find.ENVIRONMENT_VARIABLE, raising=False)
    with pytest.raises(BlenderError, match=r"holodriver\.toml"):
        list(find._choices(None))


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="this system has no such file")
def test_a_link_to_what_cannot_be_read(tmp_path):
    (tmp_path / "a.json").symlink_to("/proc/self/mem")
    with pytest.raises(FileFormatError, match=r"a\.json: cannot be read: Input/output error"):
        read_json(tmp_path / "a.json")


def test_the_path_of_a_file_may_be_odd(tmp_path: Path):
    with pytest.raises(FileFormatError, match="is no name of a file"):
        guard.read(parse_state, Path(str(tmp_path / "a\0b")))
