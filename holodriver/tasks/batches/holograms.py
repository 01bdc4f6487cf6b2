"""Holograms of a folder of focal stacks: each hologram is a unit."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from holodriver.errors import HolodriverError
from holodriver.farm.unit import Batch, Needs, Outcome, Surroundings, Unit
from holodriver.files.manifest import StackManifest
from holodriver.optics.display import DisplayProfile
from holodriver.scores.psnr_ssim import StackScores
from holodriver.tasks.batches.needs import PROCESS, READ_A_PIXEL, hologram_needs
from holodriver.tasks.hologram import SynthSettings, compute, holograms_of_folder

SYNTH = "synth"
"""Kind of the batch, as its manifest records it."""

_NOT_OF_THE_RESULT = ("memory", "device")
"""Settings that do not change a hologram."""


def holograms_batch(
    source: Path, output: Path, profile: DisplayProfile, settings: SynthSettings, *, overwrite: bool = False
) -> Batch:
    """Batch that computes one hologram ``NAME.holo`` in `output` for each ``NAME.stack`` in `source`.

    Raises:
        FileFormatError: `source` contains no focal stack.
        InputError: `output` cannot be a folder.
    """
    made = {stack.absolute(): made.absolute() for stack, made in holograms_of_folder(source, output).items()}
    values = {name: value for name, value in asdict(settings).items() if name not in _NOT_OF_THE_RESULT}
    return Batch(
        kind=SYNTH,
        folder=output,
        settings=values | {"profile": profile.as_dict()},
        units=tuple(
            Unit(
                name=hologram.name,
                work=synth_unit,
                arguments=(stack, hologram, profile, settings),
                outputs=(hologram,),
                sources=(stack,),
                needs=_needs(stack, profile, settings),
            )
            for stack, hologram in made.items()
        ),
        overwrite=overwrite,
        stage="Computing holograms",
    )


def synth_unit(
    source: Path, output: Path, profile: DisplayProfile, settings: SynthSettings, surroundings: Surroundings
) -> dict[str, Any]:
    """Compute one hologram and return its scores for the manifest."""
    if settings.memory is None and surroundings.memory is not None:
        manifest = StackManifest.read(source)
        held = PROCESS + manifest.width * manifest.height * READ_A_PIXEL * (manifest.planes + 1)
        settings = replace(settings, memory=max(0.0, surroundings.memory - held))
    progress, warn = surroundings.progress, surroundings.warn
    scores = compute(source, output, profile, settings, overwrite=True, progress=progress, warn=warn)
    return {"scores": None if scores is None else scores.as_dict()}


def scores_of(outcomes: Sequence[Outcome]) -> list[tuple[str, StackScores]]:
    """Names and scores of all holograms whose scores are known, earlier runs included."""
    found = []
    for outcome in outcomes:
        scores = (outcome.report or {}).get("scores")
        if scores is not None:
            found.append((outcome.unit.name, StackScores.from_dict(scores)))
    return found


def _needs(source: Path, profile: DisplayProfile, settings: SynthSettings) -> Needs:
    try:
        manifest = StackManifest.read(source)
    except HolodriverError:
        return Needs()  # the unit itself will report the error
    padding = 2 * settings.padding
    pixels = (manifest.width + padding) * (manifest.height + padding)
    return hologram_needs(pixels, manifest.planes, len(profile.wavelengths))
