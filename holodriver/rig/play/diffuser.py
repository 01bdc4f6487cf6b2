"""Read whether the diffuser turns, from the serial line or the file that the rig file names."""

from pathlib import Path
from typing import Any, Self

from holodriver.errors import RigError
from holodriver.rig.settings import DiffuserSettings

CHECK_S = 0.1
"""Time between two looks at the input while playing, s."""


class DiffuserInput:
    """The state input of a diffuser.

    Args:
        settings: section `[diffuser]` of the rig file; without an input, the diffuser counts as turning.
        folder: folder at which the settings' relative paths start.
        serial: open serial port (pyserial) with the input as one of its lines; None for other inputs.
    """

    def __init__(self, settings: DiffuserSettings, folder: Path = Path(), serial: Any = None):
        self._settings = settings
        self._file = folder / settings.port
        self._serial = serial
        self._next_s = 0.0

    @classmethod
    def open(cls, settings: DiffuserSettings, folder: Path = Path()) -> Self:
        """Open the input that the settings name.

        Raises:
            RigError: the input cannot be opened.
        """
        lines = ("cts", "dsr", "cd", "ri")
        return cls(settings, folder, _open(settings.port) if settings.state_input in lines else None)

    @property
    def known(self) -> bool:
        """Whether the host can read the diffuser's state; the interlock chain tells the controller only."""
        return self._settings.state_input not in ("none", "interlock")

    def turns(self) -> bool:
        """Whether the diffuser turns now.

        Raises:
            RigError: the input cannot be read.
        """
        if not self.known:
            return True
        try:
            if self._serial is not None:
                high = bool(getattr(self._serial, self._settings.state_input))
            else:
                high = self._file.read_text(encoding="ascii").strip() == "1"
        except (OSError, ValueError) as error:
            raise RigError(f"the state of the diffuser cannot be read: {error}", where=self._settings.port) from error
        return high is not self._settings.inverted

    def check(self, now_s: float) -> None:
        """Read the input every `CHECK_S` seconds; `now_s` is the current time, s.

        Raises:
            RigError: the diffuser stands still, or the input cannot be read.
        """
        if self.known and now_s >= self._next_s:
            self._next_s = now_s + CHECK_S
            if not self.turns():
                raise RigError(
                    "the diffuser does not turn, so there is no light",
                    where=self._settings.port,
                    remedy="start its motor, or see diffuser.inverted in the rig file",
                )

    def close(self) -> None:
        """Close the input."""
        if self._serial is not None:
            self._serial.close()


def _open(port: str) -> Any:
    try:
        import serial
    except ImportError as error:
        raise RigError("pyserial is missing", remedy="pip install holodriver[rig]") from error
    try:
        return serial.serial_for_url(port)
    except (OSError, ValueError) as error:
        raise RigError(f"the diffuser's port cannot be opened: {error}", where=port) from error
