"""Layout of arrays from other programs: the order of their axes, and the meaning of their numbers."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import InputError

Layout = Literal["HW", "CHW", "HWC"]
"""Order of an array's axes: C colours, H height, W width."""

Meaning = Literal["complex", "phase", "amplitude"]
"""Meaning of the numbers in an array or a picture."""


def to_colours(array: NDArray, colours: int, layout: Layout | None = None) -> tuple[NDArray, Layout]:
    """An array as (C, H, W), and its original order of axes; leading axes of length 1 are removed.

    Args:
        array: (H, W), (C, H, W) or (H, W, C).
        colours: number of colours C.
        layout: order of the axes; None: found from the number of colours.

    Raises:
        InputError: the shape fits no order of the axes, or more than one.
    """
    given = array.shape
    while array.ndim > 3 and array.shape[0] == 1:
        array = array[0]
    fits: list[Layout] = []
    if array.ndim == 2 and colours == 1:
        fits.append("HW")
    if array.ndim == 3 and array.shape[0] == colours:
        fits.append("CHW")
    if array.ndim == 3 and array.shape[2] == colours:
        fits.append("HWC")
    if layout is not None:
        fits = [one for one in fits if one == layout]
    if not fits:
        expected = "(H, W), (C, H, W) or (H, W, C)" if layout is None else f"({', '.join(layout)})"
        raise InputError(
            f"the array has shape {given}, expected {expected} with C = {colours}, one for each wavelength",
            remedy="give one wavelength for each colour",
        )
    if len(fits) > 1:
        raise InputError(
            f"the array has shape {given}, in which the {colours} colours may be the first or the last axis",
            remedy="give the layout, CHW or HWC",
        )
    order = fits[0]
    if order == "HW":
        return array[None], order
    return (array if order == "CHW" else np.moveaxis(array, -1, 0)), order
