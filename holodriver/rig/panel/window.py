"""A panel that the system sees as a monitor: a full-screen window that shows a frame's pixels bit for bit."""

import os
import time
from itertools import pairwise
from statistics import quantiles
from typing import Any, Self

import numpy as np

from holodriver.errors import InputError, RigError
from holodriver.rig.panel.edid import x_outputs
from holodriver.rig.panel.monitors import (
    REFRESH_TOLERANCE,
    STRAIGHT,
    Monitor,
    ended_glfw,
    monitor_handle,
    panel_monitor,
    ramp_deviation,
    started_glfw,
    straight_ramp,
)
from holodriver.rig.panel.panel import Panel, checked_panel
from holodriver.rig.panel.window_drawing import Drawing, Layout

SWAPS = 12
"""Number of swaps that are timed to find out whether swaps wait for the monitor's refresh."""

THROTTLED = 0.05
"""Largest deviation of the median and the quartiles of swap times, as a share of the refresh period, for swaps that
count as waiting for the refresh."""

NO_QUEUE = "__GL_MaxFramesAllowed"
WHICH_REFRESH = "__GL_SYNC_DISPLAY_DEVICE"
"""Environment variables of NVIDIA's driver: number of frames the driver may queue, and the monitor whose refresh swaps
wait for."""


class WindowPanel(Panel):
    """A panel that the system sees as a monitor; only the process that opened the window can use it.

    Args:
        glfw: the module from `started_glfw`; `close` ends it.
        monitor: monitor on which frames are shown.
        layout: rotation, mirroring and enlargement of frames on the panel.
        refresh_hz: rate of new frames, Hz.
    """

    def __init__(self, glfw: Any, monitor: Monitor, layout: Layout, refresh_hz: float):
        super().__init__(layout.native_shape, refresh_hz, packed=layout.packed)
        self.frame_shape = layout.frame_shape
        self.monitor = monitor
        self.measured_refresh_hz: float | None = None
        """Rate of swaps, measured when the window was opened, Hz; None before."""
        self._layout = layout
        self._trouble: str | None = None
        self._damaged = False
        self._window: Any = None
        self._last_s: float | None = None
        self._shown: Any = None
        self._drawing: Any = None
        self._handle: Any = None
        self._glfw = glfw

    @classmethod
    def open(
        cls,
        selector: str,
        native_shape: tuple[int, int],
        refresh_hz: float,
        *,
        rotation: int = 0,
        flip_horizontal: bool = False,
        flip_vertical: bool = False,
        binning: int = 1,
        packed: bool = False,
        refreshes: int = 1,
        allow_primary: bool = False,
    ) -> Self:
        """Open the panel's window and test the graphics driver with a random picture that is drawn but not shown.

        Args:
            selector: EDID name, connector or index of the monitor.
            native_shape: shape (h, w) of the panel, panel pixels, equal to that of the monitor's current mode.
            refresh_hz: rate of new frames, Hz; a whole fraction of the monitor's refresh rate.
            rotation: rotation of frames, degrees clockwise: 0, 90, 180 or 270.
            flip_horizontal: mirror frames left to right, after the rotation.
            flip_vertical: mirror frames top to bottom, after the rotation.
            binning: panel pixels along each side of one pixel of a frame; 1 for frames of the panel's own size.
            packed: frames are (h, w, 3), with the frames of three colours in the monitor's red, green and blue.
            refreshes: smallest number of refreshes for which a frame is shown.
            allow_primary: allow the primary monitor.

        Raises:
            InputError: there is no such monitor, or rotation or binning is impossible on it.
            RigError: the monitor is the primary one, or would not show pixels unchanged.
        """
        native_shape, refresh_hz = checked_panel(native_shape, refresh_hz)
        layout = Layout(native_shape, rotation, flip_horizontal, flip_vertical, binning, packed)
        glfw = started_glfw()
        try:
            monitor = panel_monitor(selector, native_shape, allow_primary=allow_primary)
        except BaseException:
            ended_glfw()
            raise
        panel = cls(glfw, monitor, layout, refresh_hz)
        try:
            panel._begin(refreshes)
        except BaseException:
            panel.close()
            raise
        return panel

    def _begin(self, refreshes: int) -> None:
        os.environ.setdefault(NO_QUEUE, "1")
        os.environ.setdefault(WHICH_REFRESH, self.monitor.connector)
        _check_server()
        self._check_rate(refreshes)
        self._handle = monitor_handle(self._glfw, self.monitor)
        self._straighten_gamma()
        self._window = self._opened(refreshes)
        self._drawing = Drawing(self._layout)
        self._drawing.check_exact()
        self._measure()

    def close(self) -> None:
        """Close the window and give the monitor its old gamma ramp back."""
        if self._glfw is None:
            return
        if self._drawing is not None:
            self._drawing.release()
        if self._window is not None:
            self._glfw.destroy_window(self._window)
        self._glfw = self._window = None
        ended_glfw()

    def rest(self) -> None:
        """Answer the system's events, and draw the frame again if the system has painted over it."""
        self._glfw.poll_events()
        if self._damaged and self._shown is not None:
            self._draw(self._shown)
            self._swap()
        self._damaged = False

    def _check_rate(self, refreshes: int) -> None:
        if refreshes < 1:
            raise InputError(f"a frame stands for {refreshes} refreshes, expected 1 or more")
        mode_hz = self.monitor.refresh_hz
        if mode_hz and abs(self.refresh_hz * refreshes / mode_hz - 1) > REFRESH_TOLERANCE:
            raise RigError(
                f"{self.refresh_hz:g} new frames a second, each for {refreshes} refreshes, are not the "
                f"{mode_hz:.4g} Hz of its mode",
                where=str(self.monitor),
                remedy="set the panel's mode, or the rate that the rig is told",
            )

    def _straighten_gamma(self) -> None:
        """Set a gamma ramp that changes nothing, and check that the monitor has taken it."""
        glfw = self._glfw
        glfw.NORMALIZE_GAMMA_RAMPS = False
        ramp = glfw.get_gamma_ramp(self._handle)
        steps = len(ramp.red) if ramp is not None else 0
        if steps < 2:
            raise RigError("has no gamma ramp that could be checked", where=str(self.monitor))
        # set even a straight ramp: only then GLFW restores it at the end if another program changes it meanwhile
        glfw.set_gamma_ramp(self._handle, (straight_ramp(steps),) * 3)
        deviation = ramp_deviation(glfw, self._handle)
        if deviation is None or deviation > STRAIGHT:
            raise RigError(
                "its gamma ramp cannot be made straight"
                + ("" if deviation is None else f": it bends grey levels by {deviation:.1%}"),
                where=str(self.monitor),
                remedy="switch off night light, colour profiles and calibration of this monitor",
            )

    def _opened(self, refreshes: int) -> Any:
        glfw, monitor = self._glfw, self.monitor
        mode = glfw.get_video_mode(self._handle)
        hints = {
            glfw.CONTEXT_VERSION_MAJOR: 3,
            glfw.CONTEXT_VERSION_MINOR: 3,
            glfw.OPENGL_PROFILE: glfw.OPENGL_CORE_PROFILE,
            glfw.OPENGL_FORWARD_COMPAT: True,
            glfw.RED_BITS: 8,
            glfw.GREEN_BITS: 8,
            glfw.BLUE_BITS: 8,
            glfw.SAMPLES: 0,
            glfw.REFRESH_RATE: mode.refresh_rate,
            glfw.DOUBLEBUFFER: True,
            glfw.SCALE_TO_MONITOR: False,
            glfw.AUTO_ICONIFY: False,
            glfw.FOCUSED: False,
            glfw.FOCUS_ON_SHOW: False,
            glfw.DECORATED: False,
        }
        for hint, value in hints.items():
            glfw.window_hint(hint, value)
        window = glfw.create_window(monitor.width, monitor.height, "holodriver panel", self._handle, None)
        if not window:
            raise RigError(
                "no window with OpenGL 3.3 and 8 bits a colour could be opened on the panel's monitor",
                where=str(monitor),
                remedy="is the graphics driver installed?",
            )
        self._window = window
        glfw.make_context_current(window)
        glfw.swap_interval(refreshes)
        glfw.set_input_mode(window, glfw.CURSOR, glfw.CURSOR_HIDDEN)
        # keys, clicks and the closing of the window have no effect; events that spoil the picture end the play
        glfw.set_window_close_callback(window, lambda window: glfw.set_window_should_close(window, False))
        glfw.set_framebuffer_size_callback(window, self._resized)
        glfw.set_window_iconify_callback(window, self._iconified)
        glfw.set_window_refresh_callback(window, self._painted_over)
        glfw.set_monitor_callback(self._monitors_changed)
        glfw.poll_events()
        self._resized(window, *glfw.get_framebuffer_size(window))
        self._raise_trouble()
        return window

    def _resized(self, window: Any, width: int, height: int) -> None:
        if (width, height) != (self.monitor.width, self.monitor.height):
            self._trouble = f"its window has {width} × {height} pixels; set the desktop's scaling to 100 %"

    def _iconified(self, window: Any, iconified: int) -> None:
        self._trouble = "its window was minimised" if iconified else self._trouble

    def _painted_over(self, window: Any) -> None:
        self._damaged = True

    def _monitors_changed(self, handle: Any, event: int) -> None:
        self._trouble = "a monitor was plugged in or out"

    def _raise_trouble(self) -> None:
        if self._trouble is not None:
            raise RigError(self._trouble, where=str(self.monitor))

    def _measure(self) -> None:
        """Measure the rate of swaps and whether they wait for the monitor's refresh; the panel is black meanwhile."""
        times = []
        for _ in range(SWAPS):
            self._drawing.black()
            self._swap()
            times.append(time.perf_counter())
        shorter, period, longer = quantiles([after - before for before, after in pairwise(times)])
        self.measured_refresh_hz = 1 / period
        # swaps on a busy machine may happen to be as slow as refreshes, but not as regular
        regular = longer - shorter <= 2 * THROTTLED * self.period_s
        self.synchronised = regular and abs(period / self.period_s - 1) <= THROTTLED

    def _keep_hw(self, frame: np.ndarray) -> object:
        return self._drawing.texture(frame)

    def _flip_hw(self, frame: np.ndarray) -> None:
        self._flip_kept_hw(self._drawing.uploaded(frame))

    def _flip_kept_hw(self, handle: Any) -> None:
        self._glfw.poll_events()
        self._raise_trouble()
        self._draw(handle)
        if not self.synchronised:
            self._wait_for_the_clock()
        self._swap()

    def _draw(self, handle: Any) -> None:
        self._drawing.draw(handle)
        self._shown, self._damaged = handle, False

    def _swap(self) -> None:
        self._glfw.swap_buffers(self._window)
        self._drawing.finish()  # returns once the swap has been done

    def _wait_for_the_clock(self) -> None:
        """Wait by the clock if swaps do not wait for refreshes: frames must not come faster than lasers can follow."""
        now = time.perf_counter()
        due = now if self._last_s is None else self._last_s + self.period_s
        if due > now:
            time.sleep(due - now)
        # stay on the grid of periods, unless this swap is too late
        self._last_s = max(due, time.perf_counter() - 0.1 * self.period_s)

    def _forget_hw(self) -> None:
        """Prepare for a play: make the gamma ramp straight if a night light or a colour profile has bent it."""
        self._last_s = None
        deviation = ramp_deviation(self._glfw, self._handle)
        if deviation is None or deviation > STRAIGHT:
            self._straighten_gamma()


def _check_server() -> None:
    if x_outputs()[1]:
        raise RigError(
            "this desktop runs on Wayland, which lets no program choose pixels, gamma or time of a flip",
            remedy="log in to a session of X11 ('Xorg' on the login screen)",
        )
