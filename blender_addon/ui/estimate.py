# SPDX-License-Identifier: GPL-3.0-or-later
"""What a render will cost, before it starts: time and disk.

The first figures are those of the demo scene on one core of a server; after the first render the pace of the artist's
own scene and machine takes their place.
"""

from dataclasses import dataclass

SAMPLE_S = 2.3e-6
"""Processor seconds of one sample of one pixel (demo scene, Cycles on one core, depth of field on)."""

DENOISE_S = 2.2e-5
"""Processor seconds of denoising one pixel (OpenImageDenoise, accurate prefilter)."""

SHIFT_S = 2.5e-7
"""Processor seconds of adding one pixel of a view to one plane in the refocus route (three colours)."""

START_S = 4.0
"""Seconds until a child Blender renders."""

RAW_BYTES = 5 * 4
"""Bytes of one pixel as Blender writes it: four channels and depth, 32 bits, hardly compressed where it is noisy."""

STACK_BYTES = 3 * 2 + 4
"""Bytes of one pixel of a focal stack: three halves and a float."""


@dataclass(frozen=True)
class Work:
    """What is to be rendered."""

    width: int
    height: int
    samples: int
    planes: int
    """Varifocal images; 0 for an RGB-D image."""
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
        """Number of colour images of one frame, the all-in-focus one included."""
        return self.planes + 1

    def processor_seconds(self) -> float:
        """Seconds that all frames would take with the demo scene on one core."""
        denoising = DENOISE_S if self.denoise else 0.0
        depths = (self.planes * self.depth_samples + 1) * SAMPLE_S
        if self.views:
            # views with a border of some 15 % together, and one sharp image of more samples; each view is added to
            # the spectra of all planes
            light = (16 * 1.3 + 4) * self.samples * SAMPLE_S + denoising + self.views * self.planes * SHIFT_S
        else:
            light = self.colour_images * (self.samples * SAMPLE_S + denoising)
        return self.frames * self.pixels * (light + depths)

    def seconds(self, cores: int, pace: float = 1.0) -> float:
        """How long it takes, s.

        Args:
            cores: that render side by side.
            pace: measured over estimated time of an earlier render of this scene; 1 before there was one.
        """
        starts = START_S * (self.frames if self.planes else 1)
        return starts + self.processor_seconds() * pace / max(1, cores)

    def scratch_bytes(self) -> int:
        """What lies on the disk at most while one frame renders (an RGB-D sequence: the depths of all), bytes."""
        if self.planes:
            return self.pixels * RAW_BYTES * (self.colour_images + self.depth_samples + 1)
        return self.pixels * (RAW_BYTES + self.frames * RAW_BYTES // 2)

    def result_bytes(self) -> int:
        """What stays, bytes."""
        if self.planes:
            return self.frames * self.pixels * STACK_BYTES * self.colour_images
        return self.frames * self.pixels * 2 * 3 * 2  # both halves, 16-bit

    def disk_bytes(self) -> int:
        """What must be free before it starts."""
        return self.scratch_bytes() + self.result_bytes()


def in_words(seconds: float) -> str:
    """A duration as people say it, such as "2 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def size_in_words(count: float) -> str:
    """A size as people say it, such as "1.4 GB"."""
    for limit, unit in ((1e9, "GB"), (1e6, "MB")):
        if count >= limit:
            return f"{count / limit:.1f} {unit}"
    return f"{count / 1e3:.0f} kB"
