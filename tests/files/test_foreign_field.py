"""Wave fields of other programs: the contents of their files, and the messages on them."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from holodriver.errors import FileFormatError, InputError
from holodriver.files.exr import write_exr
from holodriver.files.foreign_field import FieldOptions, read_foreign_field

RNG = np.random.default_rng(0)
PHASES = RNG.uniform(0, 2 * np.pi, (3, 6, 5))


def save(path: Path, pixels: np.ndarray) -> Path:
    """Write stored values, red first."""
    assert cv2.imwrite(str(path), pixels[..., ::-1] if pixels.ndim == 3 else pixels)
    return path


def levels(phases: np.ndarray, dtype: type) -> np.ndarray:
    """Grey levels as odak's `save_image(cmin=0, cmax=2π)` and 16-bit writers store phase."""
    full = np.iinfo(dtype).max
    return np.rint(phases / (2 * np.pi) * full).astype(dtype)


@pytest.mark.parametrize(("dtype", "step"), [(np.uint8, 2 * np.pi / 255), (np.uint16, 2 * np.pi / 65535)])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_phase_picture_for_each_colour(tmp_path, dtype, step, suffix):
    paths = [save(tmp_path / f"phase_{n}{suffix}", levels(PHASES[n], dtype)) for n in range(3)]
    found = read_foreign_field(paths, 3)
    assert found.values.dtype == np.complex64
    assert np.abs(found.values - np.exp(1j * PHASES)).max() <= step / 2 + 1e-6
    full = np.iinfo(dtype).max
    assert f"one colour each; phase, levels 0 to {full} are 0 to 2π; amplitude 1 everywhere" in found.assumed


def test_one_picture_has_red_first(tmp_path):
    path = save(tmp_path / "phase.png", levels(PHASES, np.uint8).transpose(1, 2, 0))
    found = read_foreign_field([path], 3)
    assert np.abs(found.values - np.exp(1j * PHASES)).max() < 0.013
    assert "phase.png: axes (H, W, C)" in found.assumed


def test_the_inverted_phase_of_neural_holography(tmp_path):
    """`phasemap_8bit` there moves −π … π to 0 … 1 and stores 1 minus it: the conjugate, but for a constant phase."""
    slm = PHASES[0] - np.pi
    stored = np.rint((1 - ((slm + np.pi) % (2 * np.pi)) / (2 * np.pi)) * 255).astype(np.uint8)
    found = read_foreign_field([save(tmp_path / "phase.png", stored)], 1)
    ratio = found.values[0].conj() / np.exp(1j * slm)
    assert np.abs(ratio - ratio[0, 0]).max() < 0.03


def test_a_grey_picture_that_was_stored_in_colour(tmp_path):
    grey = levels(PHASES[0], np.uint8)
    path = save(tmp_path / "phase.png", np.repeat(grey[..., None], 3, 2))
    assert np.abs(read_foreign_field([path], 1).values[0] - np.exp(1j * PHASES[0])).max() < 0.013


def test_amplitude_and_phase(tmp_path):
    amplitude = RNG.uniform(0.1, 1, PHASES.shape)
    phase = save(tmp_path / "phase.png", levels(PHASES, np.uint16).transpose(1, 2, 0))
    shares = np.rint(amplitude * 65535).astype(np.uint16).transpose(1, 2, 0)
    options = FieldOptions(amplitude=(save(tmp_path / "amplitude.png", shares),))
    found = read_foreign_field([phase], 3, options)
    assert np.abs(found.values - amplitude * np.exp(1j * PHASES)).max() < 1e-4
    assert "amplitude.png: axes (H, W, C); amplitude, levels 0 to 65535 are 0 to 1" in found.assumed


def test_exr_holds_radians_and_amplitudes_as_they_stand(tmp_path):
    write_exr(tmp_path / "phase.exr", dict(zip("RGB", PHASES.astype(np.float32), strict=True)))
    write_exr(tmp_path / "amplitude.exr", dict(zip("RGB", 3 * PHASES.astype(np.float32), strict=True)))
    options = FieldOptions(meaning="phase", amplitude=(tmp_path / "amplitude.exr",))
    found = read_foreign_field([tmp_path / "phase.exr"], 3, options)
    assert np.allclose(found.values, 3 * PHASES * np.exp(1j * PHASES), atol=1e-4)
    assert "phase, in radians" in found.assumed
    assert "amplitude, as it stands" in found.assumed


def test_exr_of_one_channel(tmp_path):
    write_exr(tmp_path / "phase.exr", {"Y": PHASES[0].astype(np.float32)})
    found = read_foreign_field([tmp_path / "phase.exr"], 1, FieldOptions(meaning="phase"))
    assert np.allclose(found.values[0], np.exp(1j * PHASES[0]), atol=1e-5)


def test_real_numbers_must_be_explained(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, PHASES)
    with pytest.raises(InputError, match=r"holds real numbers, which may be phase or amplitude .*say which"):
        read_foreign_field([path], 3)
    phase = read_foreign_field([path], 3, FieldOptions(meaning="phase")).values
    assert np.allclose(phase, np.exp(1j * PHASES), atol=1e-6)
    amplitude = read_foreign_field([path], 3, FieldOptions(meaning="amplitude")).values
    assert np.allclose(amplitude, PHASES, atol=1e-6)


def test_complex_numbers_are_the_field(tmp_path):
    field = PHASES * np.exp(2j * PHASES)
    np.save(tmp_path / "a.npy", field)
    found = read_foreign_field([tmp_path / "a.npy"], 3)
    assert np.array_equal(found.values, field.astype(np.complex64))
    assert found.assumed == "a.npy: axes (C, H, W)"


@pytest.mark.parametrize(
    ("files", "colours", "options", "said"),
    [
        (["complex.npy"], 3, FieldOptions(meaning="phase"), "holds complex numbers, which are not phase values"),
        (["phase.npy"], 3, FieldOptions(meaning="complex"), "holds real numbers, which are not complex values"),
        (["complex.npy"], 3, FieldOptions(amplitude=(Path("phase.npy"),)), "amplitude belongs to a phase"),
        (["complex.npy"], 2, FieldOptions(), r"shape \(3, 6, 5\).*C = 2"),
        (["red.png", "red.png"], 3, FieldOptions(), "2 files for 3 wavelengths"),
        (["red.png", "small.png"], 2, FieldOptions(), r"holds uint8 \(3, 5\), expected one colour"),
        (["color.png"], 1, FieldOptions(), r"shape \(6, 5, 3\).*C = 1"),
        (["glass.png"], 3, FieldOptions(), "transparent"),
        (["notes.txt"], 1, FieldOptions(), "is no wave field that can be read, expected .npy, .mat"),
        (["missing.npy"], 1, FieldOptions(), "does not exist"),
        (["nan.npy"], 3, FieldOptions(meaning="phase"), "not finite"),
        (["red.png"], 1, FieldOptions(amplitude=(Path("small.png"),)), r"amplitude has shape \(1, 3, 5\)"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_file(tmp_path, monkeypatch, files, colours, options, said):
    monkeypatch.chdir(tmp_path)
    np.save("complex.npy", PHASES + 1j)
    np.save("phase.npy", PHASES)
    np.save("nan.npy", np.where(PHASES > 3, np.nan, PHASES))
    color = levels(PHASES, np.uint8).transpose(1, 2, 0)
    save(Path("color.png"), color)
    save(Path("red.png"), color[..., 0])
    save(Path("small.png"), color[:3, :, 0])
    assert cv2.imwrite("glass.png", np.dstack([color, color[..., :1]]))
    Path("notes.txt").write_text("no field")
    with pytest.raises((FileFormatError, InputError), match=said):
        read_foreign_field([Path(name) for name in files], colours, options)
