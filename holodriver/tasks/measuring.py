"""The rig or the simulated lab that is measured, and the person who orders light (`calibrate`, `capture`)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from holodriver.errors import InputError
from holodriver.rig.lasers.power import Power
from holodriver.rig.measure.rig_stage import PersistentStage
from holodriver.rig.measure.simulated_lab import SimulatedLab
from holodriver.rig.measure.stage import Stage
from holodriver.rig.play.before_light import Heard
from holodriver.rig.settings import Rig, read_rig

SIMULATED = "simulated"
"""Name of the lab that needs no hardware."""


@dataclass(frozen=True)
class Place:
    """The simulated lab, or a rig with its light and the person who orders it.

    Raises:
        InputError: an option for real rigs is given for the simulated lab.
    """

    rig: str = SIMULATED
    """Path of a rig file, or `SIMULATED`."""
    arm: bool = False
    """Whether the lasers of a real rig are lit."""
    power_mw: float | None = None
    """Power of the lasers, mW; each task has its own default."""
    heard: Heard = field(default_factory=Heard)
    """The person who is told about the rig."""
    order: Callable[[str], bool] = lambda what_happened: False
    """Asks the person to order light again after the rig has gone dark; by default nobody does."""

    def __post_init__(self) -> None:
        given = [name for name, value in (("--arm", self.arm), ("--power", self.power_mw)) if value]
        if self.rig == SIMULATED and given:
            raise InputError("needs a rig file", where=given[0], remedy="pass --rig rig.toml, or leave it out")

    @property
    def power_w(self) -> float | None:
        """Power of the lasers, W."""
        return None if self.power_mw is None else self.power_mw * 1e-3

    def real_rig(self) -> Rig | None:
        """Read the rig file; the result is None for the simulated lab.

        Raises:
            FileFormatError: the file cannot be read.
        """
        return None if self.rig == SIMULATED else read_rig(Path(self.rig))

    @contextmanager
    def stage(
        self, rig: Rig | None, lab: SimulatedLab, powers: Power | None, *, calibrated: bool = False
    ) -> Iterator[Stage]:
        """Open the rig, armed as the person has ordered, or the simulated lab in its place.

        Args:
            rig: the rig, or None for the lab.
            lab: the simulated lab.
            powers: power of the rig's lasers, or None for the lab.
            calibrated: whether the rig's calibration is used, and checked before anything is lit.

        Raises:
            RigError: the rig cannot be opened or armed.
        """
        if rig is None or powers is None:
            yield lab
            return
        with PersistentStage(rig, powers, self.heard, self.order, calibrated=calibrated) as stage:
            yield stage
