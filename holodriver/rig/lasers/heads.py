"""Laser heads of other makes: one colour, a serial port of their own, and our controller as the gate before them.

Such a head stays lit when its host dies. It is therefore driven in its digital modulation mode, with a colour's
modulation output of the controller on its modulation input, and is only ever switched on behind an armed gate.
A new make is one class: copy `head_template.py`, and name it in `makes.HEADS`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Self, TypeVar, final

from holodriver.errors import RigError, check, numbers
from holodriver.rig.lasers.laser_driver import OFFS, LaserDriver, require_watchdog

Answer = TypeVar("Answer")

ROUNDING = 0.001
"""Share by which a head may round the power it was given."""


class LaserHead(ABC):
    """One laser of one colour. The public methods are complete; a make implements those that end in `_hw`, and `open`.

    Args:
        where: name of its port, for errors.
        limit_w: the most it may be told to emit, W.
        gate: the controller before it; without a hardware watchdog of its own, a head is not armed without one.
    """

    has_hardware_watchdog = False
    """Whether the head itself goes dark when its host falls silent. Hardly any does."""

    def __init__(self, where: str, *, limit_w: float, gate: LaserDriver | None = None):
        self.where = where
        self.limit_w = limit_w
        self.connected = True
        self.armed = False
        self._gate = gate
        self._prepared = False

    @abstractmethod
    def _identity_hw(self) -> str:
        """Maker, model, serial number."""

    @abstractmethod
    def _prepare_hw(self) -> None:
        """Emission off, digital modulation, no emission by itself after power-on."""

    @abstractmethod
    def _set_power_hw(self, watts: float) -> None:
        """Power while the modulation input is high, W."""

    @abstractmethod
    def _power_hw(self) -> float:
        """The power that is set, W."""

    @abstractmethod
    def _set_emission_hw(self, on: bool) -> None:
        """Emission, gated by the modulation input."""

    @abstractmethod
    def _emission_hw(self) -> bool:
        """Whether emission is on."""

    @abstractmethod
    def _interlock_open_hw(self) -> bool:
        """Whether the head's own interlock or key keeps it dark."""

    @abstractmethod
    def _close_hw(self) -> None:
        """Let go of the port."""

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
        """Maker, model, serial number."""
        return self._asked(self._identity_hw)

    @final
    def interlock_open(self) -> bool:
        """Whether the head's own interlock or key keeps it dark."""
        return self._asked(self._interlock_open_hw)

    @final
    def set_power(self, watts: float) -> None:
        """Power while the gate is open, W; read back.

        Raises:
            InputError: not from 0 to the limit; nothing has changed.
            RigError: the head did not take it.
        """
        check("laser power", watts, numbers(0, self.limit_w, kind="watts"), where=self.where)
        self._asked(self._set_power_hw, watts)
        self._check_power()

    @final
    def prepare(self) -> None:
        """All that arming takes but emission, which stays off: many answers on a slow port, longer than a gate waits.

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
        """Emission on, behind the gate; prepared first, if it was not since it was last dark.

        Raises:
            RigError: no armed gate that has a watchdog, the head's interlock is open, or it does not answer.
        """
        require_watchdog(self.where, self.has_hardware_watchdog, self._gate)
        if not self._prepared:
            self.prepare()
        self._prepared = False
        self._asked(self._set_emission_hw, True)
        self.armed = True

    @final
    def disarm(self) -> None:
        """Emission off.

        Raises:
            RigError: the head did not confirm it.
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
        """Dark, then let go. Closing twice is allowed."""
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
