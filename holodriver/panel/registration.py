"""Moving each colour's wave field so that all colours fall on each other."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import InputError
from holodriver.optics.field import WaveField
from holodriver.panel.calibration import Registration


def registered(field: WaveField, registrations: Sequence[Registration]) -> WaveField:
    """The field that is seen as `field` where each colour falls as its registration says.

    A colour seen at s·p + o is shown moved to (p − o) / s. The field is band-limited, so that its values between pixels
    are those of its Fourier series; what leaves one side comes in on the other. Depth of a colour that is scaled by s
    changes by s², which is left alone: a few parts in a thousand of the depth span.

    Raises:
        InputError: not one registration a colour.
    """
    if len(registrations) != len(field.values):
        raise InputError(f"{len(registrations)} registrations for {len(field.values)} colours")
    moved = [
        colour if one.none else _sampled(colour, one) for colour, one in zip(field.values, registrations, strict=True)
    ]
    return WaveField(np.stack(moved), field.profile)


def _sampled(values: NDArray[np.complex64], registration: Registration) -> NDArray[np.complex64]:
    """`values` (H, W) at the points s·q + o of each pixel q."""
    spectrum = np.fft.fft2(values)
    rows, columns = (
        _series(count, registration.scale, offset)
        for count, offset in zip(values.shape, registration.offset, strict=True)
    )
    found: NDArray[np.complex64] = (rows @ spectrum @ columns.T).astype(np.complex64)
    return found


def _series(count: int, scale: float, offset: float) -> NDArray[np.complex128]:
    """The matrix (pixels, frequencies) that sums a Fourier series at scale·q + offset, q counted from the middle."""
    middle = (count - 1) / 2
    at = scale * (np.arange(count) - middle) + offset + middle
    return np.asarray(np.exp(2j * np.pi * np.outer(at, np.fft.fftfreq(count))) / count, np.complex128)
