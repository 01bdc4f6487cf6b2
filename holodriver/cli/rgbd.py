"""`holodriver rgbd`: make RGB-D of photos and videos, for a Looking Glass or for holograms."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holodriver.cli import console, farming
from holodriver.cli.interrupt import stopping_on_interrupt
from holodriver.cli.options import Overwrite, parse_whole
from holodriver.depth.choices import Polarity as PolarityName
from holodriver.depth.choices import Precision as PrecisionName
from holodriver.depth.choices import Refiner as RefinerName
from holodriver.errors import InputError
from holodriver.files.measured_depth import Kind

if TYPE_CHECKING:
    from holodriver.depth.convert import Options, Source
    from holodriver.tasks.batches.rgbd import Networks

HINT = "in Looking Glass Studio: import as RGBD Photo/Video, depth position Right"

OutputDir = Annotated[
    Path | None, typer.Option("-o", "--output-dir", help="The folder for results. By default beside each input.")
]
Backend = Annotated[
    list[str] | None,
    typer.Option(
        "--backend",
        help="The network: dpt-large (default), dpt-hybrid-midas, a name on the Hugging Face hub, or a folder. Several "
        "make an ensemble.",
    ),
]
Polarity = Annotated[
    PolarityName | None,
    typer.Option(help="What the network gives: inverse depth or distance. The usual families are known."),
]
Sizes = Annotated[str, typer.Option(help="The long sides at which the network sees the picture, pixels.")]
Refiner = Annotated[RefinerName, typer.Option(help="How depth edges follow the picture; 'edges' is best.")]
Invert = Annotated[bool, typer.Option("--invert", help="Swap near and far.")]
Precision = Annotated[
    PrecisionName,
    typer.Option(help="The numbers that the network computes with on a GPU. A processor computes fp16 in fp32."),
]
Device = Annotated[str | None, typer.Option(help="The torch device. By default it is the best one there is.")]
Resume = Annotated[
    bool,
    typer.Option("--resume", help="Finish an unfinished video, and leave out what is there. Many inputs always do so."),
]


def rgbd(
    inputs: Annotated[
        list[Path] | None, typer.Argument(help="Photos, videos and folders of them. Without any, a file dialog opens.")
    ] = None,
    output_dir: OutputDir = None,
    backend: Backend = None,
    polarity: Polarity = None,
    tta: Annotated[bool, typer.Option("--tta", help="Look at the mirrored picture too, and average.")] = False,
    pyr: Sizes = "384,512,640",
    refiner: Refiner = "edges",
    refine_strength: Annotated[
        float, typer.Option(min=0, max=1, help="The share of refined depth in the result.")
    ] = 1.0,
    invert: Invert = False,
    depth: Annotated[
        Path | None,
        typer.Option("--depth", help="The measured depth of a photo (PNG in mm, OpenEXR or HEIC), which is completed."),
    ] = None,
    depth_kind: Annotated[Kind, typer.Option(help="What the values of the measured depth mean.")] = "auto",
    ignore_embedded: Annotated[
        bool, typer.Option("--ignore-embedded", help="Do not use depth that a phone stored in its photo.")
    ] = False,
    precision: Precision = "fp16",
    device: Device = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
) -> None:
    """Make RGB-D of photos and videos: NAME_depth.png (16 bits) and NAME_rgbd_lr.png or .mp4, near is white.

    'holodriver rgbd-video' has more options for videos. Many inputs take the options of batches, such as --jobs and
    --dry-run, which 'holodriver --help' explains.
    """
    from holodriver.depth.convert import Options, find_sources
    from holodriver.depth.photos import MeasuredSettings
    from holodriver.depth.pipeline import DepthSettings
    from holodriver.tasks.batches.rgbd import Networks

    settings = DepthSettings(parse_whole(pyr, ",", None, "--pyr"), tta, refiner, refine_strength, invert)
    measured = MeasuredSettings(depth, depth_kind, ignore_embedded)
    sources = find_sources(inputs or ask_for_files(), output_dir)
    if depth is not None and len(sources) != 1:
        raise InputError(f"--depth is the depth of one photo, and {len(sources)} inputs were named")
    networks = Networks.of(backend or (), device, precision, polarity)
    options = Options(depth=settings, measured=measured, resume=resume, overwrite=overwrite)
    converted(sources, networks, options, output_dir)


def converted(sources: "list[Source]", networks: "Networks", options: "Options", output: Path | None) -> None:
    """Convert one source here, or many as a batch, and print what was made."""
    if len(sources) > 1:
        _library(sources, networks, options, output or sources[0].folder)
        return
    with farming.alone("many photos and videos"):
        _one(sources[0], networks, options)


def _library(sources: "list[Source]", networks: "Networks", options: "Options", folder: Path) -> None:
    from holodriver.tasks.batches.rgbd import rgbd_batch

    batch = rgbd_batch(sources, networks, options, folder)
    if farming.chosen_farm().is_alone and not farming.dry_run():
        networks.load(console.warn)  # a network that cannot be loaded is one error, not one for each photo
    outcomes = farming.run_batch(batch)
    if outcomes is None:
        return
    made = farming.made_of(outcomes)
    for outcome in made:
        for path in outcome.unit.outputs:
            console.say(f"wrote {path}")
    if made:
        console.say(HINT)
    farming.judge(outcomes)


def _one(source: "Source", networks: "Networks", options: "Options") -> None:
    from holodriver.depth.convert import convert

    with console.reporting() as progress, stopping_on_interrupt() as cancelled:
        estimators = networks.load(console.warn)
        made = convert(source, estimators, options, progress=progress, warn=console.warn, cancelled=cancelled)
        stopped = cancelled()
    if made.skipped:
        console.say(f"left out {source.path}: it was done before")
    else:
        for path in made.written:
            console.name(path)
            console.say(f"wrote {path}{f' ({made.note})' if made.note else ''}")
        if made.written:
            console.say(HINT)
    if stopped:
        raise KeyboardInterrupt


def ask_for_files() -> list[Path]:
    """Let the user pick files in a dialog.

    Raises:
        InputError: there is no display for a dialog, or nothing was picked.
    """
    from holodriver.files.photos import SUFFIXES as PHOTOS
    from holodriver.files.video.video import SUFFIXES as VIDEOS

    nothing = InputError("no input was named", remedy="name photos, videos or folders of them")
    try:
        import tkinter
        from tkinter import filedialog

        root = tkinter.Tk()
    except Exception as error:  # no tkinter, or tkinter.TclError where there is no display
        raise nothing from error
    root.withdraw()
    patterns = " ".join(f"*{suffix}" for suffix in (*PHOTOS, *VIDEOS))
    picked = filedialog.askopenfilenames(title="Photos and videos", filetypes=[("Photos and videos", patterns)])
    root.destroy()
    if not picked:
        raise nothing
    return [Path(name) for name in picked]
