"""Registration: each colour's wave field is moved so that the pictures of all colours coincide."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import InputError
from holodriver.optics.field import WaveField
from holodriver.panel.calibration import Registration


def registered(field: WaveField, registrations: Sequence[Registration]) -> WaveField:
    """The field to show so that `field` is seen, although each colour is displaced as its registration says.

    A point p of a colour that is seen at s·p + o is moved to (p − o) / s. The field is band-limited, so its Fourier
    series gives the values between pixels; light that leaves on one side enters on the opposite side. A colour scaled
    by s also changes in depth by s², which is not corrected: a few thousandths of the depth span.

    Raises:
        InputError: the number of registrations is not that of the colours.
    """
    if len(registrations) != len(field.values):
        raise InputError(f"{len(registrations)} registrations for {len(field.values)} colours")
    moved = [
        colour if one.none else _sampled(colour, one) for colour, one in zip(field.values, registrations, strict=True)
    ]
    return WaveField(np.stack(moved), field.profile)


def _sampled(values: NDArray[np.complex64], registration: Registration) -> NDArray[np.complex64]:
    """The values of the field `values` (H, W) at the point s·q + o for each pixel q."""
    moved = values.astype(np.complex128)
    for axis, offset in enumerate(registration.offset):
        moved = _resampled(moved, axis, registration.scale, offset)
    found: NDArray[np.complex64] = moved.astype(np.complex64)
    return found


def _resampled(values: NDArray[np.complex128], axis: int, scale: float, offset: float) -> NDArray[np.complex128]:
    """The Fourier series of `values` along an axis, summed at scale·q + offset, q counted from the middle."""
    count = values.shape[axis]
    along = [1, 1]
    along[axis] = count
    spectrum = np.fft.fft(values, axis=axis)
    if scale == 1:
        phase = np.exp(2j * np.pi * offset * np.fft.fftfreq(count)).reshape(along)
        return np.asarray(np.fft.ifft(spectrum * phase, axis=axis))
    from scipy.signal import CZT  # the chirp z-transform sums the series at points that are not those of the grid

    first = (count - 1) / 2 * (1 - scale) + offset
    transform = CZT(count, w=np.exp(2j * np.pi * scale / count), a=np.exp(-2j * np.pi * first / count))
    at = scale * np.arange(count) + first
    lowest = np.exp(-2j * np.pi * (count // 2) * at / count).reshape(along)
    return np.asarray(transform(np.fft.fftshift(spectrum, axes=axis), axis=axis) * lowest / count)
