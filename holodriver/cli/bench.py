"""`holodriver bench`: measure how fast this machine is."""

from typing import Annotated

import typer

from holodriver.cli import console
from holodriver.cli.options import Profile, Runtime, Weights, display_profile, parse_size

bench = typer.Typer(help="Measure how fast this machine is.", no_args_is_help=True, add_completion=False)


@bench.callback()
def _group() -> None:
    """Measure how fast this machine is."""


@bench.command()
def dehnet(
    size: Annotated[str, typer.Option(help="The size of frames in pixels, such as 512 or 1920x1080.")] = "1920x1080",
    runtime: Runtime = "auto",
    frames: Annotated[int, typer.Option(min=1, help="The number of frames to send through.")] = 8,
    weights: Weights = None,
    profile: Profile = None,
) -> None:
    """Send frames with depth through networks and encoder, and print latency and frames a second of each stage."""
    from holodriver.dehnet.load_weights import load_networks
    from holodriver.dehnet.speed import measure_stream
    from holodriver.dehnet.synthesiser import NetworkSynthesiser
    from holodriver.panel.lut import AmplitudeLut

    display = display_profile(profile)
    synthesiser = NetworkSynthesiser(load_networks(weights), display, runtime=runtime)
    luts = (AmplitudeLut.linear(),) * len(display.wavelengths)
    with console.reporting() as progress:
        speed = measure_stream(synthesiser, luts, parse_size(size), frames=frames, progress=progress)
    rows = [(name, f"{1e3 * seconds:.0f}", f"{1 / seconds:.2f}") for name, seconds in speed.stages.items()]
    rows.append(("one after the other", f"{1e3 * speed.alone:.0f}", f"{1 / speed.alone:.2f}"))
    rows.append(("overlapped", f"{1e3 * speed.latency:.0f}", f"{speed.rate:.2f}"))
    console.table(
        ("stage", "latency ms", "frames a second"), rows, title=f"{size}, {synthesiser.kind.name}, {frames} frames"
    )
