"""Networks get every size with the picture's own aspect ratio, and process it like their native size."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForDepthEstimation, GLPNConfig, GLPNForDepthEstimation

from holodriver.depth.estimators import NetworkEstimator
from holodriver.depth.networks import load_network
from holodriver.errors import FileFormatError, HolodriverError, InputError

RNG = np.random.default_rng(0)


@pytest.fixture(params=["dpt", "hybrid", "depth_anything"])
def folder(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue(f"{request.param}_folder")


def test_native_square_is_what_the_library_itself_gives(folder: Path) -> None:
    network = load_network(str(folder))
    native = 98 if network.multiple == 14 else 96
    pictures = torch.rand(2, 3, native, native)
    with torch.inference_mode():
        expected = AutoModelForDepthEstimation.from_pretrained(folder)(pictures * 2 - 1).predicted_depth
        torch.testing.assert_close(network(pictures), expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("shape", [(90, 160), (160, 90), (33, 200), (40, 800), (1, 1)])
def test_every_size_of_a_pyramid_reaches_the_network_in_the_pictures_aspect(folder: Path, shape, monkeypatch) -> None:
    estimator = NetworkEstimator(str(folder))
    seen: list[tuple[int, ...]] = []
    inner = estimator.network._forward
    monkeypatch.setattr(estimator.network, "_forward", lambda x: seen.append(tuple(x.shape[-2:])) or inner(x))
    picture = RNG.integers(0, 256, (*shape, 3), np.uint8)
    outputs = [estimator.predict([picture], side)[0] for side in (128, 192, 256)]
    assert len(set(seen)) == 3
    multiple = estimator.network.multiple
    for (h, w), output, side in zip(seen, outputs, (128, 192, 256), strict=True):
        assert h % multiple == 0
        assert w % multiple == 0
        assert output.shape == (h, w)
        if max(shape) <= 4 * min(shape):
            assert abs(max(h, w) - side) <= multiple / 2
            assert abs(w - h * shape[1] / shape[0]) <= multiple * max(1, shape[1] / shape[0])


def test_flipped_pictures_are_not_squares_in_disguise(dpt_folder: Path) -> None:
    """A network that took the tokens of a wide picture for a square would mix its rows."""
    estimator = NetworkEstimator(str(dpt_folder))
    picture = np.zeros((64, 192, 3), np.uint8)
    picture[:, 96:] = 255
    (depth,) = estimator.predict([picture], 192)
    columns = depth.mean(0)
    assert np.ptp(columns) > 3 * depth.std(0).mean()


def test_without_torchvision(dpt_folder: Path) -> None:
    code = (
        "import sys, numpy as np; sys.modules['torchvision'] = None\n"
        "from holodriver.depth.estimators import NetworkEstimator\n"
        f"print(NetworkEstimator({str(dpt_folder)!r}).predict([np.zeros((64, 96, 3), np.uint8)], 96)[0].shape)"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "(64, 96)", done.stderr
    assert done.stderr == ""


def test_polarity_is_known_per_family_and_can_be_said(dpt_folder: Path, depth_anything_folder: Path, tmp_path) -> None:
    assert load_network(str(dpt_folder)).polarity == "inverse"
    assert load_network(str(depth_anything_folder)).polarity == "inverse"
    assert load_network(str(dpt_folder), polarity="distance").polarity == "distance"
    metric = tmp_path / "metric"
    shutil.copytree(depth_anything_folder, metric)
    config = json.loads((metric / "config.json").read_text()) | {"depth_estimation_type": "metric", "max_depth": 20}
    (metric / "config.json").write_text(json.dumps(config))
    assert load_network(str(metric)).polarity == "distance"
    with pytest.raises(InputError, match="polarity"):
        load_network(str(dpt_folder), polarity="sideways")  # type: ignore[arg-type]


def test_a_metric_family_is_read_as_distance(tmp_path: Path) -> None:
    torch.manual_seed(3)
    settings = {"depths": [1] * 4, "hidden_sizes": [8, 16, 32, 64], "num_attention_heads": [1, 2, 4, 8]}
    GLPNForDepthEstimation(GLPNConfig(**settings, decoder_hidden_size=16)).save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text('{"do_resize": true, "size_divisor": 32, "do_rescale": true}')
    estimator = NetworkEstimator(str(tmp_path))
    assert (estimator.network.polarity, estimator.network.multiple) == ("distance", 32)
    (found,) = estimator.predict([RNG.integers(0, 256, (60, 100, 3), np.uint8)], 160)
    assert found.shape == (96, 160)


def test_a_distance_becomes_inverse_depth(dpt_folder: Path) -> None:
    picture = RNG.integers(0, 256, (96, 96, 3), np.uint8)
    (raw,) = NetworkEstimator(str(dpt_folder)).predict([picture], 96)
    (inverse,) = NetworkEstimator(str(dpt_folder), polarity="distance").predict([picture], 96)
    np.testing.assert_allclose(inverse, 1 / np.maximum(raw, 1e-3), rtol=1e-4)


@pytest.mark.parametrize("lacking", ["config.json", "preprocessor_config.json", "model.safetensors"])
def test_a_folder_that_lacks_a_file_is_refused_by_its_name(dpt_folder: Path, tmp_path: Path, lacking: str) -> None:
    shutil.copytree(dpt_folder, tmp_path / "m")
    (tmp_path / "m" / lacking).unlink()
    with pytest.raises(FileFormatError, match=f"lacks {lacking}"):
        load_network(str(tmp_path / "m"))


def test_damaged_weights_are_refused(dpt_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(dpt_folder, tmp_path / "m")
    (tmp_path / "m" / "model.safetensors").write_bytes(b"\0" * 40)
    with pytest.raises(HolodriverError, match=r"cannot be loaded"):
        load_network(str(tmp_path / "m"))


def test_weights_that_cannot_be_fetched_say_which_files_to_put_where(tmp_path: Path, monkeypatch) -> None:
    code = (
        "from holodriver.depth.networks import load_network\n"
        "try:\n    load_network('Intel/dpt-large')\n"
        "except Exception as error:\n    print(type(error).__name__, error)"
    )
    environment = {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1", "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.stdout.startswith("HolodriverError Intel/dpt-large: "), done.stderr
    for part in ("preprocessor_config.json", "model.safetensors", "--backend FOLDER", "huggingface.co/Intel/dpt-large"):
        assert part in done.stdout


def test_out_of_memory_halves_the_batch_then_leaves_the_device(dpt_folder: Path, monkeypatch) -> None:
    said: list[str] = []
    estimator = NetworkEstimator(str(dpt_folder), warn=said.append)
    pictures = [RNG.integers(0, 256, (96, 96, 3), np.uint8) for _ in range(5)]
    expected = estimator.predict(pictures, 96)
    estimator.device, estimator._placed = torch.device("meta"), False
    inner = estimator._forward

    def full(some, size):
        if estimator.device.type == "meta":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return inner(some, size)

    monkeypatch.setattr(estimator, "_forward", full)
    found = estimator.predict(pictures, 96)
    assert [line.split(":")[1] for line in said] == [" goes on with 2", " goes on with 1", " goes on with the CPU"]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("said", ["MPS backend out of memory", "DefaultCPUAllocator: can't allocate memory"])
def test_without_memory_on_the_cpu_it_gives_up_in_one_line(dpt_folder: Path, monkeypatch, said: str) -> None:
    estimator = NetworkEstimator(str(dpt_folder))

    def full(some, size):
        raise RuntimeError(said)

    monkeypatch.setattr(estimator, "_forward", full)
    with pytest.raises(HolodriverError, match=r"too little memory .*--pyr"):
        estimator.predict([RNG.integers(0, 256, (96, 96, 3), np.uint8)], 96)


def test_bf16_is_near_fp32(dpt_folder: Path) -> None:
    picture = RNG.integers(0, 256, (64, 96, 3), np.uint8)
    (exact,) = NetworkEstimator(str(dpt_folder), precision="fp32").predict([picture], 96)
    (rough,) = NetworkEstimator(str(dpt_folder), precision="bf16").predict([picture], 96)
    assert 0 < np.abs(exact - rough).max() < 0.05 * np.ptp(exact) + 0.02
