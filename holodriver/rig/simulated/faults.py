"""Faults that a simulated rig can produce on request."""

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np

from holodriver.errors import InputError, check, numbers

MAX_DELAY = 3
"""Largest delay of a flip, refreshes."""

MAX_FLIPS = 100_000
"""Number of flips for which faults are drawn; later flips have no faults."""


@dataclass(frozen=True)
class Faults:
    """Faults of a simulated rig; none by default.

    Raises:
        InputError: a number is out of range; the error names the fault.
    """

    drop: float = 0.0
    """Share of flips whose frame is shown for two refreshes with a sync edge for each, so that colours fall out of
    step."""
    lose: float = 0.0
    """Share of flips whose sync edge is lost."""
    delay: float = 0.0
    """Share of flips that come up to three refreshes late, together with their sync edges."""
    noise: float = 0.0
    """Standard deviation of the camera's noise, as a share of the full scale."""
    drift: float = 0.0
    """Rise (or fall, below 0) of the lasers' power over a play, as a share of the set power."""
    unplug: float = 0.0
    """Time from the first light until the laser controller's cable is pulled, s; 0 for never."""
    seed: int = 0
    """Seed of the random numbers."""

    def __post_init__(self) -> None:
        for entry in fields(self):
            low, high = -1 if entry.name == "drift" else 0, None if entry.name in ("unplug", "seed") else 1
            check(f"the fault '{entry.name}'", getattr(self, entry.name), numbers(low, high), where="--fault")

    @classmethod
    def parse(cls, given: Iterable[str]) -> "Faults":
        """Parse faults in texts such as `drop=0.01`.

        Raises:
            InputError: a fault is unknown or stands twice, or its value is no number or out of range.
        """
        found: dict[str, float | int] = {}
        known = [entry.name for entry in fields(cls)]
        for text in given:
            name, equals, number = text.partition("=")
            name = name.strip()
            if not equals or name not in known or name in found:
                raise InputError(
                    f"the fault is {text!r}, expected {', '.join(known)} with a number, each once",
                    where="--fault",
                    remedy="such as --fault drop=0.01",
                )
            try:
                found[name] = int(number) if name == "seed" else float(number)
            except ValueError as error:
                raise InputError(f"the fault '{name}' is {number!r}, expected a number", where="--fault") from error
        return cls(**found)  # type: ignore[arg-type]  # whole numbers where they belong

    def delays(self, salt: int) -> dict[int, int]:
        """Draw the delays: number of refreshes by which a flip is late, by the number of the flip."""
        rng = np.random.default_rng((self.seed, salt, 1))
        return {flip: int(rng.integers(1, MAX_DELAY + 1)) for flip in sorted(self.flips(self.delay, salt))}

    def flips(self, share: float, salt: int) -> frozenset[int]:
        """Draw the numbers of faulty flips, each with probability `share`; equal seed and `salt` give equal numbers."""
        drawn = np.random.default_rng((self.seed, salt)).random(MAX_FLIPS) < share
        return frozenset(np.flatnonzero(drawn).tolist())
