"""What follows from the geometry of a display alone, in closed form: the paper's figures of blur and distance.

With d the nearest virtual image, p the pixel pitch, R the design resolution and T = tan(field of view / 2), Eq. 3 gives
a depth span Δz = (p·R)² / (4·d·T²) and Eq. 4 an eye's blur of A·R / (2·d·T) pixels. A structure of s pixels sends light
into angles up to λ/(s·p) on either side of the axis (first zeros of a slit's diffraction), so that over Δz it spreads
to 2·λ·Δz/(s·p²) pixels. Both grow as 1/d, so that which of them is larger hangs on T alone:

    spread ≥ eye's blur   ⇔   T ≤ λ·R / (s·A).

Single pixels of the paper's "dispersion" (s = 1, but from −λ/(2p) to λ/(2p), the sampling limit) are s = 2 here.
"""

import math

from holodriver.optics.display import DisplayProfile, eye_blur_diameter, maximum_propagation_distance

PIXEL = 2.0
"""The structure (pixels) whose light fills the whole band of the pixels: one period of the finest grating."""

PAPER_NARROW_FIELD = 10.0
"""Degrees below which the paper lets an nCGH blur as an eye does."""


def dispersion(wavelength: float, pixel_pitch: float, distance: float, structure: float = PIXEL) -> float:
    """Diameter (px) to which light spreads over `distance` (m) that comes from a structure of so many pixels."""
    return 2 * wavelength * distance / (structure * pixel_pitch**2)


def least_distance(blur: float, wavelength: float, pixel_pitch: float, structure: float = PIXEL) -> float:
    """Distance (m) over which light spreads to `blur` pixels; the inverse of `dispersion`."""
    return blur * structure * pixel_pitch**2 / (2 * wavelength)


def widest_field(wavelength: float, design_resolution: float, pupil: float, structure: float = PIXEL) -> float:
    """Full field of view (degrees) up to which a structure of so many pixels spreads as far as an eye blurs it."""
    return 2 * math.degrees(math.atan(wavelength * design_resolution / (structure * pupil)))


def structure_for(field_of_view: float, wavelength: float, design_resolution: float, pupil: float) -> float:
    """The largest structure (pixels) that still spreads as far as an eye blurs it in that field of view (degrees)."""
    return wavelength * design_resolution / (pupil * math.tan(math.radians(field_of_view) / 2))


def eye_blur(profile: DisplayProfile, field_of_view: float) -> float:
    """Eq. 4 for a display with another field of view (degrees), px."""
    return eye_blur_diameter(profile.pupil, profile.design_resolution, field_of_view, profile.nearest_image)


def span(profile: DisplayProfile, field_of_view: float) -> float:
    """Eq. 3 for a display with another field of view (degrees), m."""
    return maximum_propagation_distance(
        profile.pixel_pitch, profile.design_resolution, field_of_view, profile.nearest_image
    )
