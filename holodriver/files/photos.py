"""Photos from cameras, phones, scanners and web pages as upright sRGB pixels."""

import io
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from holodriver.errors import FileFormatError, HolodriverError
from holodriver.files.guard import guard
from holodriver.files.guard.source import Source
from holodriver.files.guard.wire import Parsed
from holodriver.files.images import LARGEST_FILE, check_pixels, decoded, formats, full_scale, too_large
from holodriver.optics.colour import srgb_decode

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".heic", ".heif", ".avif", ".gif")
"""File name suffixes of photos that are read."""

HEIF = (".heic", ".heif")

ORIENTATION = 0x0112
"""EXIF tag of the orientation (Exif 2.32, table 4)."""

Pixels = NDArray[Any]
"""Array of pixels with 8 or 16 bits."""


@dataclass(frozen=True)
class Photo:
    """A photo, upright and in sRGB."""

    pixels: Pixels
    """Pixels (H, W, 3), sRGB, red first, 8 or 16 bits."""
    depth: "EmbeddedDepth | None" = None
    """Depth picture that a phone stored beside the colour; None if there is none."""
    notes: tuple[str, ...] = field(default_factory=tuple)
    """Notes on what was left out or assumed, one clause each."""

    @property
    def picture(self) -> NDArray[np.uint8]:
        """Pixels (H, W, 3) with 8 bits."""
        if self.pixels.dtype == np.uint8:
            return self.pixels
        return np.rint(self.pixels / np.float32(257)).astype(np.uint8)


@dataclass(frozen=True)
class EmbeddedDepth:
    """The depth picture inside a phone's photo."""

    levels: NDArray[np.float32]
    """Levels of depth (h, w), 0 … 1 of full scale."""
    near_is_high: bool
    """Whether the levels grow with inverse depth."""


def photo_size(path: Path) -> tuple[int, int] | None:
    """Width and height in a photo's header, pixels; None if the header cannot be read."""
    from PIL import Image

    try:
        if path.suffix.lower() in HEIF:
            _register_heif(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                return image.size
    except Exception:  # damaged files raise errors of many types, and `read_photo` reports them
        return None


def read_photo(path: Path) -> Photo:
    """Read a photo as sRGB, turned as its EXIF data says, on black where it is transparent.

    The first picture of an animation is taken. 16-bit files keep their 16 bits. An embedded colour profile is
    converted to sRGB. A separate process reads the file, see `guard`.

    Raises:
        FileFormatError: the file is missing, empty, truncated, of a foreign format, or too large.
    """
    found = guard.read(parse_photo, path)
    levels = found.arrays.get("depth")
    depth = None if levels is None else EmbeddedDepth(levels, bool(found.value["near_is_high"]))
    return Photo(found.arrays["pixels"], depth, tuple(found.value["notes"]))


def read_picture(path: Path) -> NDArray[np.float32]:
    """Read a photo as linear light (3, H, W), 0 … 1; see `read_photo`."""
    pixels = read_photo(path).pixels
    encoded = pixels / np.float32(full_scale(pixels, path))
    return np.ascontiguousarray(srgb_decode(encoded).astype(np.float32).transpose(2, 0, 1))


def parse_photo(source: Source) -> Parsed:
    """Parse a photo: the arrays `pixels` and, if there is one, `depth`; the values `notes` and `near_is_high`."""
    photo = _photo(source.content(LARGEST_FILE), source.path)
    arrays = {"pixels": photo.pixels} | ({} if photo.depth is None else {"depth": photo.depth.levels})
    near_is_high = photo.depth is not None and photo.depth.near_is_high
    return Parsed({"notes": list(photo.notes), "near_is_high": near_is_high}, arrays)


def _photo(data: bytes, path: Path) -> Photo:
    from PIL import Image, UnidentifiedImageError

    if not data:
        raise FileFormatError("is empty", where=path)
    if path.suffix.lower() in HEIF or data[4:8] == b"ftyp":
        _register_heif(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about large pictures and odd tags; what matters is reported below
            with Image.open(io.BytesIO(data), formats=formats()) as image:
                check_pixels(data, path)
                image.load()
                return _converted(image, data, path)
    except UnidentifiedImageError as error:
        pixels = _by_opencv(data)
        if pixels is None:
            raise FileFormatError("is not a picture of a format that can be read", where=path) from error
        return Photo(pixels)
    except Image.DecompressionBombError as error:
        raise too_large(error, path) from error
    except (HolodriverError, MemoryError):
        raise
    except Exception as error:  # decoders raise OSError, SyntaxError, ValueError, struct.error, … for damaged files
        said = " ".join(str(error).split())[:120] or type(error).__name__
        raise FileFormatError(f"is damaged or truncated: {said}", where=path) from error


def _register_heif(path: Path) -> None:
    try:
        import pillow_heif
    except ImportError as error:
        if path.suffix.lower() not in HEIF:
            return
        raise HolodriverError(
            "needs pillow-heif to be read", where=path, remedy='pip install "holodriver[depth]"'
        ) from error
    pillow_heif.register_heif_opener()


def _converted(image: Any, data: bytes, path: Path) -> Photo:
    notes = []
    if getattr(image, "n_frames", 1) > 1:
        notes.append(f"holds {image.n_frames} pictures, of which the first is taken")
    turn = int(image.getexif().get(ORIENTATION, 1) or 1)
    profile = image.info.get("icc_profile")
    deep = None if profile else _deep(image, data)
    if deep is not None:
        pixels: Pixels = deep
    else:
        pixels = np.asarray(_srgb(image, profile, notes).convert("RGB"))
    embedded = _embedded_depth(image, turn)
    return Photo(np.ascontiguousarray(_turned(pixels, turn)), embedded, tuple(notes))


def _srgb(image: Any, profile: bytes | None, notes: list[str]) -> Any:
    """Convert the picture to sRGB without transparency, using its embedded colour profile."""
    from PIL import Image, ImageCms

    if image.mode in ("I", "F", "I;16", "I;16B", "I;16L"):
        values = np.asarray(image, dtype=np.float32)
        top = 65535.0 if image.mode != "F" else max(1.0, float(np.nanmax(values)))
        image = Image.fromarray(np.rint(np.nan_to_num(values) / top * 255).clip(0, 255).astype(np.uint8))
    elif image.mode == "P" or "transparency" in image.info or image.mode in ("LA", "PA", "La", "RGBa"):
        image = image.convert("RGBA")
    if image.mode == "RGBA":
        clear = image.getextrema()[3][0] < 255
        ground = Image.new("RGBA", image.size, (0, 0, 0, 255))
        image = Image.alpha_composite(ground, image).convert("RGB")
        if clear:
            notes.append("is transparent in places, which are taken as black")
    if profile:
        try:
            own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, own, ImageCms.createProfile("sRGB"), outputMode="RGB")
            return converted or image
        except (ImageCms.PyCMSError, OSError, ValueError):
            notes.append("has a colour profile that cannot be used; sRGB is assumed")
    return image


def _deep(image: Any, data: bytes) -> NDArray[np.uint16] | None:
    """All 16 bits of a colour picture, which Pillow does not keep; None if the picture has 8 bits."""
    png16 = image.format == "PNG" and len(data) > 25 and data[24] == 16
    tiff16 = image.format == "TIFF" and 16 in tuple(image.tag_v2.get(258, ()))
    if not (png16 or tiff16):
        return None
    pixels = _by_opencv(data)
    return None if pixels is None or pixels.dtype != np.uint16 else np.asarray(pixels, np.uint16)


def _by_opencv(data: bytes) -> Pixels | None:
    """Pixels (H, W, 3), red first, not turned, decoded by OpenCV; None if it cannot decode them."""
    values: Pixels | None = decoded(data, cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    if values is None or values.dtype not in (np.uint8, np.uint16):
        return None
    if values.ndim == 2:
        return np.repeat(values[..., None], 3, 2)
    if values.shape[2] == 4:
        over_black = values[..., :3] * (values[..., 3:] / np.float32(np.iinfo(values.dtype).max))
        values = np.rint(over_black).astype(values.dtype)
    return values[..., 2::-1]


def _turned(pixels: NDArray, orientation: int) -> NDArray:
    """Turn and mirror pixels as EXIF's orientation (1 … 8) says."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def _embedded_depth(image: Any, orientation: int) -> EmbeddedDepth | None:
    """Depth picture of a HEIC photo; None if the photo has none."""
    pictures = image.info.get("depth_images") or []
    if not pictures:
        return None
    levels = np.asarray(pictures[0].to_pillow())
    if levels.ndim == 3:
        levels = levels[..., 0]
    full = 255.0 if levels.dtype == np.uint8 else 65535.0
    kind = (pictures[0].info.get("metadata") or {}).get("representation_type", 2)
    kind = getattr(kind, "value", kind)
    # 0: uniform inverse z, 1: uniform disparity, 2: uniform z (ISO/IEC 23008-2, F.14, depth representation information)
    values = (levels / np.float32(full)).astype(np.float32)
    return EmbeddedDepth(np.ascontiguousarray(_turned(values, orientation)), near_is_high=kind in (0, 1, 3))
