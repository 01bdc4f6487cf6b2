"""A trained network as one ONNX file, which says in its metadata what it is and what it was trained for.

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
"""Names in a folder of networks."""

LARGEST = 1 << 28
"""Bytes of a network; the largest that was ever trained here has a thousandth."""

OPERATORS = frozenset(
    (
        *("Add", "Sub", "Mul", "Div", "Clip", "Cast", "Relu", "Conv", "BatchNormalization"),
        *("Concat", "Slice", "Pad", "Gather", "Squeeze", "Unsqueeze", "Reshape", "Transpose", "Shape"),
        *("Constant", "ConstantOfShape", "Identity", "DepthToSpace", "SpaceToDepth"),
        *("QuantizeLinear", "DequantizeLinear"),
    )
)
"""What a DEHNet is made of, folded, rounded or plain."""

TRIAL = 32
"""Side of the picture that it is tried out on, pixels."""

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
        temporary.write_bytes(with_metadata(network))


def with_metadata(network: NetworkFile) -> bytes:
    """The ONNX file with its metadata."""
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
        guarded: by a process of its own, see `guard`; false for the networks that come along.

    Raises:
        FileFormatError: missing, not such a file, a field of its metadata is missing or wrong, or it is not plain
            arithmetic on numbers that stand in the file.
    """
    try:
        found = guard.read(parse_network, path, guarded=guarded)
    except FileFormatError as error:
        raise FileFormatError(error.what, where=path, remedy=error.remedy or _REMEDY) from None
    return NetworkFile(found.arrays["content"].tobytes(), **found.value)


def parse_network(source: Source) -> Parsed:
    """The metadata of a network, and the array `content` with its bytes, which runtimes take as they are."""
    import onnx

    content = source.content(LARGEST)
    try:
        model = onnx.load_model_from_string(content)
    except Exception:  # protobuf's error, and whatever else it meets in bytes that are not its own
        raise FileFormatError("cannot be read as ONNX", where=source.path, remedy=_REMEDY) from None
    text = next((entry.value for entry in model.metadata_props if entry.key == KEY), "")
    about = described(text, FORMAT, VERSION, _KINDS, source.path, key=KEY, remedy=_REMEDY)
    _check_graph(model, source.path)
    _try_out(content, source.path)
    return Parsed(about, {"content": np.frombuffer(content, np.uint8)})


def _check_graph(model: Any, path: Path) -> None:
    """Refuse what a runtime would load from elsewhere, or run and a DEHNet does not need."""
    from onnx import TensorProto

    if model.functions:
        raise FileFormatError("has operators of its own, expected those of ONNX", where=path)
    tensors = list(model.graph.initializer)
    for node in model.graph.node:
        tensors += [attribute.t for attribute in node.attribute]
        if node.op_type not in OPERATORS or node.domain not in ("", "ai.onnx"):
            said = shown(f"{node.domain}.{node.op_type}".lstrip("."))
            raise FileFormatError(f"has the operator {said}, which no DEHNet has", where=path)
        if any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute):
            raise FileFormatError(f"has a graph in its operator {shown(node.op_type)}, expected none", where=path)
    if model.graph.sparse_initializer or any(
        tensor.data_location == TensorProto.EXTERNAL or tensor.external_data for tensor in tensors
    ):
        raise FileFormatError("has its numbers in other files", where=path)


def _try_out(content: bytes, path: Path) -> None:
    """Run it once on a small picture, here, before it runs where nothing holds it; nothing where that cannot be done.

    Raises:
        FileFormatError: it does not run, or gives something else than the field of a picture.
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
    except Exception as error:  # ONNX Runtime has errors of its own for every kind of damage
        said = " ".join(str(error).split())[:120]
        raise FileFormatError(f"does not run: {said}", where=path, remedy=_REMEDY) from None
    if shapes != [(1, 2, TRIAL, TRIAL)]:
        raise FileFormatError(f"makes {shown(shapes)} of one small picture", where=path, remedy=_REMEDY)


_REMEDY = "give a file that `holodriver quantise` wrote"
