"""The fast encoder gives the frames of the plain one."""

from dataclasses import replace

import numpy as np
import pytest

from holodriver.errors import InputError
from holodriver.optics.display import REFERENCE
from holodriver.optics.field import WaveField
from holodriver.panel.burch import encode, panel_amplitude
from holodriver.panel.encoder import Encoder
from holodriver.panel.lut import AmplitudeLut

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
    plain = encode(field, GAINS, LUTS).pixels
    fast = Encoder(profile, GAINS, LUTS).encode(field.values)
    assert fast.shape == plain.shape
    # an amplitude half-way between two levels, to float32's last bits, may go either way
    different = fast != plain
    assert different.mean() < 1e-3
    for colour, lut in enumerate(LUTS):
        shown, wanted = lut.amplitude(fast[colour]), panel_amplitude(field, GAINS)[colour].clip(0, 1)
        nearest = np.abs(lut.amplitude(plain[colour]) - wanted.repeat(binning, 0).repeat(binning, 1))
        assert (np.abs(shown - wanted.repeat(binning, 0).repeat(binning, 1)) <= nearest + 1e-5).all()


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
