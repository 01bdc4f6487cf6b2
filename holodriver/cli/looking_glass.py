"""`holodriver looking-glass`: RGB-D files, quilts and casting for Looking Glass displays."""

from contextlib import suppress
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holodriver.cli import console, farming
from holodriver.cli.options import Overwrite, parse_size
from holodriver.errors import InputError

if TYPE_CHECKING:
    from holodriver.lookingglass.what_to_show import SourceOptions
    from holodriver.optics.lookingglass import LookingGlass

CONNECTED = "connected"
"""Name that stands for the display that Bridge reports."""

looking_glass = typer.Typer(add_completion=False)


class SideName(StrEnum):
    """Where depth is, seen from the colour."""

    right = "right"
    left = "left"
    bottom = "bottom"
    top = "top"


class FitName(StrEnum):
    """What becomes of a picture of another aspect than the display's."""

    crop = "crop"
    pad = "pad"


class NearName(StrEnum):
    """Which end of the grey scale is near."""

    black = "black"
    white = "white"


class CodecName(StrEnum):
    """How a video is encoded."""

    h264 = "h264"
    h265 = "h265"


class KindName(StrEnum):
    """What a file is."""

    quilt = "quilt"
    rgbd = "rgbd"
    picture = "picture"


Source = Annotated[
    Path,
    typer.Argument(
        help="Focal stack, .holo, .exr with Z, picture or video with depth (beside it, or in its other half), or a "
        "folder of pictures."
    ),
]
Sources = Annotated[
    list[Path],
    typer.Argument(
        help="Focal stack, .holo, .exr with Z, picture or video with depth (beside it, or in its other half), or a "
        "folder of pictures; several become a folder of quilts."
    ),
]
Depth = Annotated[
    Path | None, typer.Option(help="Depth of a picture or a video, if it is not NAME_depth.png beside it.")
]
Near = Annotated[
    NearName | None,
    typer.Option(help="What is near in separate depth; black for pictures, white for videos if left out."),
]
SourceSide = Annotated[
    SideName | None,
    typer.Option("--source-side", help="Where depth is in a source that holds both; by its name if left out."),
]
Fit = Annotated[FitName, typer.Option(help="Crop a picture of another aspect, or show it whole between black bars.")]
Fps = Annotated[
    float | None, typer.Option(min=0.1, max=240, help="Frames a second of a folder of pictures; 24 if left out.")
]
Codec = Annotated[CodecName | None, typer.Option(help="Of a video; H.264 up to 4096 pixels a side, else H.265.")]
Depthiness = Annotated[float, typer.Option(min=0, max=4, help="Scales depth.")]
Focus = Annotated[
    float, typer.Option(min=-1, max=1, help="Depth in the plane of the display: -1 nearest, 0 middle, 1 farthest.")
]
Zoom = Annotated[float, typer.Option(min=0.1, max=4, help="Scales the picture about its middle.")]
Host = Annotated[str, typer.Option(help="The machine that Looking Glass Bridge runs on; no other is spoken to.")]

HttpPort = Annotated[int, typer.Option(min=1, max=65535, hidden=True)]
EventPort = Annotated[int, typer.Option(min=1, max=65535, hidden=True)]


@looking_glass.callback(invoke_without_command=True)
def group(context: typer.Context) -> None:
    """RGB-D files, quilts and casting for Looking Glass displays."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@looking_glass.command()
def rgbd(
    source: Source,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="NAME.png, .jpg or .mp4; gets an end such as _rgbd_lr.")
    ],
    device: Annotated[
        str | None, typer.Option(help="Display whose aspect and size to take (see 'devices'), or 'connected'.")
    ] = None,
    size: Annotated[str | None, typer.Option(help="Pixels of each half instead, WIDTHxHEIGHT.")] = None,
    side: Annotated[SideName, typer.Option(help="Where depth goes.")] = SideName.right,
    bits: Annotated[
        int, typer.Option(help="8, or 16 in a .png; whether Looking Glass Studio imports 16 is not verified.")
    ] = 8,
    fit: Fit = FitName.crop,
    depth: Depth = None,
    near: Near = None,
    source_side: SourceSide = None,
    fps: Fps = None,
    codec: Codec = None,
    host: Host = "localhost",
    http_port: HttpPort = 33334,
    overwrite: Overwrite = False,
) -> None:
    """Write colour and depth side by side, near white, as Looking Glass Studio imports them."""
    from holodriver.lookingglass.layout import Layout
    from holodriver.lookingglass.make import check_options, make_rgbd_file

    options = _options(depth, near, source_side)
    check_options(source, options, rate=_rate(fps), codec=codec.value if codec else None)
    layout = Layout(
        None if device is None else _display(device, host, http_port),
        None if size is None else parse_size(size),
        fit.value,
        output.suffix.lower() not in (".png", ".jpg", ".jpeg"),
    )
    with console.reporting() as progress:
        written = make_rgbd_file(
            source,
            output,
            options,
            layout,
            side=side.value,
            bits=bits,
            rate=_rate(fps),
            codec=codec.value if codec else None,
            overwrite=overwrite,
            progress=progress,
            warn=console.warn,
        )
    if bits == 16:
        console.warn("whether Looking Glass Studio imports 16 bits is not verified; 8 bits are what it documents")
    console.say(f"wrote {written}")
    console.say(f"in Looking Glass Studio: import as RGB-D photo or video, depth position {side.value.capitalize()}")


@looking_glass.command()
def quilt(
    context: typer.Context,
    sources: Sources,
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", help="NAME.png, .jpg, .mp4 or .hop; the layout is added to the name. A folder for many."
        ),
    ],
    device: Annotated[str, typer.Option(help="Display to make it for (see 'devices'), or 'connected'.")] = "go",
    depthiness: Depthiness = 1.0,
    focus: Focus = 0.0,
    zoom: Zoom = 1.0,
    view_cone: Annotated[
        float | None, typer.Option(help="Angle between first and last view, degrees; the display's if left out.")
    ] = None,
    size: Annotated[
        str | None, typer.Option(help="Pixels of the whole quilt, WIDTHxHEIGHT; the display's if left out.")
    ] = None,
    fit: Fit = FitName.crop,
    depth: Depth = None,
    near: Near = None,
    source_side: SourceSide = None,
    fps: Fps = None,
    codec: Codec = None,
    host: Host = "localhost",
    http_port: HttpPort = 33334,
    jobs: farming.Jobs = 1,
    threads: farming.Threads = None,
    scheduler: farming.Scheduler = None,
    cluster: farming.Cluster = None,
    cluster_option: farming.ClusterOption = None,
    retries: farming.Retries = farming.RETRIES,
    dry_run: farming.DryRun = False,
    overwrite: Overwrite = False,
) -> None:
    """Render the views of a display from colour and depth into a quilt; of many sources into a folder of quilts."""
    from dataclasses import replace

    from holodriver.lookingglass.make import check_options, make_quilt_file
    from holodriver.lookingglass.parallax import ViewSettings

    display = _display(device, host, http_port)
    if view_cone is not None:
        display = replace(display, view_cone=view_cone)
    if size is not None:
        display = display.sized(*parse_size(size))
    options, views = _options(depth, near, source_side), ViewSettings(depthiness, focus, zoom)
    if len(sources) > 1:
        from holodriver.tasks.batches.quilts import QuiltSettings, quilts_batch

        if depth is not None:
            raise InputError(f"is the depth of one picture, and {len(sources)} sources were named", where="--depth")
        settings = QuiltSettings(display, views, options, fit.value, _rate(fps), codec.value if codec else None)
        batch = quilts_batch(sources, output, settings, overwrite=overwrite)
        farm = farming.farm_of(jobs, threads, scheduler, cluster, cluster_option, retries)
        if dry_run:
            farming.show_plan(batch, farm)
            return
        outcomes = farming.do(batch, farm)
        made = [outcome for outcome in outcomes if outcome.attempts and outcome.error is None]
        console.say(f"wrote {len(made)} of {len(outcomes)} to {output}")
        farming.judge(outcomes)
        return
    source = sources[0]
    farming.only_for_batches(context, "many sources")
    check_options(source, options, rate=_rate(fps), codec=codec.value if codec else None)
    with console.reporting() as progress:
        written = make_quilt_file(
            source,
            output,
            options,
            display,
            views,
            fit=fit.value,
            rate=_rate(fps),
            codec=codec.value if codec else None,
            overwrite=overwrite,
            progress=progress,
            warn=console.warn,
        )
    for path in written:
        console.say(f"wrote {path}")
    width, height = display.tile
    console.say(f"{display.views} views of {width} × {height} pixels over {display.view_cone:g}° for {display.label}")


@looking_glass.command()
def cast(
    source: Annotated[Path, typer.Argument(help="Quilt, RGB-D, picture, video or .hop file.")],
    kind: Annotated[KindName | None, typer.Option("--as", help="What it is; by its name if left out.")] = None,
    side: Annotated[SideName | None, typer.Option(help="Where depth is in RGB-D; by its name if left out.")] = None,
    depthiness: Annotated[float, typer.Option(min=0, max=4, help="Of RGB-D, as Bridge takes it.")] = 1.0,
    focus: Annotated[
        float, typer.Option(min=-1, max=1, help="As Bridge takes it; its own programs go from ±0.05 to ±1.")
    ] = 0.0,
    zoom: Annotated[float, typer.Option(min=0.1, max=4, help="As Bridge takes it.")] = 1.0,
    head: Annotated[int | None, typer.Option(help="Bridge's number of the display; the first if left out.")] = None,
    duration: Annotated[float | None, typer.Option(min=0, help="Seconds to show it; until Ctrl-C if left out.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave it playing, and return at once.")] = False,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for a display to be connected.")] = 0.0,
    patience: Annotated[float, typer.Option(min=1, help="Seconds to wait until Bridge says that it shows it.")] = 30.0,
    host: Host = "localhost",
    http_port: HttpPort = 33334,
    event_port: EventPort = 9724,
) -> None:
    """Play a file on a connected Looking Glass, through Looking Glass Bridge."""
    from holodriver.errors import BridgeError
    from holodriver.lookingglass.bridge import Bridge
    from holodriver.lookingglass.cast import casting, opened_item, wait_for_displays
    from holodriver.lookingglass.parallax import ViewSettings

    if keep and source.suffix.lower() == ".hop":
        raise InputError("is unpacked only while it is shown", where=source, remedy="leave --keep out")
    with (
        opened_item(
            source,
            kind=kind.value if kind else None,
            side=side.value if side else None,
            settings=ViewSettings(depthiness, focus, zoom),
        ) as item,
        Bridge(host, http_port=http_port, event_port=event_port) as bridge,
    ):
        if wait:
            wait_for_displays(bridge, wait)
        with casting(item, bridge, head=head, keep=keep) as session:
            with console.reporting() as progress:
                shown = session.shown(patience, progress=progress)
            where = f"{session.display.display.label} (head {session.display.head})"
            if not shown:
                raise BridgeError(
                    f"Bridge {bridge.version} took the {item.kind}, but did not say in {patience:g} s that it shows",
                    where=where,
                    remedy="can Bridge read the file from where it runs? see its own log",
                )
            console.say(f"Bridge {bridge.version} says that it shows {source.name} ({item.kind}) on {where}")
            if not keep:
                _hold(duration)


def _hold(seconds: float | None) -> None:
    """Wait until the time is over, or for Ctrl-C, which is how showing ends."""
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
    connected: Annotated[
        bool, typer.Option("--connected", help="Ask Looking Glass Bridge what is connected, instead.")
    ] = False,
    host: Host = "localhost",
    http_port: HttpPort = 33334,
    event_port: EventPort = 9724,
) -> None:
    """List the displays that quilts can be made for, or those that are connected."""
    from holodriver.optics.lookingglass import LOOKING_GLASSES

    if not connected:
        console.table(
            ("device", "display", "screen", "views", "quilt", "aspect", "view cone"),
            [(display.name, *_row(display)) for display in LOOKING_GLASSES.values()],
        )
        console.say("a connected display may ask for something else: --device connected takes what Bridge reports")
        return
    from holodriver.lookingglass.bridge import Bridge

    with Bridge(host, http_port=http_port, event_port=event_port) as bridge:
        found = bridge.displays()
    if not found:
        console.say(f"Bridge {bridge.version} has no Looking Glass connected")
        return
    console.table(
        ("head", "serial", "state", "display", "screen", "views", "quilt", "aspect", "view cone"),
        [(entry.head, entry.serial, entry.state, *_row(entry.display)) for entry in found],
        title=f"Looking Glass Bridge {bridge.version}",
    )


def _row(display: "LookingGlass") -> tuple[str, ...]:
    screen = "unknown" if display.screen is None else f"{display.screen[0]} × {display.screen[1]}"
    grid = f"{display.columns} × {display.rows}"
    size = f"{display.quilt[0]} × {display.quilt[1]}"
    cone = f"{display.view_cone:g}°" if display.screen else f"{display.view_cone:g}° (assumed)"
    return display.label, screen, grid, size, f"{display.aspect:.6g}", cone


def _display(name: str, host: str, http_port: int) -> "LookingGlass":
    if name != CONNECTED:
        from holodriver.optics.lookingglass import looking_glass as by_name

        return by_name(name)
    from holodriver.lookingglass.bridge import Bridge
    from holodriver.lookingglass.cast import choose

    with Bridge(host, http_port=http_port) as bridge:
        return choose(bridge.displays(), None).display


def _options(depth: Path | None, near: NearName | None, side: SideName | None) -> "SourceOptions":
    from holodriver.lookingglass.what_to_show import SourceOptions

    if depth is not None and side is not None:
        raise InputError("a source has its depth beside it or in itself, not both", where="--depth, --source-side")
    return SourceOptions(depth, near.value if near else None, side.value if side else None)


def _rate(fps: float | None) -> Fraction | None:
    return None if fps is None else Fraction(fps).limit_denominator(1001)
