"""The built-in networks: small, complete, for the reference display, and better than methods without a network."""

import numpy as np
import pytest
from layered import layered_stack

from holodriver.dehnet.load_weights import load_networks, shipped_folder
from holodriver.dehnet.synthesiser import NetworkSynthesiser
from holodriver.files.network import HOLDS
from holodriver.optics.display import REFERENCE
from holodriver.scene.stack import FocalStack
from holodriver.scores.psnr_ssim import score_stack
from holodriver.synthesis.baselines import flat_phase, ncgh

MOST_BYTES = 1_000_000


@pytest.fixture(scope="module")
def stack() -> FocalStack:
    return layered_stack(128, planes=9, seed=3, rays=96).exposed()


@pytest.fixture(scope="module")
def psnr(stack):
    """Mean over planes of each precision and of two baselines, dB."""
    profile = REFERENCE.resized(*stack.shape[::-1])
    fields = {"flat": flat_phase(stack, profile), "ncgh": ncgh(stack, profile)}
    networks = load_networks()
    for name in ("onnxruntime", "onnxruntime-int8"):
        synthesiser = NetworkSynthesiser(networks, profile, runtime=name)
        fields[name] = synthesiser.field(stack.all_in_focus, stack.all_in_focus_depth)
    positions = stack.positions.tolist()
    return {
        name: score_stack(field.intensities(positions), stack.images, coc_max=stack.coc_max).means()["psnr"]
        for name, field in fields.items()
    }


def test_they_are_whole_small_and_of_the_reference_display():
    folder = shipped_folder()
    assert set(HOLDS) <= {path.name for path in folder.iterdir()}
    assert sum(path.stat().st_size for path in folder.iterdir()) <= MOST_BYTES
    networks = load_networks()
    assert networks.has_quantised
    networks.check_fits(REFERENCE)


def test_they_beat_what_needs_no_network(psnr):
    """By margins far below those of rendered scenes (see README): the scene is small and has hard steps alone."""
    assert psnr["onnxruntime"] > max(psnr["flat"], psnr["ncgh"]) + 2


def test_int8_is_nearly_as_good(psnr):
    """Rendered scenes lose 0.2 dB (see README); this bright one with large steps lies at the end of int8's range."""
    assert psnr["onnxruntime-int8"] > psnr["onnxruntime"] - 1


def test_one_picture_gives_one_field(stack):
    synthesiser = NetworkSynthesiser(load_networks(), REFERENCE, runtime="torch")
    first, second = (synthesiser.field(stack.all_in_focus, stack.all_in_focus_depth).values for _ in range(2))
    assert np.array_equal(first, second)
