"""Measure the optics: propagation compared with torchoptics, and the noise of the panel's grating.

    python scripts/bench/optics.py [-o FOLDER] [--hologram X.holo] [--record]

The script writes `grating_noise.png`: the signal-to-noise ratio in the slit against carrier and slit half-width, for a
panel with unwanted phase p₁ = p₂ = 0.5 (Eq. 5 of the DEH paper). With `--hologram` the field in that file is encoded.
"""

import argparse
import math
import sys
from dataclasses import replace
from pathlib import Path

import record
import torch
import torchoptics

from holodriver.cli import console
from holodriver.errors import HolodriverError, InputError
from holodriver.files.hologram import read_hologram
from holodriver.optics.display import REFERENCE
from holodriver.optics.field import WaveField
from holodriver.optics.propagation import propagate
from holodriver.scores.grating import GratingNoise, grating_noise
from holodriver.study.drawing import save, styled
from holodriver.study.figures.phase_noise import CARRIERS, SLITS, curves_over_carriers

SIZE, PADDING, GUARD = 128, 64, 16  # samples


def agreement(distance: float, wavelength: float) -> tuple[float, float, float]:
    """Compare the propagation of a random field with torchoptics.

    Args:
        distance: distance of the propagation, m.
        wavelength: wavelength of the light, m.

    Returns:
        Ratio of the peak to the largest difference, dB; relative change of energy; and ratio of the peak to the error
        after propagating there and back, dB.
    """
    generator = torch.Generator().manual_seed(3)
    field = torch.randn(SIZE, SIZE, generator=generator, dtype=torch.complex128)
    pitch = REFERENCE.pixel_pitch
    oracle = torchoptics.Field(field, wavelength=wavelength, spacing=pitch)
    theirs = oracle.propagate_to_z(distance, propagation_method="ASM", asm_pad=(PADDING, PADDING)).data
    ours = propagate(field, pitch, wavelength, distance, padding=PADDING)
    inside = (slice(GUARD, -GUARD), slice(GUARD, -GUARD))
    there = propagate(field, pitch, wavelength, distance)
    energy = float(there.abs().square().sum() / field.abs().square().sum()) - 1
    back = propagate(there, pitch, wavelength, -distance)
    return decibels(ours[inside], theirs[inside]), energy, decibels(back, field)


def decibels(result: torch.Tensor, reference: torch.Tensor) -> float:
    """Ratio of the reference's peak to the largest difference, dB."""
    return 20 * math.log10(float(reference.abs().max() / (result - reference).abs().max()))


def plot(noise: GratingNoise, path: Path) -> None:
    """Plot the noise as curves over the carrier, one for each slit."""
    with styled() as plt:
        figure, axes = plt.subplots(figsize=(8, 4.2), layout="constrained")
        curves_over_carriers(axes, noise)
        save(figure, path)


def propagation(results: record.Section) -> None:
    """Write the table of the agreement with torchoptics over distances."""
    rows = []
    for distance in (1e-4, 1e-3, 2e-3, 1e-2):
        figures = [agreement(distance, wavelength) for wavelength in REFERENCE.wavelengths]
        worst = [min(f[0] for f in figures), max(abs(f[1]) for f in figures), min(f[2] for f in figures)]
        rows.append((f"{distance * 1e3:g} mm", f"{worst[0]:.1f} dB", f"{worst[1]:.1e}", f"{worst[2]:.0f} dB"))
    headings = ("distance", "against torchoptics", "energy lost or gained", "there and back")
    title = f"Angular spectrum, complex128, the same padding, guard band of {GUARD} samples, worst of 638/515/460 nm"
    results.table(headings, rows, title=title)


def grating(path: Path | None, output: Path, results: record.Section) -> None:
    """Write the table and the plot of signal to noise in the slit, for a random field or that of a hologram.

    Raises:
        InputError: the file contains no wave field.
    """
    profile, field = replace(REFERENCE.resized(240, 240), wavelengths=(515e-9,)), None
    if path:
        hologram = read_hologram(path)
        if hologram.field is None:
            raise InputError("contains no wave field", where=path)
        profile = replace(hologram.profile, wavelengths=(hologram.profile.wavelengths[1],))
        field = WaveField(hologram.field.values[1:2], profile)
    with console.reporting() as progress:
        noise = grating_noise(profile, CARRIERS, SLITS, field=field, progress=progress)
    rows = [
        (f"{carrier:.3f}", *("" if math.isnan(value) else f"{value:.1f}" for value in values))
        for carrier, values in zip(noise.carriers, noise.decibels, strict=True)
    ]
    headings = ("carrier", *(f"slit {slit:.3f}" for slit in noise.slits))
    results.table(headings, rows, title="Signal to noise in the slit, dB; p₁ = p₂ = 0.5")
    eighth = noise.slits.index(1 / 8)
    gain = noise.decibels[noise.carriers.index(1 / 4), eighth] - noise.decibels[noise.carriers.index(1 / 3), eighth]
    results.say(f"At a slit half-width of 1/8, a carrier of 1/4 beats one of 1/3 by {gain:.1f} dB.")
    plot(noise, output / "grating_noise.png")
    console.say(f"wrote {output / 'grating_noise.png'}")


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=Path("out"), help="folder for the plot")
    parser.add_argument("--hologram", type=Path, help="a .holo file whose field is encoded")
    record.add_option(parser)
    given = parser.parse_args()
    with record.section("optics", "Optics", write=given.record) as results:
        propagation(results)
        grating(given.hologram, given.output, results)


if __name__ == "__main__":
    try:
        main()
    except HolodriverError as error:
        sys.exit(f"optics.py: {error}")
