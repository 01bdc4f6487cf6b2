# SPDX-License-Identifier: GPL-3.0-or-later
"""The running job and its results: the state of the user interface that is not saved in the file."""

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
"""Width of the progress bar in the status bar, in heights of a button."""

PACKAGE = __package__.rpartition(".")[0]
"""Name of the extension's package in Blender."""


@dataclass
class Session:
    """The state of the user interface."""

    job: Job | None = None
    lines: list[str] = field(default_factory=list)
    """Lines of text on the last job's outcome, which the panel shows."""
    failed: bool = False
    heading: str = "Done"
    results: dict[str, Path] = field(default_factory=dict)
    """Paths of the last results made here, by kind: "holo", "frames", "preview", "quilt"."""
    source: Path | None = None
    """Path of the last focal stack or RGB-D picture rendered here, the source of the next hologram."""
    ranges: dict[int, tuple[float, float]] = field(default_factory=dict)
    """Depth ranges (near, far) that were found, scene units, by the scene's `session_uid`."""
    pace: float = 1.0
    """Ratio of measured to estimated time of the last render."""
    shown: str = ""
    """Text in the status bar, which is redrawn only if the text changes."""


state = Session()


def running() -> bool:
    """Whether a job is running."""
    return state.job is not None and state.job.running


def end() -> None:
    """Kill a running job and reset the state."""
    if state.job is not None:
        state.job.kill()
    _status(None)
    state.__init__()  # type: ignore[misc]


@bpy.app.handlers.persistent
def _after_loading(*_: Any) -> None:
    # results of another file must not be offered as results of this file
    state.results, state.source, state.ranges = {}, None, {}


def register() -> None:
    """Add the handler that forgets a file's results when another file is opened."""
    bpy.app.handlers.load_post.append(_after_loading)


def unregister() -> None:
    """Kill a running job, reset the state, and remove the handler."""
    bpy.app.handlers.load_post.remove(_after_loading)
    end()


def tell(*lines: str, failed: bool = True, heading: str = "") -> None:
    """Show lines of text in the panel."""
    state.heading = heading or ("Failed" if failed else "Done")
    state.lines, state.failed = [line for text in lines for line in text.splitlines()], failed
    redraw()


def driver() -> Driver:
    """Find the driver to start.

    Raises:
        InputError: no driver was found.
    """
    own = preferences()
    return find_driver(own.driver if own is not None else "", private_environment())


def preferences() -> Any:
    """The extension's preferences; None if the extension was registered without preferences."""
    addon = bpy.context.preferences.addons.get(PACKAGE)
    return addon.preferences if addon is not None else None


def private_environment() -> Path | None:
    """Folder in which Install Driver makes its environment; None if Blender gives the extension no folder."""
    try:
        return Path(bpy.utils.extension_path_user(PACKAGE)) / "driver"
    except ValueError:  # not installed as an extension
        return None


def profile(settings: Any) -> DisplayProfile:
    """Return the display profile that the artist chose.

    Raises:
        InputError: the profile's file is missing or wrong.
    """
    named = settings.profile_file.strip()
    return profile_of(settings, Path(bpy.path.abspath(named)) if named else None)


def known_range(scene: bpy.types.Scene) -> tuple[float, float]:
    """Return the depth range (near, far) that was last found for a scene, scene units.

    Raises:
        InputError: no range was found yet.
    """
    try:
        return state.ranges[scene.session_uid]
    except KeyError:
        raise InputError("the depth range is not known yet", remedy="press Fit to View first") from None


def progress_text(job: Job) -> str:
    """Describe stage, plane and remaining time of a job, short enough for a narrow panel."""
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
    """Redraw status bar and panels if the text in the status bar has changed."""
    job = state.job
    text = f"{job.report.step} {progress_text(job)} {job.report.note}" if job is not None and job.running else ""
    if text == state.shown:
        return
    state.shown = text
    _status(_draw_status if text else None)
    redraw()


def redraw() -> None:
    """Redraw the extension's panels."""
    manager = bpy.context.window_manager
    for window in manager.windows if manager is not None else ():
        for area in window.screen.areas:
            # the viewport itself is not redrawn: that can take longer than a timer interval
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
