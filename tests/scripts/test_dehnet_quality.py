"""scripts/bench/dehnet_quality.py: the tables."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts" / "bench"))

import dehnet_quality
from record import Section

from holodriver.dehnet.architecture import DEHNet, DEHNetShape, NetworkOptics
from holodriver.errors import InputError
from holodriver.files.stack import write_stack
from holodriver.files.weights import NetworkWeights, save_weights
from holodriver.optics.display import REFERENCE
from holodriver.scene.stack import FocalStack
from holodriver.synthesis.baselines import flat_phase

SIDE, PLANES = 64, 3


def step(low: float = 0.0, high: float = 1.0) -> FocalStack:
    """A near left half and a far right half, all of intensity 0.5, in focus everywhere."""
    depth = np.full((SIDE, SIDE), low, np.float32)
    depth[:, SIDE // 2 :] = high
    images = np.full((PLANES, 3, SIDE, SIDE), 0.5, np.float32)
    positions = np.linspace(0, 1, PLANES, dtype=np.float32)
    return FocalStack(images, np.stack([depth] * PLANES), images[0], depth, positions, "linear", 15.0)


@pytest.fixture(scope="module")
def scene(tmp_path_factory) -> Path:
    """A stack of noise, 64 × 64."""
    rng = np.random.default_rng(1)
    stack = step()
    images = rng.random(stack.images.shape, np.float32)
    path = tmp_path_factory.mktemp("scenes") / "test_1.stack"
    positions, depth = stack.positions, stack.all_in_focus_depth
    write_stack(FocalStack(images, stack.depths, images[1], depth, positions, "linear", 15.0), path)
    return path


def weights(folder: Path, *, colours=("red", "green", "blue"), channels: int = 2, silent: bool = True) -> Path:
    """Untrained networks; a silent one adds nothing to the flat-phase field."""
    folder.mkdir(parents=True)
    shape = DEHNetShape(channels, 4)
    for colour in colours:
        network = DEHNet(shape)
        if silent:
            torch.nn.init.zeros_(network.last.weight)
        number = dehnet_quality.COLOURS.index(colour)
        optics = vars(NetworkOptics.of(REFERENCE, number))
        save_weights(
            folder / f"{colour}.safetensors", NetworkWeights(network.state_dict(), vars(shape), False, dict(optics))
        )
    return folder


def test_quality_scores_all_methods_and_keeps_what_costs(scene, tmp_path, monkeypatch):
    folder = weights(tmp_path / "net")
    first = dehnet_quality.quality([scene], folder, 3, Section("quality", "Quality"))
    assert list(first) == ["OPT", "OPT of RGB-D", "nCGH", "flat phase", "DEHNet float"]
    # a network that adds nothing is flat phase: by the whole line from file to score
    one, other = (first[name][0].psnr[::2] for name in ("DEHNet float", "flat phase"))  # the middle is exact
    assert one == pytest.approx(other, abs=1e-4)
    monkeypatch.setattr(dehnet_quality, "synthesise", None)
    again = dehnet_quality.quality([scene], folder, 3, Section("quality", "Quality"))
    assert again["OPT"][0] == first["OPT"][0]
    with pytest.raises(TypeError):  # with other steps it is another OPT
        dehnet_quality.quality([scene], folder, 4, Section("quality", "Quality"))


def test_the_stack_of_a_picture_with_depth_knows_nothing_else(tmp_path):
    """A wall in the middle plane: sharp there, blurred alike before and behind; of the real stack nothing is used."""
    picture = np.random.default_rng(2).random((3, SIDE, SIDE), np.float32)
    depth = np.full((SIDE, SIDE), 0.5, np.float32)
    positions = np.linspace(0, 1, PLANES, dtype=np.float32)
    images = np.full((PLANES, 3, SIDE, SIDE), 0.25, np.float32)
    stack = FocalStack(images, np.zeros((PLANES, SIDE, SIDE), np.float32), picture, depth, positions, "linear", 15.0)
    imagined = dehnet_quality._imagined(stack)
    assert imagined.images[1] == pytest.approx(picture, abs=1e-4)
    assert imagined.images[0] == pytest.approx(imagined.images[2], abs=0.03)  # its aperture has no mirror symmetry
    inside = imagined.images[0, :, 16:-16, 16:-16]
    assert inside.std() < 0.2 * picture.std()  # 7.5 px of blur: about 44 pixels in one
    assert inside.mean() == pytest.approx(picture[:, 8:-8, 8:-8].mean(), abs=0.02)


def test_scores_of_another_scene_are_not_taken(scene, tmp_path):
    text = json.loads((scene / "stack.json").read_text())
    stack = dehnet_quality.read_stack(scene).exposed()
    kept = dehnet_quality.kept_scores(scene, stack, "flat phase", flat_phase, 1)
    text["provenance"]["seed"] = 5
    (scene / "stack.json").write_text(json.dumps(text))
    assert dehnet_quality.kept_scores(scene, stack, "flat phase", flat_phase, 1).seconds != kept.seconds


def test_front_takes_the_colours_that_all_sizes_have(scene, tmp_path, capsys):
    weights(tmp_path / "large", channels=4)
    weights(tmp_path / "small", colours=("green",))
    (tmp_path / "empty").mkdir()
    results = Section("front", "Front")
    dehnet_quality.front([scene], tmp_path, results)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert lines[0].startswith("green; 1 scenes")
    assert [line.split()[1] for line in lines[3:]] == ["large", "small"]
    with pytest.raises(InputError, match="no networks"):
        dehnet_quality.front([scene], tmp_path / "empty", results)


def test_holdout_writes_enlarged_crops(scene, tmp_path, monkeypatch):
    import cv2

    monkeypatch.setattr(dehnet_quality, "CROP", 32)
    dehnet_quality.holdout(
        [scene], weights(tmp_path / "net", silent=False), tmp_path / "out", 0, Section("holdout", "")
    )
    sheet = cv2.imread(str(tmp_path / "out" / "test_1_edges.png"))
    # all in focus, rendered; nCGH and network with errors; nCGH, flat and network with true depth
    assert sheet.shape == (2 * (32 * 4 + 36), 4 * (32 * 4 + 8), 3)
