"""Test pictures for a panel, which show how frames are turned and what the video signal does to pixels."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import InputError, check_fields, numbers

Levels = NDArray[np.uint8]
SMALLEST = (48, 64)
"""Smallest shape (h, w) of a picture, panel pixels; in a smaller picture, some fields would have no pixels."""

DARK_STEPS = (2, 4, 6, 8, 10, 12, 14, 16)
"""Dark grey levels that a limited range (16 to 235) turns into black."""
BRIGHT_STEPS = tuple(255 - level for level in DARK_STEPS)
"""Bright grey levels that a limited range turns into white."""
MIDDLE_STEPS = tuple(range(124, 132))
"""Neighbouring grey levels, of which a panel of 6 bits shows only two."""


@dataclass(frozen=True)
class PatternSettings:
    """Settings of a pattern."""

    level: int = 128
    """Grey level of an even field, 0 to 255."""
    low: int = 0
    """Darker grey level, 0 to 255."""
    high: int = 255
    """Brighter grey level, 0 to 255."""
    period: int = 8
    """Period of a grating or a checkerboard, panel pixels."""
    axis: Literal["x", "y"] = "x"
    """Axis along which a grating changes."""

    def __post_init__(self) -> None:
        grey = numbers(0, 255, whole=True, kind="a grey level")
        check_fields(self, "pattern", level=grey, low=grey, high=grey, period=numbers(2, whole=True, kind="pixels"))


class Field(NamedTuple):
    """A named rectangle of a pattern, as slices of rows and columns."""

    name: str
    rows: slice
    columns: slice


def _grey(shape: tuple[int, int], chosen: PatternSettings) -> Levels:
    return np.full(shape, chosen.level, np.uint8)


def _checker(shape: tuple[int, int], chosen: PatternSettings) -> Levels:
    rows, columns = np.indices(shape) // max(1, chosen.period // 2)
    return np.where((rows + columns) % 2, chosen.high, chosen.low).astype(np.uint8)


def _grating(shape: tuple[int, int], chosen: PatternSettings) -> Levels:
    along = np.indices(shape)[1 if chosen.axis == "x" else 0]
    return np.where(along % chosen.period < chosen.period // 2, chosen.high, chosen.low).astype(np.uint8)


def _sine(shape: tuple[int, int], chosen: PatternSettings) -> Levels:
    along = np.indices(shape)[1 if chosen.axis == "x" else 0]
    wave = 0.5 + 0.5 * np.cos(2 * np.pi * along / chosen.period)
    return np.rint(chosen.low + (chosen.high - chosen.low) * wave).astype(np.uint8)


def _pixels(shape: tuple[int, int], chosen: PatternSettings) -> Levels:
    picture = np.full(shape, chosen.low, np.uint8)
    step = 4 * chosen.period
    picture[step // 2 :: step, step // 2 :: step] = chosen.high
    picture[:: shape[0] - 1, :: shape[1] - 1] = chosen.high
    return picture


def _crosses(shape: tuple[int, int], chosen: PatternSettings) -> Levels:
    picture = np.full(shape, chosen.low, np.uint8)
    arm = max(3, min(shape) // 20)
    for row in (1, 3, 5):
        for column in (1, 3, 5):
            y, x = shape[0] * row // 6, shape[1] * column // 6
            picture[y, x - arm : x + arm + 1] = chosen.high
            picture[y - arm : y + arm + 1, x] = chosen.high
    # a block in the first quadrant of the first cross tells every rotation and mirror image from every other
    y, x = shape[0] // 6, shape[1] // 6
    picture[y - arm : y - arm // 3, x + arm // 3 + 1 : x + 2 * arm] = chosen.high
    return picture


def _sync(shape: tuple[int, int], chosen: PatternSettings) -> Levels:
    picture = np.full(shape, chosen.low, np.uint8)
    side = max(2, min(shape) // 10)
    for rows in (slice(0, side), slice(-side, None)):
        for columns in (slice(0, side), slice(-side, None)):
            picture[rows, columns] = chosen.high
    return picture


def _signal(shape: tuple[int, int], chosen: PatternSettings) -> Levels:
    picture = np.zeros((*shape, 3), np.uint8)
    fields = {field.name: field for field in signal_fields(shape)}
    picture[: shape[0] // 3, shape[1] // 2 :] = 255
    for level in (*DARK_STEPS, *BRIGHT_STEPS, *MIDDLE_STEPS):
        field = fields[f"level {level}"]
        picture[field.rows, field.columns] = level
    rows, columns = np.indices(shape)
    for name, phase in (("columns", columns), ("rows", rows), ("wide columns", columns // 2), ("mixed", None)):
        field = fields[name]
        part = picture[field.rows, field.columns]
        if phase is None:
            part[...] = (128, 0, 128)
            continue
        blue = phase[field.rows, field.columns] % 2
        part[..., 0], part[..., 2] = 255 * (1 - blue), 255 * blue
    return picture


def signal_fields(shape: tuple[int, int]) -> list[Field]:
    """List the fields of the pattern `signal` for a shape (h, w), panel pixels."""
    height, width = shape
    third = height // 3
    fields = []
    for first, levels in ((0, DARK_STEPS), (width // 2, BRIGHT_STEPS)):
        step = (width // 2) // len(levels)
        for number, level in enumerate(levels):
            left = first + number * step + step // 4
            rows, columns = slice(third // 4, third - third // 4), slice(left, left + max(1, step // 2))
            fields.append(Field(f"level {level}", rows, columns))
    quarter = width // 4
    for number, name in enumerate(("columns", "rows", "wide columns", "mixed")):
        fields.append(Field(name, slice(third, 2 * third), slice(number * quarter, (number + 1) * quarter)))
    eighth = width // len(MIDDLE_STEPS)
    for number, level in enumerate(MIDDLE_STEPS):
        fields.append(Field(f"level {level}", slice(2 * third, height), slice(number * eighth, (number + 1) * eighth)))
    return fields


class Pattern(NamedTuple):
    """A kind of test picture."""

    draw: Callable[[tuple[int, int], PatternSettings], Levels]
    what: str
    """Description of the picture."""
    reading: str
    """What a person sees in the picture on a good and on a bad panel."""


Name = Literal["grey", "checker", "grating", "sine", "pixels", "crosses", "sync", "signal"]

PATTERNS = {
    "grey": Pattern(_grey, "one grey level (--level)", "An even field; a power meter reads the panel's response."),
    "checker": Pattern(_checker, "squares of half a --period", "Sharp edges all over: nothing scales the picture."),
    "grating": Pattern(_grating, "bars of half a --period along --axis", "Orders of diffraction at wavelength/period."),
    "sine": Pattern(_sine, "a sinusoidal grating", "With a linear response, one order on either side and no second."),
    "pixels": Pattern(
        _pixels,
        "single pixels, four periods apart, and in the four corners",
        "Each point is one pixel, neither blurred nor doubled. If all four corners are seen, nothing is cut off.",
    ),
    "crosses": Pattern(
        _crosses,
        "nine crosses, a block in the upper right quadrant of the first",
        "If the crosses of all colours coincide, the colours are registered. The block is at the top left cross, "
        "unless the picture is turned.",
    ),
    "sync": Pattern(
        _sync,
        "squares in the corners; on a monitor bright in every second frame",
        "A photodiode on a square sees half the refresh rate; a gap or a double step is a dropped frame. Corners that "
        "differ show when the panel is written, line by line.",
    ),
    "signal": Pattern(
        _signal,
        "tells limited range, chroma subsampling, dithering and frame-rate control from full-range RGB",
        "Top: eight steps on black and eight on white. If no steps are seen, the range is limited (16 to 235). "
        "Middle: red and blue lines: vertical and horizontal lines of one pixel, vertical lines of two pixels, and the "
        "mix of both colours. Vertical lines in two shades of one colour instead of red and blue mean chroma "
        "subsampling (4:2:2); if horizontal lines look like that, too, it is 4:2:0. In red light the blue lines are as "
        "dark as black, unless subsampled. "
        "Bottom: eight even fields of neighbouring levels. Two fields instead of eight mean 6 bits. A texture that "
        "stands still means dithering; a texture that differs between two short exposures (or beats at a part of the "
        "refresh rate on a photodiode) means frame-rate control. Full-range RGB shows all steps, all lines and even "
        "fields.",
    ),
}


def draw_pattern(name: str, shape: tuple[int, int], chosen: PatternSettings | None = None) -> Levels:
    """Draw a test picture.

    Args:
        name: name of the pattern, a key of `PATTERNS`.
        shape: shape (h, w) of the panel, panel pixels.
        chosen: settings of the pattern.

    Returns:
        Grey levels (h, w), or (h, w, 3) for red, green and blue.

    Raises:
        InputError: there is no such pattern, or the panel has too few pixels.
    """
    if name not in PATTERNS:
        raise InputError(f"there is no pattern '{name}': {', '.join(PATTERNS)}")
    if shape[0] < SMALLEST[0] or shape[1] < SMALLEST[1]:
        raise InputError(f"{shape[1]} × {shape[0]} pixels are too few, expected {SMALLEST[1]} × {SMALLEST[0]} or more")
    return PATTERNS[name].draw(shape, chosen or PatternSettings())
