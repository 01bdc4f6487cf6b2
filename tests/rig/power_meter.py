"""A simulated SCPI power meter on a pseudo-terminal that measures a panel with a known liquid crystal."""

import os
import threading
import time
import tty
from collections.abc import Callable

import numpy as np

from holodriver.rig.laser_colour import Colour
from holodriver.rig.measure.simulated_cell import LiquidCrystal
from holodriver.rig.simulated.box_logic import Pulse

WINDOW_S = 0.15
"""Over which it averages: three cycles of three colours at 60 Hz."""

CYCLE_S = 0.05
"""Three colours at 60 Hz."""

BACKGROUND_W = 2e-6


class PtyPowerMeter:
    """Reads what the glass holds and what the lasers did, and nothing of what the program thinks.

    Args:
        glass: the pixels that stand on the screen, grey levels.
        pulses: all light of the laser box until now, with the box's clock (`perf_counter`).
        wavelengths: m.
        efficiency: light of each colour for the same laser power.
    """

    def __init__(
        self,
        glass: Callable[[], np.ndarray],
        pulses: Callable[[], list[Pulse]],
        wavelengths: tuple[float, ...],
        efficiency: tuple[float, ...],
        cell: LiquidCrystal,
    ):
        self._glass, self._pulses, self._efficiency = glass, pulses, efficiency
        self._intensities = [cell.intensities(wavelength) for wavelength in wavelengths]
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self.heard: list[str] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        text = b""
        while True:
            try:
                text += os.read(self._master, 100)
            except OSError:
                return
            while b"\n" in text:
                line, _, text = text.partition(b"\n")
                self.heard.append(line.decode())
                if line == b"*IDN?":
                    os.write(self._master, b"Maker,PM1,7,1.0\n")
                elif line == b"SENS:CORR:WAV?":
                    told = [one.split()[1] for one in self.heard if one.startswith("SENS:CORR:WAV ")]
                    os.write(self._master, f"{told[-1]}\n".encode())
                elif line == b"MEAS:POW?":
                    os.write(self._master, f"{self._watts():.9E}\n".encode())

    def _watts(self) -> float:
        grey = self._glass()
        since = time.perf_counter() - WINDOW_S
        watts = BACKGROUND_W
        for colour in Colour:
            # whole pulses, so that where the window begins does not count; and of those the longest, as the flips of a
            # busy machine are not as regular as a panel's, and one that comes early ends the light of the one before
            seen = [pulse for pulse in self._pulses() if pulse.end_s > since and colour in pulse.colours]
            if seen:
                joules = [one.powers_w[one.colours.index(colour)] * (one.end_s - one.start_s) for one in seen]
                power = max(joules) / CYCLE_S
                watts += power * self._efficiency[colour] * float(self._intensities[colour][grey].mean())
        return watts
