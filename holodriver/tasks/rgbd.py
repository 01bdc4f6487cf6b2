"""Which networks estimate the depth of photos and videos, as a command names them."""

from collections.abc import Sequence
from pathlib import Path

from holodriver.depth.choices import Polarity, Precision
from holodriver.depth.convert import Source, find_sources
from holodriver.errors import InputError
from holodriver.system.devices import torch_device
from holodriver.tasks.batches.rgbd import Networks

DEFAULT = "dpt-large"
"""The network that estimates depth if none is named."""


def networks_named(
    names: Sequence[str], *, device: str | None = None, precision: Precision = "fp16", polarity: Polarity | None = None
) -> Networks:
    """The networks of an ensemble, as any process can load them.

    Args:
        names: short names, names on the Hugging Face hub, or folders; `DEFAULT` if empty.
        device: torch device; the best there is if None.
        precision: numbers that they compute with on a GPU.
        polarity: what they give; known for the usual families if None.

    Raises:
        InputError: the device cannot be used.
    """
    known = dict.fromkeys(str(Path(name).absolute()) if Path(name).is_dir() else name for name in names or (DEFAULT,))
    return Networks(tuple(known), str(torch_device(device)), precision, polarity)


def photos_and_videos(inputs: Sequence[Path], output: Path | None, *, depth: Path | None = None) -> list[Source]:
    """What the inputs name, with names for the results.

    Args:
        inputs: files and folders.
        output: folder of the results; beside each source if None.
        depth: measured depth of the one photo that is named.

    Raises:
        InputError: nothing that can be read was named, or measured depth is given for several inputs.
    """
    sources = find_sources(inputs, output)
    if depth is not None and len(sources) != 1:
        raise InputError(f"--depth is the depth of one photo, and {len(sources)} inputs were named")
    return sources


def videos(inputs: Sequence[Path], output: Path | None) -> list[Source]:
    """The videos among what the inputs name.

    Raises:
        InputError: no video was named.
    """
    found = [source for source in find_sources(inputs, output) if source.is_video]
    if not found:
        raise InputError("no video was named", remedy="name videos or folders of them; photos are for holodriver rgbd")
    return found
