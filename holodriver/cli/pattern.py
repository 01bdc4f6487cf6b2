"""`holodriver pattern`: draw test pictures into a file or on the panel."""

from pathlib import Path
from typing import Annotated

import typer

from holodriver.cli import console
from holodriver.cli.options import Overwrite, parse_size
from holodriver.optics.display import Axis
from holodriver.rig.panel.patterns import PATTERNS, Name, PatternSettings


def pattern(
    name: Annotated[Name | None, typer.Argument(help="The test picture. Without one, all are explained.")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The PNG file to write.")] = None,
    monitor: Annotated[
        str | None,
        typer.Option(help="The monitor to show it on, by EDID name, connector or index (see 'holodriver monitors')."),
    ] = None,
    size: Annotated[str, typer.Option(help="The pixels of the file, WIDTHxHEIGHT.")] = "3840x2160",
    level: Annotated[int, typer.Option(min=0, max=255, help="The grey level of 'grey'.")] = 128,
    low: Annotated[int, typer.Option(min=0, max=255, help="The dark level of the other pictures.")] = 0,
    high: Annotated[int, typer.Option(min=0, max=255, help="The bright level of the other pictures.")] = 255,
    period: Annotated[int, typer.Option(min=2, help="The period of gratings, panel pixels.")] = 8,
    axis: Annotated[Axis, typer.Option(help="The axis along which gratings change.")] = "x",
    duration: Annotated[
        float | None, typer.Option(min=0, help="How long it is shown, seconds; by default until Ctrl-C.")
    ] = None,
    force_primary: Annotated[bool, typer.Option("--force-primary", help="Allow the primary monitor.")] = False,
    overwrite: Overwrite = False,
) -> None:
    """Draw a test picture into a file or on the panel, and say how to read it.

    The pattern 'signal' shows what the link to the panel does to pixels. With full-range RGB all steps at the top are
    visible, the lines in the middle are clean red and blue, and the eight fields at the bottom are even. Missing steps
    mean limited range; lines in two shades mean chroma subsampling; a texture at the bottom means dithering, and a
    changing texture means frame-rate control.
    """
    from holodriver.tasks.pattern import check_target, show_pattern, write_pattern

    if name is None:
        console.table(("pattern", "what", "how to read it"), [(key, *entry[1:]) for key, entry in PATTERNS.items()])
        return
    check_target(output, monitor)
    chosen = PatternSettings(level=level, low=low, high=high, period=period, axis=axis)
    if output is not None:
        write_pattern(name, output, parse_size(size), chosen, overwrite=overwrite)
        console.wrote(output)
    if monitor is None:
        console.say(PATTERNS[name].reading)
        return
    counted = show_pattern(
        name, chosen, monitor, duration_s=duration, force_primary=force_primary, say=console.say, warn=console.warn
    )
    if counted is not None:
        console.say(f"{counted[0]} frames shown, {counted[1]} refreshes without a new frame")
