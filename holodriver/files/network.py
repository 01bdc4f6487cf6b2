"""A trained network as one ONNX file with metadata about its size, its training and its optics.

The metadata has one JSON text under `holodriver`: `format`, `version`, `quantised`, `shape` (the network's size),
`optics` (what it was trained for), `training` (recipe, seeds, figures) and `quantisation` (how, and what it cost).
A folder of networks holds ``red.onnx``, ``red_int8.onnx`` and so on, and ``MODEL_CARD.md``.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from holodriver.errors import FileFormatError, shown
from holodriver.files.atomic import written_file
from holodriver.files.guard import guard
from holodriver.files.guard.source import Source
from holodriver.files.guard.wire import Parsed
from holodriver.files.text import described
from holodriver.system.quiet import import_onnxruntime

FORMAT, VERSION = "holodriver network", 1
KEY = "holodriver"
COLOURS = ("red", "green", "blue")
CARD = "MODEL_CARD.md"
HOLDS = (*(f"{colour}{end}.onnx" for colour in COLOURS for end in ("", "_int8")), CARD)
"""Names of the files in a folder of networks."""

LARGEST = 1 << 28
"""Largest file of a network, bytes; the largest shipped network is a thousand times smaller."""

OPERATORS = frozenset(
    (
        *("Add", "Sub", "Mul", "Div", "Clip", "Cast", "Relu", "Conv", "BatchNormalization"),
        *("Concat", "Slice", "Pad", "Gather", "Squeeze", "Unsqueeze", "Reshape", "Transpose", "Shape"),
        *("Constant", "ConstantOfShape", "Identity", "DepthToSpace", "SpaceToDepth"),
        *("QuantizeLinear", "DequantizeLinear"),
    )
)
"""ONNX operators of which a DEHNet consists, in any of its forms."""

TRIAL = 32
"""Side of the picture with which a network is tried, pixels."""

_KINDS = {"quantised": bool, "shape": dict, "optics": dict, "training": dict, "quantisation": dict}


@dataclass(frozen=True)
class NetworkFile:
    """The network of one colour.

    `shape` holds the fields of a `DEHNetShape`, `optics` those of a `NetworkOptics`.
    """

    content: bytes
    """Bytes of the ONNX file."""
    quantised: bool
    """Whether the network computes with 8-bit integers."""
    shape: dict[str, Any]
    optics: dict[str, Any]
    training: dict[str, Any] = field(default_factory=dict)
    quantisation: dict[str, Any] = field(default_factory=dict)


def network_path(folder: Path, colour: int, *, quantised: bool) -> Path:
    """Path of the network of one colour in a folder of networks."""
    return folder / f"{COLOURS[colour]}{'_int8' if quantised else ''}.onnx"


def write_network(path: Path, network: NetworkFile, *, overwrite: bool = False) -> None:
    """Write a network with its metadata.

    Raises:
        OutputExistsError: `path` exists and may not be overwritten.
    """
    with written_file(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(with_metadata(network))


def with_metadata(network: NetworkFile) -> bytes:
    """Bytes of the ONNX file with the metadata of `network`."""
    import onnx

    model = onnx.load_model_from_string(network.content)
    del model.metadata_props[:]
    about = {name: getattr(network, name) for name in _KINDS}
    entry = model.metadata_props.add()
    entry.key, entry.value = KEY, json.dumps({"format": FORMAT, "version": VERSION, **about})
    return model.SerializeToString()


def read_network(path: Path, *, guarded: bool = True) -> NetworkFile:
    """Read a network.

    Args:
        path: the file.
        guarded: read the file in a separate process, see `guard`; false for the networks that come with the package.

    Raises:
        FileFormatError: the file is missing or not a network, a field of its metadata is missing or wrong, or it holds
            more than plain arithmetic on numbers that are in the file.
    """
    try:
        found = guard.read(parse_network, path, guarded=guarded)
    except FileFormatError as error:
        raise FileFormatError(error.what, where=path, remedy=error.remedy or _REMEDY) from None
    return NetworkFile(found.arrays["content"].tobytes(), **found.value)


def parse_network(source: Source) -> Parsed:
    """Parse the metadata of a network, and the array `content` with its bytes for the runtimes."""
    import onnx

    content = source.content(LARGEST)
    try:
        model = onnx.load_model_from_string(content)
    except Exception:  # protobuf raises errors of many types for foreign bytes
        raise FileFormatError("cannot be read as ONNX", where=source.path, remedy=_REMEDY) from None
    text = next((entry.value for entry in model.metadata_props if entry.key == KEY), "")
    about = described(text, FORMAT, VERSION, _KINDS, source.path, key=KEY, remedy=_REMEDY)
    _check_graph(model, source.path)
    _try_out(content, source.path)
    return Parsed(about, {"content": np.frombuffer(content, np.uint8)})


def _check_graph(model: Any, path: Path) -> None:
    """Refuse operators that a DEHNet does not need, and data that a runtime would load from other files."""
    from onnx import TensorProto

    if model.functions:
        raise FileFormatError("has operators of its own, expected those of ONNX", where=path)
    tensors = list(model.graph.initializer)
    for node in model.graph.node:
        tensors += [attribute.t for attribute in node.attribute]
        if node.op_type not in OPERATORS or node.domain not in ("", "ai.onnx"):
            said = shown(f"{node.domain}.{node.op_type}".lstrip("."))
            raise FileFormatError(f"has the operator {said}, which no DEHNet uses", where=path)
        if any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute):
            raise FileFormatError(f"has a graph in its operator {shown(node.op_type)}, expected none", where=path)
    if model.graph.sparse_initializer or any(
        tensor.data_location == TensorProto.EXTERNAL or tensor.external_data for tensor in tensors
    ):
        raise FileFormatError("has its numbers in other files", where=path)


def _try_out(content: bytes, path: Path) -> None:
    """Run the network once on a small picture, in this guarded process; do nothing without ONNX Runtime.

    Raises:
        FileFormatError: the network does not run, or does not return a field of the picture's size.
    """
    try:
        onnxruntime = import_onnxruntime()
    except Exception:  # not installed, or broken
        return
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        given = {one.name: np.zeros((1, 2, TRIAL, TRIAL), np.float32) for one in session.get_inputs()}
        shapes = [np.shape(made) for made in session.run(None, given)]
    except Exception as error:  # ONNX Runtime raises errors of many types for damage
        said = " ".join(str(error).split())[:120]
        raise FileFormatError(f"does not run: {said}", where=path, remedy=_REMEDY) from None
    if shapes != [(1, 2, TRIAL, TRIAL)]:
        raise FileFormatError(
            f"returns arrays of shape {shown(shapes)}, expected one of {(1, 2, TRIAL, TRIAL)}",
            where=path,
            remedy=_REMEDY,
        )


_REMEDY = "give a file that `holodriver quantise` wrote"
