"""RGB-D images of a collection of photos and videos: each file is a unit."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from holodriver.depth.choices import Polarity, Precision
from holodriver.depth.convert import Options, Source, convert, outputs_of
from holodriver.depth.estimators import NetworkEstimator
from holodriver.depth.photos import photo_outputs
from holodriver.errors import HolodriverError
from holodriver.farm.unit import Batch, Needs, Surroundings, Unit, Warn, fingerprint, unheard
from holodriver.files.photos import photo_size
from holodriver.system.devices import torch_device
from holodriver.tasks.batches.needs import PROCESS, photo_needs

RGBD = "rgbd"
"""Kind of the batch, as its manifest records it."""

WEIGHTS = {"dpt-large": 1_370_000_000, "dpt-hybrid-midas": 490_000_000}
"""Size of each network's 32-bit weights, bytes."""

UNKNOWN_WEIGHTS = 1_400_000_000
"""Assumed size of an unknown network's weights, bytes."""

VIDEO_GROWTH = 3
"""Largest disk space of a video's RGB-D, unfinished parts included, as a multiple of the size of the video."""

DEFAULT = "dpt-large"
"""Name of the network that estimates depth by default."""

_kept: "dict[Networks, list[NetworkEstimator]]" = {}
"""The networks that this process loaded last; units run one after the other."""


@dataclass(frozen=True)
class Networks:
    """The choice of networks that estimate depth, in a form that any process can load."""

    names: tuple[str, ...]
    """Short names, names on the Hugging Face hub, or absolute paths of folders."""
    device: str
    """torch device."""
    precision: Precision
    """Numbers that the networks compute with on a GPU."""
    polarity: Polarity | None = None
    """Kind of depth that the networks give; known for the usual families if None."""

    @classmethod
    def of(
        cls, names: Sequence[str], device: str | None, precision: Precision, polarity: Polarity | None
    ) -> "Networks":
        """The networks that a command names; `DEFAULT` if there are no names, and the best device if it is None.

        Raises:
            InputError: the device cannot be used.
        """
        found = (str(Path(name).absolute()) if Path(name).is_dir() else name for name in names or (DEFAULT,))
        return cls(tuple(dict.fromkeys(found)), str(torch_device(device)), precision, polarity)

    def load(self, warn: Warn = unheard) -> list[NetworkEstimator]:
        """Load the networks; the set loaded last stays in memory.

        Raises:
            HolodriverError: a network cannot be loaded.
        """
        if self not in _kept:
            _kept.clear()
            _kept[self] = [
                NetworkEstimator(name, device=self.device, precision=self.precision, polarity=self.polarity, warn=warn)
                for name in self.names
            ]
        return _kept[self]

    @property
    def size(self) -> int:
        """Total size of the networks' weights, bytes."""
        return sum(_weights(name) for name in self.names)


def rgbd_batch(sources: Sequence[Source], networks: Networks, options: Options, folder: Path) -> Batch:
    """Batch that converts each source with one set of networks; the manifest lies in `folder`."""
    measured = options.measured
    elsewhere = () if measured.depth is None else (measured.depth,)
    return Batch(
        kind=RGBD,
        folder=folder,
        settings={
            "networks": networks.names,
            "precision": networks.precision,
            "polarity": networks.polarity,
            **options.depth.as_dict(),
            "video": asdict(options.video),
            "measured": asdict(measured) | {"depth": fingerprint(*elsewhere)},
        },
        units=tuple(_unit(source, networks, options) for source in sources),
        overwrite=options.overwrite,
        stage="RGB-D",
    )


def rgbd_unit(source: Source, networks: Networks, options: Options, surroundings: Surroundings) -> dict[str, Any]:
    """Convert one photo or video; a video that was begun is continued."""
    made = convert(source, networks.load(), options, progress=surroundings.progress, warn=surroundings.warn)
    return {"written": [path.name for path in made.written]}


def _unit(source: Source, networks: Networks, options: Options) -> Unit:
    source = replace(source, path=source.path.absolute(), folder=source.folder.absolute())
    try:
        outputs, unfinished = outputs_of(source, options)
    except HolodriverError:  # the unit itself will report it
        outputs, unfinished = photo_outputs(source.name, source.folder), ()
    return Unit(
        name=source.path.name if source.name == source.path.stem else f"{source.path.name} ({source.name})",
        work=rgbd_unit,
        arguments=(source, networks, replace(options, resume=source.is_video, overwrite=True)),
        outputs=outputs,
        unfinished=unfinished,
        sources=(source.path,),
        needs=_needs(source, networks),
    )


def _needs(source: Source, networks: Networks) -> Needs:
    if source.is_video:
        size = source.path.stat().st_size if source.path.exists() else 0
        return Needs(PROCESS + 2 * networks.size, VIDEO_GROWTH * size, VIDEO_GROWTH * size)
    size_of_photo = photo_size(source.path)
    return photo_needs(size_of_photo[0] * size_of_photo[1] if size_of_photo else 0, networks.size)


def _weights(name: str) -> int:
    folder = Path(name)
    if folder.is_dir():
        return sum(file.stat().st_size for file in folder.iterdir() if file.suffix in (".safetensors", ".bin"))
    return WEIGHTS.get(name.removeprefix("Intel/"), UNKNOWN_WEIGHTS)
