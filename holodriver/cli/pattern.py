"""`holodriver pattern`: test pictures, as a file or on the panel."""

import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from holodriver.cli import console
from holodriver.cli.options import Overwrite, parse_size
from holodriver.errors import InputError

if TYPE_CHECKING:
    from holodriver.rig.panel.patterns import PatternSettings

PatternName = StrEnum("PatternName", ["grey", "checker", "grating", "sine", "pixels", "crosses", "sync", "signal"])


class AxisName(StrEnum):
    """Along which a grating changes."""

    x = "x"
    y = "y"


DEFAULT_SIZE = "3840x2160"


def pattern(
    name: Annotated[PatternName | None, typer.Argument(help="Which; without one all are explained.")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="PNG file to write.")] = None,
    monitor: Annotated[
        str | None, typer.Option(help="Show it on this monitor: EDID name, connector or index (see 'monitors').")
    ] = None,
    size: Annotated[
        str | None, typer.Option(help=f"Pixels of the file, WIDTHxHEIGHT; {DEFAULT_SIZE} if left out.")
    ] = None,
    level: Annotated[int, typer.Option(min=0, max=255, help="Grey level of grey.")] = 128,
    low: Annotated[int, typer.Option(min=0, max=255, help="Dark level of the others.")] = 0,
    high: Annotated[int, typer.Option(min=0, max=255, help="Bright level of the others.")] = 255,
    period: Annotated[int, typer.Option(min=2, help="Panel pixels.")] = 8,
    axis: Annotated[AxisName, typer.Option(help="Along which gratings change.")] = AxisName.x,
    duration: Annotated[float | None, typer.Option(min=0, help="Seconds to show it; until Ctrl-C if left out.")] = None,
    force_primary: Annotated[
        bool, typer.Option("--force-primary", help="Show it even on the primary monitor.")
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Draw a test picture into a file or on the panel, and say how to read it.

    signal tells what the way to the panel does to pixels. Full-range RGB: all steps at the top are seen, upright and
    lying lines in the middle are clean red and blue, the eight fields at the bottom are even and one level apart. No
    steps: limited range. Lines in two shades of one colour: chroma subsampling. A still texture at the bottom:
    dithering; a changing one: frame-rate control.
    """
    from holodriver.rig.panel.patterns import PATTERNS, PatternSettings, draw_pattern

    if name is None:
        console.table(("pattern", "what", "how to read it"), [(key, *entry[1:]) for key, entry in PATTERNS.items()])
        return
    if output is None and monitor is None:
        raise InputError("say where it goes", remedy="-o FILE.png, --monitor NAME, or both")
    if output is not None and output.suffix.lower() != ".png":
        raise InputError("expected a name that ends in .png", where=output)
    chosen = PatternSettings(level=level, low=low, high=high, period=period, axis="x" if axis is AxisName.x else "y")
    if output is not None:
        from holodriver.files.images import write_png

        width, height = parse_size(size or DEFAULT_SIZE)
        picture = draw_pattern(name.value, (height, width), chosen)
        write_png(output, picture, text={"Title": f"holodriver pattern {name.value}"}, overwrite=overwrite)
        console.say(f"wrote {output}")
    if monitor is None:
        console.say(PATTERNS[name.value].reading)
    else:
        _show(name.value, chosen, monitor, duration, force_primary)


def _show(name: str, chosen: "PatternSettings", selector: str, duration: float | None, force_primary: bool) -> None:
    """Show it until the time is over, or for Ctrl-C, which is how showing ends."""
    from holodriver.rig.panel.monitors import find_monitor
    from holodriver.rig.panel.patterns import PATTERNS, draw_pattern
    from holodriver.rig.panel.window import WindowPanel

    found = find_monitor(selector, force_primary=force_primary)
    shape = found.height, found.width
    picture = draw_pattern(name, shape, chosen)
    pictures = [picture] if picture.ndim == 3 else [np.repeat(picture[..., None], 3, 2)]
    if name == "sync":
        pictures.append(np.full_like(pictures[0], chosen.low))
    nominal = found.refresh_hz or 60.0
    panel = WindowPanel(selector, shape, nominal, packed=True, allow_primary=force_primary)
    flips = dropped = 0
    try:
        console.say(PATTERNS[name].reading)
        console.say(f"on {found}" + ("" if duration is not None else "; Ctrl-C ends it"))
        if not panel.synchronised:
            console.warn(
                f"flips do not wait for the monitor's refresh: {panel.measured_refresh_hz:.4g} a second were measured, "
                f"{nominal:.4g} expected; the clock holds them back, which is not frame-exact"
            )
        kept = [panel.keep(one) for one in pictures]
        due = None if duration is None else time.monotonic() + duration
        panel.restart_timing()
        dropped += panel.show(kept[0]).dropped
        while due is None or time.monotonic() < due:
            if len(kept) > 1:
                flips += 1
                dropped += panel.show(kept[flips % 2]).dropped
            else:
                panel.rest()
                time.sleep(0.02)
    except KeyboardInterrupt:
        pass
    finally:
        panel.close()
    if len(pictures) > 1:
        console.say(f"{flips + 1} frames shown, {dropped} refreshes without a new frame")
