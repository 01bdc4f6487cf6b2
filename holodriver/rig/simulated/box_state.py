"""What a laser controller is like: its limits, what commands can set, and the records of its light."""

from dataclasses import dataclass
from typing import Literal

from holodriver.rig.laser_colour import Colour
from holodriver.rig.settings import MAX_WATCHDOG_MS

IDENTITY = "holodriver,laser controller,simulated,1"
"""Answer to `*IDN?`: maker, model, serial number, version (IEEE 488.2, 10.14)."""

MAX_STEPS = 16
"""Longest colour sequence."""

POWER_LIMITS_W = (0.05, 0.05, 0.05)
"""Configured power limits of the simulated heads, W; a real box holds its own."""

EDGE_TOLERANCE = 0.2
"""Share of `SEQ:PER` by which an edge may come early or late."""

MAX_EDGE_PERIOD_US = 1_000_000
"""Longest `SEQ:PER`, µs."""

WATCHDOG_ERROR = 101
INTERLOCK_ERROR = 102
STEP_ERROR = 104

Source = Literal["BUS", "EXT"]
Step = tuple[Colour, ...]


@dataclass(frozen=True)
class BoxSettings:
    """What commands can set; the defaults are the state after boot and `*RST`."""

    powers_w: tuple[float, ...] = (0.0, 0.0, 0.0)
    sequence: tuple[Step, ...] = ((Colour.RED,), (Colour.GREEN,), (Colour.BLUE,))
    blanking_us: int = 0
    on_time_us: int = 1000
    source: Source = "BUS"  # stray edges of a panel do nothing until somebody asks for them
    watchdog_ms: int = MAX_WATCHDOG_MS
    gated: bool = False
    """Whether the light of an edge waits until the host confirms that it has shown as many frames."""
    edge_period_us: int = 0
    """Time between edges of a panel whose edges never stop; 0 where frames, and so edges, may be late."""


@dataclass(frozen=True)
class Pulse:
    """Light after one edge: the edge's number since arming (from 1), what was on, from when to when (s, box time)."""

    edge: int
    colours: Step
    powers_w: tuple[float, ...]
    start_s: float
    end_s: float


@dataclass(frozen=True)
class BoxEvent:
    """A change between dark-and-disarmed and armed, at box time `at_s` (s), and why."""

    at_s: float
    kind: Literal["booted", "armed", "disarmed", "tripped", "reset"]
    reason: str
