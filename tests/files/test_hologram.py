"""Hologram files: exact round trips, and errors that name what is wrong."""

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holodriver.errors import FileFormatError, HolodriverError, InputError, OutputExistsError
from holodriver.files.hologram import (
    Hologram,
    read_hologram,
    read_hologram_frames,
    read_small_frames,
    write_hologram,
)
from holodriver.optics.display import REFERENCE
from holodriver.optics.field import WaveField
from holodriver.panel.calibration import Registration
from holodriver.panel.encoder import encode
from holodriver.panel.lut import AmplitudeLut

PROFILE = REFERENCE.resized(24, 16)


def hologram() -> Hologram:
    rng = np.random.default_rng(1)
    values = (rng.normal(size=(3, 16, 24)) + 1j * rng.normal(size=(3, 16, 24))).astype(np.complex64)
    field = WaveField(values, PROFILE)
    frames = encode(field, (0.3, 0.31, 0.32), AmplitudeLut.simulated_panel(PROFILE.wavelengths))
    return Hologram(field, frames, {"made": "by a test", "scores": [1.5, 2]})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_hologram(tmp_path / "a.holo", hologram())
    return tmp_path / "a.holo"


def test_comes_back_as_it_went(path: Path) -> None:
    there, back = hologram(), read_hologram(path)
    assert np.array_equal(there.field.values, back.field.values)
    assert np.array_equal(there.frames.pixels, back.frames.pixels)
    assert back.profile == PROFILE
    assert back.frames.gains == there.frames.gains
    for ours, theirs in zip(back.frames.luts, there.frames.luts, strict=True):
        assert np.array_equal(ours.amplitudes, theirs.amplitudes)
    assert back.provenance == there.provenance


def test_frames_stored_at_the_panels_size_are_read_alike(path: Path) -> None:
    frames = read_hologram(path).frames
    assert frames is not None
    with h5py.File(path, "r+") as file:
        del file["frames/pixels"]
        file.create_dataset("frames/pixels", data=frames.pixels, compression="gzip")
    assert np.array_equal(read_hologram_frames(path).pixels, frames.pixels)
    small = read_small_frames(path)
    assert np.array_equal(small.native().pixels, frames.pixels)
    assert small.pixels.shape == (3, 16, 24)


def test_frames_that_are_finer_than_the_hologram_stay_so(tmp_path: Path) -> None:
    frames = hologram().frames
    frames.pixels[1, 3, 5] ^= 1
    moved = replace(frames, registrations=(Registration((1.25, -3.0), 1.01),) * 3)
    write_hologram(tmp_path / "fine.holo", Hologram(frames=moved))
    back = read_hologram(tmp_path / "fine.holo").frames
    assert np.array_equal(back.pixels, frames.pixels)
    assert back.registrations == moved.registrations
    with pytest.raises(FileFormatError, match="finer than the hologram"):
        read_small_frames(tmp_path / "fine.holo")


@pytest.mark.parametrize("without", ["field", "frames"])
def test_may_hold_either_alone(tmp_path: Path, without: str) -> None:
    parts = {"field": hologram().field, "frames": hologram().frames, without: None}
    write_hologram(tmp_path / "b.holo", Hologram(**parts))
    assert getattr(read_hologram(tmp_path / "b.holo"), without) is None
    with pytest.raises(InputError, match="needs"):
        Hologram()


def test_nothing_is_overwritten_unasked(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(OutputExistsError, match=r"a\.holo"):
        write_hologram(path, hologram())
    assert path.read_bytes() == before
    write_hologram(path, hologram(), overwrite=True)


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(h5py.Group, "create_group", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_hologram(tmp_path / "c.holo", hologram())
    assert list(tmp_path.iterdir()) == []


def change(file: h5py.File, name: str, value: object) -> None:
    del file[name]
    if value is not None:
        file[name] = value


@pytest.mark.parametrize(
    ("spoil", "field"),
    [
        (lambda f: f.attrs.__setitem__("format", "something else"), "format"),
        (lambda f: f.attrs.__setitem__("version", 3), "version"),
        (lambda f: f.attrs.__setitem__("version", 1), "version"),
        (lambda f: f.attrs.__delitem__("version"), "version"),
        (lambda f: f.attrs.__setitem__("profile", "{"), "profile"),
        (lambda f: f.attrs.__setitem__("profile", "{}"), "binning"),
        (lambda f: f.attrs.__setitem__("provenance", "[]"), "provenance"),
        (lambda f: change(f, "field", np.zeros((3, 16, 24))), "field"),
        (lambda f: change(f, "field", np.zeros((3, 16, 25), np.complex64)), "field"),
        (lambda f: change(f, "field", np.full((3, 16, 24), np.nan, np.complex64)), "not finite"),
        (lambda f: change(f, "frames/pixels", None), "frames/pixels"),
        (lambda f: change(f, "frames/pixels", np.zeros((3, 16, 23), np.uint8)), "frames/pixels"),
        (lambda f: f.create_dataset("frames/registrations", data=np.zeros((3, 2))), "registrations"),
        (lambda f: f.create_dataset("frames/registrations", data=np.full((3, 3), np.nan)), "registration"),
        (lambda f: change(f, "frames/gains", np.array([1.0, 1.0, 0.0])), "gains"),
        (lambda f: change(f, "frames/amplitudes", np.zeros((3, 256))), "look-up"),
        (lambda f: change(f, "field", None) or change(f, "frames", None), "needs"),
    ],
)
def test_what_is_wrong_is_named(path: Path, spoil, field: str) -> None:
    with h5py.File(path, "r+") as file:
        spoil(file)
    with pytest.raises(HolodriverError, match=field) as caught:
        read_hologram(path)
    assert "a.holo" in str(caught.value)


def test_foreign_and_missing_files_are_refused(tmp_path: Path) -> None:
    for name, content in (("empty.holo", b""), ("text.holo", b"hello"), ("png.holo", b"\x89PNG\r\n\x1a\n")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FileFormatError, match=name):
            read_hologram(tmp_path / name)
    with pytest.raises(FileFormatError, match=r"gone\.holo"):
        read_hologram(tmp_path / "gone.holo")


@given(cut=st.integers(0, 4000), place=st.integers(0, 20000), value=st.integers(0, 255))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_files_give_one_error_or_a_valid_hologram(path: Path, cut: int, place: int, value: int) -> None:
    data = bytearray(path.read_bytes())
    data[place % len(data)] = value
    damaged = path.with_name("damaged.holo")
    damaged.write_bytes(data[: len(data) - cut])
    said = "damaged.holo"
    try:
        read_hologram(damaged)
    except HolodriverError as error:
        said = str(error)
    assert "damaged.holo" in said
