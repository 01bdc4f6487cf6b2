"""Drawing of a panel's window on the graphics processor, which enlarges, turns and mirrors frames by whole pixels."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import InputError, RigError, check, one_of
from holodriver.rig.settings import ROTATIONS

DITHER, FRAMEBUFFER_SRGB = 0x0BD0, 0x8DB9
"""OpenGL's numbers of the two features that could change grey levels (gl.h, glext.h)."""

_VERTEX = """
#version 330 core
void main() {
    vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0;
    gl_Position = vec4(corner, 0.0, 1.0);
}
"""

_FRAGMENT = """
#version 330 core
uniform usampler2D frame;
out vec4 shown;
void main() {{
    ivec2 native = ivec2(gl_FragCoord.xy);
    ivec2 pixel = ivec2({x}, {y}) / {binning};
    uvec4 levels = texelFetch(frame, pixel, 0);
    shown = vec4(vec3(levels.{channels}) / 255.0, 1.0);
}}
"""


@dataclass(frozen=True)
class Layout:
    """Layout of frames on a panel: frames are turned, then mirrored, then enlarged.

    Raises:
        InputError: the rotation is not by quarters, or the binning does not divide the panel.
    """

    native_shape: tuple[int, int]
    """Shape (h, w) of the panel, panel pixels."""
    rotation: int = 0
    """Rotation, degrees clockwise."""
    flip_horizontal: bool = False
    """Whether frames are mirrored left to right."""
    flip_vertical: bool = False
    """Whether frames are mirrored top to bottom."""
    binning: int = 1
    """Panel pixels along each side of one pixel of a frame."""
    packed: bool = False
    """Whether frames are (h, w, 3), with one colour in each channel."""

    def __post_init__(self) -> None:
        check("rotation", self.rotation, one_of(*ROTATIONS))
        if self.binning < 1 or any(side % self.binning for side in self.native_shape):
            height, width = self.native_shape
            raise InputError(f"binning {self.binning!r} does not divide the panel's {width} × {height} pixels")

    @property
    def frame_shape(self) -> tuple[int, int]:
        """Shape (h, w) of a frame, pixels."""
        height, width = (side // self.binning for side in self.native_shape)
        return (height, width) if self.rotation in (0, 180) else (width, height)

    def shader(self) -> str:
        """Write the fragment shader that looks up the frame pixel of each panel pixel, in whole numbers."""
        height, width = self.native_shape
        # OpenGL counts rows from below; the steps of the layout are undone in reverse order
        across = f"({width - 1} - native.x)" if self.flip_horizontal else "native.x"
        down = "native.y" if self.flip_vertical else f"({height - 1} - native.y)"
        x, y = {
            0: (across, down),
            90: (down, f"({width - 1} - {across})"),
            180: (f"({width - 1} - {across})", f"({height - 1} - {down})"),
            270: (f"({height - 1} - {down})", across),
        }[self.rotation]
        return _FRAGMENT.format(x=x, y=y, binning=self.binning, channels="rgb" if self.packed else "rrr")


def laid_out(frame: NDArray[np.uint8], layout: Layout) -> NDArray[np.uint8]:
    """Lay a frame, (h, w) or (h, w, 3) uint8, on the panel's pixels without a graphics processor."""
    turned = np.rot90(frame, -(layout.rotation // 90))
    turned = turned[:, ::-1] if layout.flip_horizontal else turned
    turned = turned[::-1] if layout.flip_vertical else turned
    return turned.repeat(layout.binning, 0).repeat(layout.binning, 1)


class Drawing:
    """Draws frames into the window whose OpenGL context is current.

    Raises:
        RigError: moderngl is missing, or the graphics driver lacks a feature.
    """

    def __init__(self, layout: Layout):
        try:
            import moderngl
        except ImportError as error:
            raise RigError("moderngl is missing", remedy="pip install holodriver[rig]") from error
        self._layout = layout
        try:
            self._context = context = moderngl.create_context(require=330)
            program = context.program(vertex_shader=_VERTEX, fragment_shader=layout.shader())
        except Exception as error:
            raise RigError(f"the graphics driver refuses: {' '.join(str(error).split())}") from error
        context.disable_direct(DITHER)
        context.disable_direct(FRAMEBUFFER_SRGB)
        context.disable(context.BLEND | context.DEPTH_TEST | context.CULL_FACE)
        height, width = layout.native_shape
        context.screen.use()
        context.viewport = (0, 0, width, height)
        self._triangle = context.vertex_array(program, [])
        self._uploads = [self.texture(np.zeros(self._pixels_shape, np.uint8)) for _ in range(2)]
        self.renderer = str(context.info["GL_RENDERER"])

    @property
    def _pixels_shape(self) -> tuple[int, ...]:
        return (*self._layout.frame_shape, 3) if self._layout.packed else self._layout.frame_shape

    def texture(self, frame: NDArray[np.uint8]) -> Any:
        """Copy a frame into a new texture in the graphics processor's memory."""
        height, width = self._layout.frame_shape
        levels = np.ascontiguousarray(frame)
        texture = self._context.texture(
            (width, height), 3 if self._layout.packed else 1, levels, alignment=1, dtype="u1"
        )
        texture.filter = self._context.NEAREST, self._context.NEAREST
        return texture

    def uploaded(self, frame: NDArray[np.uint8]) -> Any:
        """Copy a frame into one of two textures, used in turn: the other may still be on its way to the panel."""
        self._uploads.reverse()
        self._uploads[0].write(np.ascontiguousarray(frame))
        return self._uploads[0]

    def draw(self, texture: Any) -> None:
        """Draw a frame over the whole window; it is not seen until the swap."""
        texture.use(0)
        self._triangle.render(self._context.TRIANGLES, vertices=3)

    def black(self) -> None:
        """Draw black over the whole window."""
        self._context.clear(0.0, 0.0, 0.0, 1.0)

    def finish(self) -> None:
        """Wait until the graphics processor has finished all commands."""
        self._context.finish()

    def release(self) -> None:
        """Give the graphics processor's memory back."""
        self._context.release()

    def read(self) -> NDArray[np.uint8]:
        """Read back the picture that was drawn and not yet swapped, (h, w, 3) uint8."""
        height, width = self._layout.native_shape
        data = self._context.screen.read(viewport=(0, 0, width, height), components=3, alignment=1)
        _ = self._context.error  # clears the error that reading a window leaves behind, although the data are right
        return np.frombuffer(data, np.uint8).reshape(height, width, 3)[::-1]

    def check_exact(self) -> None:
        """Draw a random frame, read it back and compare, pixel by pixel.

        Raises:
            RigError: pixels differ; the error says how many.
        """
        frame = np.random.default_rng(0).integers(0, 256, self._pixels_shape, np.uint8)
        self.draw(self.uploaded(frame))
        wanted = laid_out(frame, self._layout)
        wrong = (self.read() != (wanted if self._layout.packed else wanted[..., None])).any(axis=2)
        if wrong.any():
            raise RigError(
                f"the graphics driver ({self.renderer}) changed {wrong.sum()} of {wrong.size} pixels of a test frame",
                remedy="switch off anti-aliasing, dithering and colour settings in the driver's own control panel",
            )
