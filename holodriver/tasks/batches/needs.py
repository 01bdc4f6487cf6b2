"""What units of work take, estimated from their size before anything starts."""

from holodriver.farm.unit import Needs
from holodriver.synthesis.holding import least_bytes

PROCESS = 350 << 20
"""Bytes of a process with Python, torch and Numba, before it holds a picture."""

BLENDER = 450 << 20
"""Bytes of a child Blender before it renders, with a scene of a few objects; big scenes take more."""

BLENDER_A_PIXEL = 700
"""Bytes for each pixel that it renders: passes in 32 bits, and those of the denoiser."""

RAW_A_PIXEL = 5 * 4
"""Bytes of a pixel as Blender writes it: four channels and depth in 32 bits."""

STACK_A_PIXEL = 3 * 2 + 4
"""Bytes of a pixel of a focal stack: three halves and a float."""

READ_A_PIXEL = 4 * 4
"""Bytes of a pixel of a focal stack in memory."""

FIELD_A_PIXEL = 8
"""Bytes of a pixel of a wave field, each colour."""

PHOTO_A_PIXEL = 200
"""Bytes of a pixel of a photo while its depth is refined."""

PAIR_A_PIXEL = 2 + 2 * 3 * 2
"""Bytes of a pixel of a photo, of its depth picture and of its pair, hardly compressed."""

VIEW_A_PIXEL = 400
"""Bytes of a pixel of one view while it is warped, with its layers and samples."""


def stack_needs(width: int, height: int, planes: int, depth_samples: int) -> Needs:
    """Of rendering one focal stack."""
    pixels = width * height
    return Needs(
        memory=PROCESS + BLENDER + pixels * BLENDER_A_PIXEL,
        disk=pixels * STACK_A_PIXEL * (planes + 1),
        scratch=pixels * RAW_A_PIXEL * (depth_samples + 2),
    )


def hologram_needs(pixels: int, planes: int, colours: int) -> Needs:
    """Of the hologram of a focal stack, when the optimiser holds as little as it can."""
    stack = pixels * READ_A_PIXEL * (planes + 1)
    work = least_bytes(pixels, complex_bytes=FIELD_A_PIXEL, threads=1) + colours * pixels * FIELD_A_PIXEL
    return Needs(memory=PROCESS + stack + work, disk=colours * pixels * FIELD_A_PIXEL)


def photo_needs(pixels: int, networks: int) -> Needs:
    """Of the RGB-D of a photo.

    Args:
        networks: bytes of their weights.
    """
    return Needs(memory=PROCESS + 2 * networks + pixels * PHOTO_A_PIXEL, disk=pixels * PAIR_A_PIXEL, scratch=0)


def quilt_needs(width: int, height: int, views: int) -> Needs:
    """Of a quilt of so many pixels."""
    pixels = width * height
    return Needs(memory=PROCESS + pixels * 3 + pixels // max(1, views) * VIEW_A_PIXEL, disk=pixels * 3)


def rendered_quilt_needs(width: int, height: int, views: int) -> Needs:
    """Of a quilt of views that Blender renders."""
    pixels = width * height
    return Needs(
        memory=PROCESS + pixels * 3 + BLENDER + pixels // max(1, views) * BLENDER_A_PIXEL,
        disk=pixels * 3,
        scratch=pixels // max(1, views) * 2 * 3 * 2,
    )
