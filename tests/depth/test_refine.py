"""Refiners move steps of depth to the picture's edges and change nothing else."""

import cv2
import numpy as np
import pytest
from spoiled import Spoiler, misfit, scene

from holodriver.depth.kernels import mean_field, weighted_median
from holodriver.depth.refine import METHODS, refine, toggled
from holodriver.errors import InputError

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("method", [name for name in METHODS if name not in ("guided", "none")])
def test_errors_at_edges_become_less_and_errors_of_the_whole_no_more(method: str) -> None:
    before, after, whole = [], [], []
    for seed in range(3):
        picture, truth = scene(seed=seed)
        (blurred,) = Spoiler(truth, bias=0.01, affine=False).predict([picture], 320)
        band = cv2.dilate((np.abs(cv2.Laplacian(truth, cv2.CV_32F)) > 0.05).astype(np.uint8), np.ones((7, 7))) > 0
        plain, refined = refine(blurred, picture, "none"), refine(blurred, picture, method)  # type: ignore[arg-type]
        before.append(np.abs(plain - truth)[band].mean())
        after.append(np.abs(refined - truth)[band].mean())
        whole.append(misfit(refined, truth) / misfit(plain, truth))
    assert np.mean(after) < 0.9 * np.mean(before)
    assert np.mean(whole) < 1


def test_the_default_is_the_best_of_them() -> None:
    errors = {}
    for method in METHODS:
        found = []
        for seed in range(3):
            picture, truth = scene(seed=seed)
            (blurred,) = Spoiler(truth, affine=False).predict([picture], 320)
            found.append(misfit(refine(blurred, picture, method), truth))  # type: ignore[arg-type]
        errors[method] = np.mean(found)
    assert min(errors, key=lambda name: errors[name]) == "edges"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 90), (3, 7), (64, 1280), (37, 53)])
def test_any_shape_and_flat_depth_stays_flat(method: str, shape: tuple[int, int]) -> None:
    picture = RNG.integers(0, 256, (*shape, 3), np.uint8)
    flat = refine(np.full((32, 64), 0.4, np.float32), picture, method)  # type: ignore[arg-type]
    assert flat.shape == shape
    np.testing.assert_allclose(flat, 0.4, atol=1e-3)


def test_a_slope_is_no_edge() -> None:
    slope = np.linspace(0, 1, 320, dtype=np.float32)[None] * np.ones((180, 1), np.float32)
    picture = RNG.integers(0, 256, (180, 320, 3), np.uint8)
    np.testing.assert_allclose(refine(slope, picture), slope, atol=0.03)


def test_strength_mixes() -> None:
    picture, truth = scene()
    (blurred,) = Spoiler(truth, affine=False).predict([picture], 320)
    plain, full, half = (refine(blurred, picture, strength=strength) for strength in (0, 1, 0.5))
    np.testing.assert_allclose(half, (plain + full) / 2, atol=1e-6)
    np.testing.assert_array_equal(plain, refine(blurred, picture, "none"))


def test_strips_of_a_large_picture_give_what_the_whole_does(monkeypatch: pytest.MonkeyPatch) -> None:
    picture, truth = scene(600, 800)
    (blurred,) = Spoiler(truth, affine=False).predict([picture], 320)
    whole = refine(blurred, picture)
    monkeypatch.setattr("holodriver.depth.refine.STRIP", 64)
    np.testing.assert_array_equal(refine(blurred, picture), whole)


def test_edges_of_a_larger_picture_are_steps_not_ramps() -> None:
    picture, truth = scene(720, 1280, seed=1)
    (blurred,) = Spoiler(truth, noise=0, bias=0, affine=False).predict([picture], 320)
    refined = refine(blurred, picture)
    rows = np.abs(np.diff(truth, axis=1)).max(axis=1) > 0.2
    sharp = np.abs(np.diff(refined, axis=1))[rows].max(axis=1)
    ramp = np.abs(np.diff(refine(blurred, picture, "none"), axis=1))[rows].max(axis=1)
    assert np.median(sharp) > 5 * np.median(ramp)


def test_toggled_steps_stand_half_way() -> None:
    step = np.where(np.arange(60) < 30, 0.0, 1.0).astype(np.float32)[None] * np.ones((40, 1), np.float32)
    ramp = cv2.GaussianBlur(step, (0, 0), 2.0)
    np.testing.assert_allclose(toggled(ramp, 4), step, atol=0.06)


def test_weighted_median_is_the_definition() -> None:
    values = RNG.random((9, 11)).astype(np.float32)
    picture = RNG.integers(0, 60, (9, 11, 3), np.uint8)
    band = RNG.random((9, 11)) < 0.7
    got = weighted_median(values, picture, band, 2, 20.0)
    np.testing.assert_array_equal(got[~band], values[~band])
    for y, x in np.argwhere(band):
        cut = np.s_[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3]
        around = values[cut].ravel()
        apart = ((picture[cut].astype(int) - picture[y, x]) ** 2).sum(-1).ravel()
        weights = np.exp(-(apart // 16 * 16) / (2 * 20.0**2))
        order = np.argsort(around, kind="stable")
        reached = np.cumsum(weights[order])
        assert got[y, x] == around[order][np.searchsorted(reached, reached[-1] / 2)]


def test_mean_field_follows_the_picture_where_depth_is_unsure() -> None:
    """Two flat halves of different colour, depth noisy about two levels: the expected levels become two."""
    picture = np.zeros((24, 32, 3), np.float32)
    picture[:, 16:] = 200
    truth = np.where(np.arange(32) < 16, 0.25, 0.75)[None] * np.ones((24, 1))
    noisy = truth + RNG.normal(0, 0.15, truth.shape)
    levels = np.linspace(0, 1, 16, dtype=np.float32)
    unary = ((noisy[..., None] - levels) ** 2 / (2 * 0.15**2)).astype(np.float32)
    found = mean_field(unary, picture, levels, 8, 3, 1, 8.0, 20.0, 4.0, 0.3)
    assert np.abs(found - truth).mean() < 0.4 * np.abs(noisy - truth).mean()
    assert np.ptp(found[:, 15]) < 0.3
    assert (found[:, 16] - found[:, 15]).min() > 0.25


def test_what_cannot_be_done_is_refused() -> None:
    picture, truth = scene()
    with pytest.raises(InputError, match="refiner is 'magic'"):
        refine(truth, picture, "magic")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="strength is 2"):
        refine(truth, picture, strength=2)
