"""The verbs of `import holodriver`: each works on one thing in memory; the command line works on many files."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from holodriver.blender.stack import render_stack
from holodriver.depth.estimators import Estimator, NetworkEstimator
from holodriver.depth.photos import MeasuredSettings, estimate_photo
from holodriver.depth.pipeline import DepthSettings
from holodriver.errors import InputError
from holodriver.files.hologram import Hologram
from holodriver.files.quilt import QuiltCanvas
from holodriver.files.stack import read_stack
from holodriver.lookingglass.parallax import ViewSettings
from holodriver.lookingglass.quilt import make_quilt
from holodriver.optics.colour import srgb_decode
from holodriver.optics.display import REFERENCE, DisplayProfile
from holodriver.optics.field import WaveField
from holodriver.optics.focus import Mapping
from holodriver.optics.lookingglass import LookingGlass, looking_glass
from holodriver.panel.behind_slit import camera_field
from holodriver.panel.calibration import Calibration
from holodriver.panel.encoder import automatic_gains
from holodriver.panel.frames import PanelFrames
from holodriver.progress import Progress, silent
from holodriver.scene.render_job import RenderJob
from holodriver.scene.rgbd import RgbdImage
from holodriver.scene.stack import FocalStack
from holodriver.scores.psnr_ssim import StackScores, score_stack
from holodriver.synthesis.methods import Method
from holodriver.synthesis.optimise import ITERATIONS
from holodriver.system.devices import torch_device
from holodriver.tasks.encode import encoder_for, field_of, frames_of
from holodriver.tasks.hologram import SynthSettings, Warn, exposed_source, find_field, mismatches
from holodriver.tasks.read_write import Place, heard
from holodriver.tasks.reconstruct import view_of

Shown = WaveField | PanelFrames | Hologram


def render(
    scene: Place,
    *,
    size: tuple[int, int] = (256, 256),
    planes: int = 21,
    samples: int = 16,
    near: float | None = None,
    far: float | None = None,
    mapping: Mapping | None = None,
    seed: int = 0,
    display: DisplayProfile = REFERENCE,
    output: Place | None = None,
    overwrite: bool = False,
    blender: Place | None = None,
    progress: Progress = silent,
    warn: Warn = heard,
) -> FocalStack:
    """Render the focal stack of a Blender scene, with Blender as a process of its own.

    Args:
        scene: path of a .blend file, "demo", or "random".
        size: width and height of the images, pixels.
        planes: number of focal planes.
        samples: samples per pixel of each image.
        near: distance of the near focal plane, metres (scene units); the nearest surface in view if None.
        far: distance of the far focal plane, metres, or infinity; the farthest surface in view if None.
        mapping: "dioptric" or "linear"; by the type of the camera if None.
        seed: seed of the renderer, and of a random scene.
        display: gives `coc_max`, the blur circle diameter between the near and the far plane, pixels.
        output: folder `NAME.stack` that keeps the stack; nothing is kept if None.
        overwrite: whether `output` is replaced.
        blender: Blender, or a Python with bpy; looked for if None.
        progress: called for each image rendered.
        warn: told in one line of each way in which the stack differs from its scene.

    Raises:
        InputError: the scene cannot be opened, or a setting is out of range.
        BlenderError: no Blender was found, or it stopped with an error.
    """
    width, height = size
    job = RenderJob(
        scene=str(scene),
        width=width,
        height=height,
        planes=planes,
        coc_max=display.coc_max,
        samples=samples,
        near=near,
        far=far,
        mapping=mapping,
        seed=seed,
    )
    with ExitStack() as scratch:
        if output is None:
            path = Path(scratch.enter_context(TemporaryDirectory(prefix="holodriver-"))) / "scene.stack"
        else:
            path = Path(output)
        found = None if blender is None else Path(blender)
        render_stack(job, path, overwrite=overwrite, blender=found, progress=progress, warn=warn)
        return read_stack(path)


def estimate_depth(
    photo: Place,
    *,
    networks: Sequence[str | Estimator] = ("dpt-large",),
    measured: Place | None = None,
    device: str | None = None,
    warn: Warn = heard,
) -> RgbdImage:
    """Estimate the depth of a photo.

    Args:
        photo: any picture; depth that a phone stored in it is used.
        networks: names on the Hugging Face hub, folders, or estimators of your own; several are averaged.
        measured: file with measured depth, which the estimate completes.
        device: torch device; the best there is if None.
        warn: told in one line of what was assumed or is doubtful.

    Returns:
        The photo in linear light and its normalised depth, 0 near to 1 far, linear in dioptres.

    Raises:
        FileFormatError: the photo or the measured depth cannot be read.
        HolodriverError: a network cannot be loaded.
    """
    place = torch_device(device)
    estimators = [NetworkEstimator(one, device=place, warn=warn) if isinstance(one, str) else one for one in networks]
    settings = MeasuredSettings(None if measured is None else Path(measured))
    found = estimate_photo(Path(photo), estimators, DepthSettings(), settings, warn=warn)
    color = srgb_decode(found.picture / np.float32(255)).transpose(2, 0, 1)
    return RgbdImage(color.astype(np.float32), 1 - found.nearness, "dioptric", found.description)


def synthesise(
    source: FocalStack | RgbdImage,
    *,
    method: Method = "opt",
    display: DisplayProfile = REFERENCE,
    planes: int = 21,
    iterations: int = ITERATIONS,
    beta: float | None = None,
    gamma: float | None = None,
    within_slit: bool = False,
    padding: int = 0,
    weights: Place | None = None,
    device: str = "cpu",
    progress: Progress = silent,
    warn: Warn = heard,
) -> WaveField:
    """Find the wave field of a focal stack or of a picture with depth.

    Args:
        source: what to show; the source is exposed so that the 99.9th percentile of the picture in focus is 1.
        method: "opt", the optimiser of Eq. 2; "net", DEHNet; "net+opt", DEHNet and then the optimiser; or a baseline:
            "ncgh", "dcgh", "points", "flat".
        display: the display; the number of its pixels becomes that of the source.
        planes: number of focal planes that are made of a picture with depth; "net" needs none.
        iterations: largest number of steps of the optimiser for each colour.
        beta: weight of the all-in-focus term of the loss; planes − 1 if None.
        gamma: depth attention of that term; 2·(planes − 1) if None.
        within_slit: keep the field inside the passband of the display's slit; for "opt", "net" and "net+opt".
        padding: number of dark pixels on every side while the optimiser works.
        weights: folder of networks; those that come with holodriver if None.
        device: torch device of the optimiser.
        progress: told how far it is.
        warn: told in one line of what makes the source hard to show.

    Returns:
        The field (C, H, W) in the plane of the panel; its `provenance` holds the settings.

    Raises:
        InputError: the source is black, or a setting does not apply to the method.
        SynthesisError: the field could not be computed.
    """
    settings = SynthSettings(
        method=method,
        beta=beta,
        gamma=gamma,
        iterations=iterations,
        within_slit=within_slit,
        padding=padding,
        device=device,
        weights=None if weights is None else Path(weights),
    )
    target = exposed_source(source, display, settings, planes=planes, progress=progress, warn=warn)
    for text in mismatches(target, display) if isinstance(target, FocalStack) else ():
        warn(text)
    field, did = find_field(target, display, settings, progress=progress)
    return replace(field, provenance={"settings": did})


def encode(
    field: WaveField | Hologram,
    *,
    gains: Sequence[float] | None = None,
    calibration: Calibration | None = None,
    warn: Warn = heard,
) -> PanelFrames:
    """Encode a wave field into frames of the panel (Burch encoding).

    Args:
        field: the field, or a hologram that has one.
        gains: factor on each colour; chosen so that 0.01 % of the pixels clip if None. All frames of a sequence need
            the same: pass the `gains` of the first frames.
        calibration: calibration of the panel; if None, the amplitude is taken as proportional to the grey level.
        warn: told of pixels that clip.

    Returns:
        Grey levels (C, h, w), with the gains recorded.

    Raises:
        InputError: there is no field or no light in it, or gains or calibration have other colours.
    """
    if isinstance(field, Hologram):
        field = field_of(field)
    if calibration is not None:
        calibration.check(field.profile)
    chosen = automatic_gains([field]) if gains is None else tuple(gains)
    return frames_of(field, encoder_for(field.profile, chosen, calibration), warn)


def look(
    hologram: Shown, *, focus: float, pupil: float | None = None, source_radius: float = 0.0, conjugate: bool = False
) -> NDArray[np.float32]:
    """Show what a camera behind the slit sees, or for a wave field, what the field itself shows.

    Args:
        hologram: panel frames, a hologram (its frames if it has any), or a wave field.
        focus: normalised depth of the plane in focus, 0 near to 1 far.
        pupil: diameter of the camera's pupil, metres; open if None. Only for frames.
        source_radius: angular radius of the light source, rad. Only for frames.
        conjugate: put the slit on the other side, where depth is inside out. Only for frames.

    Returns:
        Picture (C, H, W), linear light.

    Raises:
        InputError: the focus lies outside 0 … 1, or a wave field is looked at with a pupil, a source or a slit.
    """
    if not 0 <= focus <= 1:
        raise InputError(f"focus is {focus!r}, expected normalised depth from 0 (near) to 1 (far)")
    shown, padding = _shown(hologram)
    view = view_of(shown, padding, pupil=pupil, source_radius=source_radius, conjugate=conjugate)
    return np.asarray(view(focus), np.float32)


def score(hologram: Shown, stack: FocalStack) -> StackScores:
    """Score a hologram against the focal stack that it should show, plane by plane.

    Args:
        hologram: a wave field, or panel frames, which are looked at through the slit; a hologram is scored by its
            frames if it has any.
        stack: what the hologram should show; exposed here as `synthesise` exposes it.

    Returns:
        PSNR (dB) and SSIM of each plane, on linear and on sRGB light; `means()` gives the means over the planes.

    Raises:
        InputError: the sizes differ, or are too small to score.
    """
    shown, padding = _shown(hologram)
    if isinstance(shown, PanelFrames):
        shown = camera_field(shown)
    target = stack.exposed()
    images = shown.intensities(target.positions.tolist(), padding=padding)
    return score_stack(images, target.images, coc_max=target.coc_max)


def quilt(
    image: RgbdImage | FocalStack,
    *,
    display: str | LookingGlass = "portrait",
    depthiness: float = 1.0,
    focus: float = 0.0,
    progress: Progress = silent,
) -> QuiltCanvas:
    """Make the views of a Looking Glass display from a picture with depth.

    Args:
        image: picture with depth, or a focal stack, whose all-in-focus picture is used.
        display: name of the Looking Glass, such as "portrait" or "go".
        depthiness: factor by which depth is scaled; 1 is usual.
        focus: which depth stands in the plane of the glass, from −1 (the nearest) to 1 (the farthest).
        progress: called for each view.

    Returns:
        The quilt; `pixels` (H, W, 3) are sRGB, blue first. `write` writes it.

    Raises:
        InputError: there is no such display, or a setting is out of range.
    """
    if isinstance(image, FocalStack):
        exposed = image.exposed()
        image = RgbdImage(exposed.all_in_focus, exposed.all_in_focus_depth, exposed.mapping)
    glass = looking_glass(display) if isinstance(display, str) else display
    return make_quilt(image, glass, ViewSettings(depthiness=depthiness, focus=focus), progress=progress)


def _shown(hologram: Shown) -> tuple[WaveField | PanelFrames, int]:
    """The field or the frames, and the number of dark pixels on every side with which the field was computed."""
    if isinstance(hologram, PanelFrames):
        return hologram, 0
    if isinstance(hologram, WaveField):
        return hologram, Hologram(hologram, provenance=hologram.provenance).padding
    if hologram.frames is not None:
        return hologram.frames, 0
    assert hologram.field is not None  # a hologram without frames has a field
    return hologram.field, hologram.padding
