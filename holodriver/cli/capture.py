"""`holodriver capture`: capture what a camera sees of a hologram, and score it against its focal stack."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from holodriver.cli import console
from holodriver.cli.measuring import place_at_console
from holodriver.cli.options import SIMULATED, Arm, Exposure, Overwrite, Rig


def capture(
    source: Annotated[Path, typer.Argument(help="The hologram file with panel frames, or a folder of frames.")],
    stack: Annotated[Path, typer.Option("--stack", help="The focal stack (NAME.stack) to score against.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder for pictures and scores.")] = Path(
        "captured"
    ),
    camera: Annotated[
        str, typer.Option(help="The camera that looks: camera:NUMBER, camera:STREAM, 'simulated', or folder:PICTURES.")
    ] = SIMULATED,
    rig: Rig = SIMULATED,
    arm: Arm = False,
    power: Annotated[
        float | None,
        typer.Option(
            min=0.001, help="The power of the strongest laser, mW. The others balance it. By default it is 1."
        ),
    ] = None,
    exposure: Exposure = None,
    planes: Annotated[int | None, typer.Option(min=1, help="How many planes are captured. By default all.")] = None,
    by_hand: Annotated[bool, typer.Option("--by-hand", help="Wait until a person focuses the camera.")] = False,
    noise: Annotated[
        float | None, typer.Option(min=0, max=1, help="The noise of the simulated camera. By default it is 0.01.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="The seed of the noise. By default it is 0.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Step a camera through focus while a hologram is shown, lay the pictures over its focal stack, and score them.

    The pictures of a folder are taken plane by plane, each in red, green and blue. On a real rig (--rig rig.toml --arm)
    the lasers are armed once, as in play, and are dark except while the camera looks. The simulated camera looks at the
    simulated panel, whose response is not linear: a hologram that was encoded without its calibration shows it.
    """
    from holodriver.tasks import capture as task

    with console.reporting() as progress:
        made = task.capture(
            source,
            stack,
            output,
            place_at_console(rig, arm, power),
            camera=camera,
            exposure=exposure,
            planes=planes,
            noise=noise,
            seed=seed,
            focused=_wait_for_focus if by_hand else None,
            overwrite=overwrite,
            progress=progress,
        )
    each = zip(*(getattr(made.scores, name) for name in task.FIGURES), strict=True)
    rows = [
        (f"{t:.4f}", f"{dioptres:.2f}", *_shown(scores))
        for t, dioptres, scores in zip(made.positions, made.dioptres, each, strict=True)
    ]
    rows.append(("mean", "", *_shown(list(made.scores.means().values()))))
    console.table(("plane", "dioptres", "PSNR dB", "SSIM", "PSNR sRGB dB", "SSIM sRGB"), rows, title=str(output))
    exposed = ", ".join(f"{value:.4g}" for value in made.measured.exposures)
    correlation = f"correlation {made.measured.correlation:.3f}"
    console.say(f"fitted exposure {exposed} (a factor for each colour, for all planes); {correlation}")


def _wait_for_focus(dioptres: float, t: float) -> None:
    text = f"Focus on {dioptres:.2f} dioptres (normalised depth {t:.4f}), then press Enter"
    typer.prompt(text, default="", show_default=False, prompt_suffix=" ", err=True)


def _shown(scores: Sequence[float]) -> tuple[str, str, str, str]:
    psnr, ssim, psnr_srgb, ssim_srgb = scores
    return f"{psnr:.2f}", f"{ssim:.3f}", f"{psnr_srgb:.2f}", f"{ssim_srgb:.3f}"
