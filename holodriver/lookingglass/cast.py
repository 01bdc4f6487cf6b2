"""Play a file on a connected Looking Glass through Bridge, and find out what Bridge really did."""

import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from holodriver.errors import BridgeError, InputError
from holodriver.files.halves import Side, side_of
from holodriver.files.hop import SUFFIX, unpack_hop
from holodriver.files.images import picture_size
from holodriver.files.video.video import VideoReader, is_video
from holodriver.lookingglass.bridge import Bridge, ConnectedDisplay, Events
from holodriver.lookingglass.parallax import ViewSettings
from holodriver.optics.lookingglass import LookingGlass, parse_quilt_name
from holodriver.progress import Progress, silent

Kind = Literal["quilt", "rgbd", "picture"]

DEPTH_PLACES: dict[Side, int] = {"top": 0, "bottom": 1, "right": 2, "left": 3}
"""Bridge's numbers of where depth is, as bridge.js and LKG-Toolkit's own player have them."""

SHOWING = "New Item Playing"
"""The event by which Bridge says that an item is on the display."""

SHOW_PATIENCE_S = 30.0
"""Seconds to wait for it; Bridge converts RGB-D and reads large files first."""

ITEM_MS = 20_000
"""Duration of a still picture in its looped playlist, which only says how often it is shown anew."""


@dataclass(frozen=True)
class Item:
    """What is played, and how Bridge is to read it."""

    path: Path
    kind: Kind
    columns: int = 1
    rows: int = 1
    aspect: float = 1.0
    """Width over height of what is shown: of a view, or of the colour half."""
    side: Side | None = None
    settings: ViewSettings = field(default_factory=ViewSettings)

    def fields(self, name: str, display: LookingGlass) -> dict[str, Any]:
        """What Bridge is told of it; RGB-D is turned into the views that the display asks for."""
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
    events: Events

    def shown(self, patience: float = SHOW_PATIENCE_S, *, progress: Progress = silent) -> bool:
        """Whether Bridge says within so many seconds that it shows the item; of what it cannot open it says nothing.

        Args:
            progress: of Bridge's own work, percent.
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
    """As `read_item`, also for .hop files, which are unpacked for as long as the block lasts.

    Raises:
        InputError: something is given that a .hop file says itself.
    """
    if path.suffix.lower() != SUFFIX:
        yield read_item(path, kind=kind, side=side, settings=settings)
        return
    if kind not in (None, "quilt") or side:
        raise InputError("holds a quilt", where=path, remedy="leave --as and --side out")
    _check_own(path, settings)
    with tempfile.TemporaryDirectory(prefix="holodriver") as folder:
        media, said = unpack_hop(path, Path(folder))
        own = ViewSettings(focus=said.focus, zoom=said.zoom)
        yield Item(media, "quilt", said.columns, said.rows, said.aspect, settings=own)


def read_item(
    path: Path, *, kind: Kind | None = None, side: Side | None = None, settings: ViewSettings | None = None
) -> Item:
    """What a file is by its name (or by `kind`), and how it lies.

    A quilt is named ``_qs{columns}x{rows}a{aspect}``, RGB-D ``_rgbd_lr``, ``_rgbd_rl``, ``_rgbd_tb`` or ``_rgbd_bt``.

    Raises:
        FileFormatError: it is neither a picture nor a video that can be read.
        InputError: it should be a quilt and its name does not say how it lies, or focus and zoom are given twice.
    """
    given, settings = settings, settings or ViewSettings()
    if not path.is_file():
        raise InputError("does not exist", where=path)
    said, named = parse_quilt_name(path), side_of(path)
    kind = kind or ("quilt" if said else "rgbd" if named or side else "picture")
    width, height = _size(path)
    if kind == "quilt":
        if said is None:
            raise InputError("has no name of a quilt, expected NAME_qs{columns}x{rows}a{aspect}", where=path)
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
    """Play an item on a display while the block lasts; then pause it and hide the window, unless `keep`.

    A playlist is never deleted, which hangs Bridge, nor reused, which would add to what it held.

    Args:
        head: Bridge's number of the display; None: the first Looking Glass.
        keep: leave it playing after the block, if that ends without an error.

    Raises:
        BridgeError: no Looking Glass is connected, or Bridge did not do what it was asked.
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
    """Pause what plays and hide its window; what fails of it is passed over, so that the rest is done."""
    for endpoint, fields in (
        ("transport_control_pause", {}),
        ("show_window", {"show_window": False, "head_index": head}),
    ):
        with suppress(BridgeError):
            bridge.ask(endpoint, **fields)


def choose(displays: list[ConnectedDisplay], head: int | None) -> ConnectedDisplay:
    """The display of that number, or the first.

    Raises:
        BridgeError: it is not there.
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
    raise BridgeError(f"there is no Looking Glass {head}", remedy=f"connected: {there}")


def wait_for_displays(
    bridge: Bridge, seconds: float, *, pause: Callable[[float], None] = time.sleep
) -> list[ConnectedDisplay]:
    """The connected displays, as soon as there is one, or none after so many seconds."""
    end = time.monotonic() + seconds
    while not (found := bridge.displays()) and time.monotonic() < end:
        pause(min(1.0, max(0.0, end - time.monotonic())))
    return found


def _check_own(path: Path, given: ViewSettings | None) -> None:
    """Refuse focus and zoom for a file that has its own."""
    plain = ViewSettings()
    if given is not None and (given.focus, given.zoom) != (plain.focus, plain.zoom):
        raise InputError("has a focus and a zoom of its own", where=path, remedy="leave --focus and --zoom out")


def _size(path: Path) -> tuple[int, int]:
    if is_video(path):
        with VideoReader(path) as video:
            return video.info.width, video.info.height
    return picture_size(path)
