"""Runtimes of a DEHNet against PyTorch and against each other, and tiles against the whole picture."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import TINY, seeded

from holodriver.dehnet.architecture import DEHNet, DEHNetShape
from holodriver.dehnet.runtimes import kinds
from holodriver.dehnet.runtimes.base import Model
from holodriver.dehnet.runtimes.kinds import KINDS, kind_named, present
from holodriver.dehnet.runtimes.tiles import places, side_within
from holodriver.dehnet.training.export import export
from holodriver.dehnet.training.quantise import Recipe, rounded
from holodriver.errors import InputError, SynthesisError

CLOSE = {"float": 1e-5, "bf16": 0.02, "half": 0.01, "int8": 0.1}
"""Largest difference from float32, of fields of about 1: float32 rounds at 1e-7 and adds up, bfloat16 at 4e-3."""

FOLDED = DEHNetShape(channels=6, convolutions=6, fold=2)


def pixels(height: int, width: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).random((2, height, width), np.float32)


def by_torch(network: DEHNet, given: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return network(torch.from_numpy(given)[None])[0].numpy()


@pytest.fixture(scope="module")
def models() -> dict[bool, Model]:
    """The same network in float and in int8."""
    content = export(seeded())
    int8 = rounded(content, [pixels(64, 64, seed)[None] for seed in range(3)], Recipe())
    return {False: Model(content, TINY), True: Model(int8, TINY, quantised=True)}


@pytest.mark.parametrize("kind", present(), ids=lambda kind: kind.name)
@pytest.mark.parametrize("size", [(48, 64), (41, 37)])
def test_every_runtime_computes_what_the_network_does(models, kind, size):
    given = pixels(*size)
    field = kind.runtime(models[kind.quantised])(given)
    assert field.shape == given.shape
    assert field.dtype == np.float32
    assert np.abs(field - by_torch(seeded(), given)).max() < CLOSE[kind.precision]


def test_int8_is_computed_in_int8(models):
    """The file has int8 weights, and OpenVINO runs all but the first and the last convolution in int8."""
    openvino = pytest.importorskip("openvino")
    compiled = openvino.Core().compile_model(openvino.Core().read_model(models[True].content, b""), "CPU")
    kinds = [
        operation.get_rt_info()["runtimePrecision"].value
        for operation in compiled.get_runtime_model().get_ops()
        if operation.get_rt_info()["layerType"].value == "Convolution"
    ]
    assert sum(kind in ("u8", "i8") for kind in kinds) == TINY.convolutions - 2


def test_int8_of_two_programs_is_the_same(models):
    pytest.importorskip("openvino")
    pytest.importorskip("onnxruntime")
    given = pixels(40, 40)
    first, second = (kind_named(name).runtime(models[True])(given) for name in ("openvino-int8", "onnxruntime-int8"))
    step = CLOSE["int8"] / 4
    assert np.abs(first - second).max() < step  # a value on the edge of two steps may fall to either side


@pytest.mark.parametrize("shape", [TINY, FOLDED], ids=["plain", "folded"])
@pytest.mark.parametrize("name", ["torch", "onnxruntime", "openvino"])
def test_tiles_are_the_whole(shape, name):
    model = Model(export(seeded(shape)), shape)
    given = pixels(71, 53)
    whole = kind_named(name).runtime(model)(given)
    runtime = kind_named(name).runtime(model)
    runtime.memory = runtime.bytes_per_pixel * (2 * shape.halo + 9) ** 2
    assert np.abs(runtime(given) - whole).max() < 1e-5


@settings(max_examples=60)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 30), st.sampled_from([1, 2, 4]))
def test_tiles_cover_each_pixel_once_with_its_halo(height, width, more, fold):
    shape = DEHNetShape(channels=2, convolutions=4, fold=fold)
    size = (height * fold, width * fold)
    side = 2 * shape.halo + more * fold
    count = np.zeros(size, int)
    for place in places(size, side, shape):
        count[place.kept] += 1
        for axis in range(2):
            window, kept, inside = place.window[axis], place.kept[axis], place.inside[axis]
            assert window.stop - window.start <= side
            assert window.start % fold == 0
            assert (inside.start + window.start, inside.stop + window.start) == (kept.start, kept.stop)
            assert window.start == 0 or kept.start - window.start >= shape.halo
            assert window.stop == size[axis] or window.stop - kept.stop >= shape.halo
    assert (count == 1).all()


def test_too_little_memory_is_said():
    with pytest.raises(SynthesisError, match="MiB are too little"):
        side_within(1000, (100, 100), TINY, 100)


def test_an_unknown_runtime_is_said():
    with pytest.raises(InputError, match="there is no runtime 'fast'"):
        kind_named("fast")


def test_a_broken_library_leaves_the_others(monkeypatch):
    def broken():
        raise OSError("libonnxruntime.so: invalid ELF header")

    monkeypatch.setattr(kinds, "import_onnxruntime", broken)
    monkeypatch.setattr(kinds, "_providers", kinds._providers.__wrapped__)
    names = [kind.name for kind in present()]
    assert "torch" in names
    assert not any(name.startswith("onnxruntime") for name in names)


def test_a_runtime_that_is_not_here_is_said():
    for kind in set(KINDS) - set(present()):
        with pytest.raises(InputError, match="is not on this machine"):
            kind_named(kind.name)
