# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs now and what came of it: the part of the shell that no file keeps."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy

from holodriver.errors import InputError
from holodriver.optics.display import DisplayProfile

from .driver import Driver, find_driver, profile_of
from .driver_process import Job, State
from .estimate import in_words

STATUS_UNITS = 24.0
"""Width of the bar in the status bar, in Blender's units of a button's height."""

PACKAGE = __package__.rpartition(".")[0]
"""Name of the extension's package, as Blender knows it."""


@dataclass
class Session:
    """All of it."""

    job: Job | None = None
    lines: list[str] = field(default_factory=list)
    """What the last job came to, for the panel."""
    failed: bool = False
    heading: str = "Done"
    results: dict[str, Path] = field(default_factory=dict)
    """The last "holo", "frames", "preview", "quilt" made here."""
    source: Path | None = None
    """The last focal stack or RGB-D picture rendered here, of which holograms are made."""
    ranges: dict[int, tuple[float, float]] = field(default_factory=dict)
    """Depth ranges that were found, by scene (its `session_uid`)."""
    pace: float = 1.0
    """Measured over estimated time of the last render."""
    shown: str = ""
    """What the status bar shows, so that it is redrawn on a change alone."""


state = Session()


def running() -> bool:
    """Whether a job is at work."""
    return state.job is not None and state.job.running


def end() -> None:
    """End what runs, at once, and forget everything."""
    if state.job is not None:
        state.job.kill()
    _status(None)
    state.__init__()  # type: ignore[misc]


@bpy.app.handlers.persistent
def _after_loading(*_: Any) -> None:
    # what was made of another file is not "here"
    state.results, state.source, state.ranges = {}, None, {}


def register() -> None:
    """Forget a file's results when another one is opened."""
    bpy.app.handlers.load_post.append(_after_loading)


def unregister() -> None:
    """End what runs, and forget everything."""
    bpy.app.handlers.load_post.remove(_after_loading)
    end()


def tell(*lines: str, failed: bool = True, heading: str = "") -> None:
    """Show lines in the panel."""
    state.heading = heading or ("Failed" if failed else "Done")
    state.lines, state.failed = [line for text in lines for line in text.splitlines()], failed
    redraw()


def driver() -> Driver:
    """The driver to start.

    Raises:
        InputError: there is none.
    """
    own = preferences()
    return find_driver(own.driver if own is not None else "", private_environment())


def preferences() -> Any:
    """The extension's preferences; None where it was registered without them."""
    addon = bpy.context.preferences.addons.get(PACKAGE)
    return addon.preferences if addon is not None else None


def private_environment() -> Path | None:
    """The folder in which Install Driver makes its environment; None if Blender gives the extension no folder."""
    try:
        return Path(bpy.utils.extension_path_user(PACKAGE)) / "driver"
    except ValueError:  # not installed as an extension
        return None


def profile(settings: Any) -> DisplayProfile:
    """The display profile that was chosen.

    Raises:
        InputError: its file is wrong.
    """
    named = settings.profile_file.strip()
    return profile_of(settings, Path(bpy.path.abspath(named)) if named else None)


def known_range(scene: bpy.types.Scene) -> tuple[float, float]:
    """The depth range that was last found for a scene.

    Raises:
        InputError: none was.
    """
    try:
        return state.ranges[scene.session_uid]
    except KeyError:
        raise InputError("the depth range is not known yet", remedy="press Fit to View first") from None


def progress_text(job: Job) -> str:
    """Stage, plane and time left, short enough for a narrow panel."""
    report = job.report
    if job.state is State.STOPPING:
        return "Stopping"
    text = ""
    if report.stage and report.total:
        text = f"{report.stage.capitalize()} {report.done} of {report.total}"
    elif report.output:
        text = report.output[-1][:60]
    left = job.seconds_left
    return text + (f", {in_words(left)} left" if left is not None else "")


def refresh() -> None:
    """Bring status bar and panels up to date, if anything has changed."""
    job = state.job
    text = f"{job.report.step} {progress_text(job)} {job.report.note}" if job is not None and job.running else ""
    if text == state.shown:
        return
    state.shown = text
    _status(_draw_status if text else None)
    redraw()


def redraw() -> None:
    """Draw our panels again."""
    manager = bpy.context.window_manager
    for window in manager.windows if manager is not None else ():
        for area in window.screen.areas:
            # the viewport itself stays as it is: drawing it can take longer than a tick
            wanted = {"VIEW_3D": "UI", "PROPERTIES": "WINDOW", "PREFERENCES": "WINDOW"}.get(area.type)
            for region in area.regions:
                if region.type == wanted:
                    region.tag_redraw()


def _status(draw: Any) -> None:
    workspace = getattr(bpy.context, "workspace", None)
    if workspace is not None and not bpy.app.background:
        workspace.status_text_set(draw)


def _draw_status(header: Any, context: bpy.types.Context) -> None:
    job = state.job
    if job is None or not job.running:
        return
    row = header.layout.row(align=True)
    row.label(text="Cancel", icon="EVENT_ESC")
    bar = row.row()
    bar.ui_units_x = STATUS_UNITS
    bar.progress(factor=job.report.factor, text=f"{job.report.step or job.title}: {progress_text(job)}")
    header.layout.separator_spacer()
