# SPDX-License-Identifier: GPL-3.0-or-later
"""Estimates of the time and disk space of a render, before it starts.

The constants were measured with the demo scene on one core of a server; after the first render, the measured pace of
the artist's scene and machine corrects them.
"""

from dataclasses import dataclass

SAMPLE_S = 2.3e-6
"""Processor time for one sample of one pixel, s (demo scene, Cycles on one core, depth of field on)."""

DENOISE_S = 2.2e-5
"""Processor time for denoising one pixel, s (OpenImageDenoise, accurate prefilter)."""

SHIFT_S = 2.5e-7
"""Processor time for adding one pixel of a view to one plane in the refocus route, s (three colours)."""

START_S = 4.0
"""Time until a child Blender begins to render, s."""

RAW_BYTES = 5 * 4
"""Size of one pixel in Blender's raw files, bytes: four channels and depth, 32 bits; noise is hardly compressed."""

STACK_BYTES = 3 * 2 + 4
"""Size of one pixel of one plane in a focal stack's files, bytes: three 16-bit colours and 32-bit depth."""


@dataclass(frozen=True)
class Work:
    """Amount of work of a render."""

    width: int
    height: int
    samples: int
    planes: int
    """Number of varifocal images; 0 for an RGB-D image."""
    frames: int = 1
    depth_samples: int = 10
    denoise: bool = True
    views: int = 0
    """Number of views of the refocus route; 0 if each plane is rendered by itself."""

    @property
    def pixels(self) -> int:
        """Number of pixels of one image."""
        return self.width * self.height

    @property
    def colour_images(self) -> int:
        """Number of colour images of one animation frame, including the all-in-focus image."""
        return self.planes + 1

    def processor_seconds(self) -> float:
        """Time that all animation frames would take with the demo scene on one core, s."""
        denoising = DENOISE_S if self.denoise else 0.0
        depths = (self.planes * self.depth_samples + 1) * SAMPLE_S
        if self.views:
            # the views, with a border of about 15 % on both sides together, and one sharp image with more samples; each
            # view is added to the spectra of all planes
            light = (16 * 1.3 + 4) * self.samples * SAMPLE_S + denoising + self.views * self.planes * SHIFT_S
        else:
            light = self.colour_images * (self.samples * SAMPLE_S + denoising)
        return self.frames * self.pixels * (light + depths)

    def seconds(self, cores: int, pace: float = 1.0) -> float:
        """Duration of the render, s.

        Args:
            cores: number of cores that render in parallel.
            pace: ratio of measured to estimated time of an earlier render of this scene; 1 before the first render.
        """
        starts = START_S * (self.frames if self.planes else 1)
        return starts + self.processor_seconds() * pace / max(1, cores)

    def scratch_bytes(self) -> int:
        """Largest disk space of raw files, bytes: those of one frame, or for RGB-D the depth maps of all frames."""
        if self.planes:
            return self.pixels * RAW_BYTES * (self.colour_images + self.depth_samples + 1)
        return self.pixels * (RAW_BYTES + self.frames * RAW_BYTES // 2)

    def result_bytes(self) -> int:
        """Disk space of the results, bytes."""
        if self.planes:
            return self.frames * self.pixels * STACK_BYTES * self.colour_images
        return self.frames * self.pixels * 2 * 3 * 2  # both halves, 16-bit

    def disk_bytes(self) -> int:
        """Free disk space needed before the render starts, bytes."""
        return self.scratch_bytes() + self.result_bytes()


def in_words(seconds: float) -> str:
    """Write a duration in words, such as "2 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def size_in_words(count: float) -> str:
    """Write a number of bytes in words, such as "1.4 GB"."""
    for limit, unit in ((1e9, "GB"), (1e6, "MB")):
        if count >= limit:
            return f"{count / limit:.1f} {unit}"
    return f"{count / 1e3:.0f} kB"
