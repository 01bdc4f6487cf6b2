"""Compute the hologram of a focal stack or of a picture with depth."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holodriver.dehnet.fastest_runtime import FLOAT
from holodriver.dehnet.load_weights import load_networks
from holodriver.dehnet.synthesiser import NetworkSynthesiser, exposure_of
from holodriver.errors import FileFormatError, InputError
from holodriver.files.atomic import check_output
from holodriver.files.hologram import Hologram, write_hologram
from holodriver.files.manifest import StackManifest
from holodriver.files.photos import SUFFIXES as PHOTOS
from holodriver.files.rgbd import Near, read_rgbd
from holodriver.files.stack import read_stack
from holodriver.optics.display import REFERENCE, DisplayProfile
from holodriver.optics.field import WaveField
from holodriver.optics.focus import positions
from holodriver.progress import Progress, silent
from holodriver.scene.cut import HIDDEN_SURFACES, layers_of
from holodriver.scene.layered import focal_stack
from holodriver.scene.rgbd import RgbdImage
from holodriver.scene.stack import FocalStack
from holodriver.scores.psnr_ssim import StackScores, smallest_size
from holodriver.scores.table import score_field
from holodriver.synthesis.baselines import dcgh, flat_phase, ncgh, superposed
from holodriver.synthesis.loss import LossWeights
from holodriver.synthesis.methods import Method
from holodriver.synthesis.optimise import ITERATIONS, TOLERANCE, synthesise
from holodriver.system.machine import threads_to_use

Warn = Callable[[str], None]
Interruptible = Callable[[], AbstractContextManager[Callable[[], bool]]]
"""Makes a block in which Ctrl-C does not stop the work; the block's callable says whether somebody pressed it."""


def uninterruptible() -> AbstractContextManager[Callable[[], bool]]:
    """Make a block whose callable never says yes: Ctrl-C stops the work as usual."""
    return nullcontext(lambda: False)


PICTURES = (*PHOTOS, ".exr")
"""Suffixes of files that are read as RGB-D pictures."""


@dataclass(frozen=True)
class SynthSettings:
    """How a wave field is found.

    Raises:
        InputError: the slit or the padding does not apply to the method.
    """

    method: Method = "opt"
    """DEHNet ("net"), the optimiser ("opt"), which most fields below concern, one after the other ("net+opt"), or a
    baseline."""
    beta: float | None = None
    """Weight of the all-in-focus term of the loss; planes − 1 if None."""
    gamma: float | None = None
    """Depth attention of that term; 2·(planes − 1) if None."""
    iterations: int = ITERATIONS
    """Largest number of steps of the optimiser for each colour."""
    tolerance: float = TOLERANCE
    """Relative change of the loss over five steps at which the optimiser stops."""
    within_slit: bool = False
    """Whether the field stays inside the passband of the display's slit."""
    padding: int = 0
    """Number of dark pixels on every side."""
    memory: float | None = None
    """Memory that the optimiser may use beyond the focal stack, bytes; see `synthesise`."""
    device: str = "cpu"
    """torch device of the optimiser."""
    weights: Path | None = None
    """Folder of networks; those that come with holodriver if None."""
    runtime: str = FLOAT
    """Program that runs DEHNet; see `holodriver.dehnet.fastest_runtime.choose`."""

    def __post_init__(self) -> None:
        for option, given, known in (
            ("--within-slit", self.within_slit, ("net", "opt", "net+opt")),
            ("--padding", self.padding, ("opt", "net+opt")),
        ):
            if given and self.method not in known:
                raise InputError(
                    f"{option} does not apply to --method {self.method}",
                    remedy=f"leave it out, or take --method {' or '.join(known)}",
                )


def is_picture(path: Path) -> bool:
    """Whether `path` is named as a picture, which is read with its depth."""
    return path.suffix.lower() in PICTURES


def is_folder_of_stacks(path: Path) -> bool:
    """Whether `path` holds focal stacks and is none itself."""
    return path.is_dir() and path.suffix != ".stack" and not (path / StackManifest.FILE_NAME).exists()


def holograms_of_folder(source: Path, output: Path) -> dict[Path, Path]:
    """The hologram ``NAME.holo`` in `output` that each ``NAME.stack`` in `source` becomes, in the order of names.

    Raises:
        FileFormatError: `source` holds no focal stack.
        InputError: `output` cannot be a folder.
    """
    stacks = sorted(path for path in source.glob("*.stack") if not path.name.startswith("."))
    if not stacks:
        raise FileFormatError(f"holds neither {StackManifest.FILE_NAME} nor folders NAME.stack", where=source)
    if output.suffix == ".holo" or (output.exists() and not output.is_dir()):
        raise InputError("is no folder, which many holograms need", where=output, remedy="name a folder with -o")
    return {path: output / f"{path.stem}.holo" for path in stacks}


def compute(
    source: Path,
    output: Path,
    profile: DisplayProfile,
    settings: SynthSettings,
    *,
    depth: Path | None = None,
    near: Near | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
    warn: Warn = lambda text: None,
    interruptible: Interruptible = uninterruptible,
) -> StackScores | None:
    """Compute the hologram of a focal stack or of a picture with depth, score it, and write it.

    The method "net" makes no focal stack of a picture, so there is nothing to score against, and the result is None.

    Args:
        source: focal stack or picture.
        output: hologram to write.
        profile: display; the source decides how many pixels it has.
        settings: how the field is found.
        depth: depth of a picture; looked for beside the picture if None.
        near: end of the grey scale of the depth that is near; see `read_rgbd`.
        overwrite: whether the output is replaced.
        progress: told of each step.
        warn: told what makes the source hard to show, before the work begins.
        interruptible: makes the block in which the optimiser may be asked to stop with the best field so far.

    Raises:
        KeyboardInterrupt: somebody asked to stop; the best field so far is written.
        OutputExistsError: the output exists and `overwrite` is false.
        HolodriverError: the source cannot be read, or the hologram cannot be computed.
    """
    check_output(output, overwrite=overwrite)
    read = read_rgbd(source, depth, near=near) if is_picture(source) else read_stack(source)
    try:
        target = exposed_source(
            read,
            profile,
            settings,
            planes=profile.planes,
            progress=progress,
            warn=lambda text: warn(f"{source}: {text}"),
        )
    except InputError as error:
        raise InputError(error.what, where=source) from error
    if isinstance(target, FocalStack):
        if min(target.shape) < smallest_size(target.coc_max):
            raise InputError(
                f"{target.shape} pixels are too few to score, expected at least {smallest_size(target.coc_max)} with a "
                f"blur diameter of {target.coc_max:g} px",
                where=source,
            )
        display = profile.resized(target.shape[1], target.shape[0])
        for warning in [*display.warnings(), *mismatches(target, profile)]:
            warn(warning)
    start = time.perf_counter()
    field, did = find_field(target, profile, settings, progress=progress, interruptible=interruptible)
    seconds = time.perf_counter() - start
    provenance: dict[str, Any] = {"stack": source.name, "settings": did}
    scores = None
    if isinstance(target, FocalStack):
        scores = score_field(settings.method, field, target, seconds=seconds, padding=settings.padding)
        provenance["scores"] = scores.as_dict()
        if HIDDEN_SURFACES in target.provenance:
            provenance[HIDDEN_SURFACES] = target.provenance[HIDDEN_SURFACES]
    else:
        did["seconds"] = round(seconds, 3)
    write_hologram(output, Hologram(field, provenance=provenance), overwrite=overwrite)
    if "cancelled" in did.get("stopped", ()):
        warn(f"stopped early: {output} holds the best field so far, after {did['iterations']} steps a colour")
        raise KeyboardInterrupt
    return scores


def exposed_source(
    source: FocalStack | RgbdImage,
    profile: DisplayProfile,
    settings: SynthSettings,
    *,
    planes: int,
    progress: Progress,
    warn: Warn,
) -> FocalStack | RgbdImage:
    """What the field is to show: an exposed focal stack, or for DEHNet the exposed picture itself.

    Args:
        source: focal stack, or picture with depth, whose hidden surfaces are invented.
        profile: gives the blur circle diameter between the near and the far plane, pixels.
        settings: method and torch device.
        planes: number of focal planes that a picture gets.
        progress: told how far it is.
        warn: told what makes the source hard to show.

    Raises:
        InputError: the source is black, or there are fewer than 2 planes.
    """
    for warning in source.warnings():
        warn(warning)
    if isinstance(source, RgbdImage):
        if settings.method == "net":
            return replace(source, color=source.color * np.float32(exposure_of(source.color)))
        layers, coc_max = layers_of(source, profile.coc_max), profile.coc_max
        source = focal_stack(layers, positions(planes), coc_max, device=settings.device, progress=progress)
        for warning in source.warnings():
            warn(warning)
    return source.exposed()


def _network_field(
    intensity: NDArray[np.float32],
    depth: NDArray[np.float32],
    profile: DisplayProfile,
    settings: SynthSettings,
    progress: Progress,
) -> tuple[WaveField, dict[str, Any]]:
    """DEHNet's field of an exposed picture, and what was done."""
    networks, threads = load_networks(settings.weights), threads_to_use()
    synthesiser = NetworkSynthesiser(
        networks, profile, runtime=settings.runtime, threads=threads, memory=settings.memory
    )
    field = synthesiser.field(intensity, depth, within_slit=settings.within_slit, progress=progress)
    weights = "shipped" if settings.weights is None else settings.weights.name
    did = {"method": "net", "runtime": synthesiser.kind.name, "weights": weights, "within_slit": settings.within_slit}
    return field, did


def mismatches(target: FocalStack, profile: DisplayProfile) -> list[str]:
    """Warnings about a focal stack that does not fit the display that it is shown on."""
    said = []
    if profile.shape != target.shape and profile != REFERENCE:  # the reference display stands for any size
        said.append(
            f"the display profile is for {profile.width} × {profile.height} pixels; the hologram has those of its "
            f"source, {target.shape[1]} × {target.shape[0]}, and its frames fit no other panel"
        )
    if abs(target.coc_max - profile.coc_max) > 1e-6:
        said.append(
            f"the source blurs by {target.coc_max:g} px from near to far, the display profile says {profile.coc_max:g}"
        )
    return said


def find_field(
    target: FocalStack | RgbdImage,
    profile: DisplayProfile,
    settings: SynthSettings,
    *,
    progress: Progress = silent,
    interruptible: Interruptible = uninterruptible,
) -> tuple[WaveField, dict[str, Any]]:
    """The wave field of what `exposed_source` made, and what was done to find it, as plain values."""
    if isinstance(target, RgbdImage):
        return _network_field(target.color, target.depth, profile, settings, progress)
    display = profile.resized(target.shape[1], target.shape[0])
    did: dict[str, Any] = {"method": settings.method}
    if settings.method == "flat":
        return flat_phase(target, display), did
    start: WaveField | None = None
    if settings.method in ("net", "net+opt"):
        start, by_network = _network_field(target.all_in_focus, target.all_in_focus_depth, display, settings, progress)
        if settings.method == "net":
            return start, by_network
        did |= {"start": by_network}
    elif settings.method != "opt":
        baseline = {"ncgh": ncgh, "dcgh": dcgh, "points": superposed}[settings.method]
        return baseline(target, display, progress=progress), did
    weights = LossWeights.for_planes(target.planes, settings.beta, settings.gamma)
    with interruptible() as cancelled:
        result = synthesise(
            target,
            display,
            beta=weights.beta,
            gamma=weights.gamma,
            iterations=settings.iterations,
            tolerance=settings.tolerance,
            start=start,
            within_slit=settings.within_slit,
            padding=settings.padding,
            memory=settings.memory,
            device=settings.device,
            progress=progress,
            cancelled=cancelled,
        )
    did |= {
        "beta": weights.beta,
        "gamma": weights.gamma,
        "tolerance": settings.tolerance,
        "coc_max": target.coc_max,
        "iterations": [len(history) - 1 for history in result.history],
        "stopped": list(result.reasons),
        "loss": result.loss,
        "within_slit": settings.within_slit,
        "padding": settings.padding,
    }
    return result.field, did
