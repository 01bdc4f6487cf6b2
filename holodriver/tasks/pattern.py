"""Draw test pictures for the panel into a file, or show them on a monitor."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import InputError
from holodriver.files.images import write_png
from holodriver.rig.panel.monitors import panel_monitor
from holodriver.rig.panel.patterns import PATTERNS, PatternSettings, draw_pattern
from holodriver.rig.panel.window import WindowPanel

REFRESH_HZ = 60.0
"""Assumed refresh rate of a monitor that does not report one, Hz."""

REST_S = 0.02
"""Time between two looks at the clock while a still picture is shown, s."""

Say = Callable[[str], None]


def write_pattern(
    name: str, output: Path, size: tuple[int, int], chosen: PatternSettings, *, overwrite: bool = False
) -> None:
    """Draw a test picture of (width, height) pixels into a PNG file.

    Raises:
        OutputExistsError: the file exists and `overwrite` is false.
        InputError: there is no such pattern, or too few pixels for it.
    """
    width, height = size
    picture = draw_pattern(name, (height, width), chosen)
    write_png(output, picture, text={"Title": f"holodriver pattern {name}"}, overwrite=overwrite)


def check_target(output: Path | None, monitor: str | None) -> None:
    """Refuse a test picture without a target, or with a file that is no PNG.

    Raises:
        InputError: the target is missing or wrong.
    """
    if output is None and monitor is None:
        raise InputError("say where it goes", remedy="-o FILE.png, --monitor NAME, or both")
    if output is not None and output.suffix.lower() != ".png":
        raise InputError("expected a name that ends in .png", where=output)


def show_pattern(
    name: str,
    chosen: PatternSettings,
    monitor: str,
    *,
    duration_s: float | None = None,
    force_primary: bool = False,
    say: Say = lambda text: None,
    warn: Say = lambda text: None,
) -> tuple[int, int] | None:
    """Show a test picture until the time is over or Ctrl-C is pressed.

    Args:
        name: name of the pattern.
        chosen: how the pattern is drawn.
        monitor: EDID name, connector or index of the monitor.
        duration_s: time to show it, seconds; until Ctrl-C if None.
        force_primary: whether the primary monitor is allowed.
        say: told how to read the picture, and where it is.
        warn: told if frames do not wait for the monitor's refresh.

    Returns:
        For a pattern whose frames alternate, the number of frames and of refreshes without a new frame.

    Raises:
        InputError: there is no such monitor or pattern.
        RigError: the window cannot be opened.
    """
    found = panel_monitor(monitor, allow_primary=force_primary)
    shape = found.height, found.width
    nominal = found.refresh_hz or REFRESH_HZ
    pictures = _pictures(name, shape, chosen)
    panel = WindowPanel.open(monitor, shape, nominal, packed=True, allow_primary=force_primary)
    flips = dropped = 0
    try:
        say(PATTERNS[name].reading)
        say(f"on {found}" + ("" if duration_s is not None else "; Ctrl-C ends it"))
        if not panel.synchronised:
            warn(
                f"flips do not wait for the monitor's refresh: {panel.measured_refresh_hz:.4g} a second were measured, "
                f"{nominal:.4g} expected; the clock holds them back, which is not frame-exact"
            )
        kept = [panel.keep(one) for one in pictures]
        due = None if duration_s is None else time.monotonic() + duration_s
        panel.restart_timing()
        dropped += panel.show(kept[0]).dropped
        while due is None or time.monotonic() < due:
            if len(kept) > 1:
                flips += 1
                dropped += panel.show(kept[flips % 2]).dropped
            else:
                panel.rest()
                time.sleep(REST_S)
    except KeyboardInterrupt:
        pass
    finally:
        panel.close()
    return (flips + 1, dropped) if len(pictures) > 1 else None


def _pictures(name: str, shape: tuple[int, int], chosen: PatternSettings) -> list[NDArray[np.uint8]]:
    """The picture in colour, and for the pattern `sync` a dark one that alternates with it."""
    picture = draw_pattern(name, shape, chosen)
    pictures = [picture] if picture.ndim == 3 else [np.repeat(picture[..., None], 3, 2)]
    if name == "sync":
        pictures.append(np.full_like(pictures[0], chosen.low))
    return pictures
