"""Weights of a network after training: one safetensors file, which holds numbers and text but no code.

Its metadata has one JSON text under `holodriver`: `format`, `version`, `shape` (the network's size), `norm` (whether it
has batch normalisation), `optics` (what it was trained for) and `training` (recipe, seeds, figures).
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from holodriver.errors import FileFormatError
from holodriver.files.atomic import written_file
from holodriver.files.guard.source import opened
from holodriver.files.text import described

FORMAT, VERSION = "holodriver network weights", 1

KEY = "holodriver"
"""Key of the metadata under which the JSON text is stored."""

_KINDS = {"shape": dict, "norm": bool, "optics": dict, "training": dict}


@dataclass(frozen=True)
class NetworkWeights:
    """Tensors of one network by name, and a description of the network.

    `shape` holds the fields of a `DEHNetShape`, `optics` those of a `NetworkOptics`.
    """

    tensors: dict[str, Tensor]
    shape: dict[str, Any]
    norm: bool
    optics: dict[str, Any]
    training: dict[str, Any] = field(default_factory=dict)


def save_weights(path: Path, weights: NetworkWeights, *, overwrite: bool = False) -> None:
    """Write the weights of a network to a safetensors file.

    Raises:
        OutputExistsError: `path` exists and may not be overwritten.
    """
    about = {name: getattr(weights, name) for name in _KINDS}
    text = json.dumps({"format": FORMAT, "version": VERSION, **about})
    with written_file(path, overwrite=overwrite) as temporary:
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.tensors.items()}
        save_file(tensors, temporary, metadata={KEY: text})


def load_weights(path: Path) -> NetworkWeights:
    """Read the weights of a network from a safetensors file.

    Raises:
        FileFormatError: the file is not one of network weights, or a field of its metadata is missing or wrong.
    """
    remedy = "give a file that `holodriver train network` wrote"
    try:
        # not guarded: safetensors is written in Rust, and checks every offset against the size of the file
        with opened(path), safe_open(path, "pt") as file:
            text = (file.metadata() or {}).get(KEY)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError, ValueError) as error:
        raise FileFormatError(f"cannot be read as safetensors: {error}", where=path, remedy=remedy) from None
    about = described(text or "", FORMAT, VERSION, _KINDS, path, key=KEY, remedy=remedy)
    return NetworkWeights(tensors, **about)
