"""Look-up tables that differ over the panel."""

import numpy as np

from holodriver.panel.lut import AmplitudeLut
from holodriver.panel.regions import regional_grey

WANTED = np.random.default_rng(3).random((60, 90))


def test_equal_parts_are_one_table():
    lut = AmplitudeLut.liquid_crystal(1.2)
    grey = regional_grey(WANTED, np.tile(lut.amplitudes, (3, 4, 1)))
    # nearest grey level, and not nearest amplitude: half a level on either side
    assert np.abs(grey.astype(int) - lut.grey(WANTED)).max() <= 1


def test_the_middle_of_a_part_has_its_own_table_and_between_them_it_goes_over():
    tables = np.stack([np.arange(256) / 255, (np.arange(256) / 255) ** 0.5])[None]
    wanted = np.full((4, 100), 0.5)
    grey = regional_grey(wanted, tables)[0].astype(float)
    left, right = 0.5 * 255, 0.25 * 255
    np.testing.assert_allclose(grey[:25], left, atol=0.6)
    np.testing.assert_allclose(grey[75:], right, atol=0.6)
    np.testing.assert_allclose(grey[25:75], np.interp(np.arange(25, 75), [24.5, 74.5], [left, right]), atol=0.6)
