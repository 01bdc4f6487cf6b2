"""`holodriver looking-glass`: make RGB-D files and quilts for Looking Glass displays, and cast them."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holodriver.cli import console, farming
from holodriver.cli.options import Depth, Overwrite, parse_size, print_help
from holodriver.cli.synth import Near
from holodriver.files.halves import Side
from holodriver.lookingglass.choices import Codec as CodecName
from holodriver.lookingglass.choices import Fit as FitName
from holodriver.lookingglass.choices import Kind

if TYPE_CHECKING:
    from holodriver.optics.lookingglass import LookingGlass

looking_glass = typer.Typer(add_completion=False)

SOURCE = (
    "A focal stack, a hologram, an .exr file with Z, a picture or video with depth (beside it or in its other half), "
    "or a folder of pictures."
)
Source = Annotated[Path, typer.Argument(help=SOURCE)]
Sources = Annotated[list[Path], typer.Argument(help=f"{SOURCE} Several sources become a folder of quilts.")]
SourceSide = Annotated[
    Side | None, typer.Option("--source-side", help="The half of the source that holds depth. By default by its name.")
]
Fit = Annotated[FitName, typer.Option(help="Crop a picture of another aspect, or pad it with black bars.")]
Fps = Annotated[
    float | None,
    typer.Option(min=0.1, max=240, help="The frames a second of a folder of pictures. By default there are 24."),
]
Codec = Annotated[
    CodecName | None,
    typer.Option(help="The codec of a video. By default it is H.264 up to 4096 pixels a side, and H.265 beyond."),
]
Depthiness = Annotated[float, typer.Option(min=0, max=4, help="The factor by which depth is scaled.")]
Focus = Annotated[
    float, typer.Option(min=-1, max=1, help="The depth in the plane of the display, -1 (nearest) to 1 (farthest).")
]
Zoom = Annotated[float, typer.Option(min=0.1, max=4, help="The factor by which the picture is scaled.")]
DEVICE = (
    "(see 'holodriver looking-glass devices'), or 'connected' for the display that Bridge reports. Bridge on another "
    "machine is 'connected@HOST'."
)
Host = Annotated[str, typer.Option(help="The machine that Looking Glass Bridge runs on.")]
HttpPort = Annotated[int, typer.Option(min=1, max=65535, hidden=True)]
EventPort = Annotated[int, typer.Option(min=1, max=65535, hidden=True)]


@looking_glass.callback(invoke_without_command=True)
def group(context: typer.Context) -> None:
    """Make RGB-D files and quilts for Looking Glass displays, and cast them."""
    print_help(context)
    if context.invoked_subcommand not in (None, "quilt"):
        context.with_resource(farming.without_batches())


@looking_glass.command()
def rgbd(
    source: Source,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The file NAME.png, .jpg or .mp4, to whose name _rgbd_lr is added.")
    ],
    device: Annotated[str | None, typer.Option(help=f"The display whose aspect and size are taken {DEVICE}")] = None,
    size: Annotated[str | None, typer.Option(help="The size of each half in pixels, WIDTHxHEIGHT.")] = None,
    side: Annotated[Side, typer.Option(help="The half that holds depth.")] = "right",
    bits: Annotated[
        int,
        typer.Option(
            help="The bits of a value: 8, or 16 in a .png. Whether Looking Glass Studio imports 16 is not verified."
        ),
    ] = 8,
    fit: Fit = "crop",
    depth: Depth = None,
    near: Near = None,
    source_side: SourceSide = None,
    fps: Fps = None,
    codec: Codec = None,
    overwrite: Overwrite = False,
) -> None:
    """Write colour and depth side by side, near white, as Looking Glass Studio imports them."""
    from holodriver.lookingglass.make import make_rgbd_file
    from holodriver.tasks import looking_glass as task

    options, rate = task.source_options([source], depth=depth, near=near, side=source_side, fps=fps, codec=codec)
    layout = task.rgbd_layout(device, None if size is None else parse_size(size), fit, output)
    with console.reporting() as progress:
        written = make_rgbd_file(
            source,
            output,
            options,
            layout,
            side=side,
            bits=bits,
            rate=rate,
            codec=codec,
            overwrite=overwrite,
            progress=progress,
            warn=console.warn,
        )
    if bits == 16:
        console.warn("whether Looking Glass Studio imports 16 bits is not verified; 8 bits are what it documents")
    console.wrote(written)
    console.say(f"in Looking Glass Studio: import as RGB-D photo or video, depth position {side.capitalize()}")


@looking_glass.command()
def quilt(
    sources: Sources,
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            help="The file to write: NAME.png, .jpg, .mp4 or .hop. The layout is added to the name. For many sources "
            "it is a folder.",
        ),
    ],
    device: Annotated[str, typer.Option(help=f"The display that the quilt is for {DEVICE}")] = "go",
    depthiness: Depthiness = 1.0,
    focus: Focus = 0.0,
    zoom: Zoom = 1.0,
    view_cone: Annotated[
        float | None, typer.Option(help="The angle between first and last view, degrees. By default the display's.")
    ] = None,
    size: Annotated[
        str | None, typer.Option(help="The size of the quilt in pixels, WIDTHxHEIGHT. By default the display's.")
    ] = None,
    fit: Fit = "crop",
    depth: Depth = None,
    near: Near = None,
    source_side: SourceSide = None,
    fps: Fps = None,
    codec: Codec = None,
    overwrite: Overwrite = False,
) -> None:
    """Render the views of a display from colour and depth into a quilt, or many sources into a folder of quilts.

    Many sources take the options of batches, such as --jobs and --dry-run, which 'holodriver --help' explains.
    """
    from holodriver.lookingglass.make import make_quilt_file
    from holodriver.lookingglass.parallax import ViewSettings
    from holodriver.tasks import looking_glass as task
    from holodriver.tasks.batches.quilts import QuiltSettings, quilts_batch

    display = task.quilt_display(device, view_cone=view_cone, size=None if size is None else parse_size(size))
    options, rate = task.source_options(sources, depth=depth, near=near, side=source_side, fps=fps, codec=codec)
    views = ViewSettings(depthiness, focus, zoom)
    if len(sources) > 1:
        settings = QuiltSettings(display, views, options, fit, rate, codec)
        farming.run_and_tell(quilts_batch(sources, output, settings, overwrite=overwrite))
        return
    with farming.alone("many sources"), console.reporting() as progress:
        written = make_quilt_file(
            sources[0],
            output,
            options,
            display,
            views,
            fit=fit,
            rate=rate,
            codec=codec,
            overwrite=overwrite,
            progress=progress,
            warn=console.warn,
        )
    for path in written:
        console.wrote(path)
    width, height = display.tile
    console.say(f"{display.views} views of {width} × {height} pixels over {display.view_cone:g}° for {display.label}")


@looking_glass.command()
def cast(
    source: Annotated[Path, typer.Argument(help="The quilt, RGB-D file, picture, video or .hop file to show.")],
    kind: Annotated[Kind | None, typer.Option("--as", help="What the file holds. By default its name says it.")] = None,
    side: Annotated[Side | None, typer.Option(help="The half that holds depth. By default its name says it.")] = None,
    depthiness: Annotated[
        float, typer.Option(min=0, max=4, help="The factor by which Bridge scales the depth of an RGB-D file.")
    ] = 1.0,
    focus: Annotated[float, typer.Option(min=-1, max=1, help="The focus as Bridge takes it.")] = 0.0,
    zoom: Annotated[float, typer.Option(min=0.1, max=4, help="The zoom as Bridge takes it.")] = 1.0,
    head: Annotated[int | None, typer.Option(help="Bridge's number of the display. By default the first.")] = None,
    duration: Annotated[
        float | None, typer.Option(min=0, help="The time to show the file, seconds. By default Ctrl-C ends it.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the file playing, and return at once.")] = False,
    wait: Annotated[float, typer.Option(min=0, help="The time to wait for a display to be connected, seconds.")] = 0.0,
    patience: Annotated[
        float, typer.Option(min=1, help="The time in which Bridge must show the file, seconds.")
    ] = 30.0,
    host: Host = "localhost",
    http_port: HttpPort = 33334,
    event_port: EventPort = 9724,
) -> None:
    """Play a file on a connected Looking Glass, through Looking Glass Bridge."""
    from holodriver.lookingglass.bridge import Bridge
    from holodriver.lookingglass.parallax import ViewSettings
    from holodriver.tasks import looking_glass as task

    with task.cast(
        source,
        lambda: Bridge(host, http_port=http_port, event_port=event_port),
        kind=kind,
        side=side,
        views=ViewSettings(depthiness, focus, zoom),
        head=head,
        keep=keep,
        wait_s=wait,
        patience_s=patience,
        reporting=console.reporting,
    ) as shown:
        console.say(shown)
        if not keep:
            _hold(duration)


def _hold(seconds: float | None) -> None:
    """Wait until the time is over or Ctrl-C is pressed."""
    import threading

    with suppress(KeyboardInterrupt):
        never = threading.Event()
        if seconds is not None:
            never.wait(seconds)
            return
        console.say("Ctrl-C ends it")
        while not never.wait(1.0):  # in short waits: on Windows a long one would not let Ctrl-C in
            pass


@looking_glass.command()
def devices(
    connected: Annotated[bool, typer.Option("--connected", help="List the displays that are connected.")] = False,
    host: Host = "localhost",
    http_port: HttpPort = 33334,
    event_port: EventPort = 9724,
) -> None:
    """List the displays that quilts can be made for, or those that are connected."""
    from holodriver.lookingglass.bridge import Bridge
    from holodriver.optics.lookingglass import LOOKING_GLASSES

    headings = ("display", "screen", "views", "quilt", "aspect", "view cone")
    if not connected:
        rows = [(display.name, *_row(display)) for display in LOOKING_GLASSES.values()]
        console.table(("device", *headings), rows)
        console.say("a connected display may ask for something else: --device connected takes what Bridge reports")
        return
    with Bridge(host, http_port=http_port, event_port=event_port) as bridge:
        version, found = bridge.version, bridge.displays()
    if not found:
        console.say(f"Bridge {version} has no Looking Glass connected")
        return
    console.table(
        ("head", "serial", "state", *headings),
        [(entry.head, entry.serial, entry.state, *_row(entry.display)) for entry in found],
        title=f"Looking Glass Bridge {version}",
    )


def _row(display: "LookingGlass") -> tuple[str, ...]:
    screen = "unknown" if display.screen is None else f"{display.screen[0]} × {display.screen[1]}"
    grid = f"{display.columns} × {display.rows}"
    size = f"{display.quilt[0]} × {display.quilt[1]}"
    cone = f"{display.view_cone:g}°" if display.screen else f"{display.view_cone:g}° (assumed)"
    return display.label, screen, grid, size, f"{display.aspect:.6g}", cone
