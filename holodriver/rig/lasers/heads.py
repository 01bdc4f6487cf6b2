"""Laser heads of other makes: one colour, one serial port, and the laser controller as a gate before the head.

A head of another make stays lit when its host dies. The head is therefore driven in digital modulation mode, with the
controller's modulation output of its colour on the head's modulation input, and is switched on only behind an armed
gate. A new make is one class: copy `head_template.py`, and add it to `makes.HEADS`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Self, TypeVar, final

from holodriver.errors import RigError, check, numbers
from holodriver.rig.lasers.laser_driver import OFFS, LaserDriver, require_watchdog

Answer = TypeVar("Answer")

ROUNDING = 0.001
"""Share by which a head may round its power."""


class LaserHead(ABC):
    """One laser of one colour. The public methods are complete; a make implements `open` and the methods in `_hw`.

    Args:
        where: name of the head's port in errors.
        limit_w: highest power that the driver may set, W.
        gate: the controller that gates the head; a head without a hardware watchdog is not armed without a gate.
    """

    has_hardware_watchdog = False
    """Whether the head itself goes dark when its host falls silent; hardly any head does."""

    def __init__(self, where: str, *, limit_w: float, gate: LaserDriver | None = None):
        self.where = where
        self.limit_w = limit_w
        self.connected = True
        self.armed = False
        self._gate = gate
        self._prepared = False

    @abstractmethod
    def _identity_hw(self) -> str:
        """Ask for maker, model and serial number."""

    @abstractmethod
    def _prepare_hw(self) -> None:
        """Switch emission off, digital modulation on, and automatic emission after power-on off."""

    @abstractmethod
    def _set_power_hw(self, watts: float) -> None:
        """Set the power while the modulation input is high, W."""

    @abstractmethod
    def _power_hw(self) -> float:
        """Ask for the set power, W."""

    @abstractmethod
    def _set_emission_hw(self, on: bool) -> None:
        """Switch emission on or off; the modulation input gates it."""

    @abstractmethod
    def _emission_hw(self) -> bool:
        """Ask whether emission is on."""

    @abstractmethod
    def _interlock_open_hw(self) -> bool:
        """Ask whether the head's own interlock or key keeps it dark."""

    @abstractmethod
    def _close_hw(self) -> None:
        """Close the port."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            self.close()
        except RigError as failure:
            if error is None:
                raise
            error.add_note(str(failure))

    @final
    def identity(self) -> str:
        """Ask for maker, model and serial number."""
        return self._asked(self._identity_hw)

    @final
    def interlock_open(self) -> bool:
        """Ask whether the head's own interlock or key keeps it dark."""
        return self._asked(self._interlock_open_hw)

    @final
    def set_power(self, watts: float) -> None:
        """Set the power while the gate is open, W, and read it back.

        Raises:
            InputError: the power is not between 0 and the limit; the old power remains.
            RigError: the head did not accept the power.
        """
        check("laser power", watts, numbers(0, self.limit_w, kind="watts"), where=self.where)
        self._asked(self._set_power_hw, watts)
        self._check_power()

    @final
    def prepare(self) -> None:
        """Do all steps of arming except the emission, which stays off.

        These steps need many answers on a slow port, which would take longer than the gate's watchdog time.

        Raises:
            RigError: the head's interlock is open, its power is over the limit, or it does not answer.
        """
        self._prepared = False
        if self.interlock_open():
            raise RigError(
                "the laser head's own interlock or key keeps it dark",
                where=self.where,
                remedy="close the interlock and turn the key; software cannot",
            )
        self._asked(self._prepare_hw)
        self._check_power()
        self._prepared = True

    @final
    def arm(self) -> None:
        """Switch emission on behind the gate; a head that is not prepared is prepared first.

        Raises:
            RigError: there is no armed gate with a watchdog, the head's interlock is open, or the head does not answer.
        """
        require_watchdog(self.where, self.has_hardware_watchdog, self._gate)
        if not self._prepared:
            self.prepare()
        self._prepared = False
        self._asked(self._set_emission_hw, True)
        self.armed = True

    @final
    def disarm(self) -> None:
        """Switch emission off.

        Raises:
            RigError: the head did not confirm that emission is off.
        """
        self._prepared = False
        for attempt in range(1, OFFS + 1):
            try:
                self._asked(self._set_emission_hw, False)
                emits = self._asked(self._emission_hw)
            except RigError:
                if not self.connected or attempt == OFFS:
                    raise
                continue
            if not emits:
                self.armed = False
                return
        raise RigError("the laser head still says that it emits", where=self.where)

    @final
    def close(self) -> None:
        """Make the head dark and close its port. Closing twice is allowed."""
        if not self.connected:
            return
        try:
            self.disarm()
        finally:
            self.connected = self.armed = False
            self._close_hw()

    def _check_power(self) -> None:
        said = self._asked(self._power_hw)
        if said > self.limit_w * (1 + ROUNDING):
            raise RigError(f"the laser head says {said:g} W, over its limit of {self.limit_w:g} W", where=self.where)

    def _asked(self, question: Callable[..., Answer], *arguments: object) -> Answer:
        if not self.connected:
            raise RigError("the laser head is not connected", where=self.where)
        try:
            return question(*arguments)
        except OSError as error:
            self.connected = self.armed = False
            self._close_hw()
            raise RigError(
                f"the laser head does not answer: {error}",
                where=self.where,
                remedy="check its cable and power; the gate keeps it dark",
            ) from error
