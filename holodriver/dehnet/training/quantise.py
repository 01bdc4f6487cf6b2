"""Trained networks in int8; the loss of quality of the holograms decides which tensors are rounded, and in what range.

Weights are symmetric int8, one scale a channel; activations have 8 bits, one scale a tensor, and zero point 0 after a
ReLU. The file is the float one with pairs of quantising and dequantising operators (QDQ), which ONNX Runtime and
OpenVINO both turn into int8 kernels: a convolution, the addition of the skip, ReLU and rounding in one kernel.
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
"""Side of the calibration pictures, pixels, small enough that histograms of all tensors fit into memory."""
CROPS = 12
EQUAL = 0.01
"""Difference, dB, within which two recipes count as equal, so that the one with more in int8 is taken."""

Calibration = Literal["minmax", "percentile", "entropy"]


@dataclass(frozen=True)
class Recipe:
    """Options for rounding a network."""

    calibration: Calibration = "minmax"
    percentile: float = 100.0
    """Share of the values, percent, that "percentile" keeps within the range."""
    float_first: bool = True
    """Whether the first convolution, whose input is the picture, stays float."""
    float_last: bool = True
    """Whether the last convolution, whose output is the field, stays float."""

    @property
    def name(self) -> str:
        """Name of the recipe in tables."""
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
"""Ways to find ranges; the best one is also tried with fewer convolutions in float."""


@dataclass(frozen=True)
class Trial:
    """Quality that a recipe reached."""

    recipe: Recipe
    psnr: float
    """PSNR of the holograms, mean over planes and stacks, dB."""
    lost: float
    """Loss of PSNR against the float network, dB."""


@dataclass(frozen=True)
class Quantised:
    """An int8 network, the recipe that was taken, and all trials."""

    file: NetworkFile
    taken: Trial
    trials: tuple[Trial, ...]
    float_psnr: float
    """PSNR of the float network, dB."""


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
        network: float network.
        colour: index of the colour in the stacks and in the profile.
        stacks: exposed focal stacks for calibration and scoring.
        profile: the display; its size is replaced by that of each stack.
        recipes: ways to find ranges.
        search: also try the best recipe with fewer convolutions in float.

    Raises:
        InputError: no stack is given, or the network is int8 already.
    """
    if not stacks:
        raise InputError("there is no focal stack for calibration", where="--calibrate")
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
    """Network inputs (1, 2, H, W), of one size, cut from the pictures and depths of the stacks; reproducible."""
    rng = np.random.default_rng(0)
    side = [min(CROP, *lengths) // shape.fold * shape.fold for lengths in zip(*(s.shape for s in stacks), strict=True)]
    samples = []
    for index in range(max(CROPS, len(stacks))):
        whole = input_of(stacks[index % len(stacks)], colour)
        y, x = (int(rng.integers(length - cut + 1)) for length, cut in zip(whole.shape[1:], side, strict=True))
        samples.append(np.ascontiguousarray(whole[None, :, y : y + side[0], x : x + side[1]]))
    return samples


def input_of(stack: FocalStack, colour: int) -> Floats:
    """Network input (2, H, W) of one colour of an exposed focal stack, from its all-in-focus image and depth."""
    intensity, depth = (torch.from_numpy(part) for part in (stack.all_in_focus[colour], stack.all_in_focus_depth))
    return network_input(intensity[None], depth[None])[0].numpy()


def psnr_of(model: Model, colour: int, stack: FocalStack, profile: DisplayProfile) -> float:
    """PSNR (mean over planes) of the hologram of one colour of an exposed stack, dB."""
    real, imaginary = OnnxRuntime(model)(input_of(stack, colour))
    display = replace(profile.resized(stack.shape[1], stack.shape[0]), wavelengths=(profile.wavelengths[colour],))
    field = WaveField((real + 1j * imaginary)[None], display)
    seen = field.intensities(stack.positions.tolist())
    return score_stack(seen, stack.images[:, colour : colour + 1], coc_max=stack.coc_max).means()["psnr"]


def rounded(content: bytes, samples: Sequence[Floats], recipe: Recipe) -> bytes:
    """Convert a float ONNX network to int8.

    Args:
        content: the ONNX file.
        samples: network inputs (1, 2, H, W) of one size, for calibration.
        recipe: options for rounding.
    """
    import_onnxruntime()  # first, so that it sends no telemetry
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
    """Names of nodes that are not rounded, always including the addition to √I."""
    convolutions = [node.name for node in model.graph.node if node.op_type == "Conv"]
    last_add = [node.name for node in model.graph.node if node.op_type == "Add"][-1]
    first, last = convolutions[:1], convolutions[-1:]
    return [*(first if recipe.float_first else []), *(last if recipe.float_last else []), last_add]


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the library, which prints its progress and warns about every model."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(before)
