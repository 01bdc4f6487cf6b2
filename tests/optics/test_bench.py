"""The simulated bench: orders, depth the right way round, pixels, source and pupil."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from holodriver.errors import InputError
from holodriver.optics.bench import SimulatedBench
from holodriver.optics.display import REFERENCE, DisplayProfile
from holodriver.optics.field import WaveField
from holodriver.optics.propagation import propagate, transfer_function
from holodriver.panel.behind_slit import camera_exposure, read_back
from holodriver.panel.encoder import automatic_gains, encode
from holodriver.panel.frames import PanelFrames
from holodriver.panel.lut import AmplitudeLut

GREEN = 515e-9
MONO = replace(REFERENCE.resized(128, 128), wavelengths=(GREEN,))
LINEAR = [AmplitudeLut.linear()]
RESPONSE = LINEAR[0].amplitudes[None]


def spot_at(profile: DisplayProfile, t: float, radius: float = 2.5) -> WaveField:
    """A soft bright spot in the plane of normalised depth t."""
    y, x = np.mgrid[: profile.height, : profile.width]
    spot = np.exp(-((y - profile.height / 2) ** 2 + (x - profile.width / 2) ** 2) / radius**2)
    wavelength = profile.wavelengths[0]
    source = torch.from_numpy(spot.astype(np.complex128))
    return WaveField(propagate(source, profile.pixel_pitch, wavelength, -profile.z(t)).numpy()[None], profile)


def encoded(field: WaveField) -> PanelFrames:
    return encode(field, automatic_gains([field]), LINEAR)


def peak(bench: SimulatedBench, frames: PanelFrames, t: float) -> float:
    return float(bench.view(frames.pixels[0], 0, t).max())


@pytest.mark.parametrize("axis", ["x", "y"])
@pytest.mark.parametrize("sign", [1, -1])
def test_near_is_sharp_near_and_the_other_order_is_inside_out(axis: str, sign: int) -> None:
    profile = replace(MONO, carrier_axis=axis, carrier_sign=sign)
    frames = encoded(spot_at(profile, 0.0))
    bench = SimulatedBench(profile, RESPONSE)
    conjugate = replace(bench, order=-1)
    assert peak(bench, frames, 0.0) > 2 * peak(bench, frames, 1.0)
    assert peak(conjugate, frames, 1.0) > 2 * peak(conjugate, frames, 0.0)


@pytest.mark.parametrize(("t", "order"), [(0.0, 1), (0.3, 1), (1.0, 1), (0.0, -1)])
def test_the_pupil_receives_a_wave_that_diverges_from_the_virtual_image(t: float, order: int) -> None:
    frames = encoded(spot_at(MONO, t, radius=1.2))
    bench = SimulatedBench(MONO, RESPONSE, order=order)
    # from the hologram plane to the eyepiece's front focal plane, where t = 1 stands; the pupil is in the rear one
    kernel = transfer_function(MONO.shape, MONO.pixel_pitch, GREEN, MONO.z(1.0)).numpy()
    field = np.fft.fftshift(bench.behind_slit(frames.pixels[0], 0) * kernel)
    x = np.fft.fftshift(np.fft.fftfreq(MONO.width)) * GREEN * MONO.eyepiece_focal_length / MONO.pixel_pitch
    axis = MONO.width // 2
    line = field[axis, :] * np.exp(2j * np.pi * np.arange(-axis, axis) / 2)  # the spot stands in the middle
    middle = np.abs(x) < 0.3e-3
    phase = np.unwrap(np.angle(line[middle]))
    curvature = np.polyfit(x[middle], phase, 2)[0]
    vergence = curvature * GREEN / np.pi  # a wave diverging from R has the phase +π·r²/(λ·R)
    # The conjugate order turns z(t) about the hologram plane: what stood at z stands at −z.
    focal = MONO.eyepiece_focal_length
    expected = MONO.dioptres(t) if order == 1 else (-MONO.z(t) - MONO.z(1.0)) / focal**2
    assert vergence == pytest.approx(expected, abs=0.03)


def test_bench_agrees_with_reading_back() -> None:
    """Two roads: native pixels, their shape and orders here, effective pixels and a formula there."""
    field = spot_at(MONO, 0.2)
    frames = encoded(field)
    bench = SimulatedBench(MONO, RESPONSE)
    for t in (0.0, 0.5, 1.0):
        seen = bench.picture(frames.pixels, t, camera_exposure(MONO, frames.gains))
        np.testing.assert_allclose(seen, read_back(frames).intensity(t), atol=2e-5)


@pytest.mark.parametrize("fill_factor", [0.6, 0.9, 1.0])
@pytest.mark.parametrize("binning", [1, 2, 3])
def test_orders_of_a_grating_have_the_power_of_the_closed_form(fill_factor: float, binning: int) -> None:
    """Pixels open over `fill_factor` of their pitch, in rows of `binning`: sinc² of the opening, comb² of the row."""
    profile = replace(MONO, fill_factor=fill_factor, binning=binning)
    columns = np.where(np.arange(profile.width) % 4 < 2, 255, 0).astype(np.uint8)
    frame = np.broadcast_to(columns, profile.shape).repeat(binning, 0).repeat(binning, 1)
    middle = [n // 2 for n in profile.native_shape]
    plane = np.abs(SimulatedBench(profile, RESPONSE).fourier_plane(frame, 0))[middle[0]]
    for order in (1, -1, 3) if binning > 1 else (1, -1):
        f = order / 4  # cycles per effective pixel
        # The open parts of four effective pixels, two of them bright, as an integral over space.
        edges = [
            (n + (m + (1 - fill_factor) / 2) / binning, n + (m + (1 + fill_factor) / 2) / binning)
            for n in (0, 1)
            for m in range(binning)
        ]
        integral = sum(
            (np.exp(-2j * np.pi * f * b) - np.exp(-2j * np.pi * f * a)) / (-2j * np.pi * f) for a, b in edges
        )
        expected = abs(integral) / (4 * fill_factor)  # the white panel's zeroth order is 1
        found = plane[middle[1] + order * profile.width // 4]
        # The plane holds the amplitude along x; across, at frequency 0, the pixels weigh 1.
        assert found == pytest.approx(expected, rel=1e-9), order


def test_binned_grating_shows_its_orders_where_theory_puts_them() -> None:
    columns = np.where(np.arange(MONO.width) % 4 < 2, 255, 0).astype(np.uint8)
    frame = np.broadcast_to(columns, MONO.shape).repeat(2, 0).repeat(2, 1)
    plane = np.abs(SimulatedBench(MONO, RESPONSE).fourier_plane(frame, 0))[MONO.native_shape[0] // 2]
    found = set(np.flatnonzero(plane > 1e-6) - len(plane) // 2)
    quarter = MONO.width // 4  # a period of four effective pixels; square wave: odd orders alone
    assert found == {0, quarter, -quarter, 3 * quarter, -3 * quarter}


def test_extended_source_blurs_with_distance_from_the_panel() -> None:
    # The slit is narrowed, so that the tilted zeroth order stays outside.
    profile = replace(MONO, slit_along=0.2, depth_span=8e-3, depth_offset=-4e-3)
    radius = 3e-3  # rad
    frames = encoded(spot_at(profile, 0.5, radius=4.0))
    point = SimulatedBench(profile, RESPONSE)
    disc = replace(point, source_radius=radius)
    width = [second_moment(bench.view(frames.pixels[0], 0, 0.0)) for bench in (point, disc)]
    # The variance of a uniform disc of radius R is R²/4 along each axis.
    shift = radius * profile.z(0.0) / profile.pixel_pitch
    assert width[1] - width[0] == pytest.approx(2 * shift**2 / 4, rel=0.15)


def second_moment(image: np.ndarray) -> float:
    y, x = np.indices(image.shape)
    light = image * (np.hypot(y - 64, x - 64) < 24)
    light = light / light.sum()
    return float((light * ((y - (light * y).sum()) ** 2 + (x - (light * x).sum()) ** 2)).sum())


def test_a_tilted_source_pushes_light_out_on_the_side_where_it_should() -> None:
    """Light that comes in under an angle a shifts the spectrum by sin(a)/λ: a grating just inside the slit's upper
    edge is lost when the light tilts it further out, and kept when it tilts it inwards."""
    profile = replace(MONO, slit_along=0.2)
    y = np.arange(profile.height)[:, None]
    wave = 0.5 * np.exp(2j * np.pi * 24 / profile.height * y) * np.ones(profile.shape)  # 0.1875 of 0.2
    edge = WaveField(wave[None].astype(np.complex64), profile)
    frame = encoded(edge).pixels[0]
    tilt = 0.03 * GREEN / profile.pixel_pitch  # rad, 0.03 of the sampling frequency
    bench = SimulatedBench(profile, RESPONSE, source_radius=tilt, source_points=1)
    kept = {}
    for sign in (1, -1):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(SimulatedBench, "_source", lambda self, sign=sign: np.array([[sign * tilt, 0.0]]))
            kept[sign] = bench.view(frame, 0, 0.5).mean()
    assert kept[1] < 0.05 * kept[-1]


def test_a_pupil_widens_the_spot_as_an_airy_disc() -> None:
    """A pupil of diameter D sees a point as an Airy pattern of full width at half maximum 1.029·λ·f/D."""
    profile = replace(MONO, slit_along=0.25)
    pupil = 0.6e-3
    frames = encoded(spot_at(profile, 1.0, radius=1.0))
    image = SimulatedBench(profile, RESPONSE, pupil=pupil).view(frames.pixels[0], 0, 1.0)
    line = image[64] / image.max()
    above = np.flatnonzero(line > 0.5)
    left, right = above[0], above[-1]
    width = (right + (line[right] - 0.5) / (line[right] - line[right + 1])) - (
        left - (line[left] - 0.5) / (line[left] - line[left - 1])
    )
    expected = 1.029 * GREEN * profile.eyepiece_focal_length / pupil / profile.pixel_pitch
    assert width == pytest.approx(expected, rel=0.08)


def test_a_small_pupil_makes_the_focused_spot_wider() -> None:
    frames = encoded(spot_at(MONO, 1.0, radius=1.0))
    bench = SimulatedBench(MONO, RESPONSE)
    assert peak(replace(bench, pupil=0.5e-3), frames, 1.0) < 0.7 * peak(bench, frames, 1.0)


@pytest.mark.parametrize(
    ("field", "value"), [("order", 0), ("source_radius", -1.0), ("source_points", 0), ("pupil", 0.0)]
)
def test_a_wrong_field_is_named(field: str, value: object) -> None:
    with pytest.raises(InputError, match=f"'{field}'"):
        SimulatedBench(MONO, RESPONSE, **{field: value})


def test_a_frame_of_another_panel_is_refused() -> None:
    with pytest.raises(InputError, match=r"expected uint8 \(256, 256\)"):
        SimulatedBench(MONO, RESPONSE).view(np.zeros((128, 128), np.uint8), 0, 0.5)
