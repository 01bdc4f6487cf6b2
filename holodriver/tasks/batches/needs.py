"""Memory and time that units of work need, estimated from their size before anything starts."""

from holodriver.farm.unit import Needs
from holodriver.synthesis.holding import least_bytes

PROCESS = 350 << 20
"""Memory of a process with Python, torch and Numba before it loads any picture, bytes."""

BLENDER = 450 << 20
"""Memory of a child Blender before it renders, with a scene of a few objects, bytes; big scenes need more."""

BLENDER_A_PIXEL = 700
"""Memory that Blender needs for each rendered pixel, bytes: 32-bit passes, and those of the denoiser."""

RAW_A_PIXEL = 5 * 4
"""Size of a pixel in Blender's raw files, bytes: four channels and depth, 32 bits each."""

STACK_A_PIXEL = 3 * 2 + 4
"""Size of a pixel of one plane in a focal stack's files, bytes: three 16-bit colours and 32-bit depth."""

READ_A_PIXEL = 4 * 4
"""Memory for a pixel of one plane of a focal stack, bytes."""

FIELD_A_PIXEL = 8
"""Memory for a pixel of a wave field, bytes for each colour."""

PHOTO_A_PIXEL = 200
"""Memory for a pixel of a photo while its depth is refined, bytes."""

PAIR_A_PIXEL = 2 + 2 * 3 * 2
"""Size on disk of a pixel of the photo's depth picture and side-by-side picture together, bytes; hardly compressed."""

VIEW_A_PIXEL = 400
"""Memory for a pixel of one view while it is warped, bytes, layers and samples included."""


def stack_needs(width: int, height: int, planes: int, depth_samples: int) -> Needs:
    """Memory and disk space needed to render one focal stack."""
    pixels = width * height
    return Needs(
        memory=PROCESS + BLENDER + pixels * BLENDER_A_PIXEL,
        disk=pixels * STACK_A_PIXEL * (planes + 1),
        scratch=pixels * RAW_A_PIXEL * (depth_samples + 2),
    )


def hologram_needs(pixels: int, planes: int, colours: int) -> Needs:
    """Memory and disk space needed to compute one hologram, with the optimiser's smallest memory setting."""
    stack = pixels * READ_A_PIXEL * (planes + 1)
    work = least_bytes(pixels, complex_bytes=FIELD_A_PIXEL, threads=1) + colours * pixels * FIELD_A_PIXEL
    return Needs(memory=PROCESS + stack + work, disk=colours * pixels * FIELD_A_PIXEL)


def photo_needs(pixels: int, networks: int) -> Needs:
    """Memory and disk space needed to estimate the depth of a photo.

    Args:
        pixels: number of pixels of the photo.
        networks: total size of the networks' weights, bytes.
    """
    return Needs(memory=PROCESS + 2 * networks + pixels * PHOTO_A_PIXEL, disk=pixels * PAIR_A_PIXEL, scratch=0)


def quilt_needs(width: int, height: int, views: int) -> Needs:
    """Memory and disk space needed to warp a quilt of `width` × `height` pixels."""
    pixels = width * height
    return Needs(memory=PROCESS + pixels * 3 + pixels // max(1, views) * VIEW_A_PIXEL, disk=pixels * 3)


def rendered_quilt_needs(width: int, height: int, views: int) -> Needs:
    """Memory and disk space needed to render a quilt of `width` × `height` pixels with Blender."""
    pixels = width * height
    return Needs(
        memory=PROCESS + pixels * 3 + BLENDER + pixels // max(1, views) * BLENDER_A_PIXEL,
        disk=pixels * 3,
        scratch=pixels // max(1, views) * 2 * 3 * 2,
    )
