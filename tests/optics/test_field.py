"""Wave fields of other programs, given as arrays."""

import numpy as np
import pytest
import torch

from holodriver.errors import InputError
from holodriver.optics.display import REFERENCE
from holodriver.optics.field import WaveField

PITCH, GREEN, RGB = 8e-6, [515e-9], [638e-9, 515e-9, 460e-9]


def spherical(size: int, pitch: float, wavelength: float, z: float) -> np.ndarray:
    """Light that comes together at `z` (m), from an aperture in which neighbours differ by less than half a turn.

    Independent of holodriver: the exact phase of a spherical wave, −k·√(r² + z²).
    """
    y, x = (np.mgrid[:size, :size] - size / 2) * pitch
    r = np.hypot(x, y)
    widest = z * wavelength / (2 * pitch)
    return np.exp(-2j * np.pi / wavelength * (np.sqrt(r**2 + z**2) - z)) * (r < widest)


@pytest.mark.parametrize(("z", "sign"), [(8e-3, 1), (-8e-3, -1)])
def test_an_imported_point_focuses_where_the_closed_form_says(z, sign):
    """The phase of a wave that converges downstream; its conjugate diverges from the same distance upstream."""
    wave = spherical(256, PITCH, GREEN[0], abs(z))
    display = REFERENCE.resized(256, 256)
    display = type(display)(**{**display.as_dict(), "pixel_pitch": PITCH, "wavelengths": GREEN,
                               "depth_span": 4e-3, "depth_offset": z - 2e-3})  # fmt: skip
    field = WaveField.from_array(wave if sign > 0 else wave.conj(), display=display)
    depths = np.linspace(0, 1, 41)
    peaks = [field.intensity(t)[0, 128, 128] for t in depths]
    assert abs(display.z(depths[int(np.argmax(peaks))]) - z) <= 1.01e-4  # one step of the search
    # in focus, the peak of a uniform aperture is (area / (λ·z))² (Goodman, Introduction to Fourier Optics, 4.4)
    area = (np.abs(wave) > 0).sum() * PITCH**2
    assert max(peaks) == pytest.approx((area / (GREEN[0] * abs(z))) ** 2, rel=0.1)


def test_conjugate_turns_light_of_the_other_sign_round():
    wave = spherical(64, PITCH, GREEN[0], 4e-3)
    there = WaveField.from_array(wave.conj(), pitch=PITCH, wavelengths=GREEN, conjugate=True)
    assert np.array_equal(there.values[0], wave.astype(np.complex64))


@pytest.mark.parametrize("shape", [(6, 5), (1, 6, 5), (6, 5, 1), (1, 1, 6, 5), (1, 1, 1, 1, 6, 5)])
def test_one_colour(shape):
    values = np.random.default_rng(0).normal(size=shape) + 1j
    field = WaveField.from_array(values, pitch=PITCH, wavelengths=GREEN)
    assert np.array_equal(field.values, values.reshape(1, 6, 5).astype(np.complex64))
    assert field.profile.shape == (6, 5)


@pytest.mark.parametrize(("shape", "move"), [((3, 6, 5), False), ((6, 5, 3), True), ((1, 3, 6, 5), False)])
def test_three_colours(shape, move):
    values = np.random.default_rng(0).normal(size=shape) + 1j
    field = WaveField.from_array(values, pitch=PITCH, wavelengths=RGB)
    expected = np.moveaxis(values, -1, 0) if move else values.reshape(3, 6, 5)
    assert np.array_equal(field.values, expected.astype(np.complex64))
    assert field.profile.wavelengths == tuple(RGB)
    assert field.profile.pixel_pitch == PITCH
    assert field.profile.native_shape == (6, 5)  # a pixel of the panel for each sample


def test_a_torch_tensor_is_an_array():
    values = torch.randn(1, 3, 4, 4, dtype=torch.complex64)
    assert np.array_equal(WaveField.from_array(values, pitch=PITCH, wavelengths=RGB).values, values[0].numpy())


def test_a_shape_that_leaves_the_order_open_is_asked_about():
    values = np.ones((3, 6, 3), complex) * np.arange(1, 4)
    with pytest.raises(InputError, match=r"shape \(3, 6, 3\), where the 3 colours may come first or last"):
        WaveField.from_array(values, pitch=PITCH, wavelengths=RGB)
    last = WaveField.from_array(values, pitch=PITCH, wavelengths=RGB, layout="HWC")
    assert last.values[:, 0, 0].tolist() == [1, 2, 3]
    first = WaveField.from_array(values, pitch=PITCH, wavelengths=RGB, layout="CHW")
    assert first.values[:, 0, 0].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("values", "options", "said"),
    [
        (np.ones((4, 4)), {"pitch": PITCH, "wavelengths": GREEN}, "expected complex values .*np.exp"),
        (np.ones((4, 4), complex), {"pitch": PITCH, "wavelengths": RGB}, r"shape \(4, 4\).*C = 3"),
        (np.ones((2, 4, 4), complex), {"pitch": PITCH, "wavelengths": RGB}, r"shape \(2, 4, 4\).*C = 3"),
        (np.ones((4, 4, 3), complex), {"pitch": PITCH, "wavelengths": RGB, "layout": "CHW"}, r"expected \(C, H, W\)"),
        (np.ones((4, 4), complex), {"wavelengths": GREEN}, "the pitch of the wave field must be given"),
        (np.ones((4, 4), complex), {"pitch": PITCH}, "the wavelengths of the wave field must be given"),
        (np.full((4, 4), np.nan + 0j), {"pitch": PITCH, "wavelengths": GREEN}, "not finite"),
        (np.ones((0, 4), complex), {"pitch": PITCH, "wavelengths": GREEN}, "at least one sample"),
        (np.ones((4, 4), complex), {"pitch": -1.0, "wavelengths": GREEN}, "pixel_pitch"),
        (np.ones((4, 4), complex), {"pitch": PITCH, "wavelengths": [515.0]}, "wavelengths"),
        (np.ones((3, 4, 4), complex), {"pitch": PITCH, "display": REFERENCE}, "the pitch is 8e-06 m, and that of"),
        (np.ones((4, 4), complex), {"wavelengths": GREEN, "display": REFERENCE}, "the wavelengths are"),
    ],
)
def test_what_does_not_fit_is_refused(values, options, said):
    with pytest.raises(InputError, match=said):
        WaveField.from_array(values, **options)


def test_a_display_gives_pitch_and_wavelengths_and_takes_the_size():
    field = WaveField.from_array(np.ones((3, 8, 10), complex), display=REFERENCE)
    assert field.profile == REFERENCE.resized(10, 8)
