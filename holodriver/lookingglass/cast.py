"""Playing a file on a connected Looking Glass through Bridge, and checking that Bridge shows it."""

import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from holodriver.errors import BridgeError, InputError
from holodriver.files.halves import Side, side_of
from holodriver.files.hop import SUFFIX, unpack_hop
from holodriver.files.images import picture_size
from holodriver.files.video.video import VideoReader, is_video
from holodriver.lookingglass.bridge import Bridge, ConnectedDisplay, Events
from holodriver.lookingglass.choices import Kind
from holodriver.lookingglass.parallax import ViewSettings
from holodriver.optics.lookingglass import LookingGlass, parse_quilt_name
from holodriver.progress import Progress, silent

DEPTH_PLACES: dict[Side, int] = {"top": 0, "bottom": 1, "right": 2, "left": 3}
"""Bridge's numbers for the place of depth, from bridge.js and the player of LKG-Toolkit."""

SHOWING = "New Item Playing"
"""Name of the event with which Bridge reports that an item is on the display."""

SHOW_PATIENCE_S = 30.0
"""Longest wait for that event, seconds; Bridge first converts RGB-D and reads large files."""

ITEM_MS = 20_000
"""Duration of a still picture in its looped playlist, ms; it only sets how often the picture is shown again."""


@dataclass(frozen=True)
class Item:
    """A file to play, and its layout for Bridge."""

    path: Path
    kind: Kind
    columns: int = 1
    """Number of views in a row of a quilt."""
    rows: int = 1
    """Number of rows of views."""
    aspect: float = 1.0
    """Width divided by height of what is shown: of a view, or of the colour half."""
    side: Side | None = None
    """Half that holds depth in RGB-D; None for other kinds."""
    settings: ViewSettings = field(default_factory=ViewSettings)

    def fields(self, name: str, display: LookingGlass) -> dict[str, Any]:
        """Fields of the call that describes the item to Bridge, which turns RGB-D into the display's views."""
        rgbd = self.kind == "rgbd"
        columns, rows = (display.columns, display.rows) if rgbd else (self.columns, self.rows)
        told: dict[str, Any] = {
            "name": name,
            "id": 0,
            "index": 0,
            "uri": str(self.path.resolve()),
            "rows": rows,
            "cols": columns,
            "aspect": self.aspect,
            "view_count": rows * columns,
            "durationMS": ITEM_MS,
            "isRGBD": int(rgbd),
            "focus": self.settings.focus,
            "zoom": self.settings.zoom,
            "crop_pos_x": 0,
            "crop_pos_y": 0,
            "tag": "holodriver",
        }
        if rgbd:
            told |= {
                "depth_loc": DEPTH_PLACES[self.side or "right"],
                "depth_inversion": 0,  # white is near
                "chroma_depth": 0,
                "depthiness": self.settings.depthiness,
                "depth_cutoff": 0.0,
                "quilt_size_x": display.quilt[0],
                "quilt_size_y": display.quilt[1],
            }
        return told


@dataclass(frozen=True)
class Session:
    """An item that Bridge was told to play."""

    display: ConnectedDisplay
    playlist: str
    """Bridge's name of the playlist."""
    events: Events

    def shown(self, patience: float = SHOW_PATIENCE_S, *, progress: Progress = silent) -> bool:
        """Wait until Bridge reports that it shows the item; false if no report comes within `patience` seconds.

        Args:
            progress: called with the progress of Bridge's own work, percent.
        """
        for event in self.events.within(patience):
            if event.name == SHOWING and event.values.get("playlist_name") == self.playlist:
                return True
            share = event.values.get("progress")
            if event.name.startswith("Progress") and isinstance(share, (int, float)):
                progress("Bridge prepares", min(100, max(0, round(100 * share))), 100)
        return False


@contextmanager
def opened_item(
    path: Path, *, kind: Kind | None = None, side: Side | None = None, settings: ViewSettings | None = None
) -> Iterator[Item]:
    """Give the item for a file; see `read_item`. A .hop file is unpacked while the block lasts.

    Raises:
        InputError: an option is given whose value the .hop file contains.
    """
    if path.suffix.lower() != SUFFIX:
        yield read_item(path, kind=kind, side=side, settings=settings)
        return
    if kind not in (None, "quilt") or side:
        raise InputError("holds a quilt", where=path, remedy="leave out --as and --side")
    _check_own(path, settings)
    with tempfile.TemporaryDirectory(prefix="holodriver") as folder:
        media, said = unpack_hop(path, Path(folder))
        own = ViewSettings(focus=said.focus, zoom=said.zoom)
        yield Item(media, "quilt", said.columns, said.rows, said.aspect, settings=own)


def read_item(
    path: Path, *, kind: Kind | None = None, side: Side | None = None, settings: ViewSettings | None = None
) -> Item:
    """Describe a file and its layout, from its name or from `kind`.

    The name of a quilt ends in ``_qs{columns}x{rows}a{aspect}``, that of RGB-D in ``_rgbd_lr``, ``_rgbd_rl``,
    ``_rgbd_tb`` or ``_rgbd_bt``.

    Raises:
        FileFormatError: the file is not a picture or video that can be read.
        InputError: the file should be a quilt but its name does not give the layout, or focus and zoom are given twice.
    """
    given, settings = settings, settings or ViewSettings()
    if not path.is_file():
        raise InputError("does not exist", where=path)
    said, named = parse_quilt_name(path), side_of(path)
    kind = kind or ("quilt" if said else "rgbd" if named or side else "picture")
    width, height = _size(path)
    if kind == "quilt":
        if said is None:
            raise InputError("does not have the name of a quilt, expected NAME_qs{columns}x{rows}a{aspect}", where=path)
        if said.zoom or said.focus:
            _check_own(path, given)
            settings = ViewSettings(focus=said.focus or 0.0, zoom=said.zoom or 1.0)
        return Item(path, kind, said.columns, said.rows, said.aspect, settings=settings)
    if kind == "rgbd":
        side = side or named or "right"
        half = (width / 2, height) if side in ("right", "left") else (width, height / 2)
        return Item(path, kind, aspect=half[0] / half[1], side=side, settings=settings)
    return Item(path, kind, aspect=width / height, settings=settings)


@contextmanager
def casting(item: Item, bridge: Bridge, *, head: int | None = None, keep: bool = False) -> Iterator[Session]:
    """Play an item on a display inside the block; then pause it and hide its window, unless `keep` is true.

    A playlist is never deleted, which would hang Bridge, nor reused, which would add to its old items.

    Args:
        head: Bridge's number of the display; None: the first Looking Glass.
        keep: keep playing after the block, if the block ends without an error.

    Raises:
        BridgeError: no Looking Glass is connected, or a call to Bridge failed.
    """
    display = choose(bridge.displays(), head)
    name = f"holodriver {uuid.uuid4().hex[:12]}"
    with bridge.events() as events:
        done = False
        try:
            bridge.ask("show_window", show_window=True, head_index=display.head)
            bridge.ask("instance_playlist", name=name, loop=True)
            bridge.ask("insert_playlist_entry", **item.fields(name, display.display))
            bridge.ask("play_playlist", name=name, head_index=display.head)
            yield Session(display, name, events)
            done = True
        finally:
            if not (done and keep):
                stop(bridge, display.head)


def stop(bridge: Bridge, head: int) -> None:
    """Pause playing and hide the window; errors are ignored, so that both steps are tried."""
    for endpoint, fields in (
        ("transport_control_pause", {}),
        ("show_window", {"show_window": False, "head_index": head}),
    ):
        with suppress(BridgeError):
            bridge.ask(endpoint, **fields)


def choose(displays: list[ConnectedDisplay], head: int | None) -> ConnectedDisplay:
    """Display with the given number, or the first display.

    Raises:
        BridgeError: the display is not connected.
    """
    if not displays:
        raise BridgeError(
            "no Looking Glass is connected to Bridge", remedy="plug it in by HDMI and USB, and wait a moment"
        )
    if head is None:
        return displays[0]
    for display in displays:
        if display.head == head:
            return display
    there = ", ".join(f"{display.head} ({display.display.label})" for display in displays)
    raise BridgeError(f"no Looking Glass has the number {head}", remedy=f"connected: {there}")


def wait_for_displays(
    bridge: Bridge, seconds: float, *, pause: Callable[[float], None] = time.sleep
) -> list[ConnectedDisplay]:
    """Wait until a display is connected; returns the displays, or an empty list after the given number of seconds."""
    end = time.monotonic() + seconds
    while not (found := bridge.displays()) and time.monotonic() < end:
        pause(min(1.0, max(0.0, end - time.monotonic())))
    return found


def _check_own(path: Path, given: ViewSettings | None) -> None:
    """Refuse focus and zoom for a file that contains them."""
    plain = ViewSettings()
    if given is not None and (given.focus, given.zoom) != (plain.focus, plain.zoom):
        raise InputError("has its own focus and zoom", where=path, remedy="leave out --focus and --zoom")


def _size(path: Path) -> tuple[int, int]:
    if is_video(path):
        with VideoReader(path) as video:
            return video.info.width, video.info.height
    return picture_size(path)
