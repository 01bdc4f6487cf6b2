"""`holodriver render`: a Blender scene to a focal stack or an RGB-D image."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holodriver.cli import farming
from holodriver.cli.options import parse_frames, parse_size
from holodriver.errors import InputError
from holodriver.optics.display import REFERENCE

if TYPE_CHECKING:
    from holodriver.blender.stack import RenderJob
    from holodriver.farm.farm import Farm
    from holodriver.farm.unit import Batch

SIZE = "256"
"""Pixels of a side, if nobody says."""


def render(
    context: typer.Context,
    scene: Annotated[
        str,
        typer.Argument(
            help="A .blend file, 'demo' for the scene that comes along, or 'random' for one made from the seed."
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The focal stack, NAME.stack; with --frames a folder of them; with --rgbd the base of the names; with "
            "--quilt NAME.png or .jpg.",
            show_default=False,
        ),
    ] = None,
    stack: Annotated[bool, typer.Option("--stack", help="Render a focal stack; so it is unless another is asked.")] = (
        False
    ),
    rgbd: Annotated[bool, typer.Option("--rgbd", help="Render an RGB-D image instead of a focal stack.")] = False,
    find_range: Annotated[
        bool, typer.Option("--range", help="Only say from where to where the camera sees something.")
    ] = False,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            help="For RGB-D, may be repeated: side-by-side (Looking Glass), depth (16-bit PNG), exr, video (MP4).",
        ),
    ] = None,
    frames: Annotated[
        str | None, typer.Option(help="Frames of the animation, such as 1-24, 1-24:2 or 3,5; else the file's own.")
    ] = None,
    device: Annotated[str, typer.Option(help="CPU, or a type of GPU as Cycles names it, such as OPTIX.")] = "CPU",
    use_device: Annotated[
        list[str] | None,
        typer.Option(help="Cycles' identifier of a GPU to use, may be repeated; else all."),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            help="Pixels: one number for a square, or WIDTHxHEIGHT; 256 if left out. Of a whole quilt: its display's.",
            show_default=False,
        ),
    ] = None,
    planes: Annotated[int, typer.Option(help="Focal planes.", min=2)] = REFERENCE.planes,
    spp: Annotated[int, typer.Option(help="Samples per pixel: 16 is quick, 64 good.", min=1)] = 16,
    near: Annotated[
        float | None, typer.Option(help="Distance of the near focal plane, m; else the nearest surface in view.")
    ] = None,
    far: Annotated[
        float | None,
        typer.Option(
            help="Distance of the far focal plane, m ('inf' for infinity); else the farthest surface in view."
        ),
    ] = None,
    mapping: Annotated[
        str | None, typer.Option(help="dioptric or linear; else what the camera gives (perspective: dioptric).")
    ] = None,
    coc_max: Annotated[
        float, typer.Option(help="Blur circle diameter between near and far plane, pixels.")
    ] = REFERENCE.coc_max,
    route: Annotated[
        str, typer.Option(help="planes, or refocus: views over the aperture, shifted and added (perspective cameras).")
    ] = "planes",
    denoise: Annotated[bool, typer.Option(help="Remove noise from the images.")] = True,
    seed: Annotated[int, typer.Option(help="Of the noise, of the demo's small things, and of all that is random.")] = 0,
    split: Annotated[
        str, typer.Option(help="Of a random scene: test, or train, which shares no thing and no texture with test.")
    ] = "test",
    quilt: Annotated[
        str | None,
        typer.Option(
            metavar="DISPLAY",
            help="Render true views as a quilt for this Looking Glass instead ('holodriver looking-glass devices').",
        ),
    ] = None,
    focus: Annotated[
        float | None,
        typer.Option(
            help="With --quilt: distance of the plane that stands in the display, m; else where the camera focuses if "
            "it has depth of field, else the middle of what it sees."
        ),
    ] = None,
    view_cone: Annotated[
        float | None, typer.Option(help="With --quilt: angle between first and last view, degrees; else the display's.")
    ] = None,
    standard: Annotated[
        bool,
        typer.Option("--standard-colours", help="With --quilt: plain sRGB instead of the scene's own view transform."),
    ] = False,
    blender: Annotated[
        Path | None, typer.Option(help="Blender, or a Python that has bpy; else it is looked for.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Leave out what is there (a range of frames always does).")
    ] = False,
    jobs: farming.Jobs = 1,
    threads: farming.Threads = None,
    scheduler: farming.Scheduler = None,
    cluster: farming.Cluster = None,
    cluster_option: farming.ClusterOption = None,
    retries: farming.Retries = farming.RETRIES,
    dry_run: farming.DryRun = False,
    flamenco: Annotated[
        Path | None,
        typer.Option(
            metavar="JOB.json",
            help="Render nothing: write the range of frames as a job for Flamenco, Blender's farm, with its job type "
            "beside it.",
            rich_help_panel=farming.PANEL,
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing focal stack.")] = False,
) -> None:
    """Render a Blender scene to a focal stack, an RGB-D image, or a quilt of true views for a Looking Glass."""
    from holodriver.blender.stack import RenderJob
    from holodriver.cli import console

    if sum((stack, rgbd, find_range, quilt is not None)) > 1:
        raise InputError("give one of --stack, --rgbd, --range and --quilt", where="render")
    if output is None and not find_range:
        raise InputError("is missing", where="--output", remedy="name the focal stack with -o")
    if formats and not rgbd:
        raise InputError("is for RGB-D images", where="--format", remedy="add --rgbd")
    numbers = parse_frames(frames) if frames else ()
    several = len(numbers) > 1 and not rgbd and not find_range
    farm = farming.farm_of(jobs, threads, scheduler, cluster, cluster_option, retries)
    if not several:
        farming.only_for_batches(context, "focal stacks or quilts of many frames")
    if flamenco is not None and (not several or quilt is not None):
        raise InputError("is for focal stacks of many frames", where="--flamenco", remedy="give --frames")
    if flamenco is not None:
        farming.refuse_farm(context, "is for a batch that is rendered here, and --flamenco renders nothing")

    if quilt is not None:
        assert output is not None
        _render_quilt(
            scene,
            output,
            quilt,
            size=size,
            focus=focus,
            view_cone=view_cone,
            spp=spp,
            seed=seed,
            denoise=denoise,
            standard=standard,
            split=split,
            device=device,
            use_device=use_device,
            blender=blender,
            frames=numbers,
            farm=farm,
            dry_run=dry_run,
            overwrite=overwrite,
        )
        return
    for name, value in (("--focus", focus), ("--view-cone", view_cone), ("--standard-colours", standard or None)):
        if value is not None:
            raise InputError("is for quilts alone", where=name, remedy="add --quilt DISPLAY, or leave it out")
    width, height = parse_size(size or SIZE)
    job = RenderJob(
        scene=scene,
        width=width,
        height=height,
        planes=planes,
        coc_max=coc_max,
        samples=spp,
        near=near,
        far=far,
        mapping=mapping,
        denoise=denoise,
        seed=seed,
        split=split,
        route=route,
        device=device,
        devices=tuple(use_device or ()),
        frames=numbers,
    )
    if find_range:
        _say_range(job, blender)
        return
    assert output is not None
    if rgbd:
        from holodriver.blender.rgbd import FORMATS, render_rgbd

        with console.reporting() as progress:
            written = render_rgbd(
                job,
                output,
                formats=formats or FORMATS[:1],
                overwrite=overwrite,
                blender=blender,
                progress=progress,
                warn=console.warn,
            )
        for path in written:
            console.say(f"wrote {path}")
        return
    if flamenco is not None:
        _export(job, output, flamenco, blender=blender, overwrite=overwrite)
    elif several:
        from holodriver.tasks.batches.animation import frames_batch

        batch = frames_batch(job, output, blender=farming.absolute(blender), overwrite=overwrite)
        _render_frames(batch, farm, dry_run=dry_run)
    else:
        _render_stack(job, output, overwrite=overwrite, resume=resume, blender=blender)


def _render_stack(job: "RenderJob", output: Path, *, overwrite: bool, resume: bool, blender: Path | None) -> None:
    from holodriver.blender.stack import render_stack
    from holodriver.cli import console
    from holodriver.files.stack import read_stack

    if resume and (output / "stack.json").exists():
        console.say(f"left out {output}: it was done before")
        return
    with console.reporting() as progress:
        render_stack(job, output, overwrite=overwrite, blender=blender, progress=progress, warn=console.warn)
    for warning in read_stack(output).warnings():
        console.warn(warning)
    console.say(f"wrote {output}: {job.planes} planes of {job.width} × {job.height} pixels")


def _render_frames(batch: "Batch", farm: "Farm", *, dry_run: bool) -> None:
    from holodriver.cli import console

    if dry_run:
        farming.show_plan(batch, farm)
        return
    outcomes = farming.do(batch, farm)
    made = [outcome for outcome in outcomes if outcome.attempts and outcome.error is None]
    console.say(f"wrote {len(made)} of {len(outcomes)} to {batch.folder}")
    farming.judge(outcomes)


def _export(job: "RenderJob", output: Path, path: Path, *, blender: Path | None, overwrite: bool) -> None:
    from holodriver.cli import console
    from holodriver.tasks.batches.flamenco import export_frames

    with console.reporting() as progress:
        script = export_frames(
            job, output, path, blender=blender, overwrite=overwrite, progress=progress, warn=console.warn
        )
    console.say(f"wrote {path} and {script}")
    console.say(f"1. put {script.name} into the folder scripts of Flamenco Manager; it needs no restart")
    console.say(f"2. curl -H 'Content-Type: application/json' -d @{path} http://MANAGER:8080/api/v3/jobs")


def _say_range(job: "RenderJob", blender: Path | None) -> None:
    import tempfile

    from holodriver.blender.rgbd import find_range
    from holodriver.cli import console

    with tempfile.TemporaryDirectory(prefix="holodriver-") as folder, console.reporting() as progress:
        near, far = find_range(job, Path(folder), blender=blender, progress=progress, warn=console.warn)
    console.table(("near m", "far m"), [(near, far)])


def _render_quilt(
    scene: str,
    output: Path,
    name: str,
    *,
    size: str | None,
    focus: float | None,
    view_cone: float | None,
    spp: int,
    seed: int,
    denoise: bool,
    standard: bool,
    split: str,
    device: str,
    use_device: list[str] | None,
    blender: Path | None,
    frames: tuple[int, ...],
    farm: "Farm",
    dry_run: bool,
    overwrite: bool,
) -> None:
    from holodriver.blender.quilt import QuiltJob, render_quilt
    from holodriver.cli import console
    from holodriver.optics.lookingglass import looking_glass

    display = looking_glass(name)
    job = QuiltJob(
        scene=scene,
        display=display.sized(*parse_size(size)) if size else display,
        focus=focus,
        view_cone=view_cone,
        samples=spp,
        seed=seed,
        denoise=denoise,
        look="standard" if standard else "scene",
        split=split,
        device=device,
        devices=tuple(use_device or ()),
    )
    if len(frames) > 1:
        from holodriver.tasks.batches.quilts import rendered_quilts_batch

        if focus is None and not dry_run:
            console.warn("each frame finds its own --focus where the camera has no depth of field: depth may jump")
        batch = rendered_quilts_batch(job, frames, output, blender=farming.absolute(blender), overwrite=overwrite)
        _render_frames(batch, farm, dry_run=dry_run)
        return
    job = replace(job, frame=frames[0] if frames else None)
    with console.reporting() as progress:
        written = render_quilt(job, output, overwrite=overwrite, blender=blender, progress=progress, warn=console.warn)
    console.say(f"wrote {written}: {job.display.views} views of {' × '.join(map(str, job.view_size))} pixels")
