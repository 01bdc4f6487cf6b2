"""Light meters: the base class, a camera as a meter, and a power meter that speaks SCPI over a serial line."""

import math
from abc import ABC, abstractmethod
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import InputError, RigError
from holodriver.rig.lasers.serial_port import open_port
from holodriver.rig.measure.cameras import Camera, Crop, check_saturation, saturated

ANSWER_TIMEOUT_S = 5.0
"""Longest wait for a power meter's answer, s; a meter that averages takes a second or two."""

WAVELENGTH_TOLERANCE_NM = 1.0
"""Largest difference between the set and the wanted wavelength, nm: meters round to whole nm, over which the response
of a silicon cell changes by about 0.2 %."""


class Meter(ABC):
    """A light meter with a linear response. A new meter implements `_read_hw`; `read` is complete."""

    name = "meter"
    parts = False
    """Whether the meter tells parts of the panel apart."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @final
    def read(self, regions: tuple[int, int] = (1, 1)) -> NDArray[np.float64]:
        """Measure the mean light on each of (rows, columns) parts of the panel, in any linear unit.

        Args:
            regions: rows and columns of parts.

        Returns:
            Mean light, (rows, columns).

        Raises:
            InputError: the meter does not tell so many parts of the panel apart.
            RigError: no reading came, or the reading is invalid (saturated, not a number).
        """
        if regions != (1, 1) and not self.parts:
            raise InputError("measures the panel as a whole, not in regions", where=self.name, remedy="use a camera")
        values = np.atleast_2d(np.asarray(self._read_hw(), np.float64))
        if not np.isfinite(values).all():
            raise RigError("gives a reading that is not a number", where=self.name)
        rows, columns = regions
        if values.shape[0] < rows or values.shape[1] < columns:
            raise InputError(f"{rows} × {columns} regions are more than the meter has pixels", where=self.name)
        self._check_parts(rows, columns)
        return np.array(
            [[part.mean() for part in np.array_split(band, columns, 1)] for band in np.array_split(values, rows)]
        )

    def tune(self, wavelength: float) -> None:  # noqa: B027 - only meters with a calibration of their own need it
        """Prepare the meter for light of this wavelength, m.

        Raises:
            RigError: the meter does not accept the wavelength.
        """

    def _check_parts(self, rows: int, columns: int) -> None:  # noqa: B027 - most meters know no parts
        """Raise a RigError if the last reading is invalid in one of the parts."""

    @abstractmethod
    def _read_hw(self) -> Any:
        """Read a number, or numbers (h, w) over the panel, linear in the light."""

    def close(self) -> None:  # noqa: B027 - some meters hold nothing
        """Close the device."""


class CameraMeter(Meter):
    """A camera as a light meter; it sees the panel in the part `crop` (left, top, width, height) of its picture."""

    parts = True

    def __init__(self, camera: Camera, *, crop: Crop | None = None):
        self.name, self.camera, self._crop = camera.name, camera, crop
        self._saturated = np.zeros((1, 1), bool)

    def _read_hw(self) -> NDArray[np.float64]:
        picture = self.camera.image(self._crop)
        self._saturated = saturated(picture)
        return picture if picture.ndim == 2 else picture.mean(axis=2)

    def _check_parts(self, rows: int, columns: int) -> None:
        for row, band in enumerate(np.array_split(self._saturated, rows)):
            for column, part in enumerate(np.array_split(band, columns, 1)):
                check_saturation(part, self.name, f"the part in row {row + 1}, column {column + 1}")

    def close(self) -> None:
        self.camera.close()


class PowerMeter(Meter):
    """An optical power meter on a serial line, with the SCPI commands `SENS:CORR:WAV` (nm) and `MEAS:POW?` (W).

    Args:
        name: name of the meter in errors.
        line: open serial port (pyserial).
    """

    def __init__(self, name: str, line: Any):
        self.name, self._line = name, line

    @classmethod
    def open(cls, port: str) -> Self:
        """Connect to the meter on a device path or pyserial URL, and ask for its identity.

        Raises:
            RigError: pyserial is missing, the port cannot be opened, or the meter does not answer.
        """
        meter = cls(port, open_port(port, timeout_s=ANSWER_TIMEOUT_S, write_timeout_s=ANSWER_TIMEOUT_S))
        try:
            meter.name = f"{meter._ask('*IDN?')} at {port}"
        except BaseException:
            meter.close()
            raise
        return meter

    def tune(self, wavelength: float) -> None:
        wanted = wavelength * 1e9
        self._tell(f"SENS:CORR:WAV {wanted:.1f}")
        found = self._number("SENS:CORR:WAV?", "nanometres")
        if not abs(found - wanted) <= WAVELENGTH_TOLERANCE_NM:
            raise RigError(
                f"is set to {found:g} nm and does not take {wanted:.1f} nm",
                where=self.name,
                remedy="use a sensor that is calibrated for this wavelength",
            )

    def _read_hw(self) -> float:
        watts = self._number("MEAS:POW?", "watts")
        if not math.isfinite(watts) or abs(watts) > 1e30:  # SCPI: 9.9E37 is overload or not a number
            raise RigError("is out of its range", where=self.name, remedy="choose another range, or less light")
        return watts

    def _number(self, line: str, unit: str) -> float:
        answer = self._ask(line)
        try:
            return float(answer)
        except ValueError as error:
            raise RigError(
                f"answers {answer[:40]!r} to '{line}', expected a number of {unit}", where=self.name
            ) from error

    def _tell(self, line: str) -> None:
        try:
            self._line.write(line.encode("ascii") + b"\n")
        except OSError as error:
            raise RigError(f"is gone: {error}", where=self.name) from error

    def _ask(self, line: str) -> str:
        self._tell(line)
        try:
            answer: bytes = self._line.read_until(b"\n")
        except OSError as error:
            raise RigError(f"is gone: {error}", where=self.name) from error
        if not answer.endswith(b"\n"):
            raise RigError(f"did not answer '{line}' within {ANSWER_TIMEOUT_S:g} s", where=self.name)
        return answer.decode("ascii", "replace").strip()

    def close(self) -> None:
        self._line.close()
