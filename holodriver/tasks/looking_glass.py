"""Choose a Looking Glass display and read sources for it, and cast files through Looking Glass Bridge."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from holodriver.errors import BridgeError, InputError
from holodriver.files.halves import Side
from holodriver.files.rgbd import Near
from holodriver.lookingglass.bridge import Bridge
from holodriver.lookingglass.cast import casting, choose, opened_item, wait_for_displays
from holodriver.lookingglass.choices import Codec, Fit, Kind
from holodriver.lookingglass.layout import Layout
from holodriver.lookingglass.make import check_options
from holodriver.lookingglass.parallax import ViewSettings
from holodriver.lookingglass.what_to_show import SourceOptions
from holodriver.optics.lookingglass import LookingGlass, looking_glass
from holodriver.progress import Progress

CONNECTED = "connected"
"""Name of the display that Bridge reports."""

VIDEO_FREE = (".png", ".jpg", ".jpeg")
"""Ends of names of pictures, whose sides may be odd numbers of pixels."""


def source_options(
    sources: Sequence[Path],
    *,
    depth: Path | None = None,
    near: Near | None = None,
    side: Side | None = None,
    fps: float | None = None,
    codec: Codec | None = None,
) -> tuple[SourceOptions, Fraction | None]:
    """How sources are read, and the frames a second of a folder of pictures, as a fraction that videos can hold.

    Args:
        sources: focal stacks, holograms, pictures or videos with depth, or folders of pictures.
        depth: depth of a picture or a video; looked for beside it if None.
        near: end of the grey scale of separate depth that is near; by the kind of file if None.
        side: half of the source that holds depth; by its name if None.
        fps: frames a second of a folder of pictures; the usual ones if None.
        codec: codec of a video; by its size if None.

    Raises:
        InputError: an option does not apply to the source, or to several sources, or contradicts another one.
    """
    if depth is not None and side is not None:
        raise InputError("a source has its depth beside it or in itself, not both", where="--depth, --source-side")
    options = SourceOptions(depth, near, side)
    rate = None if fps is None else Fraction(fps).limit_denominator(1001)
    if len(sources) == 1:
        check_options(sources[0], options, rate=rate, codec=codec)
    elif depth is not None:
        raise InputError(f"is the depth of one picture, and {len(sources)} sources were named", where="--depth")
    return options, rate


def rgbd_layout(device: str | None, size: tuple[int, int] | None, fit: Fit, output: Path) -> Layout:
    """How colour and depth are laid out for a display, or with halves of `size` (width, height), pixels."""
    display = None if device is None else display_named(device)
    return Layout(display, size, fit, output.suffix.lower() not in VIDEO_FREE)


def display_named(name: str) -> LookingGlass:
    """The display of a name; `connected`, `connected@HOST` or `connected@HOST:PORT` is the one that Bridge reports.

    Raises:
        InputError: there is no display of that name.
        BridgeError: Bridge does not answer, or no display is connected.
    """
    connected, _, where = name.partition("@")
    if connected != CONNECTED:
        return looking_glass(name)
    host, _, port = where.partition(":")
    if port and not port.isdigit():
        raise InputError(f"is {name!r}, expected {CONNECTED}@HOST:PORT", where="--device")
    with Bridge(host or "localhost", **({"http_port": int(port)} if port else {})) as bridge:
        return choose(bridge.displays(), None).display


def quilt_display(device: str, *, view_cone: float | None = None, size: tuple[int, int] | None = None) -> LookingGlass:
    """The display of a name, with another view cone (degrees) or another size of the whole quilt (pixels)."""
    display = display_named(device)
    if view_cone is not None:
        display = replace(display, view_cone=view_cone)
    return display if size is None else display.sized(*size)


@contextmanager
def cast(
    source: Path,
    connect: Callable[[], Bridge],
    *,
    kind: Kind | None = None,
    side: Side | None = None,
    views: ViewSettings | None = None,
    head: int | None = None,
    keep: bool = False,
    wait_s: float = 0.0,
    patience_s: float = 30.0,
    reporting: Callable[[], AbstractContextManager[Progress]],
) -> Iterator[str]:
    """Make a block in which a connected Looking Glass plays a file; the value is a line that says what is shown.

    Args:
        source: quilt, RGB-D, picture, video or .hop file.
        connect: opens the connection to Looking Glass Bridge.
        kind: what the file holds; by its name if None.
        side: half of an RGB-D file that holds depth; by its name if None.
        views: depthiness, focus and zoom as Bridge takes them.
        head: Bridge's number of the display; the first one if None.
        keep: whether the file goes on playing after the block.
        wait_s: time to wait for a display to be connected, seconds.
        patience_s: time in which Bridge must say that it shows the file, seconds.
        reporting: makes the block in which the progress of Bridge's own work is shown.

    Raises:
        InputError: the file cannot be cast.
        BridgeError: Bridge does not answer, or does not say in time that it shows the file.
    """
    if keep and source.suffix.lower() == ".hop":
        raise InputError("is unpacked only while it is shown", where=source, remedy="leave --keep out")
    with opened_item(source, kind=kind, side=side, settings=views) as item, connect() as bridge:
        if wait_s:
            wait_for_displays(bridge, wait_s)
        with casting(item, bridge, head=head, keep=keep) as session:
            with reporting() as progress:
                shown = session.shown(patience_s, progress=progress)
            where = f"{session.display.display.label} (head {session.display.head})"
            if not shown:
                raise BridgeError(
                    f"Bridge {bridge.version} took the {item.kind}, but did not say in {patience_s:g} s that it shows",
                    where=where,
                    remedy="can Bridge read the file from where it runs? see its own log",
                )
            yield f"Bridge {bridge.version} says that it shows {source.name} ({item.kind}) on {where}"
