"""Measured depth with holes: filled, cleaned, and unchanged where it is right."""

import cv2
import numpy as np
import pytest
from spoiled import Spoiler, scene

from holodriver.depth.completion import completed, spread_out
from holodriver.errors import InputError
from holodriver.scene.rgbd import MeasuredDepth

RNG = np.random.default_rng(0)


def with_holes(truth: np.ndarray, *, noise: float = 0.003) -> np.ndarray:
    """As a depth camera sees it: shadows beside near things, a block without an echo, specks, mixed pixels."""
    measured = cv2.blur(truth, (3, 3)) + RNG.normal(0, noise, truth.shape).astype(np.float32)
    shadow = np.maximum(truth - np.roll(truth, 6, axis=1), 0) > 0.1
    measured[shadow] = np.nan
    measured[40:90, 60:130] = np.nan
    measured[RNG.random(truth.shape) < 0.05] = np.nan
    return measured


@pytest.mark.parametrize("seed", range(3))
def test_holes_are_filled_better_than_by_the_estimate_or_by_their_neighbours(seed: int) -> None:
    picture, truth = scene(seed=seed)
    measured = with_holes(truth)
    (estimated,) = Spoiler(truth, bias=0.05).predict([picture], 320)
    whole = completed(MeasuredDepth(measured), estimated, picture)
    hole = ~np.isfinite(measured)
    assert np.isfinite(whole).all()
    up = cv2.resize(estimated, truth.shape[::-1])
    scale, shift = np.polyfit(up.ravel(), truth.ravel(), 1)
    by_estimate = np.abs(scale * up + shift - truth)[hole].mean()
    by_neighbours = np.abs(spread_out(np.nan_to_num(measured), ~hole) - truth)[hole].mean()
    error = np.abs(whole - truth)[hole].mean()
    assert error < 0.7 * by_estimate
    assert error < 0.7 * by_neighbours
    away = cv2.dilate((np.abs(cv2.Laplacian(truth, cv2.CV_32F)) > 0.05).astype(np.uint8), np.ones((15, 15))) == 0
    np.testing.assert_array_equal(whole[~hole & away], measured[~hole & away])


def test_mixed_pixels_at_edges_go() -> None:
    picture, truth = scene(seed=1)
    (estimated,) = Spoiler(truth).predict([picture], 320)
    blurred = cv2.blur(truth, (5, 5))
    whole = completed(MeasuredDepth(blurred), estimated, picture)
    near_edges = np.abs(blurred - truth) > 0.02
    assert np.abs(whole - truth)[near_edges].mean() < 0.5 * np.abs(blurred - truth)[near_edges].mean()


def test_metric_depth_stays_metric_and_of_its_own_size() -> None:
    picture, truth = scene()
    metric = cv2.resize(truth, (160, 90), interpolation=cv2.INTER_NEAREST) * 2 + 0.1
    metric[20:40, 20:60] = np.nan
    (estimated,) = Spoiler(truth).predict([picture], 320)
    whole = completed(MeasuredDepth(metric, metric=True), estimated, picture)
    assert whole.shape == (90, 160)
    known = np.isfinite(metric)
    assert np.median(np.abs(whole - metric)[known]) < 1e-6


def test_spread_out_continues_a_slope() -> None:
    slope = np.linspace(0, 1, 64, dtype=np.float32)[None] * np.ones((64, 1), np.float32)
    known = np.ones((64, 64), bool)
    known[24:40, 24:40] = False
    np.testing.assert_allclose(spread_out(np.where(known, slope, 0).astype(np.float32), known), slope, atol=0.06)


def test_what_does_not_fit_is_refused() -> None:
    picture, truth = scene()
    with pytest.raises(InputError, match="has not the aspect"):
        completed(MeasuredDepth(truth[:, :200]), truth, picture)
    nearly_empty = np.full(truth.shape, np.nan, np.float32)
    nearly_empty[0, :10] = 0.5
    with pytest.raises(InputError, match="aligns nothing"):
        completed(MeasuredDepth(nearly_empty), truth, picture)
    with pytest.raises(InputError, match="no pixel that was measured"):
        MeasuredDepth(np.full((4, 4), np.nan, np.float32))
