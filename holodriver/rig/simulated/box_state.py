"""Limits, settings and records of the simulated laser controller."""

from dataclasses import dataclass
from typing import Literal

from holodriver.rig.laser_colour import Colour
from holodriver.rig.settings import MAX_WATCHDOG_MS

IDENTITY = "holodriver,laser controller,simulated,1"
"""Answer to `*IDN?`: maker, model, serial number, version (IEEE 488.2, 10.14)."""

MAX_STEPS = 16
"""Largest number of steps in a colour sequence."""

POWER_LIMITS_W = (0.05, 0.05, 0.05)
"""Power limits of the simulated lasers (red, green, blue), W; a real controller has its own limits."""

EDGE_TOLERANCE = 0.2
"""Time by which an edge may come early or late, as a share of `SEQ:PER`."""

MAX_EDGE_PERIOD_US = 1_000_000
"""Longest `SEQ:PER`, µs."""

WATCHDOG_ERROR = 101
INTERLOCK_ERROR = 102
STEP_ERROR = 104
"""Number of the error "out of step" (holodriver/rig/PROTOCOL.md)."""

Source = Literal["BUS", "EXT"]
Step = tuple[Colour, ...]


@dataclass(frozen=True)
class BoxSettings:
    """The settings that commands can change; the defaults are the state after boot and `*RST`."""

    powers_w: tuple[float, ...] = (0.0, 0.0, 0.0)
    """Powers of red, green and blue, W."""
    sequence: tuple[Step, ...] = ((Colour.RED,), (Colour.GREEN,), (Colour.BLUE,))
    """Colours that are on after each edge, in turn."""
    blanking_us: int = 0
    """Dark time after an edge, µs."""
    on_time_us: int = 1000
    """Time of light after the dark time, µs."""
    source: Source = "BUS"  # by default, edges of a panel have no effect
    """Source of the steps: commands ("BUS") or sync edges ("EXT")."""
    watchdog_ms: int = MAX_WATCHDOG_MS
    """Silence of the host after which the controller goes dark, ms."""
    gated: bool = False
    """Whether the light of an edge waits until the host confirms that it has shown as many frames."""
    edge_period_us: int = 0
    """Time between endless edges that the controller checks, µs; 0 for no check."""


@dataclass(frozen=True)
class Pulse:
    """The light after one edge."""

    edge: int
    """Number of the edge since arming, from 1."""
    colours: Step
    """Colours that were on."""
    powers_w: tuple[float, ...]
    """Power of each of these colours, W."""
    start_s: float
    """Begin of the light, box time, s."""
    end_s: float
    """End of the light, box time, s."""


@dataclass(frozen=True)
class BoxEvent:
    """A change of the controller's state."""

    at_s: float
    """Box time of the change, s."""
    kind: Literal["booted", "armed", "disarmed", "tripped", "reset"]
    reason: str
    """Reason in words, such as "watchdog"."""
