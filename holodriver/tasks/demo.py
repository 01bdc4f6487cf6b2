"""Run the whole product once: a Blender scene becomes a hologram and is played, and a camera looks at it."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holodriver.blender.find import find_blender
from holodriver.blender.stack import render_stack
from holodriver.errors import FileFormatError, InputError, OutputExistsError, RigError
from holodriver.files.atomic import written_file
from holodriver.files.frames import write_frames
from holodriver.files.hologram import Hologram, write_hologram
from holodriver.files.images import write_pixels
from holodriver.files.stack import read_stack
from holodriver.optics.display import DisplayProfile
from holodriver.optics.field import WaveField
from holodriver.panel.behind_slit import camera_exposure, laser_powers
from holodriver.panel.encoder import automatic_gains, encode
from holodriver.panel.frames import PanelFrames, simulated_bench
from holodriver.panel.lut import AmplitudeLut
from holodriver.progress import Progress, silent
from holodriver.rig.play.before_light import Heard
from holodriver.rig.play.report import PlayReport
from holodriver.rig.play.session import PlaySettings, play_on_rig
from holodriver.rig.simulated.camera_model import SimulatedCamera
from holodriver.rig.simulated.exposures import Exposure
from holodriver.rig.simulated.simulated_rig import Simulation
from holodriver.scene.render_job import DEMO, RenderJob
from holodriver.scene.stack import FocalStack
from holodriver.scores.psnr_ssim import StackScores, smallest_size
from holodriver.scores.table import score_field, score_images
from holodriver.synthesis.baselines import flat_phase, ncgh
from holodriver.synthesis.optimise import synthesise
from holodriver.system.threads import side_by_side
from holodriver.viewer.contact_sheet import Column, contact_sheet
from holodriver.viewer.facts import flat
from holodriver.viewer.inputs import PAGE_WIDTH, Content
from holodriver.viewer.method_pictures import RENDERED, method_of, page_size, shrunk
from holodriver.viewer.page import write_page

FORMAT, VERSION = "holodriver demo", 1
SETTINGS, STACK, SHEET, SCORES = "demo.json", "scene.stack", "contact_sheet.png", "scores.json"
PAGE = "view.html"
METHODS = ("DEH", "nCGH", "flat phase")
FOCI = {"front": 0.0, "middle": 0.5, "rear": 1.0}
REFRESH_HZ = (30.0, 30.0, 20.0, 15.0, 15.0)
"""Refresh rate of the simulated panel in each attempt to play, Hz. A busy machine stalls, which trips the lasers'
watchdog, as it should, or it confirms frames too late, which leaves them dark; a slower panel leaves it more time."""

CYCLES = 4
"""Number of cycles of colours of each hologram that the camera integrates."""

HIGHEST_POWER_MW = 1.0
"""Power of the strongest simulated laser, mW."""

ALL_LIT = 0.99
"""Smallest share of its light with which a hologram is not played again."""


@dataclass(frozen=True)
class DemoSettings:
    """Settings that decide the result of the demo."""

    width: int = 256
    height: int = 256
    planes: int = 21
    samples: int = 16
    """Samples per pixel of each rendered image."""
    iterations: int = 100
    """Largest number of steps of the optimiser for each colour."""
    seed: int = 0


@dataclass(frozen=True)
class DemoResult:
    """Scores, figures and times of a demo."""

    fields: tuple[StackScores, ...]
    """Scores of the wave fields as computed, in the order of `METHODS`."""
    played: tuple[StackScores, ...]
    """Scores of what the camera saw of the frames that the panel received, in the same order."""
    report: PlayReport
    warnings: tuple[str, ...]
    seconds: dict[str, float]
    """Wall time of each step, seconds; the steps "play, look, score" and "page" include writing."""
    reused: bool
    """Whether the focal stack of an earlier run of the same settings was used."""


def run_demo(
    folder: Path,
    settings: DemoSettings,
    profile: DisplayProfile,
    *,
    blender: Path | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> DemoResult:
    """Render, synthesise, encode, play and look, and write all results into `folder`.

    The focal stack of an earlier run with the same settings and display is used again; the rest is replaced.

    Args:
        folder: gets `scene.stack`, a `.holo` and a folder of frames for each method, `contact_sheet.png`, `view.html`
            and `scores.json`.
        settings: sizes and effort.
        profile: display; its size is replaced by that of the settings.
        blender: Blender or a Python with bpy; looked for if None.
        overwrite: whether a folder that holds something else is started afresh.
        progress: told of every step.

    Raises:
        OutputExistsError: `folder` holds something else and `overwrite` is false.
        HolodriverError: a step failed.
    """
    profile = profile.resized(settings.width, settings.height)
    smallest = smallest_size(profile.coc_max)
    if min(profile.shape) < smallest:
        raise InputError(f"size is {settings.width} × {settings.height}, expected at least {smallest} pixels to score")
    marker = {"format": FORMAT, "version": VERSION, "settings": asdict(settings), "display": profile.as_dict()}
    reused = _holds_stack(folder, marker, overwrite=overwrite)
    seconds: dict[str, float] = {}

    @contextmanager
    def timed(step: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        seconds[step] = time.perf_counter() - start

    with timed("render"):
        if not reused:
            found = find_blender(blender)  # before anything is written
            folder.mkdir(parents=True, exist_ok=True)
            _write_json(folder / SETTINGS, marker)
            job = RenderJob(
                scene=DEMO,
                width=settings.width,
                height=settings.height,
                planes=settings.planes,
                coc_max=profile.coc_max,
                samples=settings.samples,
                seed=settings.seed,
            )
            render_stack(job, folder / STACK, overwrite=overwrite, blender=found, progress=progress)
        stack = read_stack(folder / STACK).exposed()
    fields: dict[str, WaveField] = {}
    with timed("DEH"):
        fields["DEH"] = synthesise(stack, profile, iterations=settings.iterations, progress=progress).field
    with timed("nCGH"):
        fields["nCGH"] = ncgh(stack, profile, progress=progress)
    fields["flat phase"] = flat_phase(stack, profile)
    with timed("encode"):
        luts = AmplitudeLut.simulated_panel(profile.wavelengths)
        gains = automatic_gains(fields.values())  # one for all: they are played as one sequence
        frames = {method: encode(field, gains, luts) for method, field in fields.items()}
    with timed("play, look, score"):
        scored = tuple(score_field(method, fields[method], stack, seconds=seconds.get(method)) for method in METHODS)
        holograms = []
        for method, result in zip(METHODS, scored, strict=True):
            name = method.lower().replace(" ", "_")
            provenance = {"demo": asdict(settings), "method": method, "scores": result.as_dict()}
            holograms.append(folder / f"{name}.holo")
            write_hologram(holograms[-1], Hologram(fields[method], frames[method], provenance), overwrite=True)
            write_frames(folder / f"{name}.frames", frames[method], overwrite=True)
        warnings = [*stack.warnings(), *profile.warnings()]
        shown = [frames[method] for method in METHODS]
        report, seen = _play(holograms, shown, stack, progress, warnings)
        played = tuple(score_images(method, images, stack) for method, images in zip(METHODS, seen, strict=True))
    write_pixels(folder / SHEET, _sheet(stack, seen, played), overwrite=True)
    with timed("page"):
        write_page(folder / PAGE, _content(stack, profile, seen, shown), overwrite=True, progress=progress)
    _write_json(
        folder / SCORES,
        {
            "format": f"{FORMAT} scores",
            "version": VERSION,
            "settings": asdict(settings),
            "seconds": seconds,
            "fields": [result.as_dict() for result in scored],
            "played": [result.as_dict() for result in played],
            "rig": {str(key): value for key, value in report.rows()},
        },
    )
    return DemoResult(scored, played, report, tuple(warnings), seconds, reused)


def _holds_stack(folder: Path, wanted: dict[str, Any], *, overwrite: bool) -> bool:
    """Whether `folder` holds a finished focal stack of the marker `wanted`; refuses any other folder."""
    if folder.exists() and not folder.is_dir():
        raise OutputExistsError("is a file", where=folder, remedy="choose another folder with -o")
    if overwrite or not folder.is_dir() or not any(folder.iterdir()):
        return False
    marker = folder / SETTINGS
    if not marker.is_file():
        raise OutputExistsError("is not empty and holds no demo", where=folder, remedy="choose another folder with -o")
    try:
        found = json.loads(marker.read_text(encoding="utf-8"))
    except ValueError as error:
        raise FileFormatError("is not JSON", where=marker, remedy="pass --overwrite") from error
    if found != wanted:
        raise OutputExistsError(
            "holds a demo of other settings or another display",
            where=folder,
            remedy="pass --overwrite, or another folder with -o",
        )
    return (folder / STACK).is_dir()


def _play(
    holograms: Sequence[Path], frames: Sequence[PanelFrames], stack: FocalStack, progress: Progress, warnings: list[str]
) -> tuple[PlayReport, list[NDArray[np.float32]]]:
    """Play all holograms on a simulated rig, as a lab plays them, and look at each; `warnings` gets repeated plays.

    Returns:
        The figures of the play; and for each hologram what a camera saw in the stack's focal planes, (N, C, H, W).

    Raises:
        RigError: every attempt stopped, or left frames dark.
    """
    settings = PlaySettings(arm=True, power_mw=HIGHEST_POWER_MW, cycles=CYCLES)
    profile, gains = frames[0].profile, frames[0].gains
    powers_w = laser_powers(gains, HIGHEST_POWER_MW * 1e-3)
    for refresh_hz in REFRESH_HZ:
        simulation = Simulation(refresh_hz, remember=True)
        joules = np.multiply(powers_w, simulation.rig(frames[0]).on_time_s * CYCLES)
        try:
            played = play_on_rig(simulation, holograms, settings, heard=Heard(progress=progress))
            lit = [_integrated(played.exposures, index) for index in range(len(frames))]
            if _share_lit(lit, joules) >= ALL_LIT:
                break
            stopped = "frames were confirmed too late for all their light"
        except RigError as error:
            stopped = str(error)
        warnings.append(f"a play at {refresh_hz:g} Hz was not whole and was repeated: {stopped}")
    else:
        raise RigError(
            f"the simulated rig played whole in none of {len(REFRESH_HZ)} attempts, on a busy machine: {stopped}",
            remedy="run the demo again when less is running; the focal stack and the holograms are kept",
        )
    # set once for the energy that each colour should have; the exposures hold what the rig really gave
    sensitivity = camera_exposure(profile, gains)[0] / joules[0]
    bench = simulated_bench(frames[0])
    seen = []
    for index, exposures in enumerate(lit):
        camera = SimulatedCamera(bench, exposures, sensitivity)
        seen.append(np.stack(side_by_side(camera.picture, stack.positions.tolist())))
        progress("Taking pictures", index + 1, len(frames))
    return played.report, seen


def _integrated(exposures: Sequence[Exposure], hologram: int) -> list[Exposure]:
    """The light of one hologram that a camera integrates: right or wrong, from the last flips of each frame."""
    mine = [exposure for exposure in exposures if exposure.frame_index == hologram]
    found = []
    for plane in {exposure.plane for exposure in mine}:
        flips = sorted({exposure.flip_index for exposure in mine if exposure.plane == plane})[-CYCLES:]
        found += [exposure for exposure in mine if exposure.flip_index in flips]
    return found


def _share_lit(lit: Sequence[Sequence[Exposure]], joules: NDArray[np.float64]) -> float:
    """Smallest share of the intended light of any laser that a frame was given."""
    given = np.zeros((len(lit), len(joules)))
    for hologram, exposures in enumerate(lit):
        for exposure in exposures:
            given[hologram, exposure.plane] += exposure.power_w * exposure.lit_for_s
    return float((given / joules).min())


def _sheet(stack: FocalStack, seen: Sequence[NDArray[np.float32]], scores: Sequence[StackScores]) -> NDArray[np.uint8]:
    planes = {name: int(np.abs(stack.positions - t).argmin()) for name, t in FOCI.items()}
    columns = [Column("rendered", [stack.images[n] for n in planes.values()], [""] * len(planes))]
    for method, images, result in list(zip(METHODS, seen, scores, strict=True))[:2]:
        captions = [f"{result.psnr[n]:.1f} dB   SSIM {result.ssim[n]:.3f}" for n in planes.values()]
        columns.append(Column(method, [images[n] for n in planes.values()], captions))
    return contact_sheet(list(planes), columns, "What a camera sees of the frames that the panel received")


def _content(
    stack: FocalStack, profile: DisplayProfile, seen: Sequence[NDArray[np.float32]], frames: Sequence[PanelFrames]
) -> Content:
    """What the viewer shows: the focal stack, and what the camera saw of each method's frames."""
    size = page_size(stack.shape, PAGE_WIDTH)
    methods = [method_of(RENDERED, "focal stack", iter(stack.images), size, facts=flat(stack.provenance))]
    for name, images, shown in zip(METHODS, seen, frames, strict=True):
        facts = flat({"display": profile.as_dict()})
        methods.append(
            method_of(name, "played on the rig", iter(images), size, against=stack, frames=shown, facts=facts)
        )
    depth = shrunk(stack.all_in_focus_depth, size)
    positions = tuple(stack.positions.tolist())
    return Content("The demo scene", tuple(methods), positions, stack.shape, depth=depth, profile=profile)


def _write_json(path: Path, values: dict[str, Any]) -> None:
    with written_file(path, overwrite=True) as temporary:
        temporary.write_text(json.dumps(values, indent=1), encoding="utf-8")
