"""Capture what a camera sees of a hologram, plane by plane, and score it against the focal stack."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

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
from holodriver.scores.psnr_ssim import StackScores
from holodriver.tasks.measuring import SIMULATED, Place

NAME = "focus_{:.4f}.png"
SCORES = "scores.json"
HOLDS = ("focus_*.png", SCORES)

FIGURES = ("psnr", "ssim", "psnr_srgb", "ssim_srgb")
"""Names of the scores of a plane: PSNR (dB) and SSIM, on linear and on sRGB-encoded values."""

NOISE = 0.01
"""Default noise of the simulated camera, share of a reading."""

Focused = Callable[[float, float], None]
"""Called with the dioptres and the normalised depth of the next plane; returns once a person has focused the camera."""


@dataclass(frozen=True)
class Captured:
    """The captured planes, and how well they fit the focal stack."""

    positions: list[float]
    """Normalised depth of each plane."""
    dioptres: list[float]
    """Depth of each plane, dioptres."""
    measured: Measured
    scores: StackScores


def capture(
    source: Path,
    stack: Path,
    output: Path,
    place: Place,
    *,
    camera: str = SIMULATED,
    exposure: float | None = None,
    planes: int | None = None,
    noise: float | None = None,
    seed: int | None = None,
    focused: Focused | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Captured:
    """Step a camera through focus while a hologram is shown, lay the pictures over its focal stack, and score them.

    Args:
        source: hologram file with panel frames, or folder of frames.
        stack: focal stack to score against.
        output: folder for pictures and scores.
        place: the rig or the simulated lab; the power is that of the strongest laser.
        camera: name of the camera, see `holodriver.rig.measure.instruments`.
        exposure: exposure of a real camera, in the unit of its driver.
        planes: number of planes, evenly chosen; all if None.
        noise: noise of the simulated camera, share of a reading; `NOISE` if None.
        seed: seed of that noise; 0 if None.
        focused: called before each plane, for cameras that a person focuses.
        overwrite: whether an earlier capture is replaced.
        progress: told which plane is captured.

    Raises:
        OutputExistsError: the folder exists and `overwrite` is false.
        InputError: hologram, stack and options do not fit together, or the rig is not armed.
        RigError: the camera or the rig failed, or picture and rendered image do not fit each other.
    """
    real = place.real_rig()
    check_sight(camera, simulated=real is None)
    given = [name for name, value in (("--noise", noise), ("--seed", seed)) if value is not None]
    if given and real is not None:
        raise InputError("applies to the simulated camera only", where=given[0], remedy="leave it out")
    check_output_folder(output, overwrite=overwrite, holds=HOLDS)
    frames, powers = _shown(real, source, place)
    target, profile = read_stack(stack).exposed(), frames.profile
    if target.shape != profile.shape:
        raise InputError(
            f"has {target.shape[1]} × {target.shape[0]} pixels, the hologram {profile.width} × {profile.height}",
            where=stack,
        )
    count = target.planes if planes is None else min(planes, target.planes)
    chosen = np.unique(np.linspace(0, target.planes - 1, count).round().astype(int))
    positions = target.positions[chosen].tolist()
    lab = SimulatedLab(profile, LabSettings(noise=NOISE if noise is None else noise, seed=seed or 0))
    asked = None if focused is None else lambda t: focused(profile.dioptres(t), t)
    # the camera first: a missing one is found while nothing is armed
    opened = open_camera(camera, None if real else lab, exposure=exposure, warn=place.heard.warn)
    with opened as device, place.stage(real, lab, powers, calibrated=True) as stage:
        pictures = take(stage, device, frames, positions, focused=asked, progress=progress)
    result = measured(pictures, target.images[chosen], coc_max=target.coc_max)
    made = Captured(positions, [profile.dioptres(t) for t in positions], result, result.scores(target.coc_max))
    _write(output, device.name, made, overwrite=overwrite)
    return made


def _shown(real: Rig | None, source: Path, place: Place) -> tuple[PanelFrames, Power | None]:
    """The frames to show, and the power of a rig's lasers, which a person has ordered."""
    if real is None:
        return read_panel_frames(source), None
    calibration = rig_calibration(real)
    frames = frames_for(real, source, calibration, place.heard)
    powers = balanced_power(real, frames.gains, calibration, 1e-3 if place.power_w is None else place.power_w)
    check_arming(real, powers, place.heard, arm=place.arm)
    return frames, powers


def _write(output: Path, camera: str, made: Captured, *, overwrite: bool) -> None:
    result, scores = made.measured, made.scores
    figures = {
        "camera": camera,
        "positions": made.positions,
        "exposures": list(result.exposures),
        "correlation": result.correlation,
        "homography": result.homography.tolist(),
        "seen": list(result.seen),
        "mean": scores.means(),
        **{name: list(getattr(scores, name)) for name in FIGURES},
    }
    with written_folder(output, overwrite=overwrite, holds=HOLDS) as folder:
        for t, picture in zip(made.positions, result.images, strict=True):
            write_picture(folder / NAME.format(t), picture)
        (folder / SCORES).write_text(json.dumps(figures, indent=1), encoding="utf-8")
