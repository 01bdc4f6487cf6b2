"""Faults of a simulated rig, asked for by name: what goes wrong in a lab, at will."""

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np

from holodriver.errors import InputError, check, numbers

MAX_DELAY = 3
"""Most refreshes by which a flip comes late."""

MAX_FLIPS = 100_000
"""Flips for which faults are drawn; a longer play goes on without any."""


@dataclass(frozen=True)
class Faults:
    """What goes wrong on a simulated rig; nothing unless asked for.

    Raises:
        InputError: a number out of range; names the fault.
    """

    drop: float = 0.0
    """Share of flips whose frame stands for two refreshes, with a sync edge for each: colours fall out of step."""
    lose: float = 0.0
    """Share of flips whose sync edge is lost."""
    delay: float = 0.0
    """Share of flips that come up to three refreshes late, edge and all."""
    noise: float = 0.0
    """Standard deviation of the camera's noise, share of its full scale."""
    drift: float = 0.0
    """Rise (or fall, below 0) of the lasers' power over a play, share of the power asked for."""
    unplug: float = 0.0
    """Time from the first light until the laser box's cable is pulled, s; 0: never."""
    seed: int = 0

    def __post_init__(self) -> None:
        for entry in fields(self):
            low, high = -1 if entry.name == "drift" else 0, None if entry.name in ("unplug", "seed") else 1
            check(f"the fault '{entry.name}'", getattr(self, entry.name), numbers(low, high), where="--fault")

    @classmethod
    def parse(cls, given: Iterable[str]) -> "Faults":
        """Faults of texts such as `drop=0.01`.

        Raises:
            InputError: unknown, twice, not a number, or out of range.
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
        """Flips that come late, and by how many refreshes."""
        rng = np.random.default_rng((self.seed, salt, 1))
        return {flip: int(rng.integers(1, MAX_DELAY + 1)) for flip in sorted(self.flips(self.delay, salt))}

    def flips(self, share: float, salt: int) -> frozenset[int]:
        """Numbers of the flips that are struck, each with the chance `share`; the same for the same seed and `salt`."""
        drawn = np.random.default_rng((self.seed, salt)).random(MAX_FLIPS) < share
        return frozenset(np.flatnonzero(drawn).tolist())
