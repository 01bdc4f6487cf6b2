"""The rig or the simulated lab that is looked at, and the person who orders light (`calibrate`, `capture`)."""

from collections.abc import Callable, Iterator, Mapping
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
class Person:
    """Who is told of a rig, and who may order its light."""

    heard: Heard = field(default_factory=Heard)
    order: Callable[[str], bool] = lambda what_happened: False
    """Asked for a new order to arm after the rig has gone dark; nobody gives one by default."""


@dataclass(frozen=True)
class Place:
    """Where something is measured, and with how much light.

    Raises:
        InputError: an option for real rigs is given for the simulated lab.
    """

    rig: str = SIMULATED
    """Rig file, or `SIMULATED`."""
    arm: bool = False
    """Whether the lasers of a real rig are lit."""
    power_mw: float | None = None
    """Power of the lasers, mW; the task has its own default."""

    def __post_init__(self) -> None:
        given = [name for name, value in (("--arm", self.arm), ("--power", self.power_mw)) if value]
        if self.is_simulated and given:
            raise InputError("needs a rig file", where=given[0], remedy="pass --rig rig.toml, or leave it away")

    @property
    def is_simulated(self) -> bool:
        """Whether it is the simulated lab, which has nothing to arm."""
        return self.rig == SIMULATED

    @property
    def power_w(self) -> float | None:
        """Power of the lasers, W."""
        return None if self.power_mw is None else self.power_mw * 1e-3

    def real_rig(self) -> Rig | None:
        """The rig of the file; None for the simulated lab.

        Raises:
            FileFormatError: the file cannot be read.
        """
        return None if self.is_simulated else read_rig(Path(self.rig))


def check_simulated(simulated: bool, options: Mapping[str, object]) -> None:
    """Refuse options of the simulated lab where something else is measured: they would change nothing.

    Args:
        simulated: the lab is looked at.
        options: by name; None for one that was not given.

    Raises:
        InputError: names the first that was given.
    """
    given = [name for name, value in options.items() if value is not None]
    if given and not simulated:
        raise InputError(
            "is of the simulated lab, and nothing is simulated here", where=given[0], remedy="leave it away"
        )


@contextmanager
def stage_on(
    rig: Rig | None, lab: SimulatedLab, powers: Power | None, person: Person, *, calibrated: bool = False
) -> Iterator[Stage]:
    """The rig, armed as a person has ordered; or the simulated lab in its place.

    Args:
        rig: the rig; None for the lab.
        lab: the simulated lab.
        powers: power of the rig's lasers.
        person: who is told, and who may order light again.
        calibrated: the rig's calibration counts, and is checked before anything is lit.

    Raises:
        RigError: the rig cannot be opened or armed.
    """
    if rig is None or powers is None:
        yield lab
        return
    with PersistentStage(rig, powers, person.heard, person.order, calibrated=calibrated) as stage:
        yield stage
