"""`holodriver capture`: what a camera sees of a hologram, scored against its focal stack."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from holodriver.cli import console
from holodriver.cli.measuring import person_at_console
from holodriver.cli.options import SIMULATED, Arm, Exposure, Overwrite, Rig


def capture(
    source: Annotated[Path, typer.Argument(help="The hologram file with panel frames, or a folder of frames.")],
    stack: Annotated[Path, typer.Option("--stack", help="The focal stack (NAME.stack) to score against.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder for pictures and scores.")] = Path(
        "captured"
    ),
    camera: Annotated[
        str,
        typer.Option(
            help="The camera that looks: camera:NUMBER, camera:STREAM, 'simulated', or folder:PICTURES, whose pictures "
            "are taken plane by plane, each in red, green and blue."
        ),
    ] = SIMULATED,
    rig: Rig = SIMULATED,
    arm: Arm = False,
    power: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            help="The power of the strongest laser, mW. The other lasers balance it. By default it is 1.",
            show_default=False,
        ),
    ] = None,
    exposure: Exposure = None,
    planes: Annotated[
        int | None,
        typer.Option(
            min=1, help="The number of planes, evenly chosen. By default all are captured.", show_default=False
        ),
    ] = None,
    by_hand: Annotated[
        bool, typer.Option("--by-hand", help="Wait before each plane until a person has focused the camera.")
    ] = False,
    noise: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="The noise of the simulated camera. By default it is 0.01.", show_default=False
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="The seed of the noise. By default it is 0.", show_default=False),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Step a camera through focus while a hologram is shown, lay the pictures over its focal stack, and score them.

    On a real rig (--rig rig.toml --arm) the lasers are armed once, as in play, and are dark except while the camera
    looks. The simulated camera looks at the simulated panel, whose response is not linear: a hologram that was encoded
    without its calibration shows it.
    """
    from holodriver.tasks.capture import CaptureSettings
    from holodriver.tasks.capture import capture as capturing
    from holodriver.tasks.measuring import Place

    with console.reporting() as progress:
        made = capturing(
            source,
            stack,
            output,
            Place(rig, arm, power),
            CaptureSettings(camera, exposure, planes, noise, seed),
            focused=_wait_for_focus if by_hand else None,
            overwrite=overwrite,
            person=person_at_console(),
            progress=progress,
        )
    rows = [(f"{one.position:.4f}", f"{one.dioptres:.2f}", *_shown(one.scores)) for one in made.planes]
    rows.append(("mean", "", *_shown(made.means)))
    console.table(("plane", "dioptres", "PSNR dB", "SSIM", "PSNR sRGB dB", "SSIM sRGB"), rows, title=str(output))
    exposed = ", ".join(f"{value:.4g}" for value in made.exposures)
    console.say(f"fitted exposure {exposed} (a factor a colour, for all planes); correlation {made.correlation:.3f}")


def _wait_for_focus(dioptres: float, t: float) -> None:
    typer.prompt(
        f"Focus on {dioptres:.2f} dioptres (normalised depth {t:.4f}), then press Enter",
        default="",
        show_default=False,
        prompt_suffix=" ",
        err=True,
    )


def _shown(scores: Sequence[float]) -> tuple[str, str, str, str]:
    psnr, ssim, psnr_srgb, ssim_srgb = scores
    return f"{psnr:.2f}", f"{ssim:.3f}", f"{psnr_srgb:.2f}", f"{ssim_srgb:.3f}"
