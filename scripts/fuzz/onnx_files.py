"""Turn valid ONNX files into malicious ones, for readers.py."""

import json
from typing import Any

from mutations import INTEGERS, VALUES, Rng, flip, pick, tree


def rewritten(data: bytes, rng: Rng) -> bytes:
    """Change some nodes, tensors or texts of a network."""
    import onnx

    try:
        model = onnx.load_model_from_string(data)
        for _ in range(int(rng.integers(1, 4))):
            _change(model, rng)
        return bytes(model.SerializeToString())
    except Exception:  # a value that protobuf does not accept
        return flip(data, rng)


def _change(model: Any, rng: Rng) -> None:
    what = pick(
        rng, ("metadata", "operator", "dims", "type", "values", "external", "wire", "attribute", "left out", "shape")
    )
    node, tensor = pick(rng, model.graph.node), pick(rng, model.graph.initializer)
    if what == "metadata":
        entry = pick(rng, model.metadata_props)
        entry.value = json.dumps(tree(json.loads(entry.value), rng))
    elif what == "operator":
        node.op_type = pick(rng, ("Loop", "If", "Scan", "Einsum", "Relu", "Conv", "Add", "Shape", "Resize", "", "ä"))
        if rng.random() < 0.2:
            node.domain = pick(rng, ("com.microsoft", "ai.onnx", "evil"))
    elif what == "dims":
        tensor.dims[:] = [int(pick(rng, INTEGERS[:26])) for _ in tensor.dims] or [7]
    elif what == "type":
        tensor.data_type = int(pick(rng, (0, 1, 2, 7, 8, 10, 11, 14, 99)))
    elif what == "values":
        tensor.raw_data = tensor.raw_data[: int(rng.integers(len(tensor.raw_data) + 1))]
    elif what == "external":
        tensor.data_location = 1
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", pick(rng, ("/etc/passwd", "../../x", "weights.bin"))
    elif what == "wire":
        if node.input:
            node.input[0] = pick(rng, (node.output[0], "nothing", "", pick(rng, model.graph.node).output[0]))
    elif what == "attribute":
        if node.attribute:
            attribute = pick(rng, node.attribute)
            attribute.ints[:] = [int(pick(rng, (0, 1, -1, 2, 100, 1 << 31, 1 << 40))) for _ in attribute.ints]
            attribute.i = int(pick(rng, (0, 1, -1, 1 << 31)))
    elif what == "left out":
        model.graph.node.remove(node)
    else:
        extent = pick(rng, pick(rng, (model.graph.input, model.graph.output))).type.tensor_type.shape.dim
        if extent:
            pick(rng, extent).dim_value = int(pick(rng, INTEGERS[:26]))
    if rng.random() < 0.02:
        model.doc_string = str(pick(rng, VALUES))
