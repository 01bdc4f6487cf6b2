"""`holodriver bench`: how fast this machine is."""

from pathlib import Path
from typing import Annotated

import typer

from holodriver.cli import console
from holodriver.cli.options import Profile, display_profile, lookup_tables, parse_size

bench = typer.Typer(help="How fast this machine is.", no_args_is_help=True)


@bench.callback()
def _group() -> None:
    """How fast this machine is."""


@bench.command()
def dehnet(
    size: Annotated[str, typer.Option(help="Pixels, such as 512 or 1920x1080.")] = "1920x1080",
    runtime: Annotated[
        str, typer.Option(help="auto (the fastest), float, or one of those that doctor names.")
    ] = "auto",
    frames: Annotated[int, typer.Option(min=1, help="Frames to send through.")] = 8,
    weights: Annotated[
        Path | None, typer.Option("--weights", help="Folder of networks; those that come along if left out.")
    ] = None,
    profile: Profile = None,
) -> None:
    """Send frames with depth through networks and encoder; latency and frames a second of each stage."""
    from holodriver.dehnet.load_weights import load_networks
    from holodriver.dehnet.speed import measure_stream
    from holodriver.dehnet.synthesiser import NetworkSynthesiser

    display = display_profile(profile)
    synthesiser = NetworkSynthesiser(load_networks(weights), display, runtime=runtime)
    with console.reporting() as progress:
        speed = measure_stream(synthesiser, lookup_tables(display), parse_size(size), frames=frames, progress=progress)
    rows = [(name, f"{1e3 * seconds:.0f}", f"{1 / seconds:.2f}") for name, seconds in speed.stages.items()]
    rows.append(("one after the other", f"{1e3 * speed.alone:.0f}", f"{1 / speed.alone:.2f}"))
    rows.append(("overlapped", f"{1e3 * speed.latency:.0f}", f"{speed.rate:.2f}"))
    console.table(
        ("stage", "latency ms", "frames a second"), rows, title=f"{size}, {synthesiser.kind.name}, {frames} frames"
    )
