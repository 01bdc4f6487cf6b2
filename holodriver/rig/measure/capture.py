"""Measured reconstructions: pictures of a hologram at each focus, registered to the focal stack and scored."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from holodriver.errors import RigError
from holodriver.panel.frames import PanelFrames
from holodriver.progress import Progress, silent
from holodriver.rig.measure.cameras import Camera
from holodriver.rig.measure.stage import Stage
from holodriver.scores.psnr_ssim import StackScores, score_stack, smallest_size

Floats = NDArray[np.floating]

FEWEST_MATCHES = 12
"""Smallest number of matching points for a valid homography; its eight parameters need at least four points."""

LEAST_CORRELATION = 0.6
"""Smallest correlation of picture and rendered image; below it, the camera sees something else."""

LIT = 0.3
"""Smallest brightness of pixels that belong to the picture, as a share of the median brightness."""

BORDER = 4
"""Width of the border of the focal stack that is left out of the registration, pixels."""

FOCUS_S = 600.0
"""Longest light while a person focuses the camera, s."""

SIFT_SIDE = 512
"""Smallest side of pictures in the search for features, pixels; smaller pictures are enlarged."""


@dataclass(frozen=True)
class Measured:
    """Captures of all planes on the pixels of the focal stack."""

    images: NDArray[np.float32]
    """Captured linear light after exposure, (N, C, h, w), for the part of the stack that the camera saw."""
    targets: NDArray[np.float32]
    """Rendered linear light, (N, C, h, w), for the part of the stack that the camera saw."""
    exposures: tuple[float, ...]
    """Fitted factor on the captures of each colour, equal for all planes."""
    homography: NDArray[np.float64]
    """Homography (3, 3) from pixels of the stack to pixels of the camera."""
    correlation: float
    """Correlation of the mean capture with the mean rendered image after registration, −1 to 1."""
    seen: tuple[int, int, int, int]
    """Top, left, height and width of the part of the stack that the camera saw, pixels."""

    def scores(self, coc_max: float) -> StackScores:
        """PSNR and SSIM of each plane, computed as for simulated reconstructions, but with a fitted exposure."""
        return score_stack(self.images, self.targets, coc_max=coc_max)


def take(
    stage: Stage,
    camera: Camera,
    frames: PanelFrames,
    positions: Sequence[float],
    *,
    focused: Callable[[float], None] | None = None,
    progress: Progress = silent,
) -> list[NDArray[np.float32]]:
    """Take one picture of each plane, colour after colour.

    Args:
        stage: panel and lasers.
        camera: the camera.
        frames: panel frames of the hologram.
        positions: normalised depths of the planes.
        focused: called before each plane with its normalised depth, in the light of the middle colour, for cameras that
            a person focuses.
        progress: receives the number of planes.

    Returns:
        Linear light of each plane, (C, h, w) in camera pixels.

    Raises:
        RigError: rig or camera failed, or a picture is saturated.
    """
    pictures = []
    for number, t in enumerate(positions):
        progress("capturing", number, len(positions))
        camera.focus(float(t))
        if focused is not None:
            middle = len(frames.pixels) // 2
            stage.look(middle, frames.pixels[middle], partial(focused, float(t)), longest_s=FOCUS_S)
        colours = [stage.look(colour, frame, camera.image) for colour, frame in enumerate(frames.pixels)]
        # several channels of a colour camera see one laser, so its light is the sum of all channels
        pictures.append(np.stack([one if one.ndim == 2 else one.sum(axis=2) for one in colours]).astype(np.float32))
    progress("capturing", len(positions), len(positions))
    return pictures


def measured(pictures: Sequence[Floats], targets: Floats, *, coc_max: float) -> Measured:
    """Register captures to the rendered planes and fit their exposure.

    All planes and colours share one homography, and all planes of a colour share one exposure: the camera stood still,
    and differences between planes must stay measurable.

    Args:
        pictures: captured linear light of each plane, (C, h, w), in any unit.
        targets: rendered linear light, (N, C, H, W).
        coc_max: largest blur diameter, pixels.

    Raises:
        RigError: pictures and rendered images do not fit each other, or the camera saw too small a part.
    """
    taken = np.stack(pictures)
    if taken.shape[:2] != targets.shape[:2]:
        raise RigError(
            f"{taken.shape[0]} pictures of {taken.shape[1]} colours were taken, the stack has "
            f"{targets.shape[0]} planes of {targets.shape[1]}"
        )
    homography, correlation = find_homography(taken.mean(axis=(0, 1)), targets.mean(axis=(0, 1)))
    height, width = targets.shape[-2:]

    def laid(picture: Floats) -> NDArray[np.float32]:
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        return np.asarray(
            cv2.warpPerspective(np.asarray(picture, np.float32), homography, (width, height), flags=flags)
        )

    mask = laid(np.ones(taken.shape[-2:], np.float32)) > 1 - 1e-3
    top, left, h, w = seen = _rectangle(mask)
    if min(h, w) < smallest_size(coc_max):
        raise RigError(
            f"the camera saw {w} × {h} pixels of the picture, too few to score", remedy="move it back, or aim better"
        )
    part = (..., slice(top, top + h), slice(left, left + w))
    images = np.stack([[laid(colour) for colour in plane] for plane in taken])[part]
    wanted = np.asarray(targets, np.float32)[part]
    light = (images.astype(np.float64) ** 2).sum(axis=(0, 2, 3))
    if not (light > 0).all():
        raise RigError(f"colour {int(light.argmin())} is dark in all pictures")
    exposures = (images.astype(np.float64) * wanted).sum(axis=(0, 2, 3)) / light
    exposed = np.maximum(images * exposures[None, :, None, None], 0).astype(np.float32)
    return Measured(exposed, wanted, tuple(exposures.tolist()), homography, correlation, seen)


def find_homography(picture: Floats, target: Floats) -> tuple[NDArray[np.float64], float]:
    """Find the homography from pixels of `target` (H, W) to pixels of `picture` (h, w), and their correlation.

    Features give a rough homography for any position of the picture; the correlation (Evangelidis and Psarakis, IEEE
    Trans. PAMI 30(10), 2008) refines it to a fraction of a pixel.

    Raises:
        RigError: no homography fits.
    """
    seen, wanted = _toned(picture), _toned(target)
    (h, w), (height, width) = seen.shape, wanted.shape
    plain = np.array([[w / width, 0, 0.5 * w / width - 0.5], [0, h / height, 0.5 * h / height - 0.5], [0, 0, 1.0]])
    best: tuple[NDArray[np.float64], float] | None = None
    for guess in (_by_features(seen, wanted), _by_outline(seen, wanted), plain):
        found = None if guess is None else _by_correlation(seen, wanted, guess)
        if found is not None and (best is None or found[1] > best[1]):
            best = found
        if best is not None and best[1] >= LEAST_CORRELATION:
            return best
    reached = "nothing" if best is None else f"a correlation of {best[1]:.2f}"
    raise RigError(
        f"the pictures do not fit the focal stack: {reached}, expected {LEAST_CORRELATION} or more",
        remedy="aim and focus the camera, and see that the stack is this hologram's",
    )


def _by_features(seen: NDArray[np.float32], wanted: NDArray[np.float32]) -> NDArray[np.float64] | None:
    sift = cv2.SIFT.create(contrastThreshold=0.01)  # blurred planes have faint corners
    points, descriptors = [], []
    for image in (wanted, seen):
        scale = max(1.0, SIFT_SIDE / min(image.shape))
        pixels = cv2.resize((image * 255).astype(np.uint8), None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        keys, described = sift.detectAndCompute(pixels, None)
        if described is None or len(keys) < FEWEST_MATCHES:
            return None
        points.append((np.array([key.pt for key in keys]) + 0.5) / scale - 0.5)
        descriptors.append(described)
    pairs = [
        pair[0]
        for pair in cv2.BFMatcher().knnMatch(descriptors[0], descriptors[1], k=2)
        if len(pair) == 2 and pair[0].distance < 0.75 * pair[1].distance  # Lowe's ratio
    ]
    if len(pairs) < FEWEST_MATCHES:
        return None
    origin = points[0][[pair.queryIdx for pair in pairs]]
    goal = points[1][[pair.trainIdx for pair in pairs]]
    homography, inliers = cv2.findHomography(origin, goal, cv2.RANSAC, 3.0)
    return None if homography is None or inliers.sum() < FEWEST_MATCHES else np.asarray(homography, np.float64)


def _by_outline(seen: NDArray[np.float32], wanted: NDArray[np.float32]) -> NDArray[np.float64] | None:
    """Homography from the outline of a lit rectangle on a dark ground, turned by less than 45°; None without one."""
    lit = (cv2.GaussianBlur(seen, (0, 0), 2.0) > LIT * float(np.median(wanted))).astype(np.uint8)
    outlines, _ = cv2.findContours(lit, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not outlines:
        return None
    corners = cv2.boxPoints(cv2.minAreaRect(max(outlines, key=cv2.contourArea)))
    across, down = corners.sum(axis=1), corners[:, 0] - corners[:, 1]
    found = corners[[int(across.argmin()), int(down.argmax()), int(across.argmax()), int(down.argmin())]]
    if len(np.unique(found, axis=0)) < 4:
        return None
    height, width = wanted.shape
    target = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], np.float32)
    return np.asarray(cv2.getPerspectiveTransform(target, found.astype(np.float32)), np.float64)


def _by_correlation(
    seen: NDArray[np.float32], wanted: NDArray[np.float32], guess: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float] | None:
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 200, 1e-7)
    warp: NDArray = (guess / guess[2, 2]).astype(np.float32)
    inner = np.zeros(wanted.shape, np.uint8)
    inner[BORDER:-BORDER, BORDER:-BORDER] = 255
    try:
        # wide windows find distant matches, narrow ones exact matches; each blurs the surroundings into the border
        for window in (11, 3, 1):
            inside = cv2.warpPerspective(inner, warp, seen.shape[::-1], flags=cv2.INTER_NEAREST)
            correlation, warp = cv2.findTransformECC(
                wanted, seen, warp, cv2.MOTION_HOMOGRAPHY, criteria, inside, window
            )
    except cv2.error:
        return None  # the iteration diverged
    return np.asarray(warp, np.float64), float(correlation)


def _toned(image: Floats) -> NDArray[np.float32]:
    """Square root of an image, scaled to 0 … 1, so that outlines in dark parts count, too."""
    light = np.maximum(np.asarray(image, np.float32), 0)
    toned: NDArray[np.float32] = np.sqrt(np.minimum(light / max(float(np.percentile(light, 99.9)), 1e-12), 1))
    return toned


def _rectangle(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Top, left, height and width of a rectangle of true pixels, found by moving the worst side inwards."""
    top, left, bottom, right = 0, 0, *mask.shape
    while top < bottom and left < right and not mask[top:bottom, left:right].all():
        part = ~mask[top:bottom, left:right]
        missing = (part[0].mean(), part[:, 0].mean(), part[-1].mean(), part[:, -1].mean())
        side = int(np.argmax(missing))
        top, left = top + (side == 0), left + (side == 1)
        bottom, right = bottom - (side == 2), right - (side == 3)
    return top, left, bottom - top, right - left
