"""Predictions of several sizes are fused into one that is better than each."""

import cv2
import numpy as np
import pytest
from spoiled import Spoiler, misfit, scene

from holodriver.depth.fusion import edge_confidence, fit, fuse, mean_aligned

RNG = np.random.default_rng(0)


def test_fit_forgets_outliers() -> None:
    x = RNG.random((80, 90)).astype(np.float32)
    y = (2.5 * x - 0.7 + RNG.normal(0, 0.01, x.shape)).astype(np.float32)
    y[:20] = RNG.random((20, 90)) * 8
    found = fit(x, y)
    assert found.scale == pytest.approx(2.5, rel=0.01)
    assert found.shift == pytest.approx(-0.7, abs=0.01)


def test_fit_agrees_with_least_squares_where_nothing_is_out() -> None:
    x, noise = RNG.normal(0, 1, (50, 60)), RNG.normal(0, 1e-3, (50, 60))
    found = fit(x.astype(np.float32), (x * 3 + 1 + noise).astype(np.float32))
    assert (found.scale, found.shift) == pytest.approx(
        tuple(np.polyfit(x.ravel(), (x * 3 + 1 + noise).ravel(), 1)), 1e-3
    )


@pytest.mark.parametrize("value", [0.0, 5.0])
def test_fit_of_something_flat_gives_the_targets_level(value: float) -> None:
    target = np.linspace(0, 1, 100, dtype=np.float32).reshape(10, 10)
    found = fit(np.full((10, 10), value, np.float32), target)
    assert found.scale == 0
    assert found.shift == pytest.approx(0.5, abs=0.02)


def test_fit_looks_only_where_both_are_known() -> None:
    x = RNG.random((40, 40)).astype(np.float32)
    y = np.where(RNG.random((40, 40)) < 0.5, np.nan, 3 * x).astype(np.float32)
    assert fit(x, y).scale == pytest.approx(3, rel=1e-4)


def test_fused_is_better_than_every_size_alone() -> None:
    gains = []
    for seed in range(4):
        picture, truth = scene(seed=seed)
        found = [Spoiler(truth, bias=0.08).predict([picture], size)[0] for size in (192, 256, 320)]
        fused = misfit(fuse(found, picture), truth)
        gains.append([misfit(one, truth) / fused for one in found])
    assert np.mean(gains, axis=0).min() > 1.1


def test_layout_comes_from_the_coarse_and_edges_from_the_fine() -> None:
    """A network at a size that it was not made for makes up a slope."""
    picture, truth = scene(seed=1)
    coarse = Spoiler(truth, noise=0, bias=0).predict([picture], 160)[0]
    fine = Spoiler(truth, noise=0, bias=0).predict([picture], 320)[0]
    sloping = fine + np.linspace(-0.2, 0.2, fine.shape[1], dtype=np.float32) * np.ptp(fine)
    fused = fuse([coarse, sloping], picture)
    assert misfit(fused, truth) < 0.8 * misfit(coarse, truth)
    assert misfit(fused, truth) < 0.5 * misfit(sloping, truth)
    steps = [np.abs(np.diff(values, axis=1)).max() / np.ptp(values) for values in (fused, fine)]
    assert steps[0] > 0.8 * steps[1]


def test_weights_differ_between_predictions_and_places() -> None:
    """A plain mean would have noise and edges of all sizes in equal parts everywhere."""
    picture, truth = scene(seed=2)
    coarse, fine = (Spoiler(truth, noise=0, bias=0, affine=False).predict([picture], size)[0] for size in (128, 320))
    fused = fuse([coarse, fine], picture)
    up = cv2.resize(coarse, fine.shape[::-1])
    mean = (up + fine) / 2
    edges = edge_confidence(picture, fine) > 0.5
    assert np.abs(fused - fine)[edges].mean() < 0.7 * np.abs(mean - fine)[edges].mean()


def test_affine_maps_of_the_predictions_change_nothing() -> None:
    picture, truth = scene(seed=3)
    found = Spoiler(truth, affine=False).predict([picture], 256)
    found += Spoiler(truth, affine=False).predict([picture], 320)
    moved = [found[0], 4 * found[1] - 9]
    np.testing.assert_allclose(fuse(moved, picture), fuse(found, picture), atol=2e-4)


def test_one_prediction_stays_as_it_is_and_networks_are_aligned_before_the_mean() -> None:
    picture, truth = scene()
    (only,) = Spoiler(truth).predict([picture], 320)
    np.testing.assert_array_equal(fuse([only], picture), only)
    np.testing.assert_allclose(mean_aligned([only, 3 * only + 1]), only, atol=1e-4)
