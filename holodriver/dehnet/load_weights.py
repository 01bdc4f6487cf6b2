"""Networks of all colours of a display: the shipped ones, or those in a folder."""

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from holodriver.dehnet.architecture import DEHNetShape, NetworkOptics
from holodriver.dehnet.runtimes.base import Model
from holodriver.errors import FileFormatError, InputError
from holodriver.files.network import COLOURS, NetworkFile, network_path, read_network
from holodriver.optics.display import DisplayProfile


@dataclass(frozen=True)
class ColourNetwork:
    """Network of one colour, in float and, if available, in int8."""

    plain: Model
    """Network in float."""
    quantised: Model | None
    """Network in int8; None if it is missing."""
    optics: NetworkOptics


@dataclass(frozen=True)
class Networks:
    """Networks of all colours: red, green, blue."""

    colours: tuple[ColourNetwork, ...]
    where: Path
    """Folder of the networks."""

    def check_fits(self, profile: DisplayProfile) -> None:
        """Refuse a display for which the networks were not trained.

        Raises:
            InputError: the number of colours or a value of the optics differs; the message names it.
        """
        if len(profile.wavelengths) != len(self.colours):
            raise InputError(
                f"display profile has {len(profile.wavelengths)} colours, but the networks have {len(self.colours)}",
                where=profile.name,
                remedy="use --method opt",
            )
        for colour, network in enumerate(self.colours):
            network.optics.check_fits(profile, colour)

    @property
    def has_quantised(self) -> bool:
        """Whether all networks are available in int8."""
        return all(colour.quantised is not None for colour in self.colours)

    def models(self, *, quantised: bool) -> list[Model]:
        """Models of all colours in one precision.

        Raises:
            InputError: int8 models are missing.
        """
        found = [colour.quantised if quantised else colour.plain for colour in self.colours]
        models = [model for model in found if model is not None]
        if len(models) < len(found):
            raise InputError("holds no int8 networks", where=self.where, remedy="make them with `holodriver quantise`")
        return models


def shipped_folder() -> Path:
    """Folder of the networks that come with the package."""
    return Path(str(resources.files("holodriver.dehnet"))) / "weights"


def load_networks(folder: Path | None = None) -> Networks:
    """Load the networks in a folder, or those that come with the package.

    Raises:
        FileFormatError: a network is missing or wrong.
    """
    where = shipped_folder() if folder is None else folder
    guarded = folder is not None
    colours = []
    for colour in range(len(COLOURS)):
        plain = read_network(network_path(where, colour, quantised=False), guarded=guarded)
        optics = _made(NetworkOptics, plain.optics, "optics", network_path(where, colour, quantised=False))
        path = network_path(where, colour, quantised=True)
        quantised = None
        if path.exists():
            file = read_network(path, guarded=guarded)
            if file.optics != plain.optics or file.shape != plain.shape:
                raise FileFormatError(f"is for other optics or of another size than {COLOURS[colour]}.onnx", where=path)
            quantised = _model(file, path)
        plain_path = network_path(where, colour, quantised=False)
        colours.append(ColourNetwork(_model(plain, plain_path), quantised, optics))
    return Networks(tuple(colours), where)


def _model(file: NetworkFile, path: Path) -> Model:
    shape: DEHNetShape = _made(DEHNetShape, file.shape, "shape", path)
    if file.quantised != path.stem.endswith("_int8"):
        kinds = ("float", "int8") if file.quantised is False else ("int8", "float")
        raise FileFormatError(f"metadata says {kinds[0]}, but the file name says {kinds[1]}", where=path)
    return Model(file.content, shape, file.quantised)


def _made(kind: Any, values: dict[str, Any], name: str, path: Path) -> Any:
    """Make a dataclass from a field of the metadata."""
    try:
        return kind(**values)
    except (TypeError, InputError) as error:
        raise FileFormatError(f"metadata field '{name}' is wrong: {error}", where=path) from None
