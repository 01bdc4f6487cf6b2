"""The panel's window, checked with screenshots: every pixel, the right monitor, the right orientation."""

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import need_programs, unavailable
from rig.screens import MODES, seen, two_monitors, virtual_screen, xrandr

from holodriver.errors import HolodriverError, InputError, RigError
from holodriver.rig.panel.monitors import glfw_session, monitor_handle, monitors, panel_monitor, straight_ramp
from holodriver.rig.panel.panel_process import Entry, PanelProcess
from holodriver.rig.panel.slots import FrameSlots
from holodriver.rig.panel.window import WindowPanel
from holodriver.rig.panel.window_drawing import Layout, laid_out

WORK = (MODES["work"][2][0], MODES["work"][1][0])
PANEL = (MODES["panel"][2][0], MODES["panel"][1][0])
REFRESH_HZ = 60.0
EVERY_WAY = [(0, False, False), (90, False, False), (180, False, False), (270, False, False)]
EVERY_WAY += [(0, True, False), (0, False, True), (90, True, False), (180, True, True), (270, False, True)]


@pytest.fixture(scope="module")
def virtual() -> Iterator[str]:
    need_programs("Xvfb")
    with virtual_screen(*PANEL[::-1]) as display:
        yield display


@pytest.fixture(scope="module")
def desktop(tmp_path_factory) -> Iterator[str]:
    need_programs("Xorg", "xrandr")
    try:
        with two_monitors(tmp_path_factory.mktemp("xorg")) as display:
            yield display
    except RuntimeError as error:  # Xorg without root, or without the dummy driver
        unavailable(str(error))


@pytest.fixture
def on_virtual(virtual, monkeypatch) -> str:
    monkeypatch.setenv("DISPLAY", virtual)
    return virtual


@pytest.fixture
def on_desktop(desktop, monkeypatch) -> str:
    monkeypatch.setenv("DISPLAY", desktop)
    return desktop


def random_frames(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def turned(frame: np.ndarray, rotation: int, across: bool, down: bool, binning: int) -> np.ndarray:
    """What the panel must show, pixel by pixel as the words say it: clockwise, then mirrored, then enlarged."""
    height, width = frame.shape[:2]
    out = (width, height) if rotation in (90, 270) else (height, width)
    rows, columns = np.indices(out)
    rows = out[0] - 1 - rows if down else rows
    columns = out[1] - 1 - columns if across else columns
    sources = {
        0: (rows, columns),
        90: (height - 1 - columns, rows),
        180: (height - 1 - rows, width - 1 - columns),
        270: (columns, width - 1 - rows),
    }
    return np.kron(frame[sources[rotation]], np.ones((binning, binning, *[1] * (frame.ndim - 2)), np.uint8))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("binning", [1, 2])
@pytest.mark.parametrize(("rotation", "across", "down"), EVERY_WAY)
def test_every_pixel_of_a_frame_stands_where_it_belongs(on_virtual, rotation, across, down, binning, packed):
    panel = WindowPanel.open(
        "0", PANEL, REFRESH_HZ, rotation=rotation, flip_horizontal=across, flip_vertical=down, binning=binning,
        packed=packed, allow_primary=True,
    )  # fmt: skip
    try:
        frames = random_frames((2, *panel.frame_shape, 3) if packed else (2, *panel.frame_shape))
        for given_as in (lambda frame: frame, panel.keep):
            for frame in frames:
                panel.show(given_as(frame))
                wanted = turned(frame if packed else np.repeat(frame[..., None], 3, 2), rotation, across, down, binning)
                np.testing.assert_array_equal(seen(on_virtual, 0, 0, *PANEL[::-1]), wanted)
    finally:
        panel.close()


@given(
    st.sampled_from((0, 90, 180, 270)),
    st.booleans(),
    st.booleans(),
    st.integers(1, 4),
    st.tuples(*[st.integers(1, 6)] * 2),
)
@settings(max_examples=50)
def test_layout_without_a_window_is_the_same(rotation, across, down, binning, size):
    layout = Layout((size[0] * binning, size[1] * binning), rotation, across, down, binning)
    frame = random_frames(layout.frame_shape)
    np.testing.assert_array_equal(laid_out(frame, layout), turned(frame, rotation, across, down, binning))
    assert laid_out(frame, layout).shape == layout.native_shape


def test_right_monitor_of_two_by_what_it_calls_itself(on_desktop):
    work = seen(on_desktop, 0, 0, *WORK[::-1])
    for selector in ("IRIS-U62", "MAY IRIS-U62", "may iris-u62 0001", "DUMMY1", "1"):
        panel = WindowPanel.open(selector, PANEL, REFRESH_HZ, rotation=180)
        try:
            frame = random_frames(PANEL)
            panel.show(frame)
            on_panel = seen(on_desktop, WORK[1], 0, *PANEL[::-1])
            np.testing.assert_array_equal(on_panel, np.repeat(frame[::-1, ::-1, None], 3, 2))
            np.testing.assert_array_equal(seen(on_desktop, 0, 0, *WORK[::-1]), work, "the other monitor is left alone")
        finally:
            panel.close()


def test_sixty_frames_in_a_process_of_its_own_are_all_exact(on_desktop):
    """Each hologram is looked at after its last frame has come to stand."""
    make = partial(WindowPanel.open, "IRIS-U62", PANEL, REFRESH_HZ, binning=2)
    frames = random_frames((20, 3, PANEL[0] // 2, PANEL[1] // 2))
    slots = FrameSlots(frames.shape[1:], 1)
    with PanelProcess(make, frames.shape[2:], REFRESH_HZ) as panel, contextlib.closing(slots):
        panel.open_slots(slots)
        for hologram in frames:
            slots.write(0, hologram)
            panel.stream()
            panel.queue(Entry(0, 0, 0, (0, 1, 2)))
            panel.finish()
            while panel.playing:
                panel.wait(1.0)
            assert [(shown.hologram, shown.plane) for shown in panel.shown] == [(0, 0), (0, 1), (0, 2)]
            wanted = np.repeat(np.kron(hologram[2], np.ones((2, 2), np.uint8))[..., None], 3, 2)
            np.testing.assert_array_equal(seen(on_desktop, WORK[1], 0, *PANEL[::-1]), wanted)


def test_what_cannot_be_the_panel_is_refused(on_desktop):
    with pytest.raises(RigError, match="primary monitor"):
        WindowPanel.open("DUMMY0", WORK, REFRESH_HZ)
    with pytest.raises(RigError, match="320 × 240 pixels, and the panel 3840 × 2160"):
        WindowPanel.open("IRIS-U62", (2160, 3840), REFRESH_HZ)
    with pytest.raises(RigError, match=r"120 new frames a second, each for 1 refreshes, are not the 60 Hz"):
        WindowPanel.open("IRIS-U62", PANEL, 120)
    with pytest.raises(InputError, match=r"no monitor 'IRIS'; there are 0: DUMMY0.*; 1: DUMMY1 'MAY IRIS-U62'"):
        WindowPanel.open("IRIS", PANEL, REFRESH_HZ)
    with pytest.raises(InputError, match="rotation is 45"):
        WindowPanel.open("IRIS-U62", PANEL, REFRESH_HZ, rotation=45)
    with pytest.raises(InputError, match="binning 7 does not divide"):
        WindowPanel.open("IRIS-U62", PANEL, REFRESH_HZ, binning=7)
    with pytest.raises(InputError, match="no monitor 'IRIS'"):  # as it is, from the display process
        PanelProcess(partial(WindowPanel.open, "IRIS", PANEL, REFRESH_HZ), PANEL, REFRESH_HZ)


def bend_gamma(exponent: float) -> list[int]:
    """A ramp on the panel as a night light or a colour profile sets it; what the monitor has then."""
    with glfw_session() as glfw:
        glfw.NORMALIZE_GAMMA_RAMPS = False
        handle = monitor_handle(glfw, panel_monitor("IRIS-U62"))
        steps = len(glfw.get_gamma_ramp(handle).red)
        bent = [round(65535 * (step / (steps - 1)) ** exponent) for step in range(steps)]
        from Xlib.display import Display  # not by GLFW, which would put back the old one when it ends

        server = Display()
        resources = server.screen().root.xrandr_get_screen_resources_current()
        for crtc in resources.crtcs:
            if server.xrandr_get_crtc_info(crtc, resources.config_timestamp).x == WORK[1]:
                server.xrandr_set_crtc_gamma(crtc, steps, bent, bent, bent)
        server.sync()
        server.close()
    return bent


def gamma_of_the_panel() -> list[int]:
    with glfw_session() as glfw:
        glfw.NORMALIZE_GAMMA_RAMPS = False
        return list(glfw.get_gamma_ramp(monitor_handle(glfw, panel_monitor("IRIS-U62"))).red)


def test_gamma_is_straight_while_the_window_is_open_and_as_before_afterwards(on_desktop):
    bent = bend_gamma(0.6)
    assert panel_monitor("IRIS-U62").gamma_deviation == pytest.approx(0.186, abs=2e-3), "max of x^0.6 - x"
    panel = WindowPanel.open("IRIS-U62", PANEL, REFRESH_HZ)
    try:
        assert gamma_of_the_panel() == straight_ramp(len(bent))
        bend_gamma(2.0)  # somebody's night light
        panel.restart_timing()
        assert gamma_of_the_panel() == straight_ramp(len(bent))
    finally:
        panel.close()
    assert gamma_of_the_panel() == bent
    bend_gamma(1.0)


def test_without_vertical_sync_it_says_so(on_virtual):
    panel = WindowPanel.open("0", PANEL, REFRESH_HZ, allow_primary=True)
    try:
        assert not panel.synchronised
        assert panel.measured_refresh_hz is not None
        assert abs(panel.measured_refresh_hz / REFRESH_HZ - 1) > 0.05
    finally:
        panel.close()


def show_for_a_minute(panel: WindowPanel, frame: np.ndarray) -> None:
    due = time.monotonic() + 60
    while time.monotonic() < due:
        panel.show(frame)


def test_a_window_that_loses_its_size_ends_the_play(on_desktop):
    panel = WindowPanel.open("IRIS-U62", PANEL, REFRESH_HZ)
    try:
        frame = random_frames(PANEL)
        panel.show(frame)
        xrandr(on_desktop, "--output", "DUMMY1", "--off")
        with pytest.raises(RigError, match=r"plugged in or out|its window has|was minimised"):
            show_for_a_minute(panel, frame)
    finally:
        panel.close()
        xrandr(on_desktop, "--output", "DUMMY1", "--mode", "panel", "--right-of", "DUMMY0")


def test_monitors_are_listed_with_all_that_is_known_of_them(on_desktop):
    bend_gamma(1.0)
    first, second = monitors()
    assert (first.connector, first.primary, first.name) == ("DUMMY0", True, "")
    expected = {
        "index": 1, "connector": "DUMMY1", "maker": "MAY", "name": "IRIS-U62", "serial": "0001", "x": WORK[1], "y": 0,
        "width": PANEL[1], "height": PANEL[0], "primary": False, "scale": 1.0,
    }  # fmt: skip
    assert expected.items() <= dataclasses.asdict(second).items()
    assert second.refresh_hz == pytest.approx(60.0, abs=1e-6)
    assert first.refresh_hz == pytest.approx(25e6 / (600 * 300), abs=1e-6), "not rounded to whole Hz"
    assert second.gamma == "straight"
    assert second.identity == "MAY IRIS-U62 0001"


def test_screeninfo_that_sees_other_monitors_is_an_error_that_names_both(on_desktop, monkeypatch):
    import screeninfo

    others = screeninfo.get_monitors()
    others[1].x += 1
    monkeypatch.setattr(screeninfo, "get_monitors", lambda: others)
    with pytest.raises(RigError, match=r"GLFW sees .*DUMMY1 320 × 240 at \+480\+0.*screeninfo .*DUMMY1 .* at \+481\+0"):
        monitors()


def test_mirrored_monitors_are_refused(on_desktop):
    xrandr(on_desktop, "--output", "DUMMY1", "--mode", "panel", "--same-as", "DUMMY0")
    try:
        with pytest.raises(RigError, match="same part of the desktop as 0: DUMMY0"):
            panel_monitor("IRIS-U62")
    finally:
        xrandr(on_desktop, "--output", "DUMMY1", "--mode", "panel", "--right-of", "DUMMY0")


def test_no_display_is_one_line(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(HolodriverError, match="no display"):
        monitors()
