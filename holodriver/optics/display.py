"""Display profiles: every number of a holographic display, in one place."""

import math
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from holodriver.errors import Expected, InputError, check, check_fields, numbers, one_of, shown

Axis = Literal["x", "y"]


def maximum_propagation_distance(
    pixel_pitch: float, resolution: float, field_of_view: float, nearest_image: float
) -> float:
    """Depth span Δz (m) that places virtual images from `nearest_image` to infinity.

    Args:
        pixel_pitch: effective pixel pitch, m.
        resolution: design resolution along the field of view, pixels.
        field_of_view: full angle, degrees.
        nearest_image: distance d of the nearest virtual image, m.

    Source: Eq. 3 of the DEH paper.
    """
    half = math.tan(math.radians(field_of_view) / 2)
    return (pixel_pitch * resolution) ** 2 / (4 * half**2) / nearest_image


def eye_blur_diameter(pupil: float, resolution: float, field_of_view: float, nearest_image: float) -> float:
    """Blur circle diameter (display pixels) of an object at `nearest_image` for an eye focused at infinity.

    Args:
        pupil: pupil diameter A, m.
        resolution: design resolution along the field of view, pixels.
        field_of_view: full angle, degrees.
        nearest_image: distance d of the object, m.

    Source: Eq. 4 of the DEH paper.
    """
    return pupil * resolution / (2 * nearest_image * math.tan(math.radians(field_of_view) / 2))


WAVELENGTHS = Expected(
    "metres, each between 1e-7 and 1e-5", lambda values: len(values) > 0 and all(1e-7 < w < 1e-5 for w in values)
)


@dataclass(frozen=True)
class DisplayProfile:
    """A holographic display: panel, light, optics and the depth range it shows.

    Spatial frequencies of the carrier and the slit are fractions of the effective sampling frequency 1 / `pixel_pitch`.
    Normalised depth t is 0 at the near focal plane and 1 at the far one, and stands at the distance
    z(t) = `depth_offset` + `depth_span` · (1 − t) from the hologram plane.

    Raises:
        InputError: a field is out of range; the message names it.
    """

    name: str
    width: int
    """Number of effective pixels (after binning) along x."""
    height: int
    """Number of effective pixels (after binning) along y."""
    pixel_pitch: float
    """Distance of effective pixels, m."""
    binning: int
    """Native pixels along a side of an effective pixel."""
    design_resolution: int
    """Pixels along the field of view for which the optics are designed (Eqs. 3 and 4 of the DEH paper)."""
    wavelengths: tuple[float, ...]
    """Wavelength of each laser, m."""
    depth_span: float
    """Distance between the near and the far focal plane, m."""
    depth_offset: float
    """Distance of the far focal plane from the hologram plane along the light, m."""
    coc_max: float
    """Blur circle diameter between the near and the far plane, effective pixels."""
    planes: int
    """Number of focal planes."""
    carrier_fraction: float
    """Wanted frequency of the carrier, fraction of the sampling frequency."""
    carrier_axis: Axis
    """Axis along which the carrier's phase changes."""
    carrier_sign: int
    """Sign of the carrier's frequency, 1 or −1."""
    slit_along: float
    """Half-width of the slit along the carrier axis, fraction of the sampling frequency (open interval)."""
    slit_across: float
    """Half-width of the slit across the carrier axis, fraction of the sampling frequency."""
    field_of_view: float
    """Full angle of the field of view, degrees."""
    nearest_image: float
    """Distance of the nearest virtual image from the eye, m."""
    pupil: float
    """Diameter of the eye's pupil, m."""
    fill_factor: float
    """Open share of a native pixel's side; the rest is the black matrix."""

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "wavelengths", tuple(float(w) for w in self.wavelengths))
        except (TypeError, ValueError, OverflowError) as error:
            said = (
                f"display profile field 'wavelengths' is {shown(self.wavelengths)}, expected metres, a number a colour"
            )
            raise InputError(said) from error
        # A wider slit would let in the zeroth order on one side or the conjugate on the other.
        fraction = numbers(above=0, below=0.5)
        check("display profile field 'carrier_fraction'", self.carrier_fraction, fraction, where=self.name)
        widest = min(self.carrier_fraction, 0.5 - self.carrier_fraction)
        slit = numbers(above=0, most=widest + 1e-9, kind=f"with a carrier of {self.carrier_fraction:.4g} a number")
        positive, whole = numbers(above=0), numbers(1, whole=True)
        check_fields(
            self,
            "display profile",
            where=self.name,
            width=whole,
            height=whole,
            pixel_pitch=positive,
            binning=whole,
            design_resolution=whole,
            wavelengths=WAVELENGTHS,
            depth_span=positive,
            depth_offset=numbers(),
            coc_max=positive,
            planes=numbers(2, whole=True),
            carrier_axis=one_of("x", "y"),
            carrier_sign=one_of(1, -1),
            slit_along=slit,
            slit_across=numbers(above=0, most=0.5),
            field_of_view=numbers(above=0, below=180, kind="degrees"),
            nearest_image=positive,
            pupil=positive,
            fill_factor=numbers(above=0, most=1),
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Size in effective pixels, (H, W)."""
        return self.height, self.width

    @property
    def native_shape(self) -> tuple[int, int]:
        """Size in native panel pixels, (h, w)."""
        return self.height * self.binning, self.width * self.binning

    @property
    def carrier_frequency(self) -> float:
        """Frequency of the carrier on this panel, fraction of the sampling frequency.

        It is `carrier_fraction` rounded to a whole number of periods along the carrier axis; an incomplete period would
        spread the zeroth order into the slit.
        """
        samples = self.height if self.carrier_axis == "y" else self.width
        return math.floor(self.carrier_fraction * samples + 0.5) / samples

    @property
    def slit_half_width(self) -> float:
        """Half-width of the slit round `carrier_frequency` along its axis, fraction of the sampling frequency.

        The interval is open and never contains the zeroth order or the conjugate.
        """
        return min(self.slit_along, self.carrier_frequency, 0.5 - self.carrier_frequency)

    @property
    def eyepiece_focal_length(self) -> float:
        """Focal length (m) with which the design resolution fills the field of view."""
        half = math.tan(math.radians(self.field_of_view) / 2)
        return self.design_resolution * self.pixel_pitch / (2 * half)

    def z(self, t: float) -> float:
        """Distance (m) of normalised depth `t` from the hologram plane, along the light."""
        return self.depth_offset + self.depth_span * (1 - t)

    def dioptres(self, t: float) -> float:
        """Vergence (1/m) at which normalised depth `t` appears to an eye in the eyepiece's back focal plane.

        The plane t = 1 stands in the eyepiece's front focal plane; a plane δ closer to the eyepiece is seen at f²/δ.
        """
        return self.depth_span * (1 - t) / self.eyepiece_focal_length**2

    def depth_at(self, dioptres: float) -> float:
        """Normalised depth that appears at a vergence of `dioptres` (1/m); the inverse of `dioptres`.

        Raises:
            InputError: the vergence is nearer than the display shows, or below 0.
        """
        nearest = self.dioptres(0)
        if not 0 <= dioptres <= nearest * (1 + 1e-9):
            raise InputError(f"{dioptres:g} D is not between 0 (infinity) and {nearest:.4g} D, the nearest it shows")
        return max(0.0, 1 - dioptres / nearest)

    def reach(self, axis: Axis) -> tuple[float, ...]:
        """Largest blur diameter (effective pixels) over the depth span that the slit allows, for each wavelength.

        With the slit's half-width s along `axis`, light spreads by Δz · λ · 2s / pitch².
        """
        half = self.slit_along if axis == self.carrier_axis else self.slit_across
        return tuple(2 * half * self.depth_span * w / self.pixel_pitch**2 for w in self.wavelengths)

    def warnings(self) -> list[str]:
        """Limits of this profile that a user should know, one sentence each."""
        said = []
        for axis in ("x", "y"):
            low = [
                f"{w * 1e9:.0f} nm {r:.1f} px"
                for w, r in zip(self.wavelengths, self.reach(axis), strict=True)
                if r < self.coc_max
            ]
            if low:
                said.append(f"along {axis} the slit limits blur below coc_max = {self.coc_max:g} px: {', '.join(low)}")
        if self.planes <= self.coc_max:
            said.append(
                f"{self.planes} planes do not exceed coc_max = {self.coc_max:g} px; focus may jump between planes"
            )
        return said

    def resized(self, width: int, height: int) -> "DisplayProfile":
        """A copy of the profile with another number of effective pixels."""
        return replace(self, width=width, height=height)

    def as_dict(self) -> dict[str, Any]:
        """The fields as plain values, for files."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any], *, where: object = None) -> "DisplayProfile":
        """The profile with the fields that `as_dict` gave.

        Raises:
            InputError: a field is missing, unknown or out of range; the message names `where` and the field.
        """
        known = {f.name for f in fields(cls)}
        for missing in sorted(known - set(values)):
            raise InputError(f"display profile lacks the field '{missing}'", where=where)
        for unknown in sorted(set(values) - known):
            raise InputError(f"display profile has an unknown field '{unknown}'", where=where)
        try:
            return cls(**values)
        except InputError as error:
            raise InputError(error.what, where=error.where if where is None else where) from error
        except (TypeError, ValueError) as error:
            raise InputError(f"display profile has a field of the wrong type: {error}", where=where) from error


REFERENCE = DisplayProfile(
    # IRIS-U62 LCoS panel in its 1080p mode, with the light and optics of the DEH paper (Methods)
    name="reference",
    width=1920,
    height=1080,
    pixel_pitch=7.2e-6,
    binning=2,
    design_resolution=3840,
    wavelengths=(638e-9, 515e-9, 460e-9),
    depth_span=2e-3,
    depth_offset=-1e-3,
    coc_max=15.0,
    planes=21,
    carrier_fraction=0.25,
    carrier_axis="y",
    carrier_sign=1,
    slit_along=0.25,
    slit_across=0.5,
    field_of_view=55.0,
    nearest_image=0.35,
    pupil=1.5e-3,
    fill_factor=0.94,  # of the pixel side: LCoS panels of this pitch state 87-90 % of the area
)
"""The display of the DEH paper."""
