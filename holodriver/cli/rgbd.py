"""`holodriver rgbd`: RGB-D for a Looking Glass, or for holograms, from photos and videos."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holodriver.cli import console, farming
from holodriver.cli.interrupt import stopping_on_interrupt
from holodriver.cli.options import Overwrite
from holodriver.errors import InputError

if TYPE_CHECKING:
    from holodriver.depth.convert import Options, Source
    from holodriver.farm.farm import Farm
    from holodriver.farm.unit import Batch
    from holodriver.tasks.batches.rgbd import Networks


class Refiner(StrEnum):
    """How depth edges are put where the picture has them."""

    edges = "edges"
    guided = "guided"
    bilateral = "bilateral"
    median = "median"
    smooth = "smooth"
    crf = "crf"


class CodecChoice(StrEnum):
    """How videos are encoded."""

    h264 = "h264"
    h265 = "h265"
    ffv1 = "ffv1"


class PolarityChoice(StrEnum):
    """What a network's output means."""

    inverse = "inverse"
    distance = "distance"


class KindChoice(StrEnum):
    """What the values of measured depth mean."""

    auto = "auto"
    distance = "distance"
    inverse = "inverse"


class PrecisionChoice(StrEnum):
    """Numbers that the network computes with."""

    fp16 = "fp16"
    bf16 = "bf16"
    fp32 = "fp32"


ENSEMBLE = ("dpt-large", "dpt-hybrid-midas")
HINT = "in Looking Glass Studio: import as RGBD Photo/Video, depth position Right"


def rgbd(
    context: typer.Context,
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(help="Photos, videos and folders of them; a file dialog opens if left out."),
    ] = None,
    output_dir: Annotated[
        Path | None, typer.Option("-o", "--output-dir", help="Folder for the results; beside each input if left out.")
    ] = None,
    backend: Annotated[
        list[str] | None,
        typer.Option(
            "--backend",
            help="dpt-large (default), dpt-hybrid-midas, a name on the Hugging Face hub, or a folder; "
            "once for each network of an ensemble.",
        ),
    ] = None,
    ensemble: Annotated[bool, typer.Option("--ensemble", help="dpt-large and dpt-hybrid-midas together.")] = False,
    polarity: Annotated[
        PolarityChoice | None,
        typer.Option(help="What the network gives: inverse depth or distance; known for the usual families."),
    ] = None,
    tta: Annotated[bool, typer.Option("--tta", help="Look at the mirrored picture too, and average.")] = False,
    pyr: Annotated[str, typer.Option(help="Long sides at which the network sees the picture.")] = "384,512,640",
    refine: Annotated[
        bool, typer.Option("--refine/--no-refine", help="Put depth edges where the picture has them.")
    ] = True,
    refiner: Annotated[Refiner, typer.Option(help="How; edges measured best.")] = Refiner.edges,
    refine_strength: Annotated[float, typer.Option(min=0, max=1, help="Share of the refined depth.")] = 1.0,
    crf: Annotated[bool, typer.Option("--crf", help="Refine with a dense conditional random field.")] = False,
    invert: Annotated[bool, typer.Option("--invert", help="Swap near and far.")] = False,
    depth: Annotated[
        Path | None,
        typer.Option("--depth", help="Measured depth of a photo (16-bit PNG in mm, OpenEXR, HEIC), to be completed."),
    ] = None,
    depth_kind: Annotated[KindChoice, typer.Option(help="What its values mean.")] = KindChoice.auto,
    ignore_embedded: Annotated[
        bool, typer.Option("--ignore-embedded", help="Leave depth alone that a phone stored in its photo.")
    ] = False,
    precision: Annotated[
        PrecisionChoice, typer.Option(help="Of the network on a GPU; a CPU computes fp16 in fp32.")
    ] = PrecisionChoice.fp16,
    no_fp16: Annotated[bool, typer.Option("--no-fp16", help="True fp32: the same as --precision fp32.")] = False,
    device: Annotated[str | None, typer.Option(help="torch device; the best there is if left out.")] = None,
    stride: Annotated[int, typer.Option(min=1, help="Take every n-th frame of a video.")] = 1,
    resize_long: Annotated[int | None, typer.Option(min=16, help="Longest side of a video's frames, pixels.")] = None,
    max_frames: Annotated[int | None, typer.Option(min=1, help="Most frames of a video.")] = None,
    codec: Annotated[
        CodecChoice | None,
        typer.Option(help="h264, h265 (left out: by the size, 4096 pixels and more), ffv1 (16 bits, lossless)."),
    ] = None,
    save_depth_video: Annotated[
        bool, typer.Option("--save-depth-video", help="Write NAME_depth too, a video of depth alone.")
    ] = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on with an unfinished video; leave out what is there (many inputs always do)."
        ),
    ] = False,
    jobs: farming.Jobs = 1,
    threads: farming.Threads = None,
    scheduler: farming.Scheduler = None,
    cluster: farming.Cluster = None,
    cluster_option: farming.ClusterOption = None,
    retries: farming.Retries = farming.RETRIES,
    dry_run: farming.DryRun = False,
    overwrite: Overwrite = False,
) -> None:
    """Make RGB-D of photos and videos: NAME_depth.png (16 bits) and NAME_rgbd_lr.png or .mp4, near is white."""
    from holodriver.depth.convert import Options, find_sources
    from holodriver.depth.estimators import device_for
    from holodriver.depth.photos import MeasuredSettings
    from holodriver.depth.pipeline import DepthSettings
    from holodriver.depth.videos import VideoSettings
    from holodriver.tasks.batches.rgbd import Networks, rgbd_batch

    settings = DepthSettings(
        sizes=parse_sizes(pyr),
        tta=tta,
        refiner="crf" if crf else refiner.value if refine else "none",
        strength=refine_strength,
        invert=invert,
    )
    video = VideoSettings(
        stride=stride,
        resize_long=resize_long,
        max_frames=max_frames,
        codec=codec.value if codec else None,
        save_depth_video=save_depth_video,
    )
    sources = find_sources(inputs or ask_for_files(), output_dir)
    if depth is not None and len(sources) != 1:
        raise InputError(f"--depth is the depth of one photo, and {len(sources)} inputs were named")
    options = Options(settings, video, MeasuredSettings(depth, depth_kind.value, ignore_embedded), resume, overwrite)
    place = device_for(device)
    names = list(backend or []) or [ENSEMBLE[0]]
    if ensemble:
        names = list(dict.fromkeys([*(backend or []), *ENSEMBLE]))
    networks = Networks(
        tuple(str(Path(name).absolute()) if Path(name).is_dir() else name for name in names),
        str(place),
        "fp32" if no_fp16 else precision.value,
        polarity.value if polarity else None,
    )
    if len(sources) > 1:
        farm = farming.farm_of(jobs, threads, scheduler, cluster, cluster_option, retries)
        batch = rgbd_batch(sources, networks, options, output_dir or sources[0].folder)
        _library(batch, farm, networks, dry_run=dry_run)
        return
    farming.only_for_batches(context, "many photos and videos")
    _one(sources[0], networks, options)


def _library(batch: "Batch", farm: "Farm", networks: "Networks", *, dry_run: bool) -> None:
    if dry_run:
        farming.show_plan(batch, farm)
        return
    if farm.is_alone:
        networks.load(console.warn)  # a network that cannot be loaded is one error, and not one of each photo
    outcomes = farming.do(batch, farm)
    made = [outcome for outcome in outcomes if outcome.attempts and outcome.error is None]
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
            console.say(f"wrote {path}{f' ({made.note})' if made.note else ''}")
        if made.written:
            console.say(HINT)
    if stopped:
        raise KeyboardInterrupt


def parse_sizes(text: str) -> tuple[int, ...]:
    """Pixels of "384,512,640".

    Raises:
        InputError: it is no such list.
    """
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--pyr is {text!r}, expected sizes such as 384,512,640") from None


def ask_for_files() -> list[Path]:
    """Files that the user picks in a dialog.

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
    except (ImportError, RuntimeError) as error:
        raise nothing from error
    except Exception as error:  # tkinter.TclError where there is no display
        raise nothing from error
    root.withdraw()
    patterns = " ".join(f"*{suffix}" for suffix in (*PHOTOS, *VIDEOS))
    picked = filedialog.askopenfilenames(title="Photos and videos", filetypes=[("Photos and videos", patterns)])
    root.destroy()
    if not picked:
        raise nothing
    return [Path(name) for name in picked]
