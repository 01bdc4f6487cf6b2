"""Folder of networks that the program runs: three colours, float and int8, and a model card."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holodriver.dehnet.architecture import DEHNetShape, NetworkOptics
from holodriver.dehnet.training.export import float_file
from holodriver.dehnet.training.quantise import RECIPES, Quantised, quantise
from holodriver.errors import InputError
from holodriver.files.atomic import check_output_folder, written_folder
from holodriver.files.network import CARD, COLOURS, HOLDS, NetworkFile, network_path, write_network
from holodriver.files.stack import read_stack
from holodriver.files.weights import load_weights
from holodriver.optics.display import DisplayProfile
from holodriver.progress import Progress, silent
from holodriver.scene.stack import FocalStack

STAGE = "Making networks"


@dataclass(frozen=True)
class ColourReport:
    """Result for one colour."""

    name: str
    plain: NetworkFile
    made: Quantised

    def rows(self) -> list[tuple[str, ...]]:
        """Rows of a table, one for each recipe: colour, recipe, PSNR in float and int8, loss (dB), whether it was
        taken."""
        return [
            (
                self.name,
                trial.recipe.name,
                f"{self.made.float_psnr:.2f}",
                f"{trial.psnr:.2f}",
                f"{trial.lost:.3f}",
                "taken" if trial is self.made.taken else "",
            )
            for trial in self.made.trials
        ]


@dataclass(frozen=True)
class Shipped:
    """A written folder of networks."""

    colours: tuple[ColourReport, ...]
    size: int
    """Size of all files, bytes."""


def ship(
    weights: Sequence[Path],
    output: Path,
    calibrate: Sequence[Path],
    profile: DisplayProfile,
    *,
    at_most: int = 4,
    quick: bool = False,
    card: Path | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Shipped:
    """Make the folder of networks from trained weights.

    Args:
        weights: safetensors files of red, green and blue.
        output: the folder to write.
        calibrate: focal stacks, or folders that hold them.
        profile: display for which the networks were trained.
        at_most: largest number of stacks to use, the first by name.
        quick: try only one recipe.
        card: Markdown file whose text is added to the model card.
        overwrite: replace the folder.

    Raises:
        InputError: there are not three files, no stack, or weights for other optics than the profile's.
        OutputExistsError: the folder exists and `overwrite` is false.
    """
    if len(weights) != len(COLOURS):
        raise InputError(f"{len(weights)} files of weights given, expected {len(COLOURS)}: {', '.join(COLOURS)}")
    check_output_folder(output, overwrite=overwrite, holds=HOLDS)
    plain = [_checked(path, profile, colour) for colour, path in enumerate(weights)]
    words = "" if card is None else card.read_text(encoding="utf-8")
    stacks, names = _stacks(calibrate, at_most)
    reports = []
    for colour, file in enumerate(plain):
        progress(STAGE, colour, len(plain), COLOURS[colour])
        recipes = RECIPES[:1] if quick else RECIPES
        made = quantise(file, colour, stacks, profile, recipes=recipes, search=not quick, progress=progress)
        reports.append(ColourReport(COLOURS[colour], file, made))
    progress(STAGE, len(plain), len(plain))
    with written_folder(output, overwrite=overwrite, holds=HOLDS) as folder:
        for colour, report in enumerate(reports):
            write_network(network_path(folder, colour, quantised=False), report.plain)
            write_network(network_path(folder, colour, quantised=True), report.made.file)
        (folder / CARD).write_text(model_card(reports, names, words), encoding="utf-8")
    return Shipped(tuple(reports), sum(path.stat().st_size for path in output.iterdir()))


def _checked(path: Path, profile: DisplayProfile, colour: int) -> NetworkFile:
    """Float network file of trained weights, checked against one colour of the display."""
    try:
        file = float_file(load_weights(path))
        NetworkOptics(**file.optics).check_fits(profile, colour)
    except InputError as error:
        raise type(error)(f"{error.what} ({COLOURS[colour]})", where=path, remedy=error.remedy) from error
    except TypeError as error:
        raise InputError(f"metadata field 'optics' is wrong: {error}", where=path) from error
    return file


def _stacks(paths: Sequence[Path], at_most: int) -> tuple[list[FocalStack], list[str]]:
    """Exposed focal stacks at the given paths, and their names."""
    found = []
    for path in paths:
        within = sorted(path.glob("*.stack")) if path.is_dir() and path.suffix != ".stack" else [path]
        if not within:
            raise InputError("holds no folders NAME.stack", where=path)
        found += within
    found = found[:at_most]
    return [read_stack(path).exposed() for path in found], [path.name for path in found]


def model_card(reports: Sequence[ColourReport], stacks: Sequence[str], words: str) -> str:
    """Description of the networks in Markdown."""
    shape = DEHNetShape(**reports[0].plain.shape)
    skips = "a skip around every two" if shape.skips else "no skips"
    fold = f", on pixels folded {shape.fold} × {shape.fold}" if shape.fold > 1 else ""
    lines = [
        "# DEHNet: networks of three colours",
        "",
        "Each network turns √intensity and normalised depth of one colour into the field at the hologram plane, real",
        "and imaginary part. `NAME.onnx` computes in float32, `NAME_int8.onnx` in int8 where the table says so.",
        "",
        f"**Network.** {shape.convolutions} convolutions of 3 × 3, {shape.channels} channels, {skips}{fold}; "
        f"{shape.multiplications:,} multiplications a pixel and colour.",
        "",
        "**Optics it was trained for.** It fits no others, which the program checks.",
        "",
        "| colour | wavelength nm | pixel µm | depth span mm | offset mm | blur px |",
        "|---|---|---|---|---|---|",
    ]
    for report in reports:
        optics = NetworkOptics(**report.plain.optics)
        lines.append(
            f"| {report.name} | {optics.wavelength * 1e9:.0f} | {optics.pixel_pitch * 1e6:g} | "
            f"{optics.depth_span * 1e3:g} | {optics.depth_offset * 1e3:g} | {optics.coc_max:g} |"
        )
    lines += [
        "",
        f"**Rounding.** Ranges were found, and PSNR (mean over planes, one colour) measured, on {', '.join(stacks)}.",
        "",
        "| colour | rounded | float dB | int8 dB | lost dB |",
        "|---|---|---|---|---|",
    ]
    for report in reports:
        made = report.made
        lines.append(
            f"| {report.name} | {made.taken.recipe.name} | {made.float_psnr:.2f} | {made.taken.psnr:.2f} | "
            f"{made.taken.lost:.3f} |"
        )
    lines += ["", "**Training**, as the weights' own files say:", ""]
    lines += [f"- {report.name}: {_plain(report.plain.training)}" for report in reports]
    lines += ["", words.strip(), ""] if words.strip() else [""]
    return "\n".join(lines)


def _plain(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items()) or "nothing recorded"
