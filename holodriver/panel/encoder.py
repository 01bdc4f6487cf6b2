"""Burch encoding: a complex field as the real, positive amplitude of an off-axis hologram, at the pace of a display.

The panel shows ½ + ½·Re{g·U·c} with the carrier c = exp(±2πi·f₀·n): the field stands in the spectrum at the carrier,
its conjugate opposite, the constant at zero (Burch, Proc. IEEE 55(4), 1967). A slit round the carrier keeps the field:
it is limited to the slit's passband before, since what is outside would fall into the conjugate's, and the transmission
of the pixels' shape over the passband is compensated. All that stays the same from field to field is prepared.

The slit passes half of the frequencies along the carrier, or less, so that half of the transforms across it need not
be made; and the panel shows a real picture, for which half of the last transform is enough.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from holodriver.errors import InputError
from holodriver.optics.aperture import passband_envelope, slit_passband
from holodriver.optics.display import DisplayProfile
from holodriver.panel.calibration import Calibration, Registration
from holodriver.panel.frames import PanelFrames, bin_out, check_encoding
from holodriver.panel.kernels import BUCKETS, grey_levels
from holodriver.panel.lut import GRAIN, AmplitudeLut
from holodriver.panel.regions import regional_grey
from holodriver.panel.registration import registered
from holodriver.system.devices import torch_device
from holodriver.system.threads import side_by_side

if TYPE_CHECKING:
    from holodriver.optics.field import WaveField

BANDS = 4
"""Parts of a frame that are looked up side by side."""
CLIPPED = 1e-4
"""Share of the panel's pixels that the automatic gain lets clip."""


def encode(field: "WaveField", gains: Sequence[float], luts: Sequence[AmplitudeLut]) -> PanelFrames:
    """The frames that make the panel send `field` through the slit, computed in float64.

    Args:
        field: the hologram.
        gains: factor on the field for each colour; the same for all frames of a sequence.
        luts: amplitude look-up table of each colour.

    Raises:
        InputError: not one gain above 0 and one table for each colour.
    """
    return Encoder(field.profile, gains, luts, precise=True).frames(field).frames


def automatic_gains(fields: "Iterable[WaveField]") -> tuple[float, ...]:
    """One gain a colour for all `fields` of one display, so that all but 0.01 % of the values of each fit the panel's
    range. The fields are looked at one after another. A colour that is dark in all of them gets the least gain of the
    others.

    Raises:
        InputError: no fields, fields of several displays, or nothing but darkness in them.
    """
    signals, highest = None, np.zeros(1)
    for field in fields:
        signals = Signals(field.profile, precise=True) if signals is None else signals
        if field.profile != signals.profile:
            raise InputError("the wave fields are of several displays, expected one")
        signal = np.abs(signals.signal(field.values).numpy())
        highest = np.maximum(highest, np.quantile(signal, 1 - CLIPPED, axis=(1, 2)))
    if highest.max() <= 0:
        raise InputError("there is no light in the wave fields, so that no encoding gain can be chosen")
    return tuple(1 / float(level if level > 0 else highest.max()) for level in highest)


class Signals:
    """Makes the panel's signal Re{U·c} of wave fields of one display, one after another.

    Args:
        profile: the display.
        device: where it computes: "cpu", "cuda".
        precise: in float64, without rounding errors in the frames; otherwise in float32, with a few grey levels in a
            thousand one off, for what must keep pace.
    """

    def __init__(self, profile: DisplayProfile, *, device: str = "cpu", precise: bool = False):
        self.profile, self.device = profile, torch_device(device)
        self._real = torch.float64 if precise else torch.float32
        self._complex = torch.complex128 if precise else torch.complex64
        self._along = -2 if profile.carrier_axis == "y" else -1
        self._across = -3 - self._along
        passband = slit_passband(profile)
        rows = np.flatnonzero(passband.any(axis=self._across))
        weights = np.take(passband / passband_envelope(profile), rows, axis=self._along)
        samples = profile.shape[self._along]
        shift = profile.carrier_sign * round(profile.carrier_frequency * samples)
        # whole numbers of periods on one side of zero alone: what is on the other is its conjugate
        places = (np.where(rows < samples / 2, rows, rows - samples) + shift) * profile.carrier_sign
        self._rows = torch.from_numpy(rows).to(self.device)
        self._places = torch.from_numpy(places).to(self.device)
        # half of the picture is the conjugate's, and irfft gives both
        self._weights = torch.from_numpy(0.5 * weights).to(self.device, self._real)

    def signal(self, values: NDArray[np.complex64]) -> torch.Tensor:
        """Re{U·c} of the slit-limited, envelope-compensated fields, (C, H, W).

        Raises:
            InputError: the fields do not fit the profile.
        """
        expected = (len(self.profile.wavelengths), *self.profile.shape)
        if values.shape != expected:
            raise InputError(f"wave field has shape {values.shape}, expected {expected} (colours, height, width)")
        field = torch.from_numpy(np.ascontiguousarray(values, np.complex64)).to(self.device, self._complex)
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


class Encoded(NamedTuple):
    """Frames, and the share of the pixels of each colour that the gain drove out of the panel's range."""

    frames: PanelFrames
    clipped: tuple[float, ...]


class Encoder(Signals):
    """Encodes wave fields of one display, one after another.

    Args:
        profile: the display.
        gains: factor on the field for each colour.
        luts: amplitude look-up table of each colour.
        regions: for each colour, tables (rows, columns, 256) of parts of the panel, or None.
        registrations: where each colour falls; `frames` moves it there.
        device: where it computes: "cpu", "cuda".
        precise: see `Signals`.

    Raises:
        InputError: not one gain above 0 and one table for each colour.
    """

    def __init__(
        self,
        profile: DisplayProfile,
        gains: Sequence[float],
        luts: Sequence[AmplitudeLut],
        *,
        regions: Sequence[NDArray[np.float64] | None] | None = None,
        registrations: Sequence[Registration] | None = None,
        device: str = "cpu",
        precise: bool = False,
    ):
        super().__init__(profile, device=device, precise=precise)
        self.gains, self.luts = tuple(gains), tuple(luts)
        check_encoding(profile, self.gains, self.luts)
        self.regions = (None,) * len(self.luts) if regions is None else tuple(regions)
        self.registrations = None if registrations is None else tuple(registrations)
        self._borders = [(lut.amplitudes[: lut.peak + 1][1:] + lut.amplitudes[: lut.peak + 1][:-1]) / 2 for lut in luts]
        ends = np.arange(BUCKETS + 1) / BUCKETS
        self._first = [np.searchsorted(borders, ends, side="right").astype(np.int64) for borders in self._borders]

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
        self._find_levels(self.signal(values), out, repeated)
        return out

    def frames(self, field: "WaveField") -> Encoded:
        """The panel frames of a wave field, each colour moved to where it will be seen in its place.

        Raises:
            InputError: the field does not fit the profile.
        """
        if self.registrations is not None:
            field = registered(field, self.registrations)
        signal = self.signal(field.values)
        pixels = np.empty((len(self.gains), *self.profile.native_shape), np.uint8)
        self._find_levels(signal, pixels, self.profile.binning)
        frames = PanelFrames(pixels, self.profile, self.gains, self.luts, self.registrations)
        clipped = [float((g * s.abs() > 1 + 1e-9).double().mean()) for g, s in zip(self.gains, signal, strict=True)]
        return Encoded(frames, tuple(clipped))

    def _find_levels(self, signal: torch.Tensor, out: NDArray[np.uint8], repeated: int) -> None:
        if self.device.type == "cpu" or any(part is not None for part in self.regions):
            self._look_up(signal.cpu().numpy(), out, repeated)
        else:
            torch.from_numpy(out).copy_(self._looked_up(signal, repeated))

    def _look_up(self, signal: NDArray[np.floating], out: NDArray[np.uint8], repeated: int) -> None:
        edges = np.linspace(0, self.profile.height, BANDS + 1).astype(int)
        bands = [(c, a, b) for c in range(len(signal)) for a, b in pairwise(edges)]

        for c, regions in enumerate(self.regions):
            if regions is not None:  # neighbours' tables count too, so that the picture is not cut
                amplitude = np.floor((0.5 + 0.5 * self.gains[c] * signal[c].astype(np.float64)) / GRAIN + 0.5) * GRAIN
                out[c] = bin_out(regional_grey(amplitude, regions), repeated)

        def look_up(band: tuple[int, int, int]) -> None:
            c, a, b = band
            if self.regions[c] is not None:
                return
            part = out[c, a * repeated : b * repeated]
            grey_levels(signal[c, a:b], self.gains[c], self._borders[c], self._first[c], repeated, part)

        side_by_side(look_up, bands)

    def _looked_up(self, signal: torch.Tensor, repeated: int) -> torch.Tensor:
        levels = []
        for colour, gain, borders in zip(signal, self.gains, self._borders, strict=True):
            amplitude = ((0.5 + 0.5 * gain * colour.double()) / GRAIN + 0.5).floor_().mul_(GRAIN)
            found = torch.bucketize(amplitude, torch.from_numpy(borders).to(self.device), right=True).to(torch.uint8)
            levels.append(found.repeat_interleave(repeated, -2).repeat_interleave(repeated, -1))
        return torch.stack(levels)


def calibrated_encoder(profile: DisplayProfile, gains: Sequence[float], calibration: Calibration) -> Encoder:
    """The encoder of a panel that was measured: its tables, those of its parts, and where each colour falls.

    Raises:
        InputError: the calibration has not the display's colours.
    """
    return Encoder(
        profile,
        gains,
        calibration.luts,
        regions=calibration.regions,
        registrations=calibration.moves,
        precise=True,
    )
