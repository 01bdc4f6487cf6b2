"""A panel that is a monitor: a window over all of it, in which a frame's pixels are the panel's."""

import time
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np

from holodriver.errors import RigError
from holodriver.rig.monitors import Monitor, chosen_monitor, monitors, started_glfw
from holodriver.rig.panel import Panel

SWAPS = 12
"""Swaps by which it is found out whether they wait for the monitor's refresh."""

_VERTEX = """
#version 330 core
void main() {
    vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0;
    gl_Position = vec4(corner, 0.0, 1.0);
}
"""

_FRAGMENT = """
#version 330 core
uniform sampler2D frame;
uniform bool packed_colours;
out vec4 shown;
void main() {
    ivec2 size = textureSize(frame, 0);
    ivec2 pixel = ivec2(gl_FragCoord.xy);
    vec4 texel = texelFetch(frame, ivec2(pixel.x, size.y - 1 - pixel.y), 0);
    shown = packed_colours ? vec4(texel.rgb, 1.0) : vec4(texel.rrr, 1.0);
}
"""


class WindowPanel(Panel):
    """A monitor as panel, for the process that makes it.

    Args:
        selector: EDID name, connector or index of the monitor.
        native_shape: panel pixels (h, w), which must be those of its present mode.
        refresh_hz: new frames a second; a whole fraction of the monitor's refreshes.
        allow_primary: take even the primary monitor.
        packed: frames are (h, w, 3).
        refreshes: refreshes for which a frame stands at least.

    Raises:
        RigError: there is no such monitor, it is the primary one, or it would not show pixels as they are.
    """

    def __init__(
        self,
        selector: str,
        native_shape: tuple[int, int],
        refresh_hz: float,
        *,
        allow_primary: bool = False,
        packed: bool = False,
        refreshes: int = 1,
    ):
        super().__init__(native_shape, refresh_hz, packed=packed)
        self._glfw = started_glfw()
        self.monitor = usable_monitor(selector, native_shape, allow_primary=allow_primary)
        self._window = self._opened(refreshes)
        self._context, self._texture, self._quad = self._pipeline()
        self._last_s: float | None = None
        self.synchronised = True
        self.synchronised = self._measured()

    def _measured(self) -> bool:
        """Whether swaps wait for the monitor's refresh; shows nothing but black meanwhile."""
        black = np.zeros((*self.native_shape, 3) if self.packed else self.native_shape, np.uint8)
        times = []
        for _ in range(SWAPS):
            self._flip_hw(black)
            times.append(time.perf_counter())
        return median(after - before for before, after in pairwise(times)) > 0.5 * self.period_s

    def _opened(self, refreshes: int) -> Any:
        glfw, monitor = self._glfw, self.monitor
        handle = glfw.get_monitors()[monitor.index]
        mode = glfw.get_video_mode(handle)
        hints = {
            glfw.CONTEXT_VERSION_MAJOR: 3,
            glfw.CONTEXT_VERSION_MINOR: 3,
            glfw.OPENGL_PROFILE: glfw.OPENGL_CORE_PROFILE,
            glfw.OPENGL_FORWARD_COMPAT: True,
            glfw.RED_BITS: 8,
            glfw.GREEN_BITS: 8,
            glfw.BLUE_BITS: 8,
            glfw.REFRESH_RATE: mode.refresh_rate,
            glfw.AUTO_ICONIFY: False,
            glfw.FOCUSED: False,
            glfw.FOCUS_ON_SHOW: False,
            glfw.DECORATED: False,
            glfw.SAMPLES: 0,
        }
        for hint, value in hints.items():
            glfw.window_hint(hint, value)
        window = glfw.create_window(monitor.width, monitor.height, "holodriver panel", handle, None)
        if not window:
            raise RigError("no window could be opened on the panel's monitor", where=str(monitor))
        glfw.make_context_current(window)
        glfw.swap_interval(refreshes)
        glfw.set_input_mode(window, glfw.CURSOR, glfw.CURSOR_HIDDEN)
        glfw.poll_events()
        size = glfw.get_framebuffer_size(window)
        if size != (monitor.width, monitor.height):
            raise RigError(
                f"the window has {size[0]} × {size[1]} pixels and the monitor {monitor.width} × {monitor.height}",
                where=str(monitor),
                remedy="set the desktop's scaling to 100 %",
            )
        return window

    def _pipeline(self) -> tuple[Any, Any, Any]:
        import moderngl

        context = moderngl.create_context()
        program = context.program(vertex_shader=_VERTEX, fragment_shader=_FRAGMENT)
        program["packed_colours"] = self.packed
        height, width = self.native_shape
        texture = context.texture((width, height), 3 if self.packed else 1, alignment=1)
        texture.filter = moderngl.NEAREST, moderngl.NEAREST
        texture.use(0)
        return context, texture, context.vertex_array(program, [])

    def _flip_hw(self, frame: np.ndarray) -> None:
        glfw, context = self._glfw, self._context
        self._texture.write(np.ascontiguousarray(frame))
        context.screen.use()
        context.viewport = (0, 0, self.monitor.width, self.monitor.height)
        context.disable(context.BLEND)
        self._quad.render(context.TRIANGLES, vertices=3)
        if not self.synchronised:
            self._wait_for_the_clock()
        glfw.swap_buffers(self._window)
        context.finish()  # returns once the swap has been done
        glfw.poll_events()

    def _wait_for_the_clock(self) -> None:
        """Where no refresh holds back a swap, the clock does: nobody may show frames faster than lasers follow."""
        now = time.perf_counter()
        due = now if self._last_s is None else self._last_s + self.period_s
        if due > now:
            time.sleep(due - now)
        # on the grid, unless it is too late for that
        self._last_s = max(due, time.perf_counter() - 0.1 * self.period_s)

    def _forget_hw(self) -> None:
        self._last_s = None


def usable_monitor(selector: str, native_shape: tuple[int, int], *, allow_primary: bool) -> Monitor:
    """The monitor, if it can be the panel.

    Raises:
        RigError: it cannot; says why.
    """
    there = monitors()
    monitor = chosen_monitor(selector, there)
    height, width = native_shape
    if (monitor.width, monitor.height) != (width, height):
        raise RigError(
            f"its mode has {monitor.width} × {monitor.height} pixels, and the panel {width} × {height}",
            where=str(monitor),
            remedy="set its native mode, or the rig file's size",
        )
    if monitor.primary and not allow_primary:
        raise RigError(
            "this is the primary monitor, where people work",
            where=str(monitor),
            remedy="make another one the primary, or set panel.allow_primary in the rig file",
        )
    return monitor


def gamma_deviation(monitor: Monitor) -> float | None:
    """Largest distance of the monitor's gamma ramp from a straight line, 0 to 1; None where there is no ramp."""
    glfw = started_glfw()
    glfw.NORMALIZE_GAMMA_RAMPS = False
    ramp = glfw.get_gamma_ramp(glfw.get_monitors()[monitor.index])
    if ramp is None or len(ramp.red) < 2:
        return None
    values = np.array([ramp.red, ramp.green, ramp.blue], np.float64) / 65535
    # a server without gamma gives whatever its memory holds, which is no ramp
    if (np.diff(values) < 0).any() or (values[:, 0] == values[:, -1]).any():
        return None
    straight = np.linspace(0, 1, values.shape[1])
    return float(np.abs(values - straight).max())
