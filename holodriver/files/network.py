"""A trained network as one ONNX file, which says in its metadata what it is and what it was trained for.

The metadata has one JSON text under `holodriver`: `format`, `version`, `quantised`, `shape` (the network's size),
`optics` (what it was trained for), `training` (recipe, seeds, figures) and `quantisation` (how, and what it cost).
A folder of networks holds ``red.onnx``, ``red_int8.onnx`` and so on, and ``MODEL_CARD.md``.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from holodriver.errors import FileFormatError
from holodriver.files.atomic import written_file

FORMAT, VERSION = "holodriver network", 1
KEY = "holodriver"
COLOURS = ("red", "green", "blue")
CARD = "MODEL_CARD.md"
HOLDS = (*(f"{colour}{end}.onnx" for colour in COLOURS for end in ("", "_int8")), CARD)
"""Names in a folder of networks."""

_KINDS = {"quantised": bool, "shape": dict, "optics": dict, "training": dict, "quantisation": dict}


@dataclass(frozen=True)
class NetworkFile:
    """The network of one colour.

    `shape` holds the fields of a `DEHNetShape`, `optics` those of a `NetworkOptics`.
    """

    content: bytes
    """ONNX."""
    quantised: bool
    shape: dict[str, Any]
    optics: dict[str, Any]
    training: dict[str, Any] = field(default_factory=dict)
    quantisation: dict[str, Any] = field(default_factory=dict)


def network_path(folder: Path, colour: int, *, quantised: bool) -> Path:
    """Where the network of a colour lies in a folder of networks."""
    return folder / f"{COLOURS[colour]}{'_int8' if quantised else ''}.onnx"


def write_network(path: Path, network: NetworkFile, *, overwrite: bool = False) -> None:
    """Write a network with its metadata.

    Raises:
        OutputExistsError: `path` exists and may not be overwritten.
    """
    with written_file(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(described(network))


def described(network: NetworkFile) -> bytes:
    """The ONNX file with its metadata."""
    import onnx

    model = onnx.load_model_from_string(network.content)
    del model.metadata_props[:]
    about = {name: getattr(network, name) for name in _KINDS}
    entry = model.metadata_props.add()
    entry.key, entry.value = KEY, json.dumps({"format": FORMAT, "version": VERSION, **about})
    return model.SerializeToString()


def read_network(path: Path) -> NetworkFile:
    """Read a network.

    Raises:
        FileFormatError: missing, not such a file, or a field of its metadata is missing or wrong.
    """
    import onnx

    remedy = "give a file that `holodriver quantise` wrote"
    try:
        content = path.read_bytes()
        model = onnx.load_model_from_string(content)
    except OSError as error:
        raise FileFormatError(error.strerror or "cannot be read", where=path, remedy=remedy) from None
    except Exception:  # protobuf's error, and whatever else it meets in bytes that are not its own
        raise FileFormatError("cannot be read as ONNX", where=path, remedy=remedy) from None
    text = next((entry.value for entry in model.metadata_props if entry.key == KEY), "")
    try:
        about = json.loads(text)
    except ValueError:
        raise FileFormatError(f"metadata field '{KEY}' is missing or not JSON", where=path, remedy=remedy) from None
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise FileFormatError(f"metadata field 'format' is not {FORMAT!r}", where=path, remedy=remedy)
    if about.get("version") != VERSION:
        raise FileFormatError(
            f"metadata field 'version' is {about.get('version')!r}, expected {VERSION}", where=path, remedy=remedy
        )
    for name, kind in _KINDS.items():
        if not isinstance(about.get(name), kind):
            raise FileFormatError(
                f"metadata field '{name}' is {about.get(name)!r}, expected {kind.__name__}", where=path, remedy=remedy
            )
    return NetworkFile(content, **{name: about[name] for name in _KINDS})
