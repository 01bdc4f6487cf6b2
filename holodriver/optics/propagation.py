"""Angular spectrum method: propagation of a wave field over a distance along the light.

Sign convention: waves are exp(+i·kz·z), so that light travels towards +z. All phases are computed in float64, because
k·d reaches 3e4 rad at 2 mm, where float32 has a precision of only 2e-3 rad.
"""

import math

import torch
from torch import Tensor

from holodriver.errors import InputError, check, numbers


def spatial_frequencies(samples: int, pitch: float) -> Tensor:
    """Frequencies (1/m) of a discrete Fourier transform over `samples` values `pitch` (m) apart, float64."""
    return torch.fft.fftfreq(samples, d=pitch, dtype=torch.float64)


def transfer_function(
    shape: tuple[int, int],
    pitch: float,
    wavelength: float,
    distance: float,
    *,
    band_limit: bool = False,
    without_carrier: bool = False,
    tilt: tuple[float, float] = (0.0, 0.0),
) -> Tensor:
    """Transfer function exp(i·kz·d) on the frequency grid of `shape`, in the order of `torch.fft.fft2`.

    Evanescent waves are set to zero, so that −d undoes d for all waves that propagate.

    Args:
        shape: (H, W) of the sampled field, padding included.
        pitch: sample spacing, m.
        wavelength: wavelength λ, m.
        distance: d, m; positive along the light.
        band_limit: drop frequencies that `shape` cannot carry over `distance` without aliasing
            (Matsushima and Shimobaba, Opt. Express 17(22), 2009, Eq. 13).
        without_carrier: leave out the on-axis phase k·d.
        tilt: frequency (y, x), 1/m, that is added to the grid, for light that falls on the field at an angle.

    Returns:
        complex128 (H, W).

    Source: Eq. 1 of the DEH paper.
    """
    _check_positive(pitch=pitch, wavelength=wavelength)
    fy = (spatial_frequencies(shape[0], pitch) + tilt[0])[:, None]
    fx = (spatial_frequencies(shape[1], pitch) + tilt[1])[None, :]
    squared = 1 / wavelength**2 - fy**2 - fx**2
    cycles = squared.clamp_min(0).sqrt()
    if without_carrier:
        cycles = cycles - 1 / wavelength
    function = torch.polar(torch.ones_like(cycles), 2 * math.pi * distance * cycles)
    passes = squared > 0
    if band_limit:
        limit_y, limit_x = (_alias_free_limit(n, pitch, wavelength, distance) for n in shape)
        passes = passes & (fy.abs() <= limit_y) & (fx.abs() <= limit_x)
    return torch.where(passes, function, torch.zeros_like(function))


def propagate(
    field: Tensor,
    pitch: float,
    wavelength: float,
    distance: float,
    *,
    padding: int = 0,
    band_limit: bool = False,
) -> Tensor:
    """The field after `distance` along the light, at the same sample points.

    Args:
        field: complex (..., H, W).
        pitch: sample spacing, m.
        wavelength: wavelength λ, m.
        distance: distance d, m; negative against the light.
        padding: zero samples added on every side for the computation; without them the field repeats periodically.
        band_limit: see `transfer_function`.

    Returns:
        complex (..., H, W) of the precision of `field`.

    Raises:
        InputError: `field` is not complex, or `padding` is negative.
    """
    if not field.is_complex():
        raise InputError(f"argument 'field' has type {field.dtype}, expected a complex field")
    check("argument 'padding'", padding, numbers(0, whole=True, kind="samples"))
    height, width = field.shape[-2:]
    padded = torch.nn.functional.pad(field, (padding,) * 4) if padding else field
    shape = (padded.shape[-2], padded.shape[-1])
    kernel = transfer_function(shape, pitch, wavelength, distance, band_limit=band_limit)
    result = torch.fft.ifft2(torch.fft.fft2(padded) * kernel.to(field.device, field.dtype))
    return result[..., padding : padding + height, padding : padding + width]


def _alias_free_limit(samples: int, pitch: float, wavelength: float, distance: float) -> float:
    step = 1 / (samples * pitch)
    return 1 / (wavelength * math.sqrt((2 * step * distance) ** 2 + 1))


def _check_positive(**values: float) -> None:
    for name, value in values.items():
        if not value > 0:
            raise InputError(f"argument '{name}' is {value!r}, expected metres above 0")
