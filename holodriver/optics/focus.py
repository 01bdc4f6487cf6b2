"""Focal planes and blur circles: where the planes stand, and which aperture makes blur linear between them.

Normalised depth t is 0 at the near focal plane and 1 at the far one. Blur must be linear and symmetric in t, because a
wave field spreads symmetrically to both sides of a plane. Two cameras do so exactly:

- ``"dioptric"``, a perspective camera of constant aperture: t is linear in 1/z, the far plane may be at infinity;
- ``"linear"``, an orthographic (telecentric) camera whose aperture grows with the focus distance: t is linear in z.

Needs numpy alone, so that Blender's Python can use it.
"""

import math
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holodriver.errors import InputError, check, numbers, one_of

Mapping = Literal["dioptric", "linear"]
"""How metric depth becomes normalised depth."""

MAPPINGS: tuple[str, ...] = get_args(Mapping)
Array = NDArray[np.float64]


def check_range(near: float, far: float, mapping: Mapping) -> None:
    """Refuse a depth range that has no focal planes.

    Args:
        near: distance of the near focal plane along the optical axis, m.
        far: that of the far one, m; infinity is legal in the dioptric mapping.
        mapping: "dioptric" or "linear".

    Raises:
        InputError: names the argument.
    """
    check("mapping", mapping, one_of(*MAPPINGS))
    check("near", near, numbers(above=0, kind="metres"))
    if not far > near:
        raise InputError(f"far is {far:g} m, expected a distance above near = {near:g} m")
    if mapping == "linear" and not math.isfinite(far):
        raise InputError("far is infinite, which the linear mapping cannot divide", remedy="give a finite far plane")


def positions(planes: int) -> Array:
    """Normalised depths (N,) of `planes` focal planes, equally spaced from 0 to 1.

    Raises:
        InputError: fewer than 2 planes.
    """
    if isinstance(planes, bool) or planes != int(planes) or planes < 2:
        raise InputError(f"planes is {planes!r}, expected a whole number from 2")
    return np.linspace(0.0, 1.0, int(planes))


def normalised_depth(z: ArrayLike, near: float, far: float, mapping: Mapping) -> Array:
    """Normalised depth t of metric depth `z`; below 0 or above 1 outside the range, the caller clips.

    Args:
        z: metric depth along the optical axis (not along the ray), m, above 0; infinity is legal where `far` may be.
        near: distance of t = 0, m.
        far: distance of t = 1, m.
        mapping: "dioptric" (linear in 1/z) or "linear" (linear in z).

    Raises:
        InputError: the range is empty or the mapping unknown.
    """
    check_range(near, far, mapping)
    z = np.asarray(z, dtype=np.float64)
    if mapping == "linear":
        return (z - near) / (far - near)
    with np.errstate(divide="ignore"):
        return (1 / near - 1 / z) / (1 / near - 1 / far)


def metric_depth(t: ArrayLike, near: float, far: float, mapping: Mapping) -> Array:
    """Metric depth (m) of normalised depth `t`: the inverse of `normalised_depth`.

    Raises:
        InputError: the range is empty or the mapping unknown.
    """
    check_range(near, far, mapping)
    t = np.asarray(t, dtype=np.float64)
    if mapping == "linear":
        return near + (far - near) * t
    with np.errstate(divide="ignore"):
        return 1 / (1 / near + (1 / far - 1 / near) * t)


def perspective_aperture(
    near: float, far: float, coc_max: float, focal_length: float, sensor: float, pixels: int
) -> float:
    """Aperture diameter A (m) of a perspective camera, the same for all focal planes.

    A thin lens focused at F blurs a point at z to A · f · (pixels/sensor) · |1/F − 1/z| pixels (Cycles ignores the
    shift of the sensor on focusing, so that magnification does not change); between near and far this is `coc_max`.

    Args:
        near, far: distances of the first and the last focal plane, m; `far` may be infinity.
        coc_max: blur circle diameter between them, pixels.
        focal_length, sensor: of the camera, in one common unit (Blender: mm); `sensor` along the fitted axis.
        pixels: of the image along that axis.

    Raises:
        InputError: the range is empty, or an argument is not above 0.
    """
    check_range(near, far, "dioptric")
    _check_positive(coc_max=coc_max, focal_length=focal_length, sensor=sensor, pixels=pixels)
    return coc_max * sensor / (pixels * focal_length * (1 / near - 1 / far))


def orthographic_aperture(
    focus_distance: float, near: float, far: float, coc_max: float, view_width: float, pixels: int
) -> float:
    """Aperture diameter A (m) of a telecentric camera focused at `focus_distance`.

    Cycles blurs a point at z to A · |1 − z/F| metres in an orthographic camera; with A proportional to F this is
    |F − z| times a constant: linear in metric depth and symmetric, at any distance of the camera.

    Args:
        focus_distance: F, m.
        near, far: distances of the first and the last focal plane, m.
        coc_max: blur circle diameter between them, pixels.
        view_width: width of the view along the fitted axis (Blender: ortho_scale), m.
        pixels: of the image along that axis.

    Raises:
        InputError: the range is empty, or an argument is not above 0.
    """
    check_range(near, far, "linear")
    _check_positive(focus_distance=focus_distance, coc_max=coc_max, view_width=view_width, pixels=pixels)
    return coc_max * view_width / pixels * focus_distance / (far - near)


def perspective_f_number(aperture: float, focal_length: float) -> float:
    """Blender's f-stop for an aperture diameter (m) and a focal length (m): N = f / A."""
    _check_positive(aperture=aperture, focal_length=focal_length)
    return focal_length / aperture


def orthographic_f_number(aperture: float) -> float:
    """Blender's f-stop for an aperture diameter (scene units) of an orthographic camera.

    Cycles takes the focal length of an orthographic camera as one scene unit (lens radius = 1 / (2 N)).
    """
    _check_positive(aperture=aperture)
    return 1 / aperture


def _check_positive(**values: float) -> None:
    for name, value in values.items():
        check(name, value, numbers(above=0))
