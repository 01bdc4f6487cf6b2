"""`holodriver import`: the wave field of another program becomes a hologram that all other commands accept."""

import numpy as np
import pytest
from scipy.io import savemat

from holodriver.cli import app
from holodriver.files.hologram import read_hologram
from holodriver.files.profile import write_profile
from holodriver.optics.display import REFERENCE

FIELD = np.random.default_rng(0).normal(size=(3, 64, 48)) + 1j
LIGHT = ("--pitch", "8", "--wavelengths", "638,515,460")


def test_import_says_and_records_what_was_assumed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    savemat("theirs.mat", {"U": FIELD.transpose(1, 2, 0), "scale": np.ones((1, 1))})
    assert app.main(["import", "theirs.mat", "--variable", "U", "-o", "ours.holo", *LIGHT]) == 0
    hologram = read_hologram(tmp_path / "ours.holo")
    assert hologram.field is not None
    assert np.array_equal(hologram.field.values, FIELD.astype(np.complex64))
    assert hologram.profile.pixel_pitch == pytest.approx(8e-6)
    assert hologram.profile.wavelengths == pytest.approx((638e-9, 515e-9, 460e-9))
    assumed = hologram.provenance["imported"]["assumed"]
    assert "theirs.mat, variable U: axes (H, W, C)" in assumed
    assert "8 µm, 638, 515, 460 nm" in assumed
    assert f"assumed: {assumed}" in " ".join(capsys.readouterr().out.split())


def test_an_imported_hologram_can_be_encoded_and_looked_at(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("theirs.npy", FIELD)
    assert app.main(["import", "theirs.npy", "-o", "ours.holo", *LIGHT]) == 0
    assert app.main(["encode", "ours.holo"]) == 0
    assert app.main(["reconstruct", "ours.holo", "-o", "pictures"]) == 0
    assert (tmp_path / "pictures" / "focus_0.5000.png").is_file()
    assert read_hologram(tmp_path / "ours.holo").frames is not None
    assert app.main(["import", "theirs.npy", "-o", "ours.holo", *LIGHT]) == 2  # nothing is overwritten unasked
    assert app.main(["import", "theirs.npy", "-o", "ours.holo", "--overwrite", "--conjugate", *LIGHT]) == 0
    field = read_hologram(tmp_path / "ours.holo").field
    assert field is not None
    assert np.array_equal(field.values, FIELD.conj().astype(np.complex64))


def test_a_display_profile_stands_for_pitch_and_wavelengths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_profile(tmp_path / "display.toml", REFERENCE)
    np.save("theirs.npy", FIELD)
    assert app.main(["import", "theirs.npy", "-o", "ours.holo", "--profile", "display.toml"]) == 0
    assert read_hologram(tmp_path / "ours.holo").profile == REFERENCE.resized(48, 64)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-o", "ours.holo", "--pitch", "8"], "the pitch and the wavelengths of the field are needed"),
        (
            ["-o", "ours.holo", "--pitch", "8", "--wavelengths", "green"],
            "--wavelengths: is 'green', expected numbers above 0",
        ),
        (["-o", "ours.npy", *LIGHT], "is not the name of a hologram"),
        (["-o", "ours.holo", "--pitch", "8", "--wavelengths", "515"], "C = 1"),
        (["-o", "ours.holo", *LIGHT, "--layout", "HWC"], "expected (H, W, C) with C = 3"),
        (["-o", "ours.holo", *LIGHT, "--meaning", "phase"], "holds complex numbers, which are not phase values"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    np.save("theirs.npy", FIELD)
    assert app.main(["import", "theirs.npy", *arguments]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "ours.holo").exists()
