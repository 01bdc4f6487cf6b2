"""From meter readings of grey levels to an amplitude look-up table.

Amplitude is the square root of intensity without the dark reading. The laser's drift is taken out by a reference grey
that was read again and again in between; intensities are smoothed as much as generalised cross-validation says that
the noise needs, made monotonic up to the first maximum, behind which a liquid crystal turns too far, and joined by
PCHIP, which keeps them monotonic.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator, make_smoothing_spline
from scipy.optimize import isotonic_regression, nnls
from scipy.signal import find_peaks

from holodriver.errors import InputError
from holodriver.panel.calibration import Method
from holodriver.panel.lut import LEVELS, AmplitudeLut

Floats = NDArray[np.float64]

DARK = -1
"""Grey level of a reading without light."""

FEWEST_LEVELS = 9
"""Fewer grey levels do not tell the shape of a response."""

FEWEST_REFERENCES = 5
"""Reference readings that a smooth drift needs; with fewer it is a straight line."""

PROMINENCE = 0.03
"""A maximum counts if the light falls behind it by this share of the whole range."""

DARKEST = 1e-6
"""A panel whose light does not change by this share of the reading is not connected."""


@dataclass(frozen=True)
class Readings:
    """Readings of one colour in the order in which they were taken.

    Raises:
        InputError: a field does not fit the others, or holds something that no meter reads.
    """

    greys: NDArray[np.int64]
    """(n,) grey level on the panel, `DARK` for a reading without light."""
    values: Floats
    """(n,) light, in any linear unit."""
    references: NDArray[np.bool_]
    """(n,) whether this reading is there to follow the laser's drift."""

    def __post_init__(self) -> None:
        greys, values = np.asarray(self.greys, np.int64), np.asarray(self.values, np.float64)
        references = np.asarray(self.references, np.bool_)
        if not (greys.ndim == 1 and greys.shape == values.shape == references.shape):
            raise InputError(f"readings have the shapes {greys.shape}, {values.shape} and {references.shape}")
        if not np.isfinite(values).all():
            raise InputError("a meter reading is not a finite number")
        if greys.size and not (greys.min() >= DARK and greys.max() < LEVELS):
            raise InputError(f"readings are of grey levels from {greys.min()} to {greys.max()}, expected 0 to 255")
        for name, array in (("greys", greys), ("values", values), ("references", references)):
            object.__setattr__(self, name, array)


@dataclass(frozen=True)
class Response:
    """What one colour of a panel does."""

    lut: AmplitudeLut
    greys: NDArray[np.int64]
    """Grey levels that were measured."""
    measured: Floats
    """Mean amplitude measured at each, on the table's scale."""
    residual: float
    """Root mean square of `measured` against the table, up to its peak."""
    full_reading: float
    """The meter's reading, without dark, at the peak."""

    @property
    def levels(self) -> int:
        """Grey levels that the table tells apart: those with an amplitude of their own, up to the peak."""
        return int(np.unique(self.lut.amplitudes[: self.lut.peak + 1].round(6)).size)


def fit_response(readings: Readings, *, method: Method = "smooth") -> Response:
    """The amplitude table of a panel from readings of its grey levels.

    Args:
        readings: dark ones (two or more are better than one), references and levels.
        method: `smooth` as above; `isotonic` without the smoothing, for panels with steps in their response.

    Raises:
        InputError: too few levels, no dark reading, or no light.
    """
    greys, light, spread = intensities(readings)
    scale = max(float(np.abs(light).max()), np.finfo(float).tiny)
    if np.ptp(light) <= DARKEST * max(scale, abs(_dark(readings))):
        raise InputError(
            "the light does not change with the grey level",
            remedy="check that the laser is lit, and that the meter sees the panel",
        )
    weights = 1 / np.maximum(spread, (1e-4 * scale) ** 2)
    smooth = make_smoothing_spline(greys.astype(float), light / scale, w=weights * scale**2)
    every = np.arange(greys[0], greys[-1] + 1)
    peak = _first_maximum(smooth(every)) + int(greys[0])
    rising = greys <= peak
    values = smooth(greys) * scale if method == "smooth" else light
    monotonic = isotonic_regression(values[rising], weights=weights[rising]).x
    knots, heights = _steps(greys[rising].astype(float), np.sqrt(np.maximum(monotonic, 0)))
    # the falling side is never used; it is kept for simulations of this panel
    falling = greys > peak
    knots = np.concatenate([knots, greys[falling]])
    heights = np.concatenate([heights, np.minimum(np.sqrt(np.maximum(smooth(greys[falling]) * scale, 0)), heights[-1])])
    curve = PchipInterpolator(knots, heights, extrapolate=False)
    grid = np.clip(np.arange(LEVELS), knots[0], knots[-1])
    table = np.maximum(curve(grid), 0)
    table[: peak + 1] = np.maximum.accumulate(table[: peak + 1])
    full = table[peak]
    amplitudes = np.minimum(table / full, 1)
    measured = np.sqrt(np.maximum(light, 0)) / full
    residual = float(np.sqrt(np.mean((measured - amplitudes[greys])[rising] ** 2)))
    return Response(AmplitudeLut(amplitudes), greys, measured, residual, float(full**2))


def intensities(readings: Readings) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Measured grey levels, rising, their light without dark and drift, and the variance of each mean.

    Raises:
        InputError: too few levels, or no dark reading.
    """
    dark = _dark(readings)
    taken = ~readings.references & (readings.greys != DARK)
    light = (readings.values - dark) / drift(readings)
    greys, place, counts = np.unique(readings.greys[taken], return_inverse=True, return_counts=True)
    if greys.size < FEWEST_LEVELS:
        raise InputError(f"{greys.size} grey levels were measured, expected {FEWEST_LEVELS} or more")
    means = np.bincount(place, light[taken]) / counts
    squares = np.asarray(np.bincount(place, (light[taken] - means[place]) ** 2), np.float64)
    return greys, means, _variance(means, squares, counts)


def drift(readings: Readings) -> Floats:
    """(n,) laser power at each reading, relative to the mean over all of them, as the references tell.

    Raises:
        InputError: the references are as dark as the dark readings.
    """
    at, every = np.flatnonzero(readings.references), np.arange(readings.greys.size)
    if at.size < 2:
        return np.ones(every.size)
    reference = readings.values[at] - _dark(readings)
    if reference.mean() <= 0:
        raise InputError("the reference readings are no brighter than the dark ones", remedy="check the laser")
    if at.size < FEWEST_REFERENCES:
        power = np.polyval(np.polyfit(at, reference, 1), every)
    else:
        # outside the first and the last reference there is nothing to follow
        power = make_smoothing_spline(at.astype(float), reference / reference.mean())(every.clip(at[0], at[-1]))
    relative: Floats = power / power.mean()
    if relative.min() <= 0.1:
        raise InputError("the reference readings vanish on the way: the laser went out", remedy="measure again")
    return relative


def _dark(readings: Readings) -> float:
    dark = readings.values[readings.greys == DARK]
    if not dark.size:
        raise InputError("there is no dark reading", remedy="measure once without light")
    return float(dark.mean())


def _variance(means: Floats, squares: Floats, counts: NDArray[np.signedinteger]) -> Floats:
    """Variance of each mean: noise of the meter plus noise that grows with the light, from how far sweeps differ."""
    freedom = counts - 1
    if freedom.sum() < FEWEST_LEVELS:
        return np.ones_like(means)
    enough = freedom > 0
    spread = squares[enough] / freedom[enough]
    scale = float(np.abs(means).max())
    terms = np.stack([np.ones(int(enough.sum())), (means[enough] / scale) ** 2], axis=1)
    # variances scatter in proportion to themselves: each counts by its inverse
    rough = np.maximum(terms @ nnls(terms, spread)[0], 1e-12 * scale**2)
    base, growing = nnls(terms / rough[:, None], spread / rough)[0]
    variance: Floats = (base + growing * (means / scale) ** 2) / counts
    return np.maximum(variance, 1e-12 * scale**2)


def _first_maximum(light: Floats) -> int:
    """Index of the first maximum behind which the light falls, or of the greatest value."""
    ends = np.concatenate([[-np.inf], light, [-np.inf]])  # a maximum may stand at the end
    found, _ = find_peaks(ends, prominence=PROMINENCE * float(np.ptp(light)))
    high = [int(at) - 1 for at in found if light[int(at) - 1] > light.min() + 0.5 * np.ptp(light)]
    return high[0] if high else int(light.argmax())


def _steps(greys: Floats, heights: Floats) -> tuple[Floats, Floats]:
    """The knots of a monotonic curve: the middle of each run of equal values, the first and the last level kept."""
    starts = np.flatnonzero(np.concatenate([[True], np.diff(heights) > 0]))
    ends = np.concatenate([starts[1:], [heights.size]]) - 1
    knots, values = (greys[starts] + greys[ends]) / 2, heights[starts]
    if knots[0] > greys[0]:
        knots, values = np.concatenate([greys[:1], knots]), np.concatenate([values[:1], values])
    if knots[-1] < greys[-1]:
        knots, values = np.concatenate([knots, greys[-1:]]), np.concatenate([values, values[-1:]])
    return knots, values
