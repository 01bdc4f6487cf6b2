"""What a camera sees of a hologram, plane by plane, scored against its focal stack."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import InputError
from holodriver.files.atomic import check_output_folder, written_folder
from holodriver.files.frames import read_panel_frames
from holodriver.files.images import write_picture
from holodriver.files.stack import read_stack
from holodriver.panel.frames import PanelFrames
from holodriver.progress import Progress, silent
from holodriver.rig.lasers.power import Power, balanced_power
from holodriver.rig.measure.capture import Measured, measured, take
from holodriver.rig.measure.instruments import check_sight, open_camera
from holodriver.rig.measure.rig_stage import check_arming
from holodriver.rig.measure.simulated_lab import LabSettings, SimulatedLab
from holodriver.rig.play.fit import frames_for, rig_calibration
from holodriver.rig.settings import Rig
from holodriver.scene.stack import FocalStack
from holodriver.scores.psnr_ssim import StackScores
from holodriver.tasks.measuring import SIMULATED, Person, Place, check_simulated, stage_on

NAME = "focus_{:.4f}.png"
SCORES = "scores.json"
HOLDS = ("focus_*.png", SCORES)

FIGURES = ("psnr", "ssim", "psnr_srgb", "ssim_srgb")
"""Names of the scores, in the order of `Plane.scores`."""

NOISE = 0.01
"""Noise of the simulated camera unless somebody says another, share of a reading."""

Focused = Callable[[float, float], None]
"""Told the dioptres and the normalised depth of the next plane; returns once a person has focused the camera."""


@dataclass(frozen=True)
class CaptureSettings:
    """What looks at the hologram, and at which planes."""

    camera: str = SIMULATED
    """Camera as the command line names it, see `holodriver.rig.measure.instruments`."""
    exposure: float | None = None
    """Exposure of a real camera, in the unit of its driver."""
    planes: int | None = None
    """Number of planes, evenly chosen; all if None."""
    noise: float | None = None
    """Noise of the simulated camera, share of a reading; `NOISE` if None."""
    seed: int | None = None
    """Seed of that noise; 0 if None."""


@dataclass(frozen=True)
class Plane:
    """One plane that was captured."""

    position: float
    """Normalised depth."""
    dioptres: float
    scores: tuple[float, ...]
    """PSNR (dB), SSIM, and both on sRGB-encoded values."""


@dataclass(frozen=True)
class Captured:
    """What was captured, and how well it fits the focal stack."""

    planes: tuple[Plane, ...]
    means: tuple[float, ...]
    """Mean scores over all planes, in the order of `Plane.scores`."""
    exposures: tuple[float, ...]
    """Fitted exposure of each colour, for all planes."""
    correlation: float
    """Correlation of the captured pictures with the rendered ones once they lie over each other."""


def capture(
    source: Path,
    stack: Path,
    output: Path,
    place: Place,
    settings: CaptureSettings,
    *,
    focused: Focused | None = None,
    overwrite: bool = False,
    person: Person | None = None,
    progress: Progress = silent,
) -> Captured:
    """Step a camera through focus while a hologram is shown, lay the pictures over its focal stack, and score them.

    Args:
        source: hologram file with panel frames, or folder of frames.
        stack: focal stack to score against.
        output: folder for pictures and scores.
        place: rig or simulated lab; its power is that of the strongest laser.
        settings: camera and planes.
        focused: called before each plane for cameras that a person focuses.
        overwrite: replace an earlier capture.
        person: who is told of the rig, and may order light again.
        progress: told of the planes.

    Raises:
        OutputExistsError: the folder exists and `overwrite` is false.
        InputError: hologram, stack and options do not fit together, or the rig is not armed.
        RigError: the camera or the rig failed, or picture and rendered image do not fit each other.
    """
    person = Person() if person is None else person
    real = place.real_rig()
    check_sight(settings.camera, simulated=real is None)
    check_simulated(real is None, {"--noise": settings.noise, "--seed": settings.seed})
    check_output_folder(output, overwrite=overwrite, holds=HOLDS)
    frames, powers = _shown(real, source, place, person)
    target, profile = read_stack(stack).exposed(), frames.profile
    if target.shape != profile.shape:
        raise InputError(
            f"has {target.shape[1]} × {target.shape[0]} pixels, the hologram {profile.width} × {profile.height}",
            where=stack,
        )
    chosen = _chosen(target, settings.planes)
    positions = target.positions[chosen].tolist()
    noise = NOISE if settings.noise is None else settings.noise
    lab = SimulatedLab(profile, LabSettings(noise=noise, seed=settings.seed or 0))
    asked = None if focused is None else lambda t: focused(profile.dioptres(t), t)
    # the camera first: one that is not there is found while nothing is armed
    opened = open_camera(settings.camera, None if real else lab, exposure=settings.exposure, warn=person.heard.warn)
    with opened as camera, stage_on(real, lab, powers, person, calibrated=True) as stage:
        pictures = take(stage, camera, frames, positions, focused=asked, progress=progress)
    result = measured(pictures, target.images[chosen], coc_max=target.coc_max)
    scores = result.scores(target.coc_max)
    _write(output, camera.name, positions, result, scores, overwrite=overwrite)
    each = zip(*(getattr(scores, name) for name in FIGURES), strict=True)
    planes = [Plane(t, profile.dioptres(t), values) for t, values in zip(positions, each, strict=True)]
    return Captured(tuple(planes), tuple(scores.means().values()), tuple(result.exposures), result.correlation)


def _shown(real: Rig | None, source: Path, place: Place, person: Person) -> tuple[PanelFrames, Power | None]:
    """The frames to show, and the power of a rig's lasers, which a person has ordered."""
    if real is None:
        return read_panel_frames(source), None
    calibration = rig_calibration(real)
    frames = frames_for(real, source, calibration, person.heard)
    powers = balanced_power(real, frames.gains, calibration, 1e-3 if place.power_w is None else place.power_w)
    check_arming(real, powers, person.heard, arm=place.arm)
    return frames, powers


def _chosen(target: FocalStack, planes: int | None) -> NDArray[np.intp]:
    """Indices of so many planes, evenly chosen."""
    count = target.planes if planes is None else min(planes, target.planes)
    return np.unique(np.linspace(0, target.planes - 1, count).round().astype(int))


def _write(
    output: Path, camera: str, positions: list[float], result: Measured, scores: StackScores, *, overwrite: bool
) -> None:
    figures = {
        "camera": camera,
        "positions": positions,
        "exposures": list(result.exposures),
        "correlation": result.correlation,
        "homography": result.homography.tolist(),
        "seen": list(result.seen),
        "mean": scores.means(),
        **{name: list(getattr(scores, name)) for name in FIGURES},
    }
    with written_folder(output, overwrite=overwrite, holds=HOLDS) as folder:
        for t, picture in zip(positions, result.images, strict=True):
            write_picture(folder / NAME.format(t), picture)
        (folder / SCORES).write_text(json.dumps(figures, indent=1), encoding="utf-8")
