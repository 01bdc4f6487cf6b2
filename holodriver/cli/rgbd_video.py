"""`holodriver rgbd-video`: make RGB-D of videos, with the options that only videos have."""

from pathlib import Path
from typing import Annotated

import typer

from holodriver.cli.options import Overwrite, parse_whole
from holodriver.cli.rgbd import (
    Backend,
    Device,
    Invert,
    OutputDir,
    Polarity,
    Precision,
    Refiner,
    Resume,
    Sizes,
    ask_for_files,
    converted,
)
from holodriver.errors import InputError
from holodriver.files.video.writer import CodecName


def rgbd_video(
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(help="Videos and folders of them, whose photos are left out. Without any, a file dialog opens."),
    ] = None,
    output_dir: OutputDir = None,
    backend: Backend = None,
    polarity: Polarity = None,
    pyr: Sizes = "384,512,640",
    refiner: Refiner = "edges",
    invert: Invert = False,
    precision: Precision = "fp16",
    device: Device = None,
    stride: Annotated[int, typer.Option(min=1, help="Take every n-th frame.")] = 1,
    resize_long: Annotated[
        int | None, typer.Option(min=16, help="The longest side of a frame, pixels. Frames are never enlarged.")
    ] = None,
    max_frames: Annotated[int | None, typer.Option(min=1, help="The largest number of frames.")] = None,
    codec: Annotated[
        CodecName | None,
        typer.Option(
            help="The codec; ffv1 has 16 bits and no loss. By default h264, or h265 above 4096 pixels a side."
        ),
    ] = None,
    save_depth_video: Annotated[
        bool, typer.Option("--save-depth-video", help="Also write NAME_depth, a video of depth alone.")
    ] = False,
    resume: Resume = False,
    overwrite: Overwrite = False,
) -> None:
    """Make RGB-D of videos as 'holodriver rgbd' does: NAME_rgbd_lr.mp4, near is white.

    Many videos take the options of batches, such as --jobs and --dry-run, which 'holodriver --help' explains.
    """
    from holodriver.depth.convert import Options, find_sources
    from holodriver.depth.pipeline import DepthSettings
    from holodriver.depth.videos import VideoSettings
    from holodriver.tasks.batches.rgbd import Networks

    settings = DepthSettings(parse_whole(pyr, ",", None, "--pyr"), refiner=refiner, invert=invert)
    video = VideoSettings(stride, resize_long, max_frames, codec, save_depth_video)
    sources = [source for source in find_sources(inputs or ask_for_files(), output_dir) if source.is_video]
    if not sources:
        raise InputError("no video was named", remedy="name videos or folders of them; photos are for holodriver rgbd")
    networks = Networks.of(backend or (), device, precision, polarity)
    converted(sources, networks, Options(settings, video, resume=resume, overwrite=overwrite), output_dir)
