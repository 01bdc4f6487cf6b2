"""The simulated bench: orders, depth the right way round, pixels, source and pupil."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from holodriver.errors import InputError
from holodriver.optics.bench import SimulatedBench, linear_response
from holodriver.optics.display import REFERENCE, DisplayProfile
from holodriver.optics.field import WaveField
from holodriver.optics.propagation import propagate
from holodriver.panel.burch import automatic_gains, camera_exposure, encode, read_back
from holodriver.panel.frames import PanelFrames
from holodriver.panel.lut import AmplitudeLut

GREEN = 515e-9
MONO = replace(REFERENCE.resized(128, 128), wavelengths=(GREEN,))
LINEAR = [AmplitudeLut.linear()]


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
    bench = SimulatedBench(profile, linear_response(1))
    conjugate = replace(bench, order=-1)
    assert peak(bench, frames, 0.0) > 2 * peak(bench, frames, 1.0)
    assert peak(conjugate, frames, 1.0) > 2 * peak(conjugate, frames, 0.0)


@pytest.mark.parametrize(("t", "order"), [(0.0, 1), (0.3, 1), (1.0, 1), (0.0, -1)])
def test_the_pupil_receives_a_wave_that_diverges_from_the_virtual_image(t: float, order: int) -> None:
    frames = encoded(spot_at(MONO, t, radius=1.2))
    bench = SimulatedBench(MONO, linear_response(1), order=order)
    field, _, x = bench.pupil_field(frames.pixels[0], 0)
    axis = MONO.width // 2
    line = field[axis, :] * np.exp(2j * np.pi * np.arange(-axis, axis) / 2)  # the spot stands in the middle
    middle = np.abs(x[0]) < 0.3e-3
    phase = np.unwrap(np.angle(line[middle]))
    curvature = np.polyfit(x[0][middle], phase, 2)[0]
    vergence = curvature * GREEN / np.pi  # a wave diverging from R has the phase +π·r²/(λ·R)
    # The conjugate order turns z(t) about the hologram plane: what stood at z stands at −z.
    focal = MONO.eyepiece_focal_length
    expected = MONO.dioptres(t) if order == 1 else (-MONO.z(t) - MONO.z(1.0)) / focal**2
    assert vergence == pytest.approx(expected, abs=0.03)


def test_bench_agrees_with_reading_back() -> None:
    """Two roads: native pixels, their shape and orders here, effective pixels and a formula there."""
    field = spot_at(MONO, 0.2)
    frames = encoded(field)
    bench = SimulatedBench(MONO, linear_response(1))
    for t in (0.0, 0.5, 1.0):
        seen = bench.picture(frames.pixels, t, camera_exposure(MONO, frames.gains))
        np.testing.assert_allclose(seen, read_back(frames).intensity(t), atol=2e-5)


def test_black_matrix_sends_light_into_higher_orders() -> None:
    white = np.full(MONO.native_shape, 255, np.uint8)
    plane = np.abs(SimulatedBench(MONO, linear_response(1)).fourier_plane(white, 0)) ** 2
    middle = tuple(n // 2 for n in MONO.native_shape)
    assert plane[middle] == pytest.approx(1)
    # Native pixels all alike: between the native orders, which are outside this plane, there is nothing.
    plane[middle] = 0
    assert plane.max() < 1e-20


def test_binned_grating_shows_its_orders_where_theory_puts_them() -> None:
    columns = np.where(np.arange(MONO.width) % 4 < 2, 255, 0).astype(np.uint8)
    frame = np.broadcast_to(columns, MONO.shape).repeat(2, 0).repeat(2, 1)
    plane = np.abs(SimulatedBench(MONO, linear_response(1)).fourier_plane(frame, 0))[MONO.native_shape[0] // 2]
    found = set(np.flatnonzero(plane > 1e-6) - len(plane) // 2)
    quarter = MONO.width // 4  # a period of four effective pixels; square wave: odd orders alone
    assert found == {0, quarter, -quarter, 3 * quarter, -3 * quarter}


def test_extended_source_blurs_with_distance_from_the_panel() -> None:
    # The slit is narrowed, so that the tilted zeroth order stays outside.
    profile = replace(MONO, slit_along=0.2, depth_span=8e-3, depth_offset=-4e-3)
    radius = 3e-3  # rad
    frames = encoded(spot_at(profile, 0.5, radius=4.0))
    point = SimulatedBench(profile, linear_response(1))
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


def test_a_small_pupil_makes_the_focused_spot_wider() -> None:
    frames = encoded(spot_at(MONO, 1.0, radius=1.0))
    bench = SimulatedBench(MONO, linear_response(1))
    assert peak(replace(bench, pupil=0.5e-3), frames, 1.0) < 0.7 * peak(bench, frames, 1.0)


@pytest.mark.parametrize(
    ("field", "value"), [("order", 0), ("source_radius", -1.0), ("source_points", 0), ("pupil", 0.0)]
)
def test_a_wrong_field_is_named(field: str, value: object) -> None:
    with pytest.raises(InputError, match=f"'{field}'"):
        SimulatedBench(MONO, linear_response(1), **{field: value})


def test_a_frame_of_another_panel_is_refused() -> None:
    with pytest.raises(InputError, match=r"expected uint8 \(256, 256\)"):
        SimulatedBench(MONO, linear_response(1)).view(np.zeros((128, 128), np.uint8), 0, 0.5)
