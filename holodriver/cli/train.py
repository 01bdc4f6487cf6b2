"""`holodriver train`: train a DEHNet for one colour of a display, and make the focal stacks that it learns from."""

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holodriver.cli import console, farming
from holodriver.cli.options import Device, Overwrite, Profile, display_profile
from holodriver.dehnet.training.recipe import RECIPES
from holodriver.dehnet.training.recipe import Name as RecipeName
from holodriver.errors import InputError

if TYPE_CHECKING:
    from holodriver.dehnet.architecture import DEHNetShape

train = typer.Typer(help="Train a DEHNet for one colour of a display.", no_args_is_help=True, add_completion=False)

POOL = Path("training.pool")


@train.command()
def pool(
    folder: Annotated[Path, typer.Argument(help="The folder of the pool.")] = POOL,
    records: Annotated[
        int | None, typer.Option(min=16, help="The number of stacks that a new pool has room for. By default 4000.")
    ] = None,
    size: Annotated[int | None, typer.Option(min=32, help="The side of each stack, pixels. By default 128.")] = None,
    rendered: Annotated[
        list[Path] | None,
        typer.Option(
            "--rendered",
            help="A folder of rendered stacks (holodriver render dataset) to take crops of. It may be repeated.",
        ),
    ] = None,
    crops: Annotated[int, typer.Option(min=1, help="The number of crops of each rendered stack.")] = 16,
    workers: Annotated[int, typer.Option(min=0, help="How many processes fill the pool now.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="The seed of the places of the crops.")] = 0,
    profile: Profile = None,
) -> None:
    """Make a pool of focal stacks to learn from, or add to one that is there.

    --dry-run only says what the pool holds and what it needs.
    """
    from holodriver.tasks.train import make_pool

    with console.reporting() as progress:
        make_pool(
            folder,
            display_profile(profile),
            records=records,
            size=size,
            rendered=rendered or (),
            crops=crops,
            seed=seed,
            workers=workers,
            dry_run=farming.dry_run(),
            progress=progress,
            say=console.say,
        )


@train.command()
def network(
    output: Annotated[Path, typer.Argument(help="The weights to write (NAME.safetensors).")],
    colour: Annotated[int, typer.Option(min=0, help="The display's colour: 0 is red, 1 green and 2 blue.")] = 1,
    pool: Annotated[Path, typer.Option(help="The folder of the pool. A missing pool is made.")] = POOL,
    workers: Annotated[int, typer.Option(min=0, help="How many processes fill the pool meanwhile.")] = 1,
    recipe: Annotated[
        RecipeName,
        typer.Option(
            help="'paper' is Adam at 5e-4, 64 samples a step, with batch normalisation, fused and then trained again. "
            "'quick' is Muon, for a processor."
        ),
    ] = "paper",
    steps: Annotated[
        int | None, typer.Option(min=1, help="The largest number of steps of each stage. By default the recipe's.")
    ] = None,
    minutes: Annotated[float | None, typer.Option(min=0, help="The time after which training stops, minutes.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="The learning rate. By default the recipe's.")] = None,
    rounded_steps: Annotated[
        int | None, typer.Option(min=0, help="Steps of a last, int8-rounded stage. By default the recipe's.")
    ] = None,
    batch: Annotated[
        int | None, typer.Option(min=1, help="How many samples at a time. By default the recipe's.")
    ] = None,
    shape: Annotated[
        str,
        typer.Option(
            metavar="CHANNELSxCONVOLUTIONS",
            help="The size of the network. With 32x8/2, squares of 2 × 2 pixels are also folded into channels.",
        ),
    ] = "12x34",
    start: Annotated[
        Path | None, typer.Option(help="Weights to start from, which leaves one stage of training.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The seed of the first weights and of the order of samples.")] = 0,
    device: Device = "cpu",
    profile: Profile = None,
    overwrite: Overwrite = False,
) -> None:
    """Train a DEHNet for one colour; after a stop, the same command goes on from the last checkpoint.

    The checkpoint and the curve (CSV) lie beside the weights. --dry-run only says what the pool holds and needs. On
    several GPUs: torchrun --nproc-per-node N -m holodriver train network …
    """
    from holodriver.tasks.train import TrainSettings
    from holodriver.tasks.train import train as training

    given = {"steps": steps, "learning_rate": learning_rate, "batch": batch, "rounded_steps": rounded_steps}
    changed = {name: value for name, value in given.items() if value is not None}
    chosen = replace(RECIPES[recipe], **changed)  # type: ignore[arg-type]  # each is of its field's type
    settings = TrainSettings(colour, pool, workers, chosen, _shape(shape), minutes, start, seed, device)
    with console.reporting() as progress:
        made = training(
            output,
            settings,
            display_profile(profile),
            dry_run=farming.dry_run(),
            overwrite=overwrite,
            progress=progress,
            say=console.say,
        )
    if made is not None:
        console.name(output)
        console.say(f"wrote {output}: {made[0]} steps, validation loss {made[1]:.4g}")


def _shape(text: str) -> "DEHNetShape":
    from holodriver.dehnet.architecture import DEHNetShape

    found = re.fullmatch(r"(\d{1,5})[x×](\d{1,5})(?:/(\d))?", text)
    if not found:
        raise InputError(f"is {text!r}, expected channels and convolutions such as 12x34 or 32x8/2", where="--shape")
    channels, convolutions, fold = found.groups()
    return DEHNetShape(int(channels), int(convolutions), fold=int(fold or 1))
