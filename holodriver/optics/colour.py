"""The sRGB transfer function (IEC 61966-2-1)."""

import numpy as np
from numpy.typing import NDArray


def srgb_encode(linear: NDArray[np.floating]) -> NDArray[np.floating]:
    """sRGB values (0 … 1) of linear light, which is clipped to 0 … 1."""
    light = np.clip(linear, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.power(light, 1 / 2.4) - 0.055)


def srgb_decode(encoded: NDArray[np.floating]) -> NDArray[np.floating]:
    """Linear light (0 … 1) of sRGB values, which are clipped to 0 … 1."""
    value = np.clip(encoded, 0, 1)
    return np.where(value <= 0.04045, value / 12.92, np.power((value + 0.055) / 1.055, 2.4))
