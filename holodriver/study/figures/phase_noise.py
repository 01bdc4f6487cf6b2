"""The Methods' argument about unwanted phase: the spectrum of a panel that has it, and what falls into the slit."""

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from holodriver.optics.display import DisplayProfile
from holodriver.optics.field import WaveField
from holodriver.panel.encoder import automatic_gains, encode
from holodriver.panel.frames import simulated_bench
from holodriver.panel.lut import AmplitudeLut
from holodriver.scores.grating import GratingNoise, grating_noise
from holodriver.study.drawing import WIDTH, save, styled
from holodriver.study.methods import OPT
from holodriver.study.store import ARRAYS, Arrays
from holodriver.study.work import Outcome, Work

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PHASE = (0.5, 0.5)
"""p₁ and p₂ (rad) of Eq. 5 where the panel's amplitude is 1."""
CARRIERS = (1 / 8, 1 / 6, 1 / 5, 0.225, 1 / 4, 0.275, 0.3, 1 / 3, 3 / 8, 0.4)
SLITS = (1 / 32, 1 / 16, 3 / 32, 1 / 8, 5 / 32, 3 / 16, 1 / 4)
COMPARED = {"¼": 1 / 4, "⅓": 1 / 3}
SLIT = 1 / 8
"""Half-width of the slit at which the two carriers are compared."""
GREEN = 1
TICKS = (-1, -0.5, 0, 0.5, 1)
FLOOR = -85.0
"""dB below the zeroth order at which spectra end."""


def phase_noise(work: Work, path: Path) -> Outcome:
    """Spectra of the frames of a DEH at both carriers, without and with unwanted phase, and the noise in the slit."""
    scene = work.scenes.shown()
    timed = work.methods.field(OPT, scene)
    profile = replace(timed.field.profile, wavelengths=(timed.field.profile.wavelengths[GREEN],))
    field = WaveField(timed.field.values[GREEN : GREEN + 1], profile)

    def compute() -> Arrays:
        found: Arrays = {}
        for name, carrier in COMPARED.items():
            tried = replace(profile, carrier_fraction=carrier, slit_along=SLIT)
            shown = WaveField(field.values, tried)
            found[f"{name} clean"], found[f"{name} noisy"] = spectra(shown, PHASE)
        noise = grating_noise(profile, CARRIERS, SLITS, phase=PHASE, field=field, progress=work.progress)
        return found | {"decibels": noise.decibels}

    inputs = {"scene": scene.key, "iterations": work.settings.iterations, "display": profile.as_dict()}
    arrays = work.store.keep("phase-noise", inputs, ARRAYS, compute).value
    noise = GratingNoise(CARRIERS, SLITS, arrays["decibels"])
    _draw(path, profile, arrays, noise)
    rows = [
        (round(carrier, 4), *(None if math.isnan(value) else round(float(value), 2) for value in values))
        for carrier, values in zip(CARRIERS, noise.decibels, strict=True)
    ]
    at = SLITS.index(SLIT)
    numbers = {f"dB in the slit, carrier {name}": float(noise.decibels[CARRIERS.index(c), at])
               for name, c in COMPARED.items()}  # fmt: skip
    numbers["gain of ¼ over ⅓"] = numbers["dB in the slit, carrier ¼"] - numbers["dB in the slit, carrier ⅓"]
    says = (
        f"The DEH of {scene.name}, {scene.size}, {profile.wavelengths[0] * 1e9:.0f} nm; unwanted phase "
        f"p₁·a + p₂·a² with p₁ = {PHASE[0]:g}, p₂ = {PHASE[1]:g} rad; signal to noise in the slit, dB.",
        f"The spectra are powers over the carrier's axis, summed across it, dB below the zeroth order; the slit drawn "
        f"has a half-width of {SLIT:g} of the sampling frequency.",
    )
    columns = ("carrier / sampling frequency", *(f"slit half-width {slit:.3f}" for slit in SLITS))
    return Outcome("Phase noise of the panel (Methods)", columns, rows, numbers, says, arrays)


def spectra(field: WaveField, phase: tuple[float, float]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Power (h, w) in the plane of the slit over the frames of a field, without and with unwanted phase."""
    luts = [AmplitudeLut.linear()] * len(field.profile.wavelengths)
    frames = encode(field, automatic_gains([field]), luts)
    planes = [
        simulated_bench(frames, phase=unwanted).fourier_plane(frames.pixels[0], 0) for unwanted in ((0.0, 0.0), phase)
    ]
    clean, noisy = (np.square(np.abs(plane)).astype(np.float32) for plane in planes)
    return clean, noisy


def _along(power: NDArray[np.floating], profile: DisplayProfile) -> tuple[NDArray, NDArray]:
    """Frequency (of the effective sampling frequency) and power in dB below the zeroth order, summed across."""
    across = 1 if profile.carrier_axis == "y" else 0
    line = power.sum(across, dtype=np.float64)
    frequency = np.fft.fftshift(np.fft.fftfreq(len(line))) * profile.binning
    return frequency, 10 * np.log10(np.maximum(line / line.max(), 1e-12))


def _draw(path: Path, profile: DisplayProfile, arrays: Arrays, noise: GratingNoise) -> None:
    with styled() as plt:
        figure = plt.figure(figsize=(WIDTH, 5.6), layout="constrained")
        grid = figure.add_gridspec(3, 2, height_ratios=(1.15, 1.15, 1.35))
        for row, (name, carrier) in enumerate(COMPARED.items()):
            plane = figure.add_subplot(grid[row, 0])
            _plane(plane, arrays[f"{name} noisy"], profile, carrier)
            plane.set_title(f"{'ab'[row]}  carrier {name}: plane of the slit, with unwanted phase", loc="left")
            line = figure.add_subplot(grid[row, 1])
            for kind, colour in (("noisy", "#d1752c"), ("clean", "#1b6ca8")):
                frequency, level = _along(arrays[f"{name} {kind}"], profile)
                label = "with unwanted phase" if kind == "noisy" else "without"
                line.plot(frequency, level, color=colour, linewidth=0.7, label=label)
            line.axvspan(carrier - SLIT, carrier + SLIT, color="#3f9150", alpha=0.16, linewidth=0)
            line.set(xlim=(-1, 1), ylim=(FLOOR, 12), ylabel="power, dB", xticks=TICKS)
            if row == 0:
                line.legend(loc="upper center", ncols=2)
            else:
                line.set_xlabel("frequency along the carrier / sampling frequency")
        curves_over_carriers(figure.add_subplot(grid[2, :]), noise)
        save(figure, path)


def _plane(axes: "Axes", power: NDArray[np.floating], profile: DisplayProfile, carrier: float) -> None:
    from matplotlib.patches import Rectangle

    upright = power.T if profile.carrier_axis == "y" else power  # the carrier's axis lies along x in the picture
    level = 10 * np.log10(np.maximum(upright / upright.max(), 1e-12))
    half = profile.binning / 2
    axes.imshow(
        level, extent=(-half, half, -half, half), vmin=FLOOR, vmax=0, cmap="magma", aspect="auto", origin="lower"
    )
    axes.add_patch(Rectangle((carrier - SLIT, -profile.slit_across), 2 * SLIT, 2 * profile.slit_across, fill=False,
                             edgecolor="#6fd48a", linewidth=1.0))  # fmt: skip
    axes.set(ylabel="across", xticks=TICKS)


def curves_over_carriers(axes: "Axes", noise: GratingNoise) -> None:
    """Signal to noise in the slit over the carrier, a curve for each slit."""
    import matplotlib

    colours = matplotlib.colormaps["viridis"](np.linspace(0, 0.9, len(noise.slits)))
    lines: list[Any] = []
    for slit, values, colour in zip(noise.slits, noise.decibels.T, colours, strict=True):
        lines += axes.plot(noise.carriers, values, "o-", color=colour, label=f"{slit:.3f}")
    for name, carrier in COMPARED.items():
        axes.axvline(carrier, color="grey", lw=0.8, ls=":")
        axes.annotate(name, (carrier, 1.01), xycoords=("data", "axes fraction"), ha="center")
    axes.set(xlabel="carrier / sampling frequency", ylabel="signal to noise, dB")
    axes.legend(title="slit half-width", fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    axes.grid(alpha=0.3)
