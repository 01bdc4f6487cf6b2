"""Closed-form results from a display's geometry: the paper's numbers for blur and distance.

Let d be the distance of the nearest virtual image, p the pixel pitch, R the design resolution, A the eye's pupil and
T = tan(field of view / 2). Eq. 3 gives a depth span Δz = (p·R)² / (4·d·T²), and Eq. 4 an eye's blur of A·R / (2·d·T)
pixels. A structure of s pixels sends light into angles up to λ/(s·p) on both sides of the axis (first zeros of a slit's
diffraction), so that its light spreads to 2·λ·Δz/(s·p²) pixels over Δz. With Eq. 3 for Δz,

    spread ≥ eye's blur   ⇔   T ≤ λ·R / (s·A).

The paper's "dispersion" of single pixels (angles from −λ/(2p) to λ/(2p), the sampling limit) is s = 2 here.
"""

import math

from holodriver.optics.display import DisplayProfile, eye_blur_diameter, maximum_propagation_distance

PIXEL = 2.0
"""Size of the structure whose light fills the whole band of the pixels, pixels: one period of the finest grating."""

PAPER_NARROW_FIELD = 10.0
"""Field of view, degrees, below which an nCGH blurs as an eye does, according to the paper."""


def dispersion(wavelength: float, pixel_pitch: float, distance: float, structure: float = PIXEL) -> float:
    """Diameter (px) to which the light of a structure (px) spreads over `distance` (m)."""
    return 2 * wavelength * distance / (structure * pixel_pitch**2)


def least_distance(blur: float, wavelength: float, pixel_pitch: float, structure: float = PIXEL) -> float:
    """Distance (m) over which the light of a structure (px) spreads to `blur` pixels; the inverse of `dispersion`."""
    return blur * structure * pixel_pitch**2 / (2 * wavelength)


def widest_field(wavelength: float, design_resolution: float, pupil: float, structure: float = PIXEL) -> float:
    """Largest full field of view (degrees) in which the light of a structure (px) spreads as far as an eye's blur."""
    return 2 * math.degrees(math.atan(wavelength * design_resolution / (structure * pupil)))


def structure_for(field_of_view: float, wavelength: float, design_resolution: float, pupil: float) -> float:
    """Largest structure (px) whose light spreads as far as an eye's blur in a field of view (degrees)."""
    return wavelength * design_resolution / (pupil * math.tan(math.radians(field_of_view) / 2))


def eye_blur(profile: DisplayProfile, field_of_view: float) -> float:
    """Blur of an eye (px) by Eq. 4 for a display with another field of view (degrees)."""
    return eye_blur_diameter(profile.pupil, profile.design_resolution, field_of_view, profile.nearest_image)


def span(profile: DisplayProfile, field_of_view: float) -> float:
    """Depth span (m) by Eq. 3 for a display with another field of view (degrees)."""
    return maximum_propagation_distance(
        profile.pixel_pitch, profile.design_resolution, field_of_view, profile.nearest_image
    )
