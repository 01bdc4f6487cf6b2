"""A plot of a calibration: the measured amplitudes and the fitted look-up tables."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from holodriver.panel.calibration import Calibration
from holodriver.panel.response import Response

Pixels = NDArray[np.uint8]

_SCALE = 2  # pixels for each grey level
_LEFT, _TOP, _BOTTOM, _RIGHT = 70, 80, 60, 260  # margins around the curves, pixels
_HEIGHT = 400  # height of amplitude 1, pixels
_GROUND, _INK, _QUIET, _GRID = (250, 250, 250), (30, 30, 30), (120, 120, 120), (225, 225, 225)  # BGR
_CURVES = ((60, 60, 210), (70, 150, 50), (200, 110, 40))  # BGR of red, green, blue


def response_plot(calibration: Calibration, responses: Sequence[Response]) -> Pixels:
    """Plot amplitude over grey level for each colour, as pixels (h, w, 3) in the order blue, green, red.

    Dots are measured amplitudes, lines are the look-up tables, faint beyond the first maximum.
    """
    height, width = _TOP + _HEIGHT + _BOTTOM, _LEFT + 256 * _SCALE + _RIGHT
    sheet = np.full((height, width, 3), _GROUND, np.uint8)
    for tenth in range(0, 11, 2):
        y = _y(tenth / 10)
        cv2.line(sheet, (_LEFT, y), (_LEFT + 255 * _SCALE, y), _GRID, 1)
        _write(sheet, f"{tenth / 10:.1f}", (_LEFT - 38, y + 5), 15, _QUIET)
    for grey in range(0, 256, 51):
        x = _LEFT + grey * _SCALE
        cv2.line(sheet, (x, _TOP), (x, _TOP + _HEIGHT), _GRID, 1)
        _write(sheet, str(grey), (x - 10, _TOP + _HEIGHT + 22), 15, _QUIET)
    _write(sheet, f"{calibration.panel}, {calibration.measured_at:%Y-%m-%d %H:%M}", (_LEFT, 34), 20)
    _write(sheet, "grey level", (_LEFT + 220, height - 14), 16, _QUIET)
    _write(sheet, "amplitude", (8, _TOP - 14), 16, _QUIET)
    for number, (colour, response) in enumerate(zip(calibration.colours, responses, strict=True)):
        ink, lut = _CURVES[number % len(_CURVES)], colour.lut
        faint = tuple(round(0.7 * ground + 0.3 * value) for ground, value in zip(_GROUND, ink, strict=True))
        for grey, amplitude in zip(response.greys, response.measured, strict=True):
            cv2.circle(sheet, _point(int(grey), float(amplitude)), 2, faint, -1, cv2.LINE_AA)
        points = np.array([_point(grey, float(value)) for grey, value in enumerate(lut.amplitudes)], np.int32)
        cv2.polylines(sheet, [points[: lut.peak + 1]], False, ink, 2, cv2.LINE_AA)
        cv2.polylines(sheet, [points[lut.peak :]], False, faint, 1, cv2.LINE_AA)
        top, left = _TOP + 20 + 90 * number, _LEFT + 256 * _SCALE + 16
        _write(sheet, f"{colour.wavelength * 1e9:.0f} nm", (left, top), 18, ink)
        _write(sheet, f"peak at grey {lut.peak}, {colour.levels} levels", (left, top + 22), 14, _QUIET)
        _write(sheet, f"residual {colour.residual:.4f}", (left, top + 42), 14, _QUIET)
    return sheet


def _point(grey: int, amplitude: float) -> tuple[int, int]:
    return _LEFT + grey * _SCALE, _y(min(max(amplitude, 0.0), 1.05))


def _y(amplitude: float) -> int:
    return round(_TOP + _HEIGHT * (1 - amplitude))


def _write(sheet: Pixels, text: str, origin: tuple[int, int], size: int, colour: tuple[int, int, int] = _INK) -> None:
    cv2.putText(sheet, text, origin, colour, cv2.FontFace("sans"), size, 500)
