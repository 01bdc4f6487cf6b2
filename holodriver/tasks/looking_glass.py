"""RGB-D files and quilts for a Looking Glass display, and what is cast to one through Looking Glass Bridge."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from holodriver.errors import BridgeError, InputError
from holodriver.files.halves import Side
from holodriver.files.rgbd import Near
from holodriver.lookingglass.bridge import Bridge, ConnectedDisplay
from holodriver.lookingglass.cast import casting, choose, opened_item, wait_for_displays
from holodriver.lookingglass.choices import Codec, Fit, Kind
from holodriver.lookingglass.layout import Layout
from holodriver.lookingglass.make import check_options, make_quilt_file, make_rgbd_file
from holodriver.lookingglass.parallax import ViewSettings
from holodriver.lookingglass.what_to_show import SourceOptions
from holodriver.optics.lookingglass import LookingGlass, looking_glass
from holodriver.progress import Progress, silent

CONNECTED = "connected"
"""Name that stands for the display that Bridge reports."""

VIDEO_FREE = (".png", ".jpg", ".jpeg")
"""Ends of names of pictures, which may have odd sides."""

Warn = Callable[[str], None]


@dataclass(frozen=True)
class Address:
    """Where Looking Glass Bridge listens."""

    host: str = "localhost"
    http_port: int = 33334
    event_port: int = 9724

    def bridge(self) -> Bridge:
        """The connection to it; no other machine is spoken to."""
        return Bridge(self.host, http_port=self.http_port, event_port=self.event_port)


@dataclass(frozen=True)
class Given:
    """How a source is read, and what becomes of its shape.

    Raises:
        InputError: the depth is named both beside the source and in it.
    """

    depth: Path | None = None
    """Depth of a picture or a video; looked for beside it if None."""
    near: Near | None = None
    """End of the grey scale of separate depth that is near; by the kind of file if None."""
    side: Side | None = None
    """Where depth is in a source that holds both; by its name if None."""
    fit: Fit = "crop"
    fps: float | None = None
    """Frames a second of a folder of pictures."""
    codec: Codec | None = None
    """Codec of a video; by its size if None."""

    def __post_init__(self) -> None:
        if self.depth is not None and self.side is not None:
            raise InputError("a source has its depth beside it or in itself, not both", where="--depth, --source-side")

    @property
    def options(self) -> SourceOptions:
        """How the source is read."""
        return SourceOptions(self.depth, self.near, self.side)

    @property
    def rate(self) -> Fraction | None:
        """Frames a second, as a fraction that videos can hold."""
        return None if self.fps is None else Fraction(self.fps).limit_denominator(1001)


@dataclass(frozen=True)
class CastSettings:
    """What is cast, and how long is waited for it."""

    kind: Kind | None = None
    """What the file holds; by its name if None."""
    side: Side | None = None
    """Where depth is in RGB-D; by its name if None."""
    views: ViewSettings | None = None
    head: int | None = None
    """Bridge's number of the display; the first if None."""
    keep: bool = False
    """Whether it goes on playing after the block."""
    wait_s: float = 0.0
    """Time to wait for a display to be connected, seconds."""
    patience_s: float = 30.0
    """Time in which Bridge must say that it shows the file, seconds."""


@dataclass(frozen=True)
class Shown:
    """What Bridge says that it shows."""

    version: str
    """Version of Bridge."""
    kind: Kind
    where: str
    """The display."""


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
    address = Address(host or Address.host, int(port) if port else Address.http_port)
    with address.bridge() as bridge:
        return choose(bridge.displays(), None).display


def quilt_display(device: str, *, view_cone: float | None = None, size: tuple[int, int] | None = None) -> LookingGlass:
    """The display of a name, with another view cone (degrees) or another size of the whole quilt (pixels)."""
    display = display_named(device)
    if view_cone is not None:
        display = replace(display, view_cone=view_cone)
    return display if size is None else display.sized(*size)


def rgbd(
    source: Path,
    output: Path,
    given: Given,
    *,
    device: str | None = None,
    size: tuple[int, int] | None = None,
    side: Side = "right",
    bits: int = 8,
    overwrite: bool = False,
    progress: Progress = silent,
    warn: Warn = lambda text: None,
) -> Path:
    """Write colour and depth side by side, near white, as Looking Glass Studio imports them; the path written.

    Args:
        source: focal stack, hologram, picture or video with depth, or folder of pictures.
        output: NAME.png, .jpg or .mp4; gets an end such as _rgbd_lr.
        given: how the source is read.
        device: display whose aspect and size are taken.
        size: (width, height) of each half instead, pixels.
        side: where depth goes.
        bits: 8, or 16 in a .png.
        overwrite: replace the file.
        progress: told of the frames of a video.
        warn: told of what was assumed.

    Raises:
        InputError: source, output and options do not fit together.
    """
    check_options(source, given.options, rate=given.rate, codec=given.codec)
    display = None if device is None else display_named(device)
    layout = Layout(display, size, given.fit, output.suffix.lower() not in VIDEO_FREE)
    written = make_rgbd_file(
        source,
        output,
        given.options,
        layout,
        side=side,
        bits=bits,
        rate=given.rate,
        codec=given.codec,
        overwrite=overwrite,
        progress=progress,
        warn=warn,
    )
    if bits == 16:
        warn("whether Looking Glass Studio imports 16 bits is not verified; 8 bits are what it documents")
    return written


def quilt(
    source: Path,
    output: Path,
    given: Given,
    display: LookingGlass,
    views: ViewSettings,
    *,
    overwrite: bool = False,
    progress: Progress = silent,
    warn: Warn = lambda text: None,
) -> Sequence[Path]:
    """Render the views of a display from colour and depth into a quilt; the paths written.

    Raises:
        InputError: source, output and options do not fit together.
    """
    check_options(source, given.options, rate=given.rate, codec=given.codec)
    return make_quilt_file(
        source,
        output,
        given.options,
        display,
        views,
        fit=given.fit,
        rate=given.rate,
        codec=given.codec,
        overwrite=overwrite,
        progress=progress,
        warn=warn,
    )


@contextmanager
def cast(
    source: Path,
    settings: CastSettings,
    address: Address,
    *,
    reporting: Callable[[], AbstractContextManager[Progress]],
) -> Iterator[Shown]:
    """A block in which Bridge plays a file on a connected Looking Glass; it begins once Bridge says that it does.

    Args:
        source: quilt, RGB-D, picture, video or .hop file.
        settings: what it is, and how long is waited.
        address: where Bridge listens.
        reporting: makes the block in which the progress of Bridge's own work is shown.

    Raises:
        InputError: the file cannot be cast.
        BridgeError: Bridge does not answer, or does not say in time that it shows the file.
    """
    if settings.keep and source.suffix.lower() == ".hop":
        raise InputError("is unpacked only while it is shown", where=source, remedy="leave --keep out")
    opened = opened_item(source, kind=settings.kind, side=settings.side, settings=settings.views)
    with opened as item, address.bridge() as bridge:
        if settings.wait_s:
            wait_for_displays(bridge, settings.wait_s)
        with casting(item, bridge, head=settings.head, keep=settings.keep) as session:
            with reporting() as progress:
                shown = session.shown(settings.patience_s, progress=progress)
            where = f"{session.display.display.label} (head {session.display.head})"
            if not shown:
                raise BridgeError(
                    f"Bridge {bridge.version} took the {item.kind}, but did not say in {settings.patience_s:g} s that "
                    "it shows",
                    where=where,
                    remedy="can Bridge read the file from where it runs? see its own log",
                )
            yield Shown(bridge.version, item.kind, where)


def connected_displays(address: Address) -> tuple[str, Sequence[ConnectedDisplay]]:
    """Version of Bridge, and the displays that it has connected.

    Raises:
        BridgeError: Bridge does not answer.
    """
    with address.bridge() as bridge:
        return bridge.version, bridge.displays()
