"""Files that announce more data than memory holds are refused with the numbers, before memory is allocated."""

import json
import resource
import struct
import zipfile
import zlib
from fractions import Fraction
from pathlib import Path

import av
import h5py
import numpy as np
import pytest
from videos import even_times, make_video

from holodriver.dehnet.architecture import DEHNetShape
from holodriver.errors import FileFormatError, InputError
from holodriver.files.exr import read_exr, write_exr
from holodriver.files.hologram import Hologram, read_hologram, write_hologram
from holodriver.files.hop import read_hop
from holodriver.files.images import read_pixels
from holodriver.files.manifest import StackManifest
from holodriver.files.photos import read_photo
from holodriver.files.profile import read_profile
from holodriver.files.readings import read_readings
from holodriver.files.text import LARGEST_TOML, read_json
from holodriver.files.video.parts import MANIFEST, _seconds
from holodriver.files.video.video import VideoReader
from holodriver.files.weights import load_weights
from holodriver.optics.display import REFERENCE
from holodriver.panel.frames import PanelFrames
from holodriver.panel.lut import AmplitudeLut
from holodriver.rig.settings import read_rig

SMALL = REFERENCE.resized(16, 12)
GROWTH = 300 << 20
"""Bytes: far below what each of these files asks for."""


@pytest.fixture(autouse=True)
def little_memory():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < GROWTH


def png(path: Path, width: int, height: int, content: bytes = b"", *more: tuple[bytes, bytes]) -> Path:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), *more, (b"IDAT", content or zlib.compress(b"")), (b"IEND", b"")]
    packed = [struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(n + c)) for n, c in chunks]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))
    return path


def tiff(path: Path, side: int) -> Path:
    entries = [(256, 4, side), (257, 4, side), (258, 3, 8), (262, 3, 1), (273, 4, 8), (278, 4, side), (279, 4, 1 << 30)]
    packed = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    path.write_bytes(b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(entries)) + packed + bytes(4))
    return path


@pytest.mark.parametrize("read", [read_photo, lambda path: read_pixels(path, -1)])
@pytest.mark.parametrize("make", [lambda path: png(path, 100_000, 100_000), lambda path: tiff(path, 100_000)])
def test_a_picture_of_a_hundred_thousand_pixels_a_side(tmp_path, read, make):
    with pytest.raises(FileFormatError, match=r"10,?000,?000,?000 pixels|100000 × 100000 pixels"):
        read(make(tmp_path / "a.png"))


def test_a_text_in_a_picture_that_unpacks_to_gigabytes(tmp_path):
    bomb = zlib.compress(bytes(50_000_000))
    made = png(tmp_path / "a.png", 4, 4, zlib.compress(bytes(20)), (b"zTXt", b"holodriver\0\0" + bomb))
    assert read_photo_or_error(made) in ("read", "refused")


def read_photo_or_error(path: Path) -> str:
    try:
        read_photo(path)
    except FileFormatError:
        return "refused"
    return "read"


@pytest.mark.parametrize(("side", "said"), [(99_999, "100000 × 100000 pixels"), (11_000, "11001 × 11001|values")])
def test_an_openexr_file_whose_window_is_larger_than_memory(tmp_path, side, said):
    write_exr(tmp_path / "a.exr", {name: np.ones((4, 4)) for name in ("R", "G", "B", "A", "Z")})
    data = (tmp_path / "a.exr").read_bytes()
    at = data.index(b"dataWindow\0box2i\0") + len(b"dataWindow\0box2i\0") + 4
    (tmp_path / "a.exr").write_bytes(data[:at] + struct.pack("<4i", 0, 0, side, side) + data[at + 16 :])
    with pytest.raises(FileFormatError, match=said):
        read_exr(tmp_path / "a.exr", ("Z",))


@pytest.fixture
def hologram(tmp_path) -> Path:
    pixels = np.zeros((3, *SMALL.native_shape), np.uint8)
    frames = PanelFrames(pixels, SMALL, (1.0, 1.0, 1.0), (AmplitudeLut.linear(),) * 3)
    write_hologram(tmp_path / "a.holo", Hologram(frames=frames))
    return tmp_path / "a.holo"


def test_a_hologram_of_a_display_larger_than_any(hologram):
    with h5py.File(hologram, "r+") as file:
        profile = {**SMALL.as_dict(), "width": 60_000, "height": 60_000}
        file.attrs["profile"] = json.dumps(profile)
    with pytest.raises(FileFormatError, match=r"3 × 120000 × 120000 pixels, more than the 268,435,456"):
        read_hologram(hologram)


def test_a_dataset_that_is_not_there_as_large_as_it_says(hologram):
    large = REFERENCE.resized(4096, 2048)
    with h5py.File(hologram, "r+") as file:
        file.attrs["profile"] = json.dumps(large.as_dict())
        del file["frames/pixels"]
        file.create_dataset("frames/pixels", (3, *large.native_shape), "u1", chunks=(1, 1024, 1024), compression="gzip")
    with pytest.raises(FileFormatError, match=r"says that it has 100,663,296 bytes, and 0 are there"):
        read_hologram(hologram)


def test_a_chunk_larger_than_any(hologram):
    large = REFERENCE.resized(8192, 4096)
    with h5py.File(hologram, "r+") as file:
        file.attrs["profile"] = json.dumps(large.as_dict())
        del file["frames/pixels"]
        shape = (3, *large.native_shape)
        file.create_dataset("frames/pixels", shape, "u1", chunks=shape, maxshape=(None,) * 3, compression="gzip")
    with pytest.raises(FileFormatError, match=r"more than the 268,435,456|chunks of 402,653,184 bytes"):
        read_hologram(hologram)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda file: file.create_dataset("frames/gains", (3,), "f8", external=[("/etc/passwd", 0, 24)]),
            "in other files",
        ),
        (lambda file: virtual(file), "in other files"),
        (lambda file: file.__setitem__("frames/gains", h5py.ExternalLink("/etc/passwd", "/x")), "a link to elsewhere"),
        (lambda file: file.__setitem__("frames/gains", h5py.SoftLink("/frames/other")), "a link to elsewhere"),
        (
            lambda file: file.create_dataset("frames/gains", data=np.ones(3), compression="lzf"),
            "packed by filter 32000",
        ),
    ],
)
def test_a_dataset_that_lies_elsewhere(hologram, change, said):
    with h5py.File(hologram, "r+") as file:
        del file["frames/gains"]
        change(file)
    with pytest.raises(FileFormatError, match=said):
        read_hologram(hologram)


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((3,), "f8")
    layout[:] = h5py.VirtualSource("/tmp/other.h5", "x", (3,))
    file.create_virtual_dataset("frames/gains", layout)


def test_an_archive_that_unpacks_to_more_than_it_holds(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.hop", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a.png", bytes(200_000_000))
        packed.writestr("a.json", '{"mediaType": "quilt"}')
    with pytest.raises(FileFormatError, match=r"becomes 200,000,000 bytes from 1\d\d,\d\d\d"):
        read_hop(tmp_path / "a.hop")


@pytest.mark.parametrize(
    ("places", "said"),
    [
        ({(b"strh", 28): 1, (b"strh", 32): 10**9}, "1,000,000,000 frames a second, expected at most 100,000"),
        ({(b"avih", 24): 0xFFFFFFF0, (b"strh", 40): 0xFFFFFFF0}, "frames, expected at most 100,000,000"),
    ],
)
def test_a_video_that_says_absurd_things_of_its_time(tmp_path, places, said):
    """The header of an AVI file: ticks a second (scale and rate), and frames (in all and of the stream)."""
    with av.open(str(tmp_path / "a.avi"), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuvj420p"
        container.mux(stream.encode(av.VideoFrame(32, 32, "yuvj420p")))
        container.mux(stream.encode(None))
    data = (tmp_path / "a.avi").read_bytes()
    for (name, offset), value in places.items():
        at = data.index(name) + offset
        data = data[:at] + struct.pack("<I", value) + data[at + 4 :]
    (tmp_path / "a.avi").write_bytes(data)
    with pytest.raises(FileFormatError, match=said):
        VideoReader(tmp_path / "a.avi")


@pytest.mark.parametrize("text", ["#EXTM3U\n#EXTINF:1,\n{}\n", "ffconcat version 1.0\nfile {}\n"])
def test_a_playlist_under_the_name_of_a_video_opens_nothing(tmp_path, text):
    """FFmpeg would open what it names: a way to any file of this machine."""
    other = make_video(tmp_path / "other.mp4", even_times(2))
    (tmp_path / "a.mp4").write_text(text.format(other))
    with pytest.raises(FileFormatError, match="is not a video that can be read"):
        VideoReader(tmp_path / "a.mp4")


def test_a_picture_that_would_start_another_program(tmp_path):
    """Pillow hands PostScript to Ghostscript."""
    (tmp_path / "a.png").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n/Helvetica findfont\n%%EOF\n"
    )
    with pytest.raises(FileFormatError, match="is not a picture of a format that can be read"):
        read_photo(tmp_path / "a.png")


@pytest.mark.parametrize(
    "text", ["[" * 200_000, '{"a":' * 200_000, '{"format": ' + "9" * 100_000 + "}", '{"a": "' + "\\ud800" + '"}']
)
def test_json_that_is_deep_or_long(tmp_path, text):
    (tmp_path / StackManifest.FILE_NAME).write_text(text)
    with pytest.raises(FileFormatError, match=r"stack\.json: (is not JSON|field)") as caught:
        StackManifest.read(tmp_path)
    assert len(str(caught.value)) < 1000


def test_json_larger_than_a_manifest(tmp_path):
    with open(tmp_path / "a.json", "wb") as file:
        file.truncate(1 << 34)
    with pytest.raises(FileFormatError, match=r"has 17,179,869,184 bytes, more than the 16,777,216"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a." * 32_000 + "a = 1", "has a line of 64005 letters"),  # took 16 s
        ("a = " + "[" * 900, "is not TOML"),
        ("width = 0x" + "f" * 900, "'width' is 5104866514"),
        ("width = " + "9" * 900, "'width' is 999"),
        ("# " + "x\n" * LARGEST_TOML, "bytes, more than the 262,144"),
    ],
)
@pytest.mark.parametrize("read", [read_profile, read_rig])
def test_toml_that_is_deep_or_long(tmp_path, read, text, said):
    head = {read_profile: 'format = "holodriver display profile"', read_rig: 'format = "holodriver rig"'}[read]
    (tmp_path / "a.toml").write_text(f"{head}\nversion = 1\n{text}\n")
    with pytest.raises(InputError, match=rf"a\.toml: .*({said}|is unknown)"):
        read(tmp_path / "a.toml")


def test_a_fraction_of_a_billion_digits_is_none():
    """`Fraction("1e999999999")` fills memory before it answers."""
    for text in ("1e999999999", "9" * 40, "1/" + "9" * 40, "", "nan", 3, None):
        with pytest.raises(ValueError, match="no fraction"):
            _seconds(text)
    assert _seconds("7/25") == Fraction(7, 25)
    assert MANIFEST == "parts.json"


def test_readings_that_look_like_no_table_take_no_time(tmp_path):
    """Python's guess of a CSV's dialect takes seconds for a few thousand quotes."""
    (tmp_path / "a.csv").write_text('\n"' * 500_000)
    with pytest.raises(FileFormatError, match="has no column 'colour'"):
        read_readings(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("field", "value"), [("channels", 10**9), ("convolutions", 10**8), ("channels", 2.5), ("fold", "1")]
)
def test_a_network_larger_than_any(field, value):
    with pytest.raises(InputError, match=f"DEHNet field '{field}'"):
        DEHNetShape(**{field: value})


def test_weights_whose_header_is_longer_than_the_file(tmp_path):
    (tmp_path / "a.safetensors").write_bytes(struct.pack("<Q", 1 << 62) + b"{}")
    with pytest.raises(FileFormatError, match="cannot be read as safetensors"):
        load_weights(tmp_path / "a.safetensors")
