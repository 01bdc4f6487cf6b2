"""`holodriver synth`: the hologram of a focal stack."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from holodriver.cli import console
from holodriver.cli.options import Overwrite, Profile, display_profile


class Method(StrEnum):
    """How the wave field is found."""

    opt = "opt"
    ncgh = "ncgh"
    flat = "flat"


def synth(
    stack: Annotated[Path, typer.Argument(help="Focal stack (a folder NAME.stack).")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Hologram to write (NAME.holo).")],
    method: Annotated[
        Method, typer.Option(help="opt: diffraction-engineered hologram by optimisation; ncgh, flat: baselines.")
    ] = Method.opt,
    iterations: Annotated[int, typer.Option(min=1, help="Most steps of the optimiser for each colour.")] = 500,
    tolerance: Annotated[
        float, typer.Option(min=0, help="Relative change of the loss over five steps that counts as converged.")
    ] = 1e-5,
    beta: Annotated[
        float | None, typer.Option(min=0, help="Weight of the all-in-focus term; planes − 1 if left out.")
    ] = None,
    gamma: Annotated[float | None, typer.Option(help="Its depth attention; 2·(planes − 1) if left out.")] = None,
    within_slit: Annotated[
        bool, typer.Option("--within-slit", help="Keep the field inside the passband of the display's slit.")
    ] = False,
    padding: Annotated[int, typer.Option(min=0, help="Dark pixels on every side, so that light may leave.")] = 0,
    device: Annotated[str, typer.Option(help="torch device, such as cpu or cuda.")] = "cpu",
    profile: Profile = None,
    overwrite: Overwrite = False,
) -> None:
    """Compute the hologram of a focal stack, and score it against the stack."""
    import time

    from holodriver.files.atomic import check_output
    from holodriver.files.hologram import Hologram, write_hologram
    from holodriver.files.stack import read_stack
    from holodriver.quality.scores import HEADINGS, score_field, table_rows
    from holodriver.synthesis.baselines import flat_phase, ncgh
    from holodriver.synthesis.optimise import synthesise

    check_output(output, overwrite=overwrite)
    target = read_stack(stack).exposed()
    for warning in target.warnings():
        console.warn(f"{stack}: {warning}")
    display = display_profile(profile).resized(target.shape[1], target.shape[0])
    settings: dict[str, object] = {"method": method.value}
    start = time.perf_counter()
    with console.reporting() as progress:
        if method is Method.opt:
            result = synthesise(
                target,
                display,
                beta=beta,
                gamma=gamma,
                iterations=iterations,
                tolerance=tolerance,
                within_slit=within_slit,
                padding=padding,
                device=device,
                progress=progress,
            )
            field = result.field
            settings |= {
                "beta": beta,
                "gamma": gamma,
                "iterations": [len(history) - 1 for history in result.history],
                "stopped": list(result.reasons),
                "loss": result.loss,
                "within_slit": within_slit,
                "padding": padding,
            }
        elif method is Method.ncgh:
            field = ncgh(target, display, progress=progress)
        else:
            field = flat_phase(target, display)
    scores = score_field(method.value, field, target, seconds=time.perf_counter() - start, padding=padding)
    provenance = {"stack": stack.name, "settings": settings, "scores": scores.as_dict()}
    write_hologram(output, Hologram(field, provenance=provenance), overwrite=overwrite)
    console.table(HEADINGS, table_rows([scores]))
    console.say(f"wrote {output}")
