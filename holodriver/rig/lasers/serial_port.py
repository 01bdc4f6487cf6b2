"""Serial ports: `/dev/ttyACM0`, `COM3`, a pseudo-terminal, or any URL that pyserial opens."""

from typing import Any

from holodriver.errors import RigError

BAUD_RATE = 115200
"""Baud rate of all devices, symbols per second."""

QUIET_S = 0.05
"""Silence after which no old answer can still arrive, s: longer than the 16 ms for which FTDI adapters hold bytes."""

WRITE_TIMEOUT_S = 1.0
"""Longest wait of one `write`, s."""


def open_port(port: str, *, timeout_s: float = QUIET_S, write_timeout_s: float = WRITE_TIMEOUT_S) -> Any:
    """Open a serial port (pyserial) for this process only.

    Args:
        port: device path or pyserial URL.
        timeout_s: longest wait of one `read`, s.
        write_timeout_s: longest wait of one `write`, s.

    Raises:
        RigError: pyserial is missing, or the port does not exist or is in use.
    """
    try:
        import serial
    except ImportError as error:
        raise RigError(
            "pyserial, which talks to lasers and meters, is missing", remedy="pip install holodriver[rig]"
        ) from error
    try:
        return serial.serial_for_url(
            port, baudrate=BAUD_RATE, timeout=timeout_s, write_timeout=write_timeout_s, exclusive=True
        )
    except (OSError, ValueError) as error:  # SerialException is an OSError
        raise RigError(f"the port cannot be opened: {error}", where=port) from error
