"""Measure what the optics claims, and print the figures: propagation against torchoptics, and the grating's noise.

    .venv/bin/python scripts/measure_optics.py [-o FOLDER] [--hologram X.holo]

Writes `grating_noise.png`: signal to noise in the slit against carrier and slit half-width, for a panel whose
unwanted phase is p₁ = p₂ = 0.5 (Eq. 5 of the DEH paper). With `--hologram` the field in that file is what is encoded.
"""

import argparse
import math
from dataclasses import replace
from pathlib import Path

import torch
import torchoptics

from holodriver.cli import console
from holodriver.files.hologram import read_hologram
from holodriver.optics.display import REFERENCE
from holodriver.optics.field import WaveField
from holodriver.optics.propagation import propagate
from holodriver.scores.grating import GratingNoise, grating_noise
from holodriver.study.drawing import save, styled
from holodriver.study.figures.phase_noise import CARRIERS, SLITS, curves_over_carriers

SIZE, PADDING, GUARD = 128, 64, 16  # samples


def agreement(distance: float, wavelength: float) -> tuple[float, float, float]:
    """dB by which the difference from torchoptics lies under the peak; relative change of energy; dB of there and
    back."""
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
    """Peak of the reference over the largest difference, dB."""
    return 20 * math.log10(float(reference.abs().max() / (result - reference).abs().max()))


def plot(noise: GratingNoise, path: Path) -> None:
    """Draw the table as curves over the carrier, one for each slit."""
    with styled() as plt:
        figure, axes = plt.subplots(figsize=(8, 4.2), layout="constrained")
        curves_over_carriers(axes, noise)
        save(figure, path)


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=Path("out"), help="folder for the plot")
    parser.add_argument("--hologram", type=Path, help="a .holo file whose field is encoded")
    given = parser.parse_args()

    rows = []
    for distance in (1e-4, 1e-3, 2e-3, 1e-2):
        figures = [agreement(distance, wavelength) for wavelength in REFERENCE.wavelengths]
        worst = [min(f[0] for f in figures), max(abs(f[1]) for f in figures), min(f[2] for f in figures)]
        rows.append((f"{distance * 1e3:g} mm", f"{worst[0]:.1f} dB", f"{worst[1]:.1e}", f"{worst[2]:.0f} dB"))
    headings = ("distance", "against torchoptics", "energy lost or gained", "there and back")
    console.table(headings, rows, title="Angular spectrum, complex128, worst of 638/515/460 nm")

    profile, field = replace(REFERENCE.resized(240, 240), wavelengths=(515e-9,)), None
    if given.hologram:
        hologram = read_hologram(given.hologram)
        if hologram.field is None:
            parser.error(f"{given.hologram} holds no wave field")
        profile = replace(hologram.profile, wavelengths=(hologram.profile.wavelengths[1],))
        field = WaveField(hologram.field.values[1:2], profile)
    with console.reporting() as progress:
        noise = grating_noise(profile, CARRIERS, SLITS, field=field, progress=progress)
    table = [
        (f"{carrier:.3f}", *("" if math.isnan(value) else f"{value:.1f}" for value in values))
        for carrier, values in zip(noise.carriers, noise.decibels, strict=True)
    ]
    console.table(
        ("carrier", *(f"slit {slit:.3f}" for slit in noise.slits)), table, title="Signal to noise in the slit, dB"
    )
    eighth = noise.slits.index(1 / 8)
    gain = noise.decibels[noise.carriers.index(1 / 4), eighth] - noise.decibels[noise.carriers.index(1 / 3), eighth]
    console.say(f"at a slit half-width of 1/8, a carrier of 1/4 beats 1/3 by {gain:.1f} dB")
    plot(noise, given.output / "grating_noise.png")
    console.say(f"wrote {given.output / 'grating_noise.png'}")


if __name__ == "__main__":
    main()
