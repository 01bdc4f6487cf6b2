"""`holodriver render`: render focal stacks, RGB-D images, quilts and data sets, or find the depth range of a scene."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holodriver.cli import console, farming
from holodriver.cli.options import Overwrite, parse_frames, parse_size, print_help
from holodriver.errors import InputError
from holodriver.optics.display import REFERENCE
from holodriver.optics.focus import Mapping
from holodriver.scene.render_job import CPU, RANDOM, RenderJob, Route, Split

if TYPE_CHECKING:
    from holodriver.blender.quilt import QuiltJob

SIZE = "256"
"""Default size of an image: pixels of each side."""

SAMPLES = 16
"""Default number of samples per pixel."""

RANDOM_TRAIN = "random-train"
"""Name of a random scene of the split "train"."""

PICTURE, QUALITY, BLENDER = "Picture", "Quality", "Blender"
"""Panels of the help."""

Scene = Annotated[
    str,
    typer.Argument(
        help="A .blend file, 'demo' for the scene of holodriver, 'random' for a scene made from the seed, or "
        "'random-train' for one with things and textures that 'random' never has."
    ),
]
Frames = Annotated[
    str | None,
    typer.Option(help="The frames of the animation, such as 1-24, 1-24:2 or 3,5. By default it is the file's own."),
]
Size = Annotated[str, typer.Option(help="Pixels: one number for a square, or WIDTHxHEIGHT.", rich_help_panel=PICTURE)]
Near = Annotated[
    float | None,
    typer.Option(help="Distance of the near focal plane, m. By default the nearest surface.", rich_help_panel=PICTURE),
]
Far = Annotated[
    float | None,
    typer.Option(
        help="Distance of the far focal plane, m, or 'inf'. By default the farthest surface.", rich_help_panel=PICTURE
    ),
]
MappingOption = Annotated[
    Mapping | None,
    typer.Option(
        "--mapping",
        help="What depth is linear in. By default it is what the camera gives: dioptric if it is a perspective one.",
        rich_help_panel=PICTURE,
    ),
]
Planes = Annotated[int, typer.Option(help="Number of focal planes.", min=2, rich_help_panel=PICTURE)]
RouteOption = Annotated[
    Route,
    typer.Option(
        "--route",
        help="How planes are made: each by itself, or for perspective cameras from shifted and added views (refocus).",
        rich_help_panel=QUALITY,
    ),
]
Samples = Annotated[
    int, typer.Option("--spp", help="Samples per pixel: 16 is quick, 64 good.", min=1, rich_help_panel=QUALITY)
]
Denoise = Annotated[bool, typer.Option(help="Remove noise from the images.", rich_help_panel=QUALITY)]
Seed = Annotated[int, typer.Option(help="Seed of the noise, and of a random scene.", rich_help_panel=QUALITY)]
Device = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TYPE[=IDENTIFIER]",
        help="The device of Cycles: CPU (the default), a type of GPU such as OPTIX, or one GPU by its identifier, such "
        "as OPTIX=IDENTIFIER, which may be repeated.",
        rich_help_panel=BLENDER,
    ),
]
BlenderPath = Annotated[
    Path | None,
    typer.Option(
        "--blender",
        help="The Blender to render with, or a Python that has bpy. By default it is looked for.",
        rich_help_panel=BLENDER,
    ),
]

render = typer.Typer(add_completion=False)


@render.callback(invoke_without_command=True)
def group(context: typer.Context) -> None:
    """Render a Blender scene: focal stacks, RGB-D images, quilts, data sets."""
    print_help(context)


@render.command()
def stack(
    context: typer.Context,
    scene: Scene,
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            help="The focal stack, NAME.stack. For several frames it is a folder, where missing stacks are added, or "
            "NAME.json, a job for Flamenco, Blender's farm, that renders them into NAME.stacks beside it.",
        ),
    ],
    frames: Frames = None,
    size: Size = SIZE,
    planes: Planes = REFERENCE.planes,
    near: Near = None,
    far: Far = None,
    mapping: MappingOption = None,
    coc_max: Annotated[
        float, typer.Option(help="Blur circle diameter between near and far plane, pixels.", rich_help_panel=PICTURE)
    ] = REFERENCE.coc_max,
    route: RouteOption = "planes",
    spp: Samples = SAMPLES,
    denoise: Denoise = True,
    seed: Seed = 0,
    device: Device = None,
    blender: BlenderPath = None,
    overwrite: Overwrite = False,
) -> None:
    """Render the focal stack of a scene, or of each frame of its animation."""
    job = _job(
        scene,
        size,
        frames,
        device,
        planes=planes,
        near=near,
        far=far,
        mapping=mapping,
        coc_max=coc_max,
        route=route,
        samples=spp,
        denoise=denoise,
        seed=seed,
    )
    if output.suffix.lower() == ".json":
        farming.refuse_farm("is for a batch that is rendered here, and a job for Flamenco renders nothing")
        _export(job, output, blender, overwrite=overwrite)
    elif len(job.frames) > 1:
        from holodriver.tasks.batches.animation import frames_batch

        farming.run_and_tell(frames_batch(job, output, blender=farming.absolute(blender), overwrite=overwrite))
    else:
        context.with_resource(farming.alone("focal stacks of many frames"))
        _one_stack(job, output, blender, overwrite=overwrite)


@render.command()
def rgbd(
    context: typer.Context,
    scene: Scene,
    output: Annotated[Path, typer.Option("-o", "--output", help="The base of the files' names, such as FOLDER/NAME.")],
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            help="side-by-side (for a Looking Glass, the default), depth (16-bit PNG), exr or video (MP4). It may be "
            "repeated.",
        ),
    ] = None,
    frames: Frames = None,
    size: Size = SIZE,
    near: Near = None,
    far: Far = None,
    mapping: MappingOption = None,
    spp: Samples = SAMPLES,
    denoise: Denoise = True,
    seed: Seed = 0,
    device: Device = None,
    blender: BlenderPath = None,
    overwrite: Overwrite = False,
) -> None:
    """Render what the camera sees, sharp everywhere, with its depth."""
    from holodriver.blender.rgbd import FORMATS, render_rgbd

    job = _job(
        scene, size, frames, device, near=near, far=far, mapping=mapping, samples=spp, denoise=denoise, seed=seed
    )
    context.with_resource(farming.alone("focal stacks and quilts of many frames"))
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
        console.wrote(path)


@render.command()
def quilt(
    context: typer.Context,
    scene: Scene,
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            help="The quilt, NAME.png or NAME.jpg, which gets an end such as _qs11x6a0.5625. With several frames it is "
            "a folder.",
        ),
    ],
    display: Annotated[
        str, typer.Option(help="The Looking Glass to render for ('holodriver looking-glass devices' lists them).")
    ],
    frames: Frames = None,
    size: Annotated[
        str | None,
        typer.Option(
            help="Pixels of the whole quilt, WIDTHxHEIGHT. By default it is the display's.", rich_help_panel=PICTURE
        ),
    ] = None,
    focus: Annotated[
        float | None,
        typer.Option(
            help="Distance of the plane that stands in the display, m. By default it is where the camera focuses if it "
            "has depth of field, else the middle of what it sees.",
            rich_help_panel=PICTURE,
        ),
    ] = None,
    view_cone: Annotated[
        float | None,
        typer.Option(
            help="Angle between the first and the last view, degrees. By default it is the display's.",
            rich_help_panel=PICTURE,
        ),
    ] = None,
    standard: Annotated[
        bool,
        typer.Option(
            "--standard-colours",
            help="Take plain sRGB instead of the scene's own view transform.",
            rich_help_panel=PICTURE,
        ),
    ] = False,
    spp: Samples = SAMPLES,
    denoise: Denoise = True,
    seed: Seed = 0,
    device: Device = None,
    blender: BlenderPath = None,
    overwrite: Overwrite = False,
) -> None:
    """Render true views of a scene as a quilt for a Looking Glass."""
    from holodriver.blender.quilt import QuiltJob
    from holodriver.optics.lookingglass import looking_glass
    from holodriver.tasks.batches.quilts import rendered_quilts_batch

    shown = looking_glass(display)
    numbers = parse_frames(frames)
    job = QuiltJob.of(
        shown.sized(*parse_size(size)) if size else shown,
        focus=focus,
        view_cone=view_cone,
        look="standard" if standard else "scene",
        samples=spp,
        denoise=denoise,
        seed=seed,
        frames=numbers[:1],
        **_scene(scene),
        **_device(device),
    )
    if len(numbers) > 1:
        if focus is None and not farming.dry_run():
            console.warn("each frame finds its own --focus where the camera has no depth of field: depth may jump")
        found = farming.absolute(blender)
        farming.run_and_tell(rendered_quilts_batch(job, numbers, output, blender=found, overwrite=overwrite))
    else:
        context.with_resource(farming.alone("quilts of many frames"))
        _one_quilt(job, output, blender, overwrite=overwrite)


@render.command("range")
def range_(
    context: typer.Context,
    scene: Scene,
    frames: Frames = None,
    size: Size = SIZE,
    mapping: MappingOption = None,
    seed: Seed = 0,
    device: Device = None,
    blender: BlenderPath = None,
) -> None:
    """Measure the nearest and the farthest distance at which the camera sees something, in all frames together."""
    import tempfile

    from holodriver.blender.rgbd import find_range

    job = _job(scene, size, frames, device, mapping=mapping, denoise=False, seed=seed)  # depth has no noise
    context.with_resource(farming.alone("focal stacks and quilts of many frames"))
    with tempfile.TemporaryDirectory(prefix="holodriver-") as folder, console.reporting() as progress:
        near, far = find_range(job, Path(folder), blender=blender, progress=progress, warn=console.warn)
    console.table(("near m", "far m"), [(near, far)])


@render.command()
def dataset(
    output: Annotated[
        Path,
        typer.Option("-o", "--output", help="The folder of the focal stacks and of dataset.json, which lists them."),
    ],
    scenes: Annotated[int, typer.Option(help="Number of scenes.")],
    first: Annotated[int, typer.Option(help="Seed of the first scene; each further scene has the next one.")] = 0,
    split: Annotated[
        Split, typer.Option(help="Set of things and textures for the scenes; the two sets have none in common.")
    ] = "train",
    size: Size = SIZE,
    planes: Planes = REFERENCE.planes,
    mapping: Annotated[
        Mapping,
        typer.Option(
            help="What depth is linear in: linear for a camera without perspective, dioptric for one with it.",
            rich_help_panel=PICTURE,
        ),
    ] = "linear",
    route: RouteOption = "planes",
    spp: Samples = SAMPLES,
    depth_samples: Annotated[
        int, typer.Option(help="Depth renders of each plane, one ray a pixel.", rich_help_panel=QUALITY)
    ] = 10,
    denoise: Annotated[
        bool,
        typer.Option(
            help="Remove noise from the images; the last bits then vary from run to run.", rich_help_panel=QUALITY
        ),
    ] = True,
    blender: BlenderPath = None,
) -> None:
    """Render random scenes as focal stacks, to train networks with; the same command goes on where it was stopped."""
    from holodriver.tasks.batches.dataset import dataset_batch, depths_in_words, write_dataset

    width, height = parse_size(size)
    job = RenderJob(
        scene=RANDOM,
        width=width,
        height=height,
        planes=planes,
        mapping=mapping,
        route=route,
        samples=spp,
        depth_samples=depth_samples,
        denoise=denoise,
        split=split,
    )
    batch = dataset_batch(job, range(first, first + scenes), output, blender=farming.absolute(blender))
    known: dict[str, Any] = {}
    outcomes = farming.run_batch(batch, made=lambda outcome: write_dataset(output, known))
    if outcomes is not None:
        if described := write_dataset(output, known):
            console.say(depths_in_words(described))
        farming.tell_batch(batch, outcomes)


def _job(scene: str, size: str, frames: str | None, device: list[str] | None, **fields: Any) -> RenderJob:
    width, height = parse_size(size)
    return RenderJob(
        width=width, height=height, frames=parse_frames(frames), **_scene(scene), **_device(device), **fields
    )


def _scene(text: str) -> dict[str, Any]:
    """Fields of a job that depend on its scene."""
    return {"scene": RANDOM, "split": "train"} if text == RANDOM_TRAIN else {"scene": text}


def _device(given: list[str] | None) -> dict[str, Any]:
    """Fields of a job that depend on the devices, which must be of one type."""
    parts = [text.partition("=") for text in given or [CPU]]
    types = {kind for kind, _, _ in parts}
    if len(types) > 1:
        raise InputError(f"is of several types, {' and '.join(sorted(types))}", where="--device", remedy="give one")
    return {"device": types.pop(), "devices": tuple(identifier for _, _, identifier in parts if identifier)}


def _one_stack(job: RenderJob, output: Path, blender: Path | None, *, overwrite: bool) -> None:
    from holodriver.blender.stack import render_stack
    from holodriver.files.stack import read_stack

    if job.frames and not overwrite and (output / "stack.json").exists():
        console.say(f"left out {output}, which is there already; --overwrite makes it again")
        return
    with console.reporting() as progress:
        render_stack(job, output, overwrite=overwrite, blender=blender, progress=progress, warn=console.warn)
    for warning in read_stack(output).warnings():
        console.warn(warning)
    console.name(output)
    console.say(f"wrote {output}: {job.planes} planes of {job.width} × {job.height} pixels")


def _one_quilt(job: "QuiltJob", output: Path, blender: Path | None, *, overwrite: bool) -> None:
    from holodriver.blender.quilt import render_quilt

    with console.reporting() as progress:
        written = render_quilt(job, output, overwrite=overwrite, blender=blender, progress=progress, warn=console.warn)
    view = job.request
    console.name(written)
    console.say(f"wrote {written}: {job.views.views} views of {view.width} × {view.height} pixels")


def _export(job: RenderJob, path: Path, blender: Path | None, *, overwrite: bool) -> None:
    from holodriver.tasks.batches.flamenco import export_frames

    with console.reporting() as progress:
        script = export_frames(
            job,
            path.with_suffix(".stacks"),
            path,
            blender=blender,
            overwrite=overwrite,
            progress=progress,
            warn=console.warn,
        )
    console.say(f"wrote {path} and {script}")
    console.say(f"1. put {script.name} into the folder scripts of Flamenco Manager; it needs no restart")
    console.say(f"2. curl -H 'Content-Type: application/json' -d @{path} http://MANAGER:8080/api/v3/jobs")
