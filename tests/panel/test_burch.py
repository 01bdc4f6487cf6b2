"""Burch encoding: the decoded field equals the encoded one, and conjugate and constant stay outside the slit."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from holodriver.errors import InputError
from holodriver.optics.display import REFERENCE
from holodriver.optics.field import WaveField
from holodriver.panel.behind_slit import laser_powers, read_back
from holodriver.panel.encoder import Encoder, automatic_gains, encode
from holodriver.panel.frames import PanelFrames
from holodriver.panel.lut import AmplitudeLut
from holodriver.scores.psnr_ssim import psnr

PROFILE = REFERENCE.resized(64, 48)
LUTS = tuple(AmplitudeLut.liquid_crystal(retardance) for retardance in (1.0, 1.2, 1.35))


def field(profile=PROFILE, seed: int = 5, sigma: float = 2.5) -> WaveField:
    rng = np.random.default_rng(seed)
    shape = (len(profile.wavelengths), *profile.shape)
    smooth = [gaussian_filter(rng.normal(size=shape), (0, sigma, sigma), mode="wrap") for _ in range(2)]
    values = smooth[0] + 1j * smooth[1]
    return WaveField((values / np.abs(values).max()).astype(np.complex64), profile)


@pytest.mark.parametrize("axis", ["x", "y"])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("binning", [1, 2, 3])
def test_reads_back_what_was_encoded(axis: str, sign: int, binning: int) -> None:
    profile = replace(PROFILE, carrier_axis=axis, carrier_sign=sign, binning=binning)
    shown = field(profile)
    frames = encode(shown, automatic_gains([shown]), LUTS)
    assert frames.pixels.shape == (3, 48 * binning, 64 * binning)
    back = read_back(frames)
    error = np.abs(back.values - shown.values)
    # Eight bits on half of the range, shared by two orders: an rms error of about 1/200 of the peak is left.
    assert np.sqrt((error**2).mean()) < 0.006


def test_error_is_that_of_eight_bits_and_no_more() -> None:
    """White quantisation noise of a 1/255 step, of which the slit passes half, undone by the gain."""
    shown = field()
    gains = automatic_gains([shown])
    back = read_back(encode(shown, gains, (AmplitudeLut.linear(),) * 3))
    noise = (np.abs(back.values - shown.values) ** 2).mean(axis=(1, 2)) * np.array(gains) ** 2
    expected = (1 / 255) ** 2 / 12 * 0.5 * 16
    assert noise == pytest.approx(expected, rel=0.5)


@pytest.mark.parametrize("sign", [1, -1])
def test_field_conjugate_and_constant_are_where_they_belong(sign: int) -> None:
    """½ at zero; ¼·g·U at ±¼, its conjugate opposite (binning 1 and tiny openings leave the pixels' shape out)."""
    profile = replace(PROFILE, binning=1, fill_factor=1e-3, carrier_sign=sign)
    shown = field(profile)
    gains = automatic_gains([shown])
    frames = encode(shown, gains, (AmplitudeLut.linear(),) * 3)
    spectrum = np.fft.fft2(frames.pixels[0] / 255.0)
    wanted = 0.25 * gains[0] * np.fft.fft2(shown.values[0])
    quarter = sign * profile.height // 4
    assert spectrum[0, 0].real / spectrum.size == pytest.approx(0.5, abs=0.01)
    for row in range(-8, 9):
        here = spectrum[(quarter + row) % profile.height]
        np.testing.assert_allclose(here, wanted[row % profile.height], atol=0.02 * np.abs(wanted).max())
        opposite = spectrum[(-quarter - row) % profile.height]
        np.testing.assert_allclose(opposite[0], here[0].conj(), rtol=1e-9)


@pytest.mark.parametrize(("width", "height"), [(64, 65), (66, 66), (67, 63), (50, 70)])
@pytest.mark.parametrize("axis", ["x", "y"])
@pytest.mark.parametrize("fraction", [0.25, 0.2])
def test_any_size_and_carrier_reads_back(width: int, height: int, axis: str, fraction: float) -> None:
    """Where the carrier does not fit the size it is moved to the next whole period; nothing leaks into the slit."""
    slit = min(fraction, 0.5 - fraction)
    profile = replace(REFERENCE.resized(width, height), carrier_axis=axis, carrier_fraction=fraction, slit_along=slit)
    shown = field(profile, sigma=3.5)
    error = np.abs(read_back(encode(shown, automatic_gains([shown]), LUTS)).values - shown.values)
    assert np.sqrt((error**2).mean()) < 0.008


def test_light_outside_the_passband_does_not_spoil_what_is_inside() -> None:
    inside = field()
    y = np.arange(PROFILE.height)[:, None]
    outside = 0.3 * np.exp(2j * np.pi * (17 / 48) * y)  # beyond ¼ of the sampling frequency along the carrier
    gains = (0.7,) * 3
    clean = read_back(encode(inside, gains, LUTS)).values
    both = WaveField((inside.values + outside).astype(np.complex64), PROFILE)
    assert np.abs(read_back(encode(both, gains, LUTS)).values - clean).max() < 1e-6


def clipped(shown: WaveField, gains: Sequence[float]) -> tuple[float, ...]:
    return Encoder(PROFILE, gains, LUTS, precise=True).frames(shown).clipped


def test_automatic_gain_clips_next_to_nothing_and_wastes_next_to_nothing() -> None:
    shown = field()
    gains = automatic_gains([shown])
    assert max(clipped(shown, gains)) <= 1e-3
    assert min(clipped(shown, [1.1 * gain for gain in gains])) > 0


def test_one_gain_for_a_sequence_keeps_relative_brightness() -> None:
    bright = field()
    dim = WaveField(bright.values * 0.5, PROFILE)
    gains = automatic_gains([bright, dim])
    assert gains == pytest.approx(automatic_gains([bright]), rel=0.02)
    levels = [np.abs(read_back(encode(f, gains, LUTS)).values).mean() for f in (bright, dim)]
    assert levels[0] / levels[1] == pytest.approx(2, rel=0.02)


def test_dark_colours_and_dark_fields() -> None:
    red = field().values.copy()
    red[1:] = 0
    gains = automatic_gains([WaveField(red, PROFILE)])
    assert gains[1] == gains[2] == gains[0]
    dark = WaveField(np.zeros((3, 48, 64), np.complex64), PROFILE)
    with pytest.raises(InputError, match="no light"):
        automatic_gains([dark])
    back = read_back(encode(dark, (1.0,) * 3, LUTS))
    assert psnr(np.abs(back.values) ** 2, np.zeros((3, 48, 64))) > 60


def test_laser_powers_undo_the_ratio_of_the_gains() -> None:
    gains = (1.0, 0.5, 2.0)
    powers = laser_powers(gains, 2e-3)
    assert max(powers) == 2e-3
    light = [power * gain**2 for power, gain in zip(powers, gains, strict=True)]
    assert light == pytest.approx([light[0]] * 3)


def test_frames_that_do_not_fit_are_refused() -> None:
    good = encode(field(), (1.0,) * 3, LUTS)
    with pytest.raises(InputError, match="panel frames are uint8"):
        PanelFrames(good.pixels[:, 1:], PROFILE, good.gains, good.luts)
    with pytest.raises(InputError, match="gains"):
        encode(field(), (1.0, 0.0, 1.0), LUTS)
    with pytest.raises(InputError, match="tables"):
        encode(field(), (1.0,) * 3, LUTS[:2])


@given(retardance=st.floats(0.5, 1.6), amplitude=st.floats(-0.5, 1.5))
@settings(max_examples=60, deadline=None)
def test_look_up_gives_the_nearest_level(retardance: float, amplitude: float) -> None:
    lut = AmplitudeLut.liquid_crystal(retardance)
    grey = int(lut.grey(np.array([amplitude]))[0])
    usable = lut.amplitudes[: lut.peak + 1]
    assert grey <= lut.peak
    assert abs(usable[grey] - amplitude) == pytest.approx(np.abs(usable - amplitude).min(), abs=1e-12)


@pytest.mark.parametrize(
    "amplitudes",
    [np.zeros(256), np.linspace(0, 1, 255), np.linspace(0.1, 0.9, 256), np.linspace(0, 1, 256)[::-1] ** 0 * 2],
)
def test_a_wrong_table_is_refused(amplitudes: np.ndarray) -> None:
    with pytest.raises(InputError, match="look-up table"):
        AmplitudeLut(amplitudes)
