"""Burch encoding at the pace of a display: the same frames as `burch.encode`, with all that stays the same prepared.

The slit passes half of the frequencies along the carrier, or less, so that half of the transforms across it need not
be made; and the panel shows a real picture, for which half of the last transform is enough.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from holodriver.errors import InputError
from holodriver.optics.aperture import baseband_frequencies, passband_envelope, slit_passband
from holodriver.optics.display import DisplayProfile
from holodriver.panel.frames import check_encoding
from holodriver.panel.kernels import BUCKETS, grey_levels
from holodriver.panel.lut import AmplitudeLut
from holodriver.threads import side_by_side

BANDS = 4
"""Parts of a frame that are looked up side by side."""


class Encoder:
    """Encodes wave fields of one display, one after another.

    Args:
        profile: the display.
        gains: factor on the field for each colour.
        luts: amplitude look-up table of each colour.
        device: where it computes: "cpu", "cuda".

    Raises:
        InputError: not one gain above 0 and one table for each colour.
    """

    def __init__(
        self, profile: DisplayProfile, gains: Sequence[float], luts: Sequence[AmplitudeLut], *, device: str = "cpu"
    ):
        self.profile, self.gains, self.luts = profile, tuple(gains), tuple(luts)
        check_encoding(profile, self.gains, self.luts)
        self.device = torch.device(device)
        self._along = -2 if profile.carrier_axis == "y" else -1
        self._across = -3 - self._along
        passband = slit_passband(profile, *baseband_frequencies(profile))
        rows = np.flatnonzero(passband.any(axis=self._across))
        weights = np.take(passband / passband_envelope(profile), rows, axis=self._along).astype(np.float32)
        samples = profile.shape[self._along]
        shift = profile.carrier_sign * round(profile.carrier_frequency * samples)
        # whole numbers of periods on one side of zero alone: what is on the other is its conjugate
        places = (np.where(rows < samples / 2, rows, rows - samples) + shift) * profile.carrier_sign
        self._rows = torch.from_numpy(rows).to(self.device)
        self._places = torch.from_numpy(places).to(self.device)
        # half of the picture is the conjugate's, and irfft gives both
        self._weights = torch.from_numpy(0.5 * weights).to(self.device)
        self._borders = [(lut.amplitudes[: lut.peak + 1][1:] + lut.amplitudes[: lut.peak + 1][:-1]) / 2 for lut in luts]
        ends = np.arange(BUCKETS + 1) / BUCKETS
        self._first = [np.searchsorted(borders, ends, side="right").astype(np.int64) for borders in self._borders]

    def signal(self, values: NDArray[np.complex64]) -> torch.Tensor:
        """Re{U·c} of the slit-limited, envelope-compensated fields, (C, H, W) float32.

        Raises:
            InputError: the fields do not fit the profile.
        """
        expected = (len(self.gains), *self.profile.shape)
        if values.shape != expected:
            raise InputError(f"wave field has shape {values.shape}, expected {expected} (colours, height, width)")
        field = torch.from_numpy(np.ascontiguousarray(values, np.complex64)).to(self.device)
        spectrum = torch.fft.fft(field, dim=self._along).index_select(self._along, self._rows)
        spectrum = torch.fft.fft(spectrum, dim=self._across).mul_(self._weights)
        spectrum = torch.fft.ifft(spectrum, dim=self._across)
        if self.profile.carrier_sign < 0:
            spectrum = spectrum.conj()
        samples = self.profile.shape[self._along]
        shape = list(spectrum.shape)
        shape[self._along] = samples // 2 + 1
        half = torch.zeros(shape, dtype=spectrum.dtype, device=self.device)
        half.index_copy_(self._along, self._places, spectrum.resolve_conj())
        return torch.fft.irfft(half, n=samples, dim=self._along)

    def encode(
        self, values: NDArray[np.complex64], out: NDArray[np.uint8] | None = None, *, binning: int | None = None
    ) -> NDArray[np.uint8]:
        """The frames (C, h, w) of wave fields (C, H, W).

        Args:
            values: complex amplitudes.
            out: the frames are written into it, if given; they then cost no new memory.
            binning: native pixels for each effective one; the profile's, or 1 where the panel's window enlarges.

        Raises:
            InputError: the fields do not fit the profile, or `out` has not the frames' shape.
        """
        repeated = self.profile.binning if binning is None else binning
        height, width = (side * repeated for side in self.profile.shape)
        if out is None:
            out = np.empty((len(self.gains), height, width), np.uint8)
        elif out.shape != (len(self.gains), height, width) or out.dtype != np.uint8:
            raise InputError(f"frames are {out.dtype} {out.shape}, expected uint8 {(len(self.gains), height, width)}")
        signal = self.signal(values)
        if self.device.type == "cpu":
            self._look_up(signal.numpy(), out, repeated)
        else:
            torch.from_numpy(out).copy_(self._looked_up(signal, repeated))
        return out

    def _look_up(self, signal: NDArray[np.float32], out: NDArray[np.uint8], repeated: int) -> None:
        edges = np.linspace(0, self.profile.height, BANDS + 1).astype(int)
        bands = [(c, a, b) for c in range(len(signal)) for a, b in pairwise(edges)]

        def look_up(band: tuple[int, int, int]) -> None:
            c, a, b = band
            part = out[c, a * repeated : b * repeated]
            grey_levels(signal[c, a:b], self.gains[c], self._borders[c], self._first[c], repeated, part)

        side_by_side(look_up, bands)

    def _looked_up(self, signal: torch.Tensor, repeated: int) -> torch.Tensor:
        levels = []
        for colour, gain, borders in zip(signal, self.gains, self._borders, strict=True):
            amplitude = 0.5 + 0.5 * gain * colour.double()
            found = torch.bucketize(amplitude, torch.from_numpy(borders).to(self.device), right=True).to(torch.uint8)
            levels.append(found.repeat_interleave(repeated, -2).repeat_interleave(repeated, -1))
        return torch.stack(levels)
