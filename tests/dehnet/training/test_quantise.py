"""Export and int8: against PyTorch, with ranges that can be worked out, and through the command."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from layered import layered_stack
from networks import TINY, seeded, write_weights
from onnx import numpy_helper

from holodriver.cli.app import main
from holodriver.dehnet.load_weights import load_networks
from holodriver.dehnet.runtimes.base import Model
from holodriver.dehnet.runtimes.pytorch import module_of
from holodriver.dehnet.training.export import export, network_of
from holodriver.dehnet.training.quantise import Recipe, calibration_samples, rounded
from holodriver.errors import FileFormatError
from holodriver.files.network import COLOURS, HOLDS, read_network
from holodriver.files.stack import write_stack
from holodriver.files.weights import load_weights, save_weights
from holodriver.optics.display import REFERENCE


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """With batch normalisation, as after the first stage of training."""
    return write_weights(tmp_path_factory.mktemp("weights"), norm=True)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stacks") / "a.stack"
    write_stack(layered_stack(48, planes=5, coc_max=15.0, rays=12), path)
    return path


@pytest.fixture(scope="module")
def folder(weights: list[Path], stack: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `holodriver quantise` makes."""
    path = tmp_path_factory.mktemp("made") / "networks"
    assert main(["quantise", *map(str, weights), "-o", str(path), "--calibrate", str(stack.parent), "--quick"]) == 0
    return path


def test_fusion_changes_nothing(weights: list[Path]) -> None:
    normed = seeded(norm=True).eval()
    given = torch.rand(1, 2, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        difference = (network_of(load_weights(weights[0]))(given) - normed(given)).abs().max()
    assert difference < 1e-5


def test_equal_tensors_keep_their_own_names() -> None:
    network = seeded()
    with torch.no_grad():
        for convolution in network.convolutions():
            convolution.bias.zero_()  # the exporter would keep one of them
    read = module_of(Model(export(network), TINY)).state_dict()
    assert all(torch.equal(read[name], tensor) for name, tensor in network.state_dict().items())


def test_weights_are_symmetric_int8_with_a_scale_for_each_channel() -> None:
    content = rounded(export(seeded()), [np.full((1, 2, 32, 32), 0.3, np.float32)], Recipe())
    tensors = {
        tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load_model_from_string(content).graph.initializer
    }
    whole, scales = tensors["pairs.0.one.weight_quantized"], tensors["pairs.0.one.weight_scale"]
    assert whole.dtype == np.int8
    assert not tensors["pairs.0.one.weight_zero_point"].any()
    wanted = seeded().state_dict()["pairs.0.one.weight"].numpy()
    assert np.abs(whole * scales[:, None, None, None] - wanted).max() <= scales.max() / 2 * (1 + 1e-5)
    assert "first.weight_quantized" not in tensors
    assert "last.weight_quantized" not in tensors


def test_less_may_stay_float() -> None:
    samples = [np.random.default_rng(0).random((1, 2, 32, 32), np.float32)]
    content = rounded(export(seeded()), samples, Recipe(float_first=False, float_last=False))
    names = {tensor.name for tensor in onnx.load_model_from_string(content).graph.initializer}
    assert {"first.weight_quantized", "last.weight_quantized"} <= names


def test_stacks_of_any_sizes_give_samples_of_one() -> None:
    stacks = [layered_stack(side, planes=2, coc_max=3.0, rays=4) for side in (50, 41)]
    samples = calibration_samples(stacks, 1, replace(TINY, fold=2))
    assert {sample.shape for sample in samples} == {(1, 2, 40, 40)}
    rounded(export(seeded()), samples[:2], Recipe("percentile", 99.9))


@pytest.mark.parametrize("recipe", [Recipe("percentile", 99.9), Recipe("entropy")], ids=lambda recipe: recipe.name)
def test_other_ranges_stay_near(recipe: Recipe) -> None:
    rng = np.random.default_rng(0)
    samples = [rng.random((1, 2, 48, 48), np.float32) for _ in range(2)]
    from holodriver.dehnet.runtimes.kinds import kind_named

    model = Model(rounded(export(seeded()), samples, recipe), TINY, quantised=True)
    with torch.no_grad():
        wanted = seeded()(torch.from_numpy(samples[0]))[0].numpy()
    assert np.sqrt(np.mean((kind_named("onnxruntime-int8").runtime(model)(samples[0][0]) - wanted) ** 2)) < 0.05


def test_the_folder_is_whole(folder: Path, weights: list[Path]) -> None:
    assert sorted(path.name for path in folder.iterdir()) == sorted(HOLDS)
    networks = load_networks(folder)
    networks.check_fits(REFERENCE)
    assert networks.has_quantised
    for colour, name in enumerate(COLOURS):
        file = read_network(folder / f"{name}_int8.onnx")
        assert file.training == {"seed": colour}
        assert set(file.quantisation) >= {"recipe", "float_psnr", "psnr", "lost_db", "trials"}
    text = (folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "| blue | 460 | 7.2 | 2 | -1 | 15 |" in text
    assert "a.stack" in text


def test_nothing_is_overwritten_unasked(folder: Path, weights: list[Path], stack: Path, capsys) -> None:
    assert main(["quantise", *map(str, weights), "-o", str(folder), "--calibrate", str(stack)]) == 2
    assert "already exists" in capsys.readouterr().err


def test_bad_input_is_one_line(weights: list[Path], stack: Path, tmp_path: Path, capsys) -> None:
    out = ["-o", str(tmp_path / "out"), "--calibrate", str(stack), "--quick"]
    red, green, blue = map(str, weights)
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"no weights")
    good = load_weights(weights[0])
    other = tmp_path / "other.safetensors"
    save_weights(other, type(good)(good.tensors, {**good.shape, "channels": 5}, good.norm, good.optics))
    for arguments, said in (
        ([red, green], "2 files of weights given, expected 3"),
        ([green, red, blue], "display profile has wavelength 6.38e-07, the network was trained for 5.15e-07 (red)"),
        ([red, green, str(broken)], "broken.safetensors: cannot be read as safetensors"),
        ([str(other), green, blue], "other.safetensors: the tensors do not fit"),
        ([red, green, str(tmp_path / "none.safetensors")], "none.safetensors"),
    ):
        assert main(["quantise", *arguments, *out]) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.strip().count("\n") <= 1  # the first line may be progress
        assert not (tmp_path / "out").exists()


def test_a_network_file_says_what_is_wrong(folder: Path, tmp_path: Path) -> None:
    good = (folder / "red.onnx").read_bytes()
    model = onnx.load_model_from_string(good)
    about = json.loads(model.metadata_props[0].value)

    def changed(**fields: object) -> bytes:
        model.metadata_props[0].value = json.dumps({**about, **fields})
        return model.SerializeToString()

    bare = onnx.load_model_from_string(good)
    del bare.metadata_props[:]
    path = tmp_path / "red.onnx"
    for content, said in (
        (b"\x00\x01garbage", "cannot be read as ONNX"),
        (bare.SerializeToString(), "missing or not JSON"),
        (changed(format="else"), "'format' is 'else', expected"),
        (changed(version=9), "'version' is 9, expected 1"),
        (changed(optics=None), "'optics' is None, expected dict"),
    ):
        path.write_bytes(content)
        with pytest.raises(FileFormatError, match=said):
            read_network(path)
    path.unlink()
    with pytest.raises(FileFormatError, match="does not exist"):
        read_network(path)
