"""Studies of the display and the eye: blur, distance and field of view, pupil, light source."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from holodriver.optics.display import DisplayProfile, eye_blur_diameter
from holodriver.panel.behind_slit import camera_exposure
from holodriver.panel.encoder import automatic_gains, encode
from holodriver.panel.frames import simulated_bench
from holodriver.panel.lut import AmplitudeLut
from holodriver.scores.psnr_ssim import psnr, scored_part
from holodriver.study.drawing import LIGHT, WIDTH, curves, marked, save, styled
from holodriver.study.geometry import (
    PAPER_NARROW_FIELD,
    dispersion,
    eye_blur,
    least_distance,
    span,
    structure_for,
    widest_field,
)
from holodriver.study.looks import pictures
from holodriver.study.measures import equivalent_blur, speckle_contrast
from holodriver.study.methods import DCGH, FLAT, NCGH, OPT
from holodriver.study.scenes import Scene, nearest_plane, spread_planes
from holodriver.study.store import ARRAYS, Arrays
from holodriver.study.work import Outcome, Work

GREEN = 1
DIAMETERS = (5.0, 10.0, 15.0, 20.0, 25.0)
"""Blur circles, px."""
SPANS = (0.5e-3, 1e-3, 1.7e-3, 2e-3, 3e-3, 4e-3)
"""Propagation distances, m."""
FIELDS = (5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 55.0, 70.0, 90.0)
"""Fields of view, degrees."""
COARSE = 15.0
"""px, a structure whose own diffraction reaches an eye's blur in a field of view of about 10° (515 nm)."""
PUPILS = (0.5e-3, 1e-3, 1.5e-3, 2e-3, 3e-3, 4e-3)
"""Diameters, m."""
SOURCES = (0.0, 0.5e-3, 1e-3, 2e-3, 3e-3, 5e-3)
"""Angular radii, rad."""
PLANES = 5
"""Focal planes that are looked at where each look costs a propagation per point of the source."""
WALL_PLANES = 31
METHODS = (OPT, NCGH, FLAT)


def blur(work: Work, path: Path) -> Outcome:
    """How good holograms are for more and more blur, and how much of it a textured wall shows."""
    rows, numbers = [], {}
    scores: dict[str, list[float]] = {method: [] for method in METHODS}
    spreads: dict[str, list[float]] = {method: [] for method in METHODS}
    reached: dict[str, list[float]] = {method: [] for method in METHODS}
    settings = work.settings
    for diameter in DIAMETERS:
        scenes = [work.scenes.layered(settings.seed + n, coc_max=diameter) for n in range(settings.scenes)]
        wall = work.scenes.wall(_wall_size(work), WALL_PLANES, diameter)
        for method in METHODS:
            values = [work.methods.scored(method, scene).means()["psnr"] for scene in scenes]
            scores[method].append(float(np.mean(values)))
            spreads[method].append(float(np.std(values)))
            reached[method].append(_reached(work, method, wall, work.display))
            rows.append((diameter, method, round(scores[method][-1], 3), round(spreads[method][-1], 3),
                         round(reached[method][-1], 2)))  # fmt: skip
            numbers[f"{method} blur at {diameter:g} px"] = reached[method][-1]
            numbers[f"{method} psnr at {diameter:g} px"] = scores[method][-1]
        work.progress("Varying blur", DIAMETERS.index(diameter) + 1, len(DIAMETERS))
    with styled() as plt:
        figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 2.5), layout="constrained")
        curves(left, DIAMETERS, scores, spread=spreads)
        left.set(xlabel="blur circle of the targets, px", ylabel="PSNR, dB")
        right.plot(
            (0, DIAMETERS[-1]), (0, DIAMETERS[-1]), color="#4d4d4d", linewidth=0.8, linestyle="--", label="as asked"
        )
        curves(right, DIAMETERS, reached)
        right.set(xlabel="blur circle of the targets, px", ylabel="blur shown, px")
        for axes in (left, right):
            marked(axes, work.display.coc_max, "paper")
        right.legend()
        save(figure, path)
    columns = ("blur px", "method", "PSNR dB", "PSNR dB sd", "blur shown px")
    says = (
        f"{settings.scenes} layered scenes of {settings.size} × {settings.size}, {settings.planes} planes.",
        f"Blur shown: the blur circle that the farthest focus of a textured wall at t = 0 is most like "
        f"({_wall_size(work)} × {_wall_size(work)}, green).",
    )
    return Outcome("Diameter of the blur circle", columns, rows, numbers, says)


def distance(work: Work, path: Path) -> Outcome:
    """Blur and quality over the propagation distance, and what geometry says of distance and field of view."""
    display = work.display
    scenes = work.scenes.several()
    wall = work.scenes.wall(_wall_size(work), WALL_PLANES)
    rows, numbers = [], {}
    quality: dict[str, list[float]] = {OPT: [], NCGH: []}
    reached: dict[str, list[float]] = {OPT: [], NCGH: []}
    for depth_span in SPANS:
        tried = replace(
            display, depth_span=depth_span, depth_offset=display.depth_offset * depth_span / display.depth_span
        )
        disperse = [dispersion(w, display.pixel_pitch, depth_span) for w in display.wavelengths]
        for method in (OPT, NCGH):
            values = [work.methods.scored(method, scene, display=tried).means()["psnr"] for scene in scenes]
            quality[method].append(float(np.mean(values)))
            reached[method].append(_reached(work, method, wall, tried))
            numbers[f"{method} blur at {1e3 * depth_span:g} mm"] = reached[method][-1]
            numbers[f"{method} psnr at {1e3 * depth_span:g} mm"] = quality[method][-1]
        rows.append((1e3 * depth_span, *(round(d, 2) for d in disperse),
                     *(round(v[-1], 2) for v in (*reached.values(), *quality.values()))))  # fmt: skip
        work.progress("Varying distance", SPANS.index(depth_span) + 1, len(SPANS))
    numbers |= closed_forms(display)
    _draw_distance(path, display, reached, quality)
    columns = ("distance mm", *(f"dispersion px {w * 1e9:.0f} nm" for w in display.wavelengths), "DEH blur px",
               "nCGH blur px", "DEH PSNR dB", "nCGH PSNR dB")  # fmt: skip
    says = (
        f"{len(scenes)} scenes of {scenes[0].size}, {scenes[0].stack.planes} planes, targets of "
        f"{display.coc_max:g} px; blur as in the study of blur, on a wall of {wall.size}.",
        f"From geometry: {display.coc_max:g} px need {1e3 * numbers['least distance']:.2f} mm in the shortest "
        f"wavelength; single pixels reach an eye's blur up to {numbers['widest field of pixels']:.0f}°, structures of "
        f"{COARSE:g} px up to {numbers['widest field of coarse structures']:.1f}° (515 nm).",
    )
    return Outcome("Propagation distance and field of view", columns, rows, numbers, says)


def closed_forms(display: DisplayProfile) -> dict[str, float]:
    """What geometry says, by the names that claims use."""
    pitch, waves = display.pixel_pitch, display.wavelengths
    green = waves[min(GREEN, len(waves) - 1)]
    found = {f"dispersion {name}": dispersion(w, pitch, display.depth_span)
             for name, w in zip(("red", "green", "blue"), waves, strict=False)}  # fmt: skip
    return found | {
        "least distance": max(least_distance(display.coc_max, w, pitch) for w in waves),
        "span": span(display, display.field_of_view),
        "eye blur": eye_blur(display, display.field_of_view),
        "widest field of pixels": widest_field(green, display.design_resolution, display.pupil),
        "widest field of coarse structures": widest_field(green, display.design_resolution, display.pupil, COARSE),
        "structure at 10°": structure_for(PAPER_NARROW_FIELD, green, display.design_resolution, display.pupil),
    }


def pupil(work: Work, path: Path) -> Outcome:
    """What an eye of more or less pupil sees of a DEH: its blur by Eq. 4, light let through, and likeness."""
    scene = work.scenes.shown()
    planes = spread_planes(scene.stack, PLANES)
    seen = _looks(work, scene, (OPT,), planes, "pupil", PUPILS, pupils=True)
    open_eye = _looks(work, scene, (OPT,), planes, "pupil", (None,), pupils=True)[f"{OPT} None"]
    targets = scene.stack.images[planes]
    rows, numbers, light, likeness, blurs = [], {}, [], [], []
    for diameter in PUPILS:
        images = seen[f"{OPT} {diameter}"]
        share = float(images.mean() / open_eye.mean())
        brightened = images / share
        score = _mean_psnr(brightened, targets, scene)
        circle = eye_blur_diameter(diameter, work.display.design_resolution, work.display.field_of_view,
                                   work.display.nearest_image)  # fmt: skip
        light.append(share)
        likeness.append(score)
        blurs.append(circle)
        rows.append((1e3 * diameter, round(circle, 2), round(share, 4), round(score, 3)))
        numbers[f"psnr at {1e3 * diameter:g} mm"], numbers[f"light at {1e3 * diameter:g} mm"] = score, share
    whole = _mean_psnr(open_eye, targets, scene)
    numbers["psnr of an open eye"] = whole
    with styled() as plt:
        figure, row = plt.subplots(1, 3, figsize=(WIDTH, 2.2), layout="constrained")
        x = [1e3 * diameter for diameter in PUPILS]
        for axes, values, text in zip(
            row, (likeness, light, blurs), ("PSNR, dB", "light let through", "eye's blur (Eq. 4), px"), strict=True
        ):
            curves(axes, x, {OPT: values})
            axes.set(xlabel="pupil, mm", ylabel=text)
            marked(axes, 1e3 * work.display.pupil, "paper")
        row[0].axhline(whole, color="#9a9a9a", linewidth=1, linestyle="--")
        save(figure, path)
    columns = ("pupil mm", "eye's blur px", "light let through", "PSNR dB")
    says = (
        f"Frames of the DEH of {scene.name}, {scene.size}, seen in {len(planes)} planes; the light lost at the iris is "
        f"made up by one factor. An open eye scores {whole:.2f} dB.",
    )
    return Outcome("Pupil of the eye", columns, rows, numbers, says)


def source(work: Work, path: Path) -> Outcome:
    """Speckle and sharpness over the extent of the light source."""
    scene = work.scenes.shown()
    planes = spread_planes(scene.stack, 3)
    methods = (DCGH, OPT, NCGH)
    display = closed_for(work.display, SOURCES[-1])
    seen = _looks(work, scene, methods, planes, "source", SOURCES, display=display, pupils=False)
    targets = scene.stack.images[planes]
    contrast: dict[str, list[float]] = {method: [] for method in methods}
    likeness: dict[str, list[float]] = {method: [] for method in methods}
    rows, numbers = [], {}
    for radius in SOURCES:
        for method in methods:
            images = seen[f"{method} {radius}"]
            contrast[method].append(
                float(np.mean([speckle_contrast(i, t) for i, t in zip(images, targets, strict=True)]))
            )
            likeness[method].append(_mean_psnr(images, targets, scene))
            rows.append((1e3 * radius, method, round(contrast[method][-1], 4), round(likeness[method][-1], 3)))
            numbers[f"{method} contrast at {1e3 * radius:g} mrad"] = contrast[method][-1]
            numbers[f"{method} psnr at {1e3 * radius:g} mrad"] = likeness[method][-1]
    with styled() as plt:
        figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 2.4), layout="constrained")
        x = [1e3 * radius for radius in SOURCES]
        curves(left, x, contrast)
        left.set(xlabel="angular radius of the source, mrad", ylabel="contrast of picture / target")
        curves(right, x, likeness)
        right.set(xlabel="angular radius of the source, mrad", ylabel="PSNR, dB")
        left.legend()
        save(figure, path)
    columns = ("radius mrad", "method", "contrast of picture / target", "PSNR dB")
    says = (
        f"8-bit frames of {scene.name}, {scene.size}, through the bench, planes {', '.join(map(str, planes))}; a "
        "source of 24 mutually incoherent points over its disc. Contrast is the deviation over the mean of picture / "
        "target where the target is brighter than 0.05: speckle, and whatever else is wrong.",
        f"The slit is closed to a half-width of {display.slit_along:.3f} of the sampling frequency: a tilt moves the "
        f"spectrum, and behind the widest slit ({work.display.carrier_fraction:g}) the zeroth order comes in at once.",
    )
    return Outcome("Extent of the light source", columns, rows, numbers, says)


def closed_for(display: DisplayProfile, radius: float) -> DisplayProfile:
    """The display with its slit so narrow that the zeroth order of a source's outermost point stays out.

    Args:
        radius: angular radius of the source, rad; it moves the spectrum by radius · pitch / wavelength.
    """
    moved = radius * display.pixel_pitch / min(display.wavelengths)
    least = 0.1 * display.carrier_fraction
    return replace(display, slit_along=min(display.slit_along, max(display.carrier_fraction - moved, least)))


def _reached(work: Work, method: str, wall: Scene, display: DisplayProfile) -> float:
    """Blur (px) that the far focus of the near wall shows, in green."""
    field = work.methods.field(method, wall, display=display).field
    far = nearest_plane(wall.stack, 1.0)
    picture = field.intensity(float(wall.stack.positions[far]))[GREEN : GREEN + 1]
    stack = replace(wall.stack, images=wall.stack.images[:, GREEN : GREEN + 1],
                    all_in_focus=wall.stack.all_in_focus[GREEN : GREEN + 1])  # fmt: skip
    return equivalent_blur(picture, stack, math.ceil(wall.stack.coc_max / 2))


def _wall_size(work: Work) -> int:
    return min(work.settings.size, 128)


def _looks(
    work: Work,
    scene: Scene,
    methods: tuple[str, ...],
    planes: list[int],
    what: str,
    values: tuple[float | None, ...],
    *,
    display: DisplayProfile | None = None,
    pupils: bool,
) -> Arrays:
    """Pictures (n, C, H, W) of each method's frames for each pupil, or each source; "METHOD VALUE" names them."""
    positions = [float(scene.stack.positions[n]) for n in planes]

    def compute() -> Arrays:
        luts = AmplitudeLut.simulated_panel(work.display.wavelengths)
        found: Arrays = {}
        for method in methods:
            options = {"within_slit": True} if method == OPT else {}
            field = work.methods.field(method, scene, options, display=display).field
            frames = encode(field, automatic_gains([field]), luts)
            exposure = camera_exposure(field.profile, frames.gains)
            for value in values:
                bench = simulated_bench(
                    frames, pupil=value if pupils else None, source_radius=0.0 if pupils else value or 0.0
                )
                found[f"{method} {value}"] = pictures(bench, frames, exposure, positions)
                work.progress("Looking through the bench", len(found), len(methods) * len(values), f"{method}, {value}")
        return found

    inputs = {"scene": scene.key, "methods": list(methods), "planes": planes, "what": what, "values": list(values),
              "display": (display or work.display).as_dict(), "iterations": work.settings.iterations}  # fmt: skip
    return work.store.keep(f"looks-{what}", inputs, ARRAYS, compute).value


def _mean_psnr(images: NDArray, targets: NDArray, scene: Scene) -> float:
    inside = scored_part(scene.stack.coc_max)
    return float(np.mean([psnr(a[inside], b[inside]) for a, b in zip(images, targets, strict=True)]))


def _draw_distance(
    path: Path, display: DisplayProfile, reached: dict[str, list[float]], quality: dict[str, list[float]]
) -> None:
    x = [1e3 * depth_span for depth_span in SPANS]
    with styled() as plt:
        figure, row = plt.subplots(1, 3, figsize=(WIDTH, 2.7), layout="constrained")
        for w, colour in zip(display.wavelengths, LIGHT, strict=False):
            row[0].plot(x, [dispersion(w, display.pixel_pitch, d) for d in SPANS], color=colour, linewidth=0.9,
                        label=f"pixel, {w * 1e9:.0f} nm")  # fmt: skip
        curves(row[0], x, reached)
        row[0].axhline(display.coc_max, color="#4d4d4d", linewidth=0.8, linestyle="--")
        row[0].set(xlabel="propagation distance, mm", ylabel="blur, px", ylim=(0, 2.6 * display.coc_max))
        curves(row[1], x, quality)
        row[1].set(xlabel="propagation distance, mm", ylabel="PSNR, dB")
        for axes in row[:2]:
            marked(axes, 1e3 * display.depth_span, "paper")
        row[0].legend(fontsize=6, loc="upper left", borderpad=0.2)
        fields = np.linspace(FIELDS[0], FIELDS[-1], 200)
        green = display.wavelengths[min(GREEN, len(display.wavelengths) - 1)]
        spans = [span(display, f) for f in fields]
        row[2].plot(fields, [eye_blur(display, f) for f in fields], color="#4d4d4d", label="eye (Eq. 4)")
        for structure, colour, text in (
            (2.0, "#1b6ca8", "single pixels"),
            (COARSE, "#d1752c", f"{COARSE:g} px structure"),
        ):
            row[2].plot(
                fields, [dispersion(green, display.pixel_pitch, d, structure) for d in spans], color=colour, label=text
            )
            edge = widest_field(green, display.design_resolution, display.pupil, structure)
            row[2].plot(edge, eye_blur(display, edge), "o", color=colour)
            row[2].annotate(f"{edge:.0f}°", (edge, eye_blur(display, edge)), xytext=(4, 4), textcoords="offset points")
        row[2].set(
            xscale="linear", yscale="log", xlabel="field of view, degrees", ylabel="blur at the nearest image, px"
        )
        row[2].grid(alpha=0.25, linewidth=0.5)
        row[2].legend(fontsize=6)
        save(figure, path)
