"""Display profiles: every number of a holographic display, in one place."""

import math
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from holodriver.errors import Expected, InputError, check, check_fields, numbers, one_of, shown

Axis = Literal["x", "y"]


def maximum_propagation_distance(
    pixel_pitch: float, resolution: float, field_of_view: float, nearest_image: float
) -> float:
    """Depth span Δz (m) that puts virtual images between `nearest_image` and infinity.

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
    """Blur circle diameter (display pixels) of an eye focused at infinity, object at `nearest_image`.

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

    Lengths are metres unless the name says otherwise. `width` and `height` count *effective*
    pixels (after binning). Spatial frequencies of the carrier and the slit are fractions of the
    effective sampling frequency 1 / `pixel_pitch`. Normalised depth t is 0 at the near focal plane and 1
    at the far one and stands at z(t) = `depth_offset` + `depth_span` · (1 − t).

    Raises:
        InputError: a field is out of range; the message names it.
    """

    name: str
    width: int
    height: int
    pixel_pitch: float
    binning: int
    design_resolution: int
    wavelengths: tuple[float, ...]
    depth_span: float
    depth_offset: float
    coc_max: float
    """Blur circle diameter between the near and the far plane, effective pixels."""
    planes: int
    carrier_fraction: float
    carrier_axis: Axis
    carrier_sign: int
    slit_along: float
    """Half-width of the slit along the carrier axis, fraction of the sampling frequency (open interval)."""
    slit_across: float
    """Half-width of the slit across the carrier axis, fraction of the sampling frequency."""
    field_of_view: float
    """Full angle, degrees."""
    nearest_image: float
    pupil: float
    fill_factor: float
    """Open part of a native pixel's side; the black matrix is the rest."""

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
        """Effective (H, W)."""
        return self.height, self.width

    @property
    def native_shape(self) -> tuple[int, int]:
        """Panel pixels (h, w)."""
        return self.height * self.binning, self.width * self.binning

    @property
    def carrier_frequency(self) -> float:
        """The carrier as it is on this panel, fraction of the sampling frequency: whole periods along its axis.

        A broken period would spread the zeroth order into the slit.
        """
        samples = self.height if self.carrier_axis == "y" else self.width
        return math.floor(self.carrier_fraction * samples + 0.5) / samples

    @property
    def slit_half_width(self) -> float:
        """Half-width of the slit along the carrier axis (open interval) that stops the zeroth order and the conjugate
        round `carrier_frequency`, fraction of the sampling frequency."""
        return min(self.slit_along, self.carrier_frequency, 0.5 - self.carrier_frequency)

    @property
    def eyepiece_focal_length(self) -> float:
        """Focal length (m) that spreads the design resolution over the field of view."""
        half = math.tan(math.radians(self.field_of_view) / 2)
        return self.design_resolution * self.pixel_pitch / (2 * half)

    def z(self, t: float) -> float:
        """Distance (m) of normalised depth `t` from the hologram plane, along the light."""
        return self.depth_offset + self.depth_span * (1 - t)

    def dioptres(self, t: float) -> float:
        """Vergence (1/m) at which normalised depth `t` appears to an eye in the eyepiece's back focal plane.

        A plane that stands δ closer to the eyepiece than its front focal plane (where t = 1 stands) is seen at f²/δ.
        """
        return self.depth_span * (1 - t) / self.eyepiece_focal_length**2

    def depth_at(self, dioptres: float) -> float:
        """Normalised depth that appears at a vergence of `dioptres` (1/m); the inverse of `dioptres`.

        Raises:
            InputError: nearer than the display reaches, or beyond infinity.
        """
        nearest = self.dioptres(0)
        if not 0 <= dioptres <= nearest * (1 + 1e-9):
            raise InputError(f"{dioptres:g} D is not between 0 (infinity) and {nearest:.4g} D, the nearest it shows")
        return max(0.0, 1 - dioptres / nearest)

    def reach(self, axis: Axis) -> tuple[float, ...]:
        """Largest blur diameter (effective pixels) over the depth span that the slit lets through, a wavelength.

        The slit passes a width 2·s of the sampling frequency along `axis`: light spreads by Δz · λ · 2s / pitch².
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
        """The same display with another number of effective pixels."""
        return replace(self, width=width, height=height)

    def as_dict(self) -> dict[str, Any]:
        """Fields as plain values, for files."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any], *, where: object = None) -> "DisplayProfile":
        """The profile that `as_dict` described.

        Raises:
            InputError: a field is missing, unknown or out of range; names `where` and the field.
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
    # IRIS-U62 LCoS in its 1080p mode, with the light and optics of the DEH paper (Methods)
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
