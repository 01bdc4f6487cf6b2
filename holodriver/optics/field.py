"""Wave fields: light on a plane, amplitude and phase."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import isclose
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from holodriver.errors import InputError
from holodriver.optics.aperture import slit_passband
from holodriver.optics.array_layout import Layout, to_colours
from holodriver.optics.display import REFERENCE, DisplayProfile
from holodriver.optics.propagation import propagate
from holodriver.system.threads import side_by_side


@dataclass(frozen=True)
class WaveField:
    """A complex wave field at the hologram plane z = 0 of a display; intensity = abs².

    Raises:
        InputError: the values are not complex, not finite, or do not fit the profile.
    """

    values: NDArray[np.complex64]
    """(C, H, W), one colour for each wavelength of the profile."""
    profile: DisplayProfile
    provenance: dict[str, Any] = field(default_factory=dict)
    """What the field was made from, and with which settings; plain JSON values."""

    def __post_init__(self) -> None:
        if not np.iscomplexobj(self.values):
            raise InputError(f"wave field has type {self.values.dtype}, expected complex values")
        values = np.ascontiguousarray(self.values, dtype=np.complex64)
        object.__setattr__(self, "values", values)
        expected = (len(self.profile.wavelengths), *self.profile.shape)
        if values.shape != expected:
            raise InputError(f"wave field has shape {values.shape}, expected {expected} (colours, height, width)")
        if not np.isfinite(values).all():
            raise InputError("wave field holds values that are not finite")

    @classmethod
    def from_array(
        cls,
        values: ArrayLike,
        *,
        pitch: float | None = None,
        wavelengths: Sequence[float] | None = None,
        display: DisplayProfile | None = None,
        layout: Layout | None = None,
        conjugate: bool = False,
    ) -> Self:
        """A wave field that another program computed, given as an array of complex amplitudes.

        Args:
            values: complex, (H, W) of one colour, (C, H, W) or (H, W, C); axes of length 1 in front are left out.
            pitch: distance of the samples, metres; that of `display` if None.
            wavelengths: of the colours, metres, in their order; those of `display` if None.
            display: the display that the field is for; without one, a display with a pixel for each sample takes all
                other numbers from `REFERENCE`.
            layout: order of the axes, needed only where the shape leaves it open.
            conjugate: the field was computed for light that gains the phase −kz; it is conjugated, because light gains
                +kz here.

        Raises:
            InputError: the values are not complex, the shape does not fit the wavelengths or leaves the order of the
                axes open, the pitch or the wavelengths are missing, or they differ from those of the display.
        """
        array = np.asarray(values)
        if not np.iscomplexobj(array):
            raise InputError(
                f"wave field has type {array.dtype}, expected complex values",
                remedy="of a phase φ in radians, pass np.exp(1j * φ)",
            )
        profile = _profile(pitch, wavelengths, display)
        array = to_colours(array, len(profile.wavelengths), layout)[0]
        height, width = array.shape[1:]
        if min(height, width) < 1:
            raise InputError(f"wave field has shape {array.shape}, expected at least one sample")
        return cls(array.conj() if conjugate else array, profile.resized(width, height))

    def intensity(self, t: float, *, padding: int = 0) -> NDArray[np.float32]:
        """Intensity (C, H, W) in the plane of normalised depth `t`; `padding` as in `propagate`."""
        z = self.profile.z(t)
        planes = [
            propagate(torch.from_numpy(colour), self.profile.pixel_pitch, wavelength, z, padding=padding)
            for colour, wavelength in zip(self.values, self.profile.wavelengths, strict=True)
        ]
        return torch.stack(planes).abs().square().numpy()

    def intensities(self, positions: Sequence[float], *, padding: int = 0) -> NDArray[np.float32]:
        """Intensity (N, C, H, W) in the planes of the normalised depths `positions`."""
        return np.stack(side_by_side(lambda t: self.intensity(float(t), padding=padding), positions))


def slit_projection(
    profile: DisplayProfile, shape: tuple[int, int] | None = None
) -> Callable[[torch.Tensor], torch.Tensor]:
    """What keeps of fields (..., H, W) the light that passes the display's slit.

    Args:
        profile: the display.
        shape: height and width of the fields; the profile's unless given.
    """
    passband = torch.from_numpy(slit_passband(profile, shape))
    return lambda values: torch.fft.ifft2(torch.fft.fft2(values) * passband.to(values.device))


def _profile(
    pitch: float | None, wavelengths: Sequence[float] | None, display: DisplayProfile | None
) -> DisplayProfile:
    """The display of a field of another program; see `WaveField.from_array`."""
    if display is None:
        if pitch is None or wavelengths is None:
            missing = "pitch" if pitch is None else "wavelengths"
            raise InputError(
                f"the {missing} of the wave field must be given, in metres", remedy="or give the display instead"
            )
        return replace(REFERENCE, name="imported", pixel_pitch=pitch, wavelengths=tuple(wavelengths), binning=1)
    if pitch is not None and not isclose(pitch, display.pixel_pitch, rel_tol=1e-6):
        raise InputError(f"the pitch is {pitch:g} m, and that of the display {display.pixel_pitch:g} m")
    if wavelengths is not None and not (
        len(wavelengths) == len(display.wavelengths)
        and all(isclose(one, other, rel_tol=1e-6) for one, other in zip(wavelengths, display.wavelengths, strict=True))
    ):
        raise InputError(
            f"the wavelengths are {tuple(wavelengths)} m, and those of the display {display.wavelengths} m"
        )
    return display
