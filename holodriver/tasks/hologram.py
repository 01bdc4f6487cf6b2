"""The hologram of what the user has: a focal stack or an RGB-D picture."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
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
"""Makes a block in which Ctrl-C is a question: the callable it gives says whether somebody asked to stop."""


def uninterruptible() -> AbstractContextManager[Callable[[], bool]]:
    """A block in which nobody asks to stop."""
    return nullcontext(lambda: False)


PICTURES = (*PHOTOS, ".exr")
"""Suffixes of files that are read as RGB-D pictures."""


@dataclass(frozen=True)
class SynthSettings:
    """How a wave field is found; see `synthesise` for the options of the optimiser.

    Raises:
        InputError: the slit or the padding does not apply to the method.
    """

    method: Method = "opt"
    """"net" is DEHNet, "opt" the optimiser, which most fields below concern, "net+opt" the one after the other; the
    others are baselines."""
    beta: float | None = None
    gamma: float | None = None
    iterations: int = ITERATIONS
    tolerance: float = TOLERANCE
    within_slit: bool = False
    padding: int = 0
    """Dark pixels on every side."""
    memory: float | None = None
    """Bytes that the optimiser may use beyond the focal stack; see `synthesise`."""
    device: str = "cpu"
    weights: Path | None = None
    """Folder of networks; those that come along if None."""
    runtime: str = FLOAT
    """What runs DEHNet; see `holodriver.dehnet.fastest_runtime.choose`."""

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


@dataclass(frozen=True)
class RgbdSettings:
    """How a picture with depth is read and becomes a focal stack."""

    depth: Path | None = None
    """Depth picture; looked for beside the colour picture if None."""
    near: Near | None = None
    """What near is in it; by the kind of file if None, see `read_rgbd`."""
    planes: int = 21


@dataclass(frozen=True)
class Job:
    """One hologram to compute."""

    source: Path
    output: Path


def is_picture(path: Path) -> bool:
    """Whether `path` is named as a picture, which is read with its depth."""
    return path.suffix.lower() in PICTURES


def is_folder_of_stacks(path: Path) -> bool:
    """Whether `path` holds focal stacks and is none itself."""
    return path.is_dir() and path.suffix != ".stack" and not (path / StackManifest.FILE_NAME).exists()


def jobs_in_folder(source: Path, output: Path) -> list[Job]:
    """One job for each ``NAME.stack`` in `source`, to become ``NAME.holo`` in `output`, by name.

    Raises:
        FileFormatError: `source` holds no focal stack.
        InputError: `output` cannot be a folder.
    """
    stacks = sorted(path for path in source.glob("*.stack") if not path.name.startswith("."))
    if not stacks:
        raise FileFormatError(f"holds neither {StackManifest.FILE_NAME} nor folders NAME.stack", where=source)
    if output.suffix == ".holo" or (output.exists() and not output.is_dir()):
        raise InputError("is no folder, which many holograms need", where=output, remedy="name a folder with -o")
    return [Job(path, output / f"{path.stem}.holo") for path in stacks]


def compute(
    job: Job,
    profile: DisplayProfile,
    settings: SynthSettings,
    rgbd: RgbdSettings | None = None,
    *,
    overwrite: bool = False,
    progress: Progress = silent,
    warn: Warn = lambda text: None,
    interruptible: Interruptible = uninterruptible,
) -> StackScores | None:
    """Compute the hologram of a focal stack or of an RGB-D picture, score it, and write it.

    Of a picture, "net" needs no focal stack and makes none, so that there is nothing to score against.

    Args:
        job: what to read and what to write.
        profile: display; its size is replaced by that of the source.
        settings: how the field is found.
        rgbd: how a picture is read, if `job.source` is one.
        overwrite: replace the output.
        progress: told of each step.
        warn: told what makes the source hard to show, before the work begins.
        interruptible: makes the block in which the optimiser may be asked to stop with the best so far.

    Raises:
        KeyboardInterrupt: somebody asked to stop; the best field so far is written.
        OutputExistsError: the output exists and `overwrite` is false.
        HolodriverError: the source cannot be read, or the hologram not be computed.
    """
    check_output(job.output, overwrite=overwrite)
    if is_picture(job.source) and settings.method == "net":
        _compute_picture(
            job, profile, settings, rgbd or RgbdSettings(), overwrite=overwrite, progress=progress, warn=warn
        )
        return None
    if is_picture(job.source):
        made = stack_of_picture(
            job.source, profile.coc_max, rgbd or RgbdSettings(), device=settings.device, progress=progress, warn=warn
        )
    else:
        made = read_stack(job.source)
    for warning in made.warnings():
        warn(f"{job.source}: {warning}")
    try:
        target = made.exposed()
    except InputError as error:
        raise InputError(error.what, where=job.source) from error
    if min(target.shape) < smallest_size(target.coc_max):
        raise InputError(
            f"{target.shape} pixels are too few to score, expected at least {smallest_size(target.coc_max)} with a "
            f"blur diameter of {target.coc_max:g} px",
            where=job.source,
        )
    display = profile.resized(target.shape[1], target.shape[0])
    for warning in [*display.warnings(), *mismatches(target, profile)]:
        warn(warning)
    start = time.perf_counter()
    field, did = find_field(target, display, settings, progress=progress, interruptible=interruptible)
    seconds = time.perf_counter() - start
    scores = score_field(settings.method, field, target, seconds=seconds, padding=settings.padding)
    provenance: dict[str, Any] = {"stack": job.source.name, "settings": did, "scores": scores.as_dict()}
    if HIDDEN_SURFACES in target.provenance:
        provenance[HIDDEN_SURFACES] = target.provenance[HIDDEN_SURFACES]
    write_hologram(job.output, Hologram(field, provenance=provenance), overwrite=overwrite)
    if "cancelled" in did.get("stopped", ()):
        warn(f"stopped early: {job.output} holds the best field so far, after {did['iterations']} steps a colour")
        raise KeyboardInterrupt
    return scores


def _compute_picture(
    job: Job,
    profile: DisplayProfile,
    settings: SynthSettings,
    rgbd: RgbdSettings,
    *,
    overwrite: bool,
    progress: Progress,
    warn: Warn,
) -> None:
    """The hologram of an RGB-D picture by DEHNet, as it is: no focal stack is made."""
    image = read_rgbd(job.source, rgbd.depth, near=rgbd.near)
    for warning in image.warnings():
        warn(f"{job.source}: {warning}")
    try:
        color = image.color * np.float32(exposure_of(image.color))
    except InputError as error:
        raise InputError(error.what, where=job.source) from error
    start = time.perf_counter()
    field, did = network_field(color, image.depth, profile, settings, progress)
    did["seconds"] = round(time.perf_counter() - start, 3)
    provenance: dict[str, Any] = {"stack": job.source.name, "settings": did}
    write_hologram(job.output, Hologram(field, provenance=provenance), overwrite=overwrite)


def network_field(
    intensity: NDArray[np.float32],
    depth: NDArray[np.float32],
    profile: DisplayProfile,
    settings: SynthSettings,
    progress: Progress,
) -> tuple[WaveField, dict[str, Any]]:
    """DEHNet's field of an exposed picture, and what was done."""
    networks = load_networks(settings.weights)
    synthesiser = NetworkSynthesiser(
        networks, profile, runtime=settings.runtime, threads=threads_to_use(), memory=settings.memory
    )
    field = synthesiser.field(intensity, depth, within_slit=settings.within_slit, progress=progress)
    weights = "shipped" if settings.weights is None else settings.weights.name
    did = {"method": "net", "runtime": synthesiser.kind.name, "weights": weights, "within_slit": settings.within_slit}
    return field, did


def mismatches(target: FocalStack, profile: DisplayProfile) -> list[str]:
    """How a focal stack differs from the display that it is shown on."""
    said = []
    if profile.shape != target.shape and profile != REFERENCE:  # which stands for any size
        said.append(
            f"the display profile is for {profile.width} × {profile.height} pixels; the hologram has those of its "
            f"source, {target.shape[1]} × {target.shape[0]}, and its frames fit no other panel"
        )
    if abs(target.coc_max - profile.coc_max) > 1e-6:
        said.append(
            f"the source blurs by {target.coc_max:g} px from near to far, the display profile says {profile.coc_max:g}"
        )
    return said


def stack_of_picture(
    path: Path,
    coc_max: float,
    settings: RgbdSettings,
    *,
    device: str = "cpu",
    progress: Progress = silent,
    warn: Warn = lambda text: None,
) -> FocalStack:
    """The focal stack of a picture with depth, whose hidden surfaces are invented.

    Args:
        path: colour picture, or colour and depth side by side.
        coc_max: blur circle diameter between the near and the far plane, pixels.
        settings: where the depth is, which way round, and how many planes.
        device: torch device.
        progress: told how far it is.
        warn: told of a depth that has no range.

    Raises:
        FileFormatError: a picture is missing or wrong.
        InputError: fewer than 2 planes.
    """
    positions(settings.planes)  # a wrong number of planes is said before anything is read
    image = read_rgbd(path, settings.depth, near=settings.near)
    for warning in image.warnings():
        warn(f"{path}: {warning}")
    return stack_of_image(image, settings.planes, coc_max, device=device, progress=progress)


def stack_of_image(
    image: RgbdImage, planes: int, coc_max: float, *, device: str = "cpu", progress: Progress = silent
) -> FocalStack:
    """The focal stack of a picture with depth, whose hidden surfaces are invented.

    Args:
        image: picture and depth.
        planes: number of focal planes.
        coc_max: blur circle diameter between the near and the far plane, pixels.
        device: torch device.
        progress: told how far it is.

    Raises:
        InputError: fewer than 2 planes.
    """
    return focal_stack(layers_of(image, coc_max), positions(planes), coc_max, device=device, progress=progress)


def find_field(
    target: FocalStack,
    display: DisplayProfile,
    settings: SynthSettings,
    *,
    progress: Progress = silent,
    interruptible: Interruptible = uninterruptible,
) -> tuple[WaveField, dict[str, Any]]:
    """The wave field of an exposed focal stack, and what was done to find it, as plain values."""
    did: dict[str, Any] = {"method": settings.method}
    if settings.method == "flat":
        return flat_phase(target, display), did
    start: WaveField | None = None
    if settings.method in ("net", "net+opt"):
        start, by_network = network_field(target.all_in_focus, target.all_in_focus_depth, display, settings, progress)
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
