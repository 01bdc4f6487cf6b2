"""Pictures in 8- and 16-bit files; sRGB is decoded on reading and encoded on writing."""

import io
import re
import warnings
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from holodriver.errors import FileFormatError, HolodriverError, InputError
from holodriver.files.atomic import written_file
from holodriver.files.guard import guard
from holodriver.files.guard.source import Source
from holodriver.files.guard.wire import Parsed
from holodriver.optics.colour import srgb_encode

FORMATS = ("JPEG", "MPO", "PNG", "BMP", "TIFF", "WEBP", "GIF", "AVIF", "HEIF", "PPM", "JPEG2000")
"""Formats that are read, by Pillow's names. Pillow knows other formats, some of which start other programs (EPS)."""

MAXIMUM_PIXELS = 178_956_970
"""Largest number of pixels of one picture (Pillow's bound); a larger size is refused before memory is taken for it."""

LARGEST_FILE = 1 << 31
"""Largest file of one picture, bytes."""


def write_picture(path: Path, linear: NDArray[np.floating], *, overwrite: bool = False) -> None:
    """Write linear light as an 8-bit sRGB picture; light outside 0 … 1 is clipped.

    Args:
        linear: (C, H, W); one colour becomes a grey picture; for two colours, the third is dark.

    Raises:
        InputError: more than three colours.
    """
    try:
        pixels = srgb_pixels(linear)
    except InputError as error:
        raise InputError(error.what, where=path) from error
    write_pixels(path, np.ascontiguousarray(pixels[..., ::-1]), overwrite=overwrite)


def srgb_pixels(linear: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Encode linear light (C, H, W), clipped to 0 … 1, as 8-bit sRGB (H, W, 3), red first.

    One colour becomes a grey picture; for two colours, the third is dark.

    Raises:
        InputError: more than three colours.
    """
    colours = linear.shape[0]
    if colours > 3:
        raise InputError(f"{colours} colours do not fit into a picture, which has at most 3")
    if colours == 1:
        linear = np.repeat(linear, 3, axis=0)
    elif colours == 2:
        linear = np.concatenate([linear, np.zeros_like(linear[:1])])
    return np.ascontiguousarray(np.rint(srgb_encode(linear) * 255).astype(np.uint8).transpose(1, 2, 0))


def read_grey(path: Path) -> NDArray[np.uint8]:
    """Read the stored grey levels (h, w) of an 8-bit grey picture.

    Raises:
        FileFormatError: the file is missing, not a picture, in colour, or not 8-bit.
    """
    values = read_pixels(path, cv2.IMREAD_UNCHANGED)
    if values.ndim != 2 or values.dtype != np.uint8:
        raise FileFormatError(f"holds {values.dtype} {values.shape} pixels, expected an 8-bit grey picture", where=path)
    return values


def write_pixels(path: Path, pixels: NDArray, *, overwrite: bool = False) -> None:
    """Write stored values unchanged: (h, w) grey or (h, w, 3) blue, green, red."""
    with written_file(path, overwrite=overwrite) as temporary:
        if not cv2.imwrite(str(temporary), pixels):
            raise HolodriverError("could not be written", where=path, remedy="is the disk full?")


def read_levels(path: Path, *, guarded: bool = True) -> NDArray:
    """Read the stored values (h, w, 3), blue, green, red, of a picture of 8 or 16 bits; `guarded` as in `read_pixels`.

    Raises:
        FileFormatError: the file is missing, or not a picture.
    """
    return read_pixels(path, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH, guarded=guarded)


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height of a picture, pixels.

    Raises:
        FileFormatError: the file is missing, or not a picture.
    """
    height, width = read_pixels(path, cv2.IMREAD_UNCHANGED).shape[:2]
    return width, height


def write_png(
    path: Path,
    pixels: NDArray[np.uint8] | NDArray[np.uint16],
    *,
    text: dict[str, str] | None = None,
    overwrite: bool = False,
) -> None:
    """Write stored values as a PNG file with text fields.

    Args:
        pixels: (h, w) grey of 8 or 16 bits, or (h, w, 3) red, green, blue of 8 bits.
        text: fields by their keywords (PNG specification, 11.3.3).
    """
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    fields = PngInfo()
    for keyword, value in (text or {}).items():
        fields.add_itxt(keyword, value)
    with written_file(path, overwrite=overwrite) as temporary:
        try:
            Image.fromarray(np.ascontiguousarray(pixels)).save(temporary, "PNG", pnginfo=fields, compress_level=4)
        except OSError as error:
            raise HolodriverError(f"could not be written: {error.strerror or error}", where=path) from error


def read_png_text(path: Path, keyword: str) -> str | None:
    """Read a text field of a PNG file; None if the field is missing or the file is not PNG."""
    if path.suffix.lower() != ".png":
        return None
    try:
        value = guard.read(parse_png_text, path, keyword=keyword).value
    except FileFormatError:  # the code that reads the pixels reports what is wrong with the file
        return None
    return value if isinstance(value, str) else None


def read_pixels(path: Path, flags: int, *, guarded: bool = True) -> NDArray:
    """Read the stored values of a picture file, as OpenCV's `flags` ask for them.

    Args:
        path: the file.
        flags: ``cv2.IMREAD_...``.
        guarded: read the file in a separate process, see `guard`; false for a file that this process has just written.

    Raises:
        FileFormatError: the file is missing, not a picture, or too large.
    """
    return guard.read(parse_pixels, path, guarded=guarded, flags=flags).arrays["pixels"]


def parse_pixels(source: Source, *, flags: int) -> Parsed:
    """Parse the stored values of a picture file."""
    content = source.content(LARGEST_FILE)
    check_pixels(content, source.path)
    values = decoded(content, flags)
    if values is None:
        raise FileFormatError("is not a picture that can be read (truncated, or of another format)", where=source.path)
    return Parsed(None, {"pixels": values})


def parse_png_text(source: Source, *, keyword: str) -> Parsed:
    """Parse a text field of a PNG file; None if the file does not have the field."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(source.content(LARGEST_FILE)), formats=["PNG"]) as image:
                value = image.info.get(keyword)
    except Exception as error:  # Pillow raises errors of many types for damaged files
        raise FileFormatError("is not a PNG file that can be read", where=source.path) from error
    return Parsed(str(value) if isinstance(value, str) else None, {})


def check_pixels(content: bytes, path: Path) -> None:
    """Refuse, before decoding, a picture whose header gives more pixels than are read.

    Raises:
        FileFormatError: the picture is too large.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content), formats=formats()) as image:
                width, height = image.size
    except Image.DecompressionBombError as error:
        raise too_large(error, path) from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, TypeError, OverflowError):
        return  # unknown to Pillow, or damaged: OpenCV has its own bound and reports what is wrong
    if width * height > MAXIMUM_PIXELS:
        raise FileFormatError(
            f"is {width} × {height} pixels, more than the {MAXIMUM_PIXELS // 1_000_000} megapixels that are read",
            where=path,
        )


def formats() -> list[str]:
    """Formats of `FORMATS` that this machine's Pillow supports."""
    from PIL import Image

    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def too_large(error: Exception, path: Path) -> FileFormatError:
    """Make the error for a picture that Pillow refuses because of its size."""
    said = re.search(r"\d+", str(error))
    return FileFormatError(
        f"has {int(said.group()):,} pixels, more than the {MAXIMUM_PIXELS // 1_000_000} megapixels that are read"
        if said
        else f"has more than the {MAXIMUM_PIXELS // 1_000_000} megapixels that are read",
        where=path,
    )


def decoded(content: bytes, flags: int) -> NDArray | None:
    """Decode a picture with OpenCV; None if OpenCV cannot decode it."""
    try:
        values = cv2.imdecode(np.frombuffer(content, np.uint8), flags) if content else None
    except cv2.error:
        return None
    return values if values is not None and values.size else None


def full_scale(values: NDArray, path: Path) -> int:
    """Highest value that the pixels of a picture can have.

    Raises:
        FileFormatError: the picture has neither 8 nor 16 bits.
    """
    if values.dtype not in (np.uint8, np.uint16):
        raise FileFormatError(f"holds {values.dtype} values, expected 8 or 16 bits", where=path)
    return int(np.iinfo(values.dtype).max)
