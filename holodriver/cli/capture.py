"""`holodriver capture`: what a camera sees of a hologram, scored against its focal stack."""

import json
from pathlib import Path
from typing import Annotated

import typer

from holodriver.cli import console
from holodriver.cli.measuring import SIMULATED, Arm, check_simulated, heard_on_console, rig_named, stage_on
from holodriver.cli.options import Overwrite
from holodriver.errors import InputError

NAME = "focus_{:.4f}.png"
SCORES = "scores.json"
HOLDS = ("focus_*.png", SCORES)


def capture(
    source: Annotated[Path, typer.Argument(help="Hologram file with panel frames, or folder of frames.")],
    stack: Annotated[Path, typer.Option("--stack", help="Focal stack (X.stack) to score against.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for pictures and scores.")] = Path("captured"),
    camera: Annotated[
        str,
        typer.Option(
            help="camera:NUMBER or STREAM, folder:PICTURES, taken plane by plane, each red, green, blue, or simulated."
        ),
    ] = SIMULATED,
    rig: Annotated[str, typer.Option(help="What shows the hologram: a rig file, or simulated.")] = SIMULATED,
    arm: Arm = False,
    power: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            help="Power of the strongest laser, mW; the others balance it. 1 if left out.",
            show_default=False,
        ),
    ] = None,
    exposure: Annotated[float | None, typer.Option(help="The camera's exposure, in its driver's unit.")] = None,
    planes: Annotated[
        int | None, typer.Option(min=1, help="Planes, evenly chosen; all if left out.", show_default=False)
    ] = None,
    by_hand: Annotated[
        bool, typer.Option("--by-hand", help="Wait before each plane until a person has focused the camera.")
    ] = False,
    noise: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Noise of the simulated camera; 0.01 if left out.", show_default=False),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of that noise; 0 if left out.", show_default=False)] = None,
    overwrite: Overwrite = False,
) -> None:
    """Step a camera through focus while a hologram is shown, lay the pictures over its focal stack, and score them.

    On a real rig (`--rig rig.toml --arm`) the lasers are armed once, as in `play`, and are dark but while the camera
    looks. The simulated camera looks at the simulated panel, whose response is not linear: a hologram that was encoded
    without its calibration shows it.
    """
    import numpy as np

    from holodriver.files.atomic import check_output_folder, written_folder
    from holodriver.files.frames import read_panel_frames
    from holodriver.files.images import write_picture
    from holodriver.files.stack import read_stack
    from holodriver.progress import silent
    from holodriver.rig.lasers.power import balanced_power
    from holodriver.rig.measure.capture import measured, take
    from holodriver.rig.measure.instruments import check_sight, open_camera
    from holodriver.rig.measure.rig_stage import check_arming
    from holodriver.rig.measure.simulated_lab import LabSettings, SimulatedLab
    from holodriver.rig.play.session import frames_for, rig_calibration

    real = rig_named(rig, arm=arm, power=power)
    check_sight(camera, simulated=real is None)
    check_simulated(real is None, {"--noise": noise, "--seed": seed})
    check_output_folder(output, overwrite=overwrite, holds=HOLDS)
    powers = None
    if real is None:
        frames = read_panel_frames(source)
    else:
        calibration = rig_calibration(real)
        frames = frames_for(real, source, calibration, heard_on_console(silent))
        powers = balanced_power(real, frames.gains, calibration, (1.0 if power is None else power) * 1e-3)
        check_arming(real, powers, heard_on_console(silent), arm=arm)
    target, profile = read_stack(stack).exposed(), frames.profile
    if target.shape != profile.shape:
        raise InputError(
            f"has {target.shape[1]} × {target.shape[0]} pixels, the hologram {profile.width} × {profile.height}",
            where=stack,
        )
    count = target.planes if planes is None else min(planes, target.planes)
    chosen = np.unique(np.linspace(0, target.planes - 1, count).round().astype(int))
    positions = target.positions[chosen].tolist()

    def focused(t: float) -> None:
        typer.prompt(
            f"Focus on {profile.dioptres(t):.2f} dioptres (normalised depth {t:.4f}), then press Enter",
            default="", show_default=False, prompt_suffix=" ", err=True,
        )  # fmt: skip

    lab = SimulatedLab(profile, LabSettings(noise=0.01 if noise is None else noise, seed=seed or 0))
    # the camera first: one that is not there is found while nothing is armed
    with (
        open_camera(camera, None if real else lab, exposure=exposure, warn=console.warn) as device,
        stage_on(real, lab, powers, calibrated=True) as shown,
        console.reporting() as progress,
    ):
        pictures = take(shown, device, frames, positions, focused=focused if by_hand else None, progress=progress)
    result = measured(pictures, target.images[chosen], coc_max=target.coc_max)
    scores = result.scores(target.coc_max)
    figures = {
        "camera": device.name,
        "positions": positions,
        "exposures": list(result.exposures),
        "correlation": result.correlation,
        "homography": result.homography.tolist(),
        "seen": list(result.seen),
        "mean": scores.means(),
        **{name: list(getattr(scores, name)) for name in ("psnr", "ssim", "psnr_srgb", "ssim_srgb")},
    }
    with written_folder(output, overwrite=overwrite, holds=HOLDS) as folder:
        for t, picture in zip(positions, result.images, strict=True):
            write_picture(folder / NAME.format(t), picture)
        (folder / SCORES).write_text(json.dumps(figures, indent=1), encoding="utf-8")
    rows = [
        (f"{t:.4f}", f"{profile.dioptres(t):.2f}", *_shown(values))
        for t, *values in zip(positions, scores.psnr, scores.ssim, scores.psnr_srgb, scores.ssim_srgb, strict=True)
    ]
    rows.append(("mean", "", *_shown([*scores.means().values()])))
    console.table(("plane", "dioptres", "PSNR dB", "SSIM", "PSNR sRGB dB", "SSIM sRGB"), rows, title=str(output))
    exposed = ", ".join(f"{value:.4g}" for value in result.exposures)
    console.say(f"fitted exposure {exposed} (a factor a colour, for all planes); correlation {result.correlation:.3f}")


def _shown(values: list[float]) -> tuple[str, str, str, str]:
    psnr, ssim, psnr_srgb, ssim_srgb = values
    return f"{psnr:.2f}", f"{ssim:.3f}", f"{psnr_srgb:.2f}", f"{ssim_srgb:.3f}"
