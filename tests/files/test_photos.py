"""Photos of every kind become upright sRGB, and errors name what is wrong."""

import io
from pathlib import Path

import cv2
import numpy as np
import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageOps

from holodriver.errors import FileFormatError
from holodriver.files.photos import read_photo

Y, X = np.mgrid[:40, :60]
SMOOTH = np.stack([X * 4, Y * 6, 255 - X * 2], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_exif_orientation(tmp_path: Path, suffix: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a{suffix}"
    Image.fromarray(SMOOTH).save(path, exif=exif, **({"lossless": True} if suffix == ".webp" else {}))
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    np.testing.assert_array_equal(read_photo(path).pixels, expected)


def saved(image: Image.Image, path: Path, **options) -> Path:
    image.save(path, **options)
    return path


def test_grey_palette_and_bilevel(tmp_path: Path) -> None:
    rgb = Image.fromarray(SMOOTH)
    grey = read_photo(saved(rgb.convert("L"), tmp_path / "l.png")).pixels
    assert grey.shape == (40, 60, 3)
    assert np.ptp(grey.astype(int), axis=2).max() == 0
    palette = rgb.convert("P", palette=Image.Palette.ADAPTIVE)
    np.testing.assert_array_equal(
        read_photo(saved(palette, tmp_path / "p.png")).pixels, np.asarray(palette.convert("RGB"))
    )
    assert set(np.unique(read_photo(saved(rgb.convert("1"), tmp_path / "b.png")).pixels)) == {0, 255}


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("shape", [(40, 60, 3), (40, 60)])
def test_16_bits_are_kept(tmp_path: Path, suffix: str, shape: tuple[int, ...]) -> None:
    deep = np.random.default_rng(0).integers(0, 65536, shape, np.uint16)
    cv2.imwrite(str(tmp_path / f"a{suffix}"), deep)
    photo = read_photo(tmp_path / f"a{suffix}")
    if len(shape) == 3:
        np.testing.assert_array_equal(photo.pixels, deep[..., ::-1])
    else:  # grey is for the network alone: 8 bits do
        np.testing.assert_allclose(photo.picture[..., 0], deep / 257, atol=1)
    assert photo.picture.dtype == np.uint8


def test_transparency_is_black_and_said(tmp_path: Path) -> None:
    rgba = np.dstack([SMOOTH, np.where(X < 30, 0, 255).astype(np.uint8)])
    photo = read_photo(saved(Image.fromarray(rgba), tmp_path / "a.png"))
    assert photo.pixels[:, :30].max() == 0
    np.testing.assert_array_equal(photo.pixels[:, 30:], SMOOTH[:, 30:])
    assert "transparent" in photo.notes[0]


def test_cmyk_without_a_profile_is_what_pillow_makes_of_it(tmp_path: Path) -> None:
    path = saved(Image.fromarray(SMOOTH).convert("CMYK"), tmp_path / "a.jpg", quality=98, subsampling=0)
    with Image.open(path) as image:
        expected = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(read_photo(path).pixels, expected)
    assert np.abs(expected.astype(int) - SMOOTH).mean() < 4


def test_an_embedded_profile_is_converted(tmp_path: Path) -> None:
    """A linear profile: its mid grey is far brighter in sRGB, as IEC 61966-2-1 says."""
    profile = _linear_rgb_profile()
    path = saved(Image.new("RGB", (8, 8), (128, 128, 128)), tmp_path / "a.png", icc_profile=profile)
    got = int(read_photo(path).pixels[4, 4, 1])
    expected = 255 * (1.055 * (128 / 255) ** (1 / 2.4) - 0.055)
    assert abs(got - expected) <= 2


def _linear_rgb_profile() -> bytes:
    """The sRGB profile of littleCMS with its tone curves replaced by the identity."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for i in range(int.from_bytes(data[128:132], "big")):
        at = 132 + 12 * i
        if data[at : at + 4] in (b"rTRC", b"gTRC", b"bTRC"):
            place = int.from_bytes(data[at + 4 : at + 8], "big")
            data[place : place + 12] = b"curv" + bytes(4) + (0).to_bytes(4, "big")  # no points: the identity
            data[at + 8 : at + 12] = (12).to_bytes(4, "big")
    return bytes(data)


def test_a_damaged_profile_is_said_and_passed_over(tmp_path: Path) -> None:
    photo = read_photo(saved(Image.fromarray(SMOOTH), tmp_path / "a.png", icc_profile=b"junk" * 40))
    np.testing.assert_array_equal(photo.pixels, SMOOTH)
    assert "profile" in photo.notes[0]


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_of_an_animation_the_first_picture_is_taken(tmp_path: Path, suffix: str) -> None:
    frames = [Image.new("RGB", (8, 6), color) for color in ((200, 0, 0), (0, 200, 0), (0, 0, 200))]
    options = {"lossless": True} if suffix == ".webp" else {}
    frames[0].save(tmp_path / f"a{suffix}", save_all=True, append_images=frames[1:], **options)
    photo = read_photo(tmp_path / f"a{suffix}")
    assert photo.pixels[3, 3].tolist() == [200, 0, 0]
    assert "3 pictures" in photo.notes[0]


def test_heic(tmp_path: Path) -> None:
    heif = pillow_heif.from_pillow(Image.fromarray(SMOOTH))
    heif.save(tmp_path / "a.heic", quality=95)
    photo = read_photo(tmp_path / "a.heic")
    assert np.abs(photo.pixels.astype(int) - SMOOTH).mean() < 3
    assert photo.depth is None


def test_one_pixel(tmp_path: Path) -> None:
    assert read_photo(saved(Image.new("RGB", (1, 1), (1, 2, 3)), tmp_path / "a.png")).pixels.tolist() == [[[1, 2, 3]]]


def encoded(suffix: str) -> bytes:
    stream = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(stream, {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "tif": "TIFF"}[suffix])
    return stream.getvalue()


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_truncated_is_refused_by_name(tmp_path: Path, suffix: str) -> None:
    """OpenCV would fill the rest with grey."""
    path = tmp_path / f"a.{suffix}"
    data = encoded(suffix)
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(FileFormatError, match=rf"a\.{suffix}: is (damaged|not a picture)"):
        read_photo(path)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.write_text("hello"), "is not a picture"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: None, "does not exist"),
    ],
)
def test_no_picture_at_all(tmp_path: Path, make, said: str) -> None:
    make(tmp_path / "a.jpg")
    with pytest.raises(FileFormatError, match=rf"a\.jpg: {said}"):
        read_photo(tmp_path / "a.jpg")


@settings(max_examples=60)
@given(st.sampled_from(["jpg", "png", "webp", "tif"]), st.integers(0, 10_000), st.binary(min_size=1, max_size=8))
def test_damage_anywhere_gives_a_picture_or_one_clear_error(tmp_path_factory, suffix, place, damage) -> None:
    data = bytearray(encoded(suffix))
    place %= len(data)
    data[place : place + len(damage)] = damage
    path = tmp_path_factory.mktemp("fuzz") / f"a.{suffix}"
    path.write_bytes(bytes(data))
    try:
        shape = read_photo(path).picture.shape
    except FileFormatError as error:
        shape = (1, 1, 3) if str(error).startswith(str(path)) else ()
    assert len(shape) == 3
