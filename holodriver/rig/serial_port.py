"""Serial ports, real or not: `/dev/ttyACM0`, `COM3`, a pseudo-terminal, any URL that pyserial opens."""

from typing import Any

from holodriver.errors import RigError

BAUD_RATE = 115200

QUIET_S = 0.05
"""Silence after which no older answer is on its way; longer than the 16 ms that FTDI adapters hold bytes back."""


def open_port(port: str) -> Any:
    """A pyserial port at `BAUD_RATE`, for this process alone.

    Raises:
        RigError: pyserial is missing, or the port is not there or in use.
    """
    try:
        import serial
    except ImportError as error:
        raise RigError("pyserial, which talks to lasers, is missing", remedy="pip install holodriver[rig]") from error
    try:
        return serial.serial_for_url(port, baudrate=BAUD_RATE, timeout=QUIET_S, write_timeout=1.0, exclusive=True)
    except (OSError, ValueError) as error:  # SerialException is an OSError
        raise RigError(f"the port cannot be opened: {error}", where=port) from error
