"""A rig's recording, written to a folder and read back."""

import json
from dataclasses import replace

import numpy as np
import pytest
from rig.plays import holograms, played

from holodriver.errors import FileFormatError
from holodriver.files.images import read_grey, write_pixels
from holodriver.optics.display import REFERENCE
from holodriver.rig.laser_colour import Colour
from holodriver.rig.simulated.exposures import Exposure
from holodriver.rig.simulated.recording import MANIFEST, read_recording, write_recording
from holodriver.rig.simulated.simulated_rig import Simulation

SHAPE = (6, 10)


def test_a_recording_holds_the_pixels_that_each_laser_lit(tmp_path):
    profile = replace(REFERENCE, width=5, height=3)
    pixels = np.random.default_rng(3).integers(0, 256, (3, *profile.native_shape), dtype=np.uint8)
    found = played(Simulation(20.0, record=tmp_path / "seen"), holograms(tmp_path, [pixels], profile), cycles=2)
    for colour in Colour:
        written = read_grey(tmp_path / "seen" / f"hologram_0000_{colour.label}.png")
        np.testing.assert_array_equal(written, pixels[colour])
    read = read_recording(tmp_path / "seen")
    assert [one.flip_index for one in read] == [one.flip_index for one in found.exposures]
    assert {one.flip_index for one in read} >= set(range(6)), "flips count from the first hologram"


def exposures() -> list[Exposure]:
    """Two holograms, one frame of them dark, one lit by a laser that had lit another picture before."""
    pictures = list(np.random.default_rng(0).integers(0, 256, (4, *SHAPE), dtype=np.uint8))
    return [
        Exposure(0, 0, 0, Colour.RED, pictures[0], 0.003, 0.001),
        Exposure(0, 1, 1, None, pictures[1], 0.0, 0.0),
        Exposure(0, 2, 2, Colour.RED, pictures[2], 1 / 3, 0.002),
        Exposure(1, 0, 3, Colour.BLUE, pictures[3], 0.003, 0.001),
        Exposure(0, 0, 4, Colour.RED, pictures[0], 0.003, 0.001),
    ]


@pytest.fixture
def written(tmp_path):
    write_recording(tmp_path / "seen", exposures())
    return tmp_path / "seen"


def test_what_was_written_is_read_back(written):
    read = read_recording(written)
    for got, wanted in zip(read, exposures(), strict=True):
        np.testing.assert_array_equal(got.pixels, wanted.pixels)
        for name in ("frame_index", "plane", "flip_index", "colour", "lit_for_s", "power_w"):
            assert getattr(got, name) == getattr(wanted, name), name
    assert read[0].pixels is read[4].pixels


def test_what_was_read_is_written_again_as_it_was(written, tmp_path):
    write_recording(tmp_path / "again", read_recording(written))
    for path in written.iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


MANIFEST_CHANGES = [
    ({"format": "other"}, "field 'format' is 'other', expected 'holodriver exposures'"),
    ({"version": 2}, "field 'version' is 2, expected 1"),
    ({"version": True}, "field 'version' is True, expected 1"),
    ({"exposures": {}}, "field 'exposures' is {}, expected a list"),
    ({"exposures": [3]}, "field 'exposures[0]' is 3, expected an object"),
]


@pytest.mark.parametrize(("change", "says"), MANIFEST_CHANGES)
def test_a_foreign_manifest_is_refused(written, change, says):
    manifest = json.loads((written / MANIFEST).read_text())
    (written / MANIFEST).write_text(json.dumps(manifest | change))
    refused(written, MANIFEST, says)


ROW_CHANGES = [
    ({"flip": -1}, "'exposures[1].flip' is -1, expected a whole number from 0"),
    ({"hologram": "0"}, "'exposures[1].hologram' is '0'"),
    ({"plane": True}, "'exposures[1].plane' is True"),
    ({"laser": "ultraviolet"}, "expected one of red, green, blue, dark"),
    ({"laser": ["red"]}, "'exposures[1].laser' is ['red']"),
    ({"lit_for_s": float("nan")}, "'exposures[1].lit_for_s' is nan, expected seconds from 0"),
    ({"power_w": None}, "'exposures[1].power_w' is None, expected watts from 0"),
    ({"pixels": "../elsewhere.png"}, "expected the name of a file"),
    ({"pixels": ""}, "expected the name of a file"),
    ({"lamp": 1}, "'exposures[1].lamp' is unknown"),
]


@pytest.mark.parametrize(("change", "says"), ROW_CHANGES)
def test_a_wrong_field_is_named(written, change, says):
    manifest = json.loads((written / MANIFEST).read_text())
    manifest["exposures"][1] |= change
    (written / MANIFEST).write_text(json.dumps(manifest))
    refused(written, MANIFEST, says)


def test_a_missing_field_is_named(written):
    manifest = json.loads((written / MANIFEST).read_text())
    del manifest["exposures"][2]["power_w"]
    (written / MANIFEST).write_text(json.dumps(manifest))
    refused(written, MANIFEST, "field 'exposures[2].power_w' is missing")


@pytest.mark.parametrize("text", ["", "[]", "{", "\xff"])
def test_a_broken_manifest_is_refused(written, text):
    (written / MANIFEST).write_text(text, encoding="latin-1")
    refused(written, MANIFEST, "is not")


def test_missing_files_are_named(written, tmp_path):
    (written / "hologram_0000_dark.png").unlink()
    refused(written, "hologram_0000_dark.png", "does not exist")
    refused(tmp_path / "nothing", MANIFEST, "does not exist")


def test_pictures_of_different_sizes_are_refused(written):
    write_pixels(written / "hologram_0001_blue.png", np.zeros((6, 11), np.uint8), overwrite=True)
    refused(written, "hologram_0001_blue.png", "(6, 11) pixels, expected (6, 10)")


def refused(path, file: str, says: str) -> None:
    with pytest.raises(FileFormatError) as caught:
        read_recording(path)
    assert caught.value.where == str(path / file)
    assert says in caught.value.what
