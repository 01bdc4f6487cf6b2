"""Registration of the colours, measured by crosses that a camera sees in each colour."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from holodriver.errors import RigError
from holodriver.optics.display import DisplayProfile
from holodriver.optics.field import WaveField
from holodriver.panel.calibration import Registration
from holodriver.panel.encoder import Encoder, automatic_gains
from holodriver.panel.lut import AmplitudeLut
from holodriver.progress import Progress, silent
from holodriver.rig.measure.cameras import Camera
from holodriver.rig.measure.stage import Stage

ROWS, COLUMNS = 3, 5
MIDDLE = 0.5
"""Normalised depth of the panel's own image, where crosses are sharp even if the light is no plane wave."""

WORST_FIT = 0.5
"""Largest RMS distance of crosses from a fit by offset and scale, effective pixels; beyond it, other bright spots were
mistaken for crosses."""

_MARGIN = 0.15  # border without crosses, as a share of the picture's side

Points = NDArray[np.float64]


def measure_registrations(
    stage: Stage, camera: Camera, luts: Sequence[AmplitudeLut], progress: Progress = silent
) -> tuple[Registration, ...]:
    """Measure the offset and scale of each colour's image relative to the middle colour (green), effective pixels.

    The camera must stand roughly upright and see the whole picture; its perspective is measured with the crosses of the
    middle colour and removed.

    Raises:
        RigError: the crosses of a colour are not found.
    """
    profile = stage.profile
    field = crosses(profile)
    # the precise encoder lets other threads work; on a rig, one of them feeds the lasers' watchdog
    frames = Encoder(profile, automatic_gains([field]), luts, precise=True).frames(field).frames.pixels
    camera.focus(MIDDLE)
    seen = []
    for colour, frame in enumerate(frames):
        progress("looking at crosses", colour, len(frames))
        seen.append(find_crosses(stage.look(colour, frame, camera.image), f"colour {colour}"))
    progress("looking at crosses", len(frames), len(frames))
    return register(seen, profile)


def crosses(profile: DisplayProfile) -> WaveField:
    """Make a wave field at the hologram plane with a grid of bright crosses on black."""
    picture = np.zeros(profile.shape, np.float32)
    arm = max(4, round(min(profile.shape) / 24))
    width = max(1, arm // 4)
    for y, x in cross_positions(profile).round().astype(int):
        picture[y - width : y + width + 1, x - arm : x + arm + 1] = 1
        picture[y - arm : y + arm + 1, x - width : x + width + 1] = 1
    colours = len(profile.wavelengths)
    return WaveField(np.repeat(picture[None].astype(np.complex64), colours, axis=0), profile)


def cross_positions(profile: DisplayProfile) -> Points:
    """Positions of the crosses, (n, 2) y and x, effective pixels, row by row."""
    (top, bottom), (left, right) = ((_MARGIN * (side - 1), (1 - _MARGIN) * (side - 1)) for side in profile.shape)
    ys, xs = np.linspace(top, bottom, ROWS).round(), np.linspace(left, right, COLUMNS).round()
    return np.stack(np.meshgrid(ys, xs, indexing="ij"), axis=-1).reshape(-1, 2)


def find_crosses(picture: NDArray[np.floating], name: str = "picture") -> Points:
    """Find the centres of the crosses in a camera's picture, (n, 2) y and x, camera pixels, row by row.

    Raises:
        RigError: there are fewer bright spots than crosses.
    """
    grey = picture if picture.ndim == 2 else picture.max(axis=2)
    light = cv2.GaussianBlur(np.asarray(grey, np.float32), (0, 0), 1.0)
    light = np.maximum(light - np.median(light), 0)
    levels = np.clip(light / max(float(light.max()), 1e-12) * 255, 0, 255).astype(np.uint8)
    _, mask = cv2.threshold(levels, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    count, _, statistics, _ = cv2.connectedComponentsWithStats(mask)
    wanted = ROWS * COLUMNS
    areas = statistics[1:, cv2.CC_STAT_AREA]
    largest = 1 + np.argsort(areas)[::-1][:wanted]
    if count - 1 < wanted or statistics[largest[-1], cv2.CC_STAT_AREA] < 0.2 * np.median(areas[largest - 1]):
        raise RigError(
            f"{count - 1} bright spots are seen, expected {wanted} crosses", where=name,
            remedy="focus the camera on the middle plane, and expose so that crosses are bright and nothing saturates",
        )  # fmt: skip
    centres = np.array([_centre(light, statistics[label]) for label in largest])
    rows = centres[np.argsort(centres[:, 0])].reshape(ROWS, COLUMNS, 2)
    return np.concatenate([row[np.argsort(row[:, 1])] for row in rows])


def register(seen: Sequence[Points], profile: DisplayProfile) -> tuple[Registration, ...]:
    """Fit each colour's offset and scale relative to the middle colour to the seen crosses.

    Raises:
        RigError: the crosses make no grid, or do not fit an offset and a scale.
    """
    reference = len(seen) // 2
    expected = cross_positions(profile)
    homography, _ = cv2.findHomography(seen[reference][:, ::-1], expected[:, ::-1], 0)
    if homography is None:
        raise RigError("the crosses do not make a grid", remedy="see that the camera stands upright")
    middle = (np.array(profile.shape) - 1) / 2
    found = []
    for number, points in enumerate(seen):
        if number == reference:
            found.append(Registration())
            continue
        flat = cv2.perspectiveTransform(points[None, :, ::-1].astype(np.float64), homography)[0, :, ::-1] - middle
        true = expected - middle
        zeros, ones = np.zeros(len(true)), np.ones(len(true))
        system = np.concatenate(
            [np.stack([true[:, 0], ones, zeros], axis=1), np.stack([true[:, 1], zeros, ones], axis=1)]
        )
        fitted = np.linalg.lstsq(system, flat.T.ravel(), rcond=None)[0]
        off = float(np.sqrt(np.mean((system @ fitted - flat.T.ravel()) ** 2)))
        scale, dy, dx = fitted
        if off > WORST_FIT:
            raise RigError(
                f"the crosses of colour {number} lie {off:.2f} px off an offset and a scale, at most {WORST_FIT:g} px "
                "is allowed",
                remedy="expose so that crosses stand out of the dark, and calibrate the amplitudes first",
            )
        found.append(Registration((float(dy), float(dx)), float(scale)))
    return tuple(found)


def _centre(light: NDArray[np.float32], statistics: NDArray[np.int32]) -> tuple[float, float]:
    """Centroid (y, x) of the light of one spot, pixels, including a border for its soft edge."""
    left, top, width, height = (int(value) for value in statistics[:4])
    part = (slice(max(0, top - 3), top + height + 3), slice(max(0, left - 3), left + width + 3))
    spot = light[part].astype(np.float64)
    ys, xs = np.mgrid[part[0].start : part[0].start + spot.shape[0], part[1].start : part[1].start + spot.shape[1]]
    return float((spot * ys).sum() / spot.sum()), float((spot * xs).sum() / spot.sum())
