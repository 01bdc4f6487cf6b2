"""Trained networks in int8: which tensors are rounded, and by what range, is decided by what the holograms lose.

Weights are symmetric int8, one scale a channel; activations 8 bits, one scale a tensor, with zero as their zero where a
ReLU has been. The file is the float one with pairs of rounding and unrounding in it (QDQ), which ONNX Runtime
and OpenVINO both turn into int8 kernels: a convolution, the skip added to it, the ReLU and the rounding are one kernel.
"""

import io
import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from holodriver.dehnet.architecture import DEHNetShape, network_input
from holodriver.dehnet.runtimes.base import INPUT, Floats, Model
from holodriver.dehnet.runtimes.onnx_runtime import OnnxRuntime
from holodriver.errors import InputError
from holodriver.files.network import NetworkFile
from holodriver.optics.display import DisplayProfile
from holodriver.optics.field import WaveField
from holodriver.progress import Progress, silent
from holodriver.scene.stack import FocalStack
from holodriver.scores.psnr_ssim import score_stack
from holodriver.system.quiet import import_onnxruntime

STAGE = "Quantising"
CROP = 192
"""Pixels on a side of what is calibrated on, so that histograms of all tensors fit the memory."""
CROPS = 12
EQUAL = 0.01
"""dB within which two recipes are equally good, and the one with more in int8 is taken."""

Calibration = Literal["minmax", "percentile", "entropy"]


@dataclass(frozen=True)
class Recipe:
    """How a network is rounded."""

    calibration: Calibration = "minmax"
    percentile: float = 100.0
    """Share of the values, in percent, that "percentile" keeps within the range."""
    float_first: bool = True
    """Whether the first convolution, whose input is the picture itself, stays float."""
    float_last: bool = True
    """Whether the last one, which writes the field, stays float."""

    @property
    def name(self) -> str:
        """For tables."""
        kept = [name for name, kept in (("first", self.float_first), ("last", self.float_last)) if kept]
        range_ = f"percentile {self.percentile:g}" if self.calibration == "percentile" else self.calibration
        return f"{range_}, {' and '.join(kept) or 'nothing'} float"


RECIPES = (
    Recipe("minmax"),
    Recipe("percentile", 99.999),
    Recipe("percentile", 99.99),
    Recipe("percentile", 99.9),
    Recipe("entropy"),
)
"""Ways to find ranges; the best of them is tried with less kept in float."""


@dataclass(frozen=True)
class Trial:
    """What a recipe reached: PSNR (dB, mean over planes and stacks) of the holograms."""

    recipe: Recipe
    psnr: float
    lost: float
    """dB below the float network."""


@dataclass(frozen=True)
class Quantised:
    """An int8 network, the recipe that was taken and all that were tried."""

    file: NetworkFile
    taken: Trial
    trials: tuple[Trial, ...]
    float_psnr: float


def quantise(
    network: NetworkFile,
    colour: int,
    stacks: Sequence[FocalStack],
    profile: DisplayProfile,
    *,
    recipes: Sequence[Recipe] = RECIPES,
    search: bool = True,
    progress: Progress = silent,
) -> Quantised:
    """Try the recipes on a float network, and take the one that loses least.

    Args:
        network: float.
        colour: its index in the stacks and in the profile.
        stacks: exposed focal stacks, to calibrate and to score on.
        profile: display; its size is replaced by that of each stack.
        recipes: ways to find ranges.
        search: try the best of them with less kept in float, too.

    Raises:
        InputError: no stack, or a network that is int8 already.
    """
    if not stacks:
        raise InputError("there is no focal stack to calibrate on", where="--calibrate")
    if network.quantised:
        raise InputError("the network is int8 already, expected a float one")
    shape = DEHNetShape(**network.shape)
    samples = calibration_samples(stacks, colour, shape)
    total, done = len(recipes) + 2 * search, 0

    def score(model: Model) -> float:
        return float(np.mean([psnr_of(model, colour, stack, profile) for stack in stacks]))

    reference = score(Model(network.content, shape))

    def trial(recipe: Recipe) -> tuple[Trial, bytes]:
        nonlocal done
        content = rounded(network.content, samples, recipe)
        reached = score(Model(content, shape, quantised=True))
        done += 1
        progress(STAGE, done, total, f"{recipe.name}: {reached - reference:+.3f} dB")
        return Trial(recipe, reached, reference - reached), content

    tried = [trial(recipe) for recipe in recipes]
    best = max(tried, key=lambda one: one[0].psnr)[0].recipe
    if search:
        tried += [trial(replace(best, float_first=False)), trial(replace(best, float_last=False))]
    highest = max(one.psnr for one, _ in tried)
    good = [one for one in tried if one[0].psnr >= highest - EQUAL]
    taken, content = min(good, key=lambda one: (one[0].recipe.float_first + one[0].recipe.float_last, -one[0].psnr))
    about = {
        "recipe": taken.recipe.name,
        "float_psnr": round(reference, 3),
        "psnr": round(taken.psnr, 3),
        "lost_db": round(taken.lost, 3),
        "stacks": len(stacks),
        "trials": {one.recipe.name: round(one.lost, 3) for one, _ in tried},
    }
    file = replace(network, content=content, quantised=True, quantisation=about)
    return Quantised(file, taken, tuple(one for one, _ in tried), reference)


def calibration_samples(stacks: Sequence[FocalStack], colour: int, shape: DEHNetShape) -> list[Floats]:
    """Network inputs (1, 2, H, W), of one size, cut from the pictures and depths of the stacks; the same each time."""
    rng = np.random.default_rng(0)
    side = [min(CROP, *lengths) // shape.fold * shape.fold for lengths in zip(*(s.shape for s in stacks), strict=True)]
    samples = []
    for index in range(max(CROPS, len(stacks))):
        whole = input_of(stacks[index % len(stacks)], colour)
        y, x = (int(rng.integers(length - cut + 1)) for length, cut in zip(whole.shape[1:], side, strict=True))
        samples.append(np.ascontiguousarray(whole[None, :, y : y + side[0], x : x + side[1]]))
    return samples


def input_of(stack: FocalStack, colour: int) -> Floats:
    """What a network takes (2, H, W) of one colour of an exposed focal stack: its picture and its depth alone."""
    intensity, depth = (torch.from_numpy(part) for part in (stack.all_in_focus[colour], stack.all_in_focus_depth))
    return network_input(intensity[None], depth[None])[0].numpy()


def psnr_of(model: Model, colour: int, stack: FocalStack, profile: DisplayProfile) -> float:
    """PSNR (dB, mean over planes) of the hologram of one colour of an exposed stack."""
    real, imaginary = OnnxRuntime(model)(input_of(stack, colour))
    display = replace(profile.resized(stack.shape[1], stack.shape[0]), wavelengths=(profile.wavelengths[colour],))
    field = WaveField((real + 1j * imaginary)[None], display)
    seen = field.intensities(stack.positions.tolist())
    return score_stack(seen, stack.images[:, colour : colour + 1], coc_max=stack.coc_max).means()["psnr"]


def rounded(content: bytes, samples: Sequence[Floats], recipe: Recipe) -> bytes:
    """A float ONNX network in int8.

    Args:
        content: the network.
        samples: what to calibrate on, network inputs (1, 2, H, W) of one size.
        recipe: how.
    """
    import_onnxruntime()  # first, so that it keeps to itself
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.waiting: Iterator[Floats] = iter(samples)

        def get_next(self) -> dict[str, NDArray] | None:
            sample = next(self.waiting, None)
            return None if sample is None else {INPUT: sample}

    method = {
        "minmax": CalibrationMethod.MinMax,
        "percentile": CalibrationMethod.Percentile,
        "entropy": CalibrationMethod.Entropy,
    }[recipe.calibration]
    with tempfile.TemporaryDirectory() as folder, _quiet():
        plain, ready, done = (Path(folder) / name for name in ("plain.onnx", "ready.onnx", "done.onnx"))
        plain.write_bytes(content)
        quant_pre_process(plain, ready, skip_symbolic_shape=True)
        quantize_static(
            ready,
            done,
            Reader(),
            quant_format=QuantFormat.QDQ,
            calibrate_method=method,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["Conv", "Add", "Relu"],
            nodes_to_exclude=_kept_float(onnx.load(ready), recipe),
            extra_options={"CalibPercentile": recipe.percentile, "WeightSymmetric": True},
        )
        return done.read_bytes()


def _kept_float(model: onnx.ModelProto, recipe: Recipe) -> list[str]:
    """Names of nodes that are not rounded; √I and what is added to it never are."""
    convolutions = [node.name for node in model.graph.node if node.op_type == "Conv"]
    last_add = [node.name for node in model.graph.node if node.op_type == "Add"][-1]
    first, last = convolutions[:1], convolutions[-1:]
    return [*(first if recipe.float_first else []), *(last if recipe.float_last else []), last_add]


@contextmanager
def _quiet() -> Iterator[None]:
    """The library prints what it does, and remarks on every model as if it had come from elsewhere."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(before)
