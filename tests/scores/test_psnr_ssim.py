"""Scores against scikit-image and against values worked out by hand."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from holodriver.errors import InputError
from holodriver.scores.psnr_ssim import StackScores, blur_diameters, psnr, score_stack, ssim


def pictures(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    picture = rng.random((3, 48, 40))
    return picture, np.clip(picture + 0.1 * rng.normal(size=picture.shape), 0, None)


def test_agrees_with_scikit_image() -> None:
    reference = pytest.importorskip("skimage.metrics")
    a, b = pictures()
    assert psnr(a, b) == pytest.approx(reference.peak_signal_noise_ratio(b, a, data_range=1), abs=1e-6)
    expected = reference.structural_similarity(
        a, b, channel_axis=0, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert ssim(a, b) == pytest.approx(expected, abs=1e-6)


def test_psnr_by_hand() -> None:
    target = np.zeros((3, 20, 20))
    assert psnr(target + 0.1, target) == pytest.approx(20)
    assert psnr(target, target) == math.inf


def test_stack_is_the_mean_of_decibels_and_leaves_the_border_out() -> None:
    target = np.zeros((2, 3, 32, 32))
    image = target.copy()
    image[0] += 0.1
    image[1] += 0.01
    image[..., :4, :] = 9.0
    scores = score_stack(image, target, coc_max=8.0)
    assert scores.psnr == pytest.approx((20, 40))
    assert scores.means()["psnr"] == pytest.approx(30)


def test_nothing_is_fitted() -> None:
    a, _ = pictures()
    assert score_stack(a[None] * 1.2, a[None], coc_max=4).psnr[0] < 25


def test_what_cannot_be_compared_is_refused() -> None:
    a, b = pictures()
    with pytest.raises(InputError, match="shapes"):
        psnr(a, b[:, 1:])
    with pytest.raises(InputError, match="11"):
        ssim(a[:, :8, :8], b[:, :8, :8])
    with pytest.raises(InputError, match="border"):
        score_stack(a[None], b[None], coc_max=60)


def test_blur_diameters_of_an_ellipse_on_grey() -> None:
    y, x = np.mgrid[:400, :400] - 200.0
    image = 0.2 + (((y / 45) ** 2 + (x / 22.5) ** 2) <= 1)
    assert blur_diameters(image, 0.2) == pytest.approx((90, 45), rel=0.01)
    assert blur_diameters(np.full((9, 9), 0.2), 0.2) == (0, 0)


def test_scores_survive_a_file_even_where_planes_are_equal() -> None:
    images = np.random.default_rng(0).random((2, 3, 32, 32))
    targets = np.stack([images[0], images[1] + 0.01])
    scores = replace(score_stack(images, targets, coc_max=4), name="a", seconds=1.5)
    written = json.dumps(scores.as_dict(), allow_nan=False)
    assert scores.psnr[0] == np.inf
    assert StackScores.from_dict(json.loads(written)) == scores
