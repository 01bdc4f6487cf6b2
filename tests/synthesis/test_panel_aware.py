"""The optimiser with the panel in the loop: the 8-bit frames improve, and the gradient is right."""

import numpy as np
import pytest
import torch
from layered import layered_stack

from holodriver.errors import InputError
from holodriver.optics.display import REFERENCE
from holodriver.panel.behind_slit import read_back
from holodriver.panel.encoder import automatic_gains, encode
from holodriver.panel.frames import PanelFrames
from holodriver.panel.lut import AmplitudeLut
from holodriver.synthesis.loss import ColourLoss, LossWeights
from holodriver.synthesis.optimise import synthesise
from holodriver.synthesis.panel_aware import refine_frames

STACK = layered_stack(64).exposed()
PROFILE = REFERENCE.resized(64, 64)
LUTS = AmplitudeLut.simulated_panel(PROFILE.wavelengths)


@pytest.fixture(scope="module")
def frames() -> PanelFrames:
    field = synthesise(STACK, PROFILE, iterations=30, within_slit=True).field
    return encode(field, automatic_gains([field]), LUTS)


def losses(frames: PanelFrames) -> list[float]:
    """Eq. 2 of the field that `read_back`, which knows nothing of the optimiser, recovers from the frames."""
    field = read_back(frames)
    values = []
    for colour in range(3):
        loss = ColourLoss(STACK, colour, PROFILE, LossWeights.for_planes(STACK.planes))
        spectrum = torch.fft.fft2(torch.from_numpy(field.values[colour]), norm="ortho")
        values.append(loss.at(spectrum)[0])
    return values


def test_frames_get_closer_to_the_target(frames: PanelFrames) -> None:
    refined = refine_frames(frames, STACK, iterations=40)
    before, after = losses(frames), losses(refined)
    assert all(b < 0.995 * a for a, b in zip(before, after, strict=True))
    assert refined.gains == frames.gains
    for b in range(2):  # still 2 × 2 native pixels of one value
        assert np.array_equal(refined.pixels[:, b::2, b::2], refined.pixels[:, ::2, ::2])


def test_one_coarse_panel_gains_much(frames: PanelFrames) -> None:
    """With sixteen levels rounding is most of the loss, and taking it into the loop undoes a good part."""
    steps = np.floor(np.arange(256) / 16) / 15
    coarse = (AmplitudeLut(steps),) * 3
    field = read_back(frames)
    rough = encode(field, frames.gains, coarse)
    refined = refine_frames(rough, STACK, iterations=60)
    assert sum(losses(refined)) < 0.85 * sum(losses(rough))


@pytest.mark.parametrize("iterations", [1, 3])
def test_never_returns_worse_than_it_was_given(frames: PanelFrames, iterations: int) -> None:
    refined = refine_frames(frames, STACK, iterations=iterations)
    assert all(b <= a * (1 + 1e-5) for a, b in zip(losses(frames), losses(refined), strict=True))


def test_bad_input_is_named(frames: PanelFrames) -> None:
    with pytest.raises(InputError, match="'iterations'"):
        refine_frames(frames, STACK, iterations=0)
    with pytest.raises(InputError, match="pixels"):
        refine_frames(frames, layered_stack(32, rays=4))
