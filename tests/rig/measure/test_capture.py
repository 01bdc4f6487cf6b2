"""Captures are aligned with the stack for any camera position, and scored with one exposure."""

import cv2
import numpy as np
import pytest
from layered import layered_stack

from holodriver.errors import RigError
from holodriver.rig.measure.capture import find_homography, measured

STACK = layered_stack(96, planes=3)
COC = STACK.coc_max


def photographed(images: np.ndarray, pose: np.ndarray, size: tuple[int, int]) -> list[np.ndarray]:
    return [
        np.stack([cv2.warpPerspective(colour, pose, size, flags=cv2.INTER_CUBIC) for colour in plane])
        for plane in images
    ]


def pose(scale: float, degrees: float, y: float, x: float) -> np.ndarray:
    turn = np.deg2rad(degrees)
    c, s = scale * np.cos(turn), scale * np.sin(turn)
    return np.array([[c, -s, x], [s, c, y], [1e-4, -5e-5, 1.0]])


@pytest.mark.parametrize(("scale", "degrees", "y", "x"), [(1.0, 0.5, 3, 2), (2.2, -4, 60, 40), (1.4, 12, 30, 45)])
def test_a_camera_may_stand_anywhere(scale, degrees, y, x):
    wanted = pose(scale, degrees, y, x)
    pictures = photographed(STACK.images * np.float32(0.37), wanted, (320, 320))
    result = measured(pictures, STACK.images, coc_max=COC)
    corners = np.array([[[20, 20], [20, 75], [75, 20], [75, 75]]], np.float64)
    off = cv2.perspectiveTransform(corners, result.homography) - cv2.perspectiveTransform(corners, wanted)
    assert np.abs(off).max() < 0.3 * scale  # pixels of the stack
    np.testing.assert_allclose(result.exposures, 1 / 0.37, rtol=0.02)
    assert min(result.scores(COC).psnr) > 30


def test_what_is_out_of_focus_scores_worse():
    wanted = pose(1.4, 1, 10, 12)
    right = measured(photographed(STACK.images, wanted, (200, 200)), STACK.images, coc_max=COC)
    wrong = measured(photographed(STACK.images[::-1], wanted, (200, 200)), STACK.images, coc_max=COC)
    assert right.scores(COC).psnr[0] > wrong.scores(COC).psnr[0] + 8


def test_one_exposure_hides_no_difference_between_planes():
    dimmed = STACK.images.copy()
    dimmed[2] *= 0.5
    result = measured(photographed(dimmed, pose(1.2, 1, 10, 10), (160, 160)), STACK.images, coc_max=COC)
    assert result.scores(COC).psnr[2] < result.scores(COC).psnr[0] - 3


def test_another_picture_is_refused():
    other = np.random.default_rng(5).random((120, 120))
    with pytest.raises(RigError, match="do not fit"):
        find_homography(other, STACK.images.mean(axis=(0, 1)))
    with pytest.raises(RigError, match="do not fit"):
        find_homography(np.zeros((50, 50)), STACK.images.mean(axis=(0, 1)))


def test_a_picture_too_small_to_score_is_refused():
    pictures = photographed(STACK.images, np.array([[1.0, 0, -40], [0, 1, -40], [0, 0, 1]]), (50, 50))
    with pytest.raises(RigError, match=r"too few to score|do not fit"):
        measured(pictures, STACK.images, coc_max=COC)


def test_the_number_of_pictures_is_checked():
    with pytest.raises(RigError, match="2 pictures of 3 colours"):
        measured(list(STACK.images[:2]), STACK.images, coc_max=COC)
