"""The encoder gives the panel frames of the plain reference."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from plain_burch import plain_amplitude, plain_clipped_share, plain_encode

from holodriver.errors import InputError
from holodriver.optics.display import REFERENCE
from holodriver.optics.field import WaveField
from holodriver.panel.calibration import Calibration, ColourCalibration, Registration
from holodriver.panel.encoder import Encoder, calibrated_encoder
from holodriver.panel.lut import AmplitudeLut
from holodriver.panel.registration import registered

LUTS = tuple(AmplitudeLut.liquid_crystal(retardance) for retardance in (1.0, 1.2, 1.35))
GAINS = (0.6, 1.1, 3.0)
"""The last drives some pixels out of the panel's range."""


def white(profile, seed=0) -> WaveField:
    rng = np.random.default_rng(seed)
    shape = (3, *profile.shape)
    return WaveField((rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64) / 4, profile)


@pytest.mark.parametrize("axis", ["x", "y"])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("size", [(64, 48), (61, 47), (60, 51)])
@pytest.mark.parametrize(("binning", "slit"), [(1, (0.25, 0.5)), (2, (0.2, 0.3)), (3, (0.25, 0.5))])
def test_frames_are_those_of_the_plain_encoder(axis, sign, size, binning, slit):
    profile = replace(
        REFERENCE.resized(*size), carrier_axis=axis, carrier_sign=sign, binning=binning,
        slit_along=slit[0], slit_across=slit[1],
    )  # fmt: skip
    field = white(profile)
    plain = plain_encode(field, GAINS, LUTS).pixels
    fast = Encoder(profile, GAINS, LUTS).encode(field.values)
    assert fast.shape == plain.shape
    # an amplitude half-way between two levels, to float32's last bits, may go either way
    different = fast != plain
    assert different.mean() < 1e-3
    for colour, lut in enumerate(LUTS):
        shown, wanted = lut.amplitude(fast[colour]), plain_amplitude(field, GAINS)[colour].clip(0, 1)
        nearest = np.abs(lut.amplitude(plain[colour]) - wanted.repeat(binning, 0).repeat(binning, 1))
        assert (np.abs(shown - wanted.repeat(binning, 0).repeat(binning, 1)) <= nearest + 1e-5).all()


@pytest.mark.parametrize("axis", ["x", "y"])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("size", [(64, 48), (61, 47), (60, 51)])
@pytest.mark.parametrize("light", ["white", "no phase", "dark", "even"])
@pytest.mark.parametrize("tables", ["measured", "linear", "parts"])
def test_in_float64_they_are_the_same_to_the_bit(axis, sign, size, light, tables):
    """Fields without phase put every other pixel on the border of two grey levels, where roundings would choose."""
    profile = replace(REFERENCE.resized(*size), carrier_axis=axis, carrier_sign=sign)
    values = white(profile, 3).values
    values = {"white": values, "no phase": np.abs(values), "dark": 0 * values, "even": 0 * values + 0.5}[light]
    field = WaveField(values.astype(np.complex64), profile)
    luts = LUTS if tables == "measured" else (AmplitudeLut.linear(),) * 3
    part = np.minimum(LUTS[1].amplitudes * np.linspace(1, 1.2, 6).reshape(2, 3, 1), 1.2)
    regions = (None, part, None) if tables == "parts" else None
    plain = plain_encode(field, GAINS, luts, regions)
    fast = Encoder(profile, GAINS, luts, regions=regions, precise=True).frames(field)
    np.testing.assert_array_equal(fast.frames.pixels, plain.pixels)
    assert fast.clipped == pytest.approx(plain_clipped_share(field, GAINS), abs=1e-12)


def test_a_calibrated_encoder_moves_looks_up_and_says_so():
    profile = REFERENCE.resized(64, 48)
    field = white(profile, 4)
    moves = (Registration((1.5, -2.0), 1.01), Registration(), Registration((0.0, 3.0)))
    colours = tuple(
        ColourCalibration(wavelength, lut, 0.0, 200, registration=one)
        for wavelength, lut, one in zip(profile.wavelengths, LUTS, moves, strict=True)
    )
    measured = Calibration("p", "", datetime(2026, 1, 2, tzinfo=UTC), "m", "uniform", colours)
    encoded = calibrated_encoder(profile, GAINS, measured).frames(field).frames
    assert encoded.registrations == moves
    np.testing.assert_array_equal(encoded.pixels, plain_encode(registered(field, moves), GAINS, LUTS).pixels)
    unmoved = replace(measured, colours=tuple(replace(one, registration=Registration()) for one in colours))
    assert calibrated_encoder(profile, GAINS, unmoved).frames(field).frames.registrations is None


def test_enlarging_can_be_left_to_the_window():
    profile = REFERENCE.resized(64, 48)
    field = white(profile)
    encoder = Encoder(profile, GAINS, LUTS)
    small = encoder.encode(field.values, binning=1)
    out = np.zeros((3, *profile.native_shape), np.uint8)
    assert encoder.encode(field.values, out) is out
    np.testing.assert_array_equal(out, small.repeat(2, 1).repeat(2, 2))


def test_what_does_not_fit_is_refused():
    profile = REFERENCE.resized(64, 48)
    encoder = Encoder(profile, GAINS, LUTS)
    with pytest.raises(InputError, match="expected \\(3, 48, 64\\)"):
        encoder.encode(np.zeros((3, 64, 48), np.complex64))
    with pytest.raises(InputError, match="expected uint8 \\(3, 96, 128\\)"):
        encoder.encode(np.zeros((3, 48, 64), np.complex64), np.zeros((3, 48, 64), np.uint8))
    with pytest.raises(InputError, match="gains"):
        Encoder(profile, GAINS[:2], LUTS)
