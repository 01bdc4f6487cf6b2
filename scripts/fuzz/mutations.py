"""Functions that damage a file, in its bytes or in the structure of its format, for readers.py."""

import io
import json
import os
import shutil
import struct
import tomllib
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Rng = np.random.Generator
Mutation = Callable[[bytes, Rng], bytes]

INTEGERS = (
    *(0, 1, 2, 3, 7, 8, 15, 16, 31, 64, 100, 127, 128, 255, 256, 257, 1000, 4096, 32767, 32768, 65535, 65536),
    *(1 << 20, 10**6, (1 << 24) - 1, 1 << 24, 10**8, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, 10**12),
    *((1 << 63) - 1, 1 << 63, (1 << 64) - 1),
)
"""Numbers that make counters overflow, signs change or memory run out."""

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 255, 256, -(10**9), 10**12, 10**400, 0.0, -0.5, 1e-320, 1e308, -1e308),
    *(float("nan"), float("inf"), "", "a", "red", "0", "nan", "../../etc/passwd", "/etc/passwd", "..", "C:\\x", "\0"),
    *("\x1b[31m", "ä" * 500, "1e999999999", "9" * 5000, [], {}, [[]], [0] * 300, ["a", 1, None], {"a": {"b": []}}),
    *([[[[[[[[]]]]]]]], {"format": 1}, "2026-13-99T99:99", "1/0"),
)
"""Values that replace a value in JSON or TOML."""


def pick(rng: Rng, choices: Any) -> Any:
    """Choose one of several things at random."""
    return choices[int(rng.integers(len(choices)))]


def flip(data: bytes, rng: Rng) -> bytes:
    """Invert a few bits."""
    made = bytearray(data)
    for _ in range(int(rng.integers(1, 9))):
        if made:
            made[int(rng.integers(len(made)))] ^= 1 << int(rng.integers(8))
    return bytes(made)


def scribble(data: bytes, rng: Rng) -> bytes:
    """Write random bytes in a few places, mostly near the beginning, where headers are."""
    made = bytearray(data)
    for _ in range(int(rng.integers(1, 6))):
        reach = min(len(made), int(pick(rng, (32, 256, 2048, len(made) or 1))))
        at, count = int(rng.integers(max(1, reach))), int(rng.integers(1, 9))
        made[at : at + count] = rng.integers(0, 256, count, dtype=np.uint8).tobytes()
    return bytes(made)


def number(data: bytes, rng: Rng) -> bytes:
    """Replace a whole number of 1 to 8 bytes, in either byte order, by a dangerous one."""
    made = bytearray(data)
    for _ in range(int(rng.integers(1, 4))):
        width = int(pick(rng, (1, 2, 4, 4, 8)))
        reach = min(len(made), int(pick(rng, (64, 512, 4096, len(made) or 1))))
        at = int(rng.integers(max(1, reach)))
        value = int(pick(rng, INTEGERS)) & ((1 << 8 * width) - 1)
        made[at : at + width] = value.to_bytes(width, pick(rng, ("little", "big")))
    return bytes(made)


def truncate(data: bytes, rng: Rng) -> bytes:
    """Remove the end."""
    return data[: int(rng.integers(len(data) + 1))]


def cut(data: bytes, rng: Rng) -> bytes:
    """Remove a piece from the middle."""
    a, b = sorted(int(at) for at in rng.integers(0, len(data) + 1, 2))
    return data[:a] + data[min(b, a + int(pick(rng, (1, 4, 100, 10_000)))) :]


def repeat(data: bytes, rng: Rng) -> bytes:
    """Insert a copy of a piece."""
    a, b = sorted(int(at) for at in rng.integers(0, len(data) + 1, 2))
    piece = data[a : min(b, a + 4096)] * int(pick(rng, (1, 2, 50)))
    at = int(rng.integers(len(data) + 1))
    return data[:at] + piece + data[at:]


def zeros(data: bytes, rng: Rng) -> bytes:
    """Overwrite a stretch with one byte."""
    made, at = bytearray(data), int(rng.integers(len(data) + 1))
    count = int(pick(rng, (4, 64, 1024)))
    made[at : at + count] = bytes([int(pick(rng, (0, 255, 32, 91, 123)))]) * count
    return bytes(made)


def foreign(data: bytes, rng: Rng) -> bytes:
    """Replace the file by the beginning of some other format and random bytes."""
    starts = (
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        b"PK\x03\x04",
        b"\x89HDF\r\n\x1a\n",
        b"v/1\x01",
        b"GIF89a",
    )
    more = (
        b"%!PS-Adobe-3.0 EPSF-3.0\n",
        b"#EXTM3U\n",
        b"ffconcat version 1.0\n",
        b"\x80\x04\x95",
        b"II*\0",
        b"{" * 99999,
    )
    return pick(rng, starts + more) + rng.integers(0, 256, int(rng.integers(200)), dtype=np.uint8).tobytes()


BYTES: tuple[Mutation, ...] = (flip, scribble, number, number, truncate, cut, repeat, zeros, foreign)
"""Changes of bytes, for files of every kind."""


def splice(data: bytes, other: bytes, rng: Rng) -> bytes:
    """Join the beginning of one file and the end of another."""
    return data[: int(rng.integers(len(data) + 1))] + other[int(rng.integers(len(other) + 1)) :]


# --- trees of JSON and TOML


def tree(values: Any, rng: Rng) -> Any:
    """Change one to three parts of a JSON value."""
    for _ in range(int(rng.integers(1, 4))):
        values = _changed(values, rng)
    return values


def _changed(values: Any, rng: Rng, depth: int = 0) -> Any:
    if isinstance(values, dict) and values and (depth == 0 or rng.random() < 0.85):
        key = pick(rng, list(values))
        what = rng.random()
        if what < 0.1:
            return {k: v for k, v in values.items() if k != key}
        if what < 0.2:
            return values | {pick(rng, ("extra", "", "format", "\n", "__class__", "x" * 300)): pick(rng, VALUES)}
        return values | {key: _changed(values[key], rng, depth + 1)}
    if isinstance(values, list) and values and rng.random() < 0.75:
        at, what = int(rng.integers(len(values))), rng.random()
        if what < 0.15:
            return values[:at] + values[at + 1 :]
        if what < 0.3:
            return values[:at] + [values[at]] * int(pick(rng, (2, 20, 300))) + values[at + 1 :]
        return [*values[:at], _changed(values[at], rng, depth + 1), *values[at + 1 :]]
    if isinstance(values, (int, float)) and rng.random() < 0.5:
        return pick(rng, (values + 1, -values, values * 1000, values * 1e-9, values + 0.5, str(values), [values]))
    return pick(rng, VALUES)


def json_tree(data: bytes, rng: Rng) -> bytes:
    """Change parts of a JSON file, or nest it too deeply."""
    if rng.random() < 0.02:
        return b"[" * int(pick(rng, (1000, 200_000))) if rng.random() < 0.5 else b'{"a":' * 100_000
    try:
        return json.dumps(tree(json.loads(data), rng)).encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError, OverflowError):
        return flip(data, rng)


def toml_tree(data: bytes, rng: Rng) -> bytes:
    """Change parts of a TOML file, or add lines that no writer would write."""
    import tomli_w

    if rng.random() < 0.3:
        lines = data.decode().splitlines()
        odd = ("a = 0x" + "f" * 6000, "a." * 500 + "b = 1", "[" * 900, "a = " + "[" * 900, "x = 1979-05-27", "x = inf")
        at = int(rng.integers(len(lines) + 1))
        return "\n".join([*lines[:at], pick(rng, (*odd, *lines)), *lines[at:]]).encode()
    try:
        return tomli_w.dumps(tree(tomllib.loads(data.decode()), rng)).encode()
    except (ValueError, TypeError, AttributeError, RecursionError, OverflowError):
        return flip(data, rng)


def cells(data: bytes, rng: Rng) -> bytes:
    """Change cells, rows and delimiters of a CSV file."""
    rows = [row.split(",") for row in data.decode().splitlines()]
    for _ in range(int(rng.integers(1, 5))):
        row = pick(rng, rows)
        row[int(rng.integers(len(row)))] = str(pick(rng, (*VALUES, '"', '""a', "a\nb", "x" * 200_000, "256", "-1")))[
            :200_000
        ]
        if rng.random() < 0.2:
            row.append("more")
    between = pick(rng, (",", ",", ";", "\t", "|"))
    return "\n".join(between.join(row) for row in rows).encode("utf-8", "surrogatepass")


# --- containers


def png_chunks(data: bytes, rng: Rng) -> bytes:
    """Change PNG chunks and correct their checksums, so that readers use their contents."""
    chunks, at = [], 8
    while at + 12 <= len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        chunks.append([data[at + 4 : at + 8], data[at + 8 : at + 8 + length]])
        at += 12 + length
    if not chunks:
        return flip(data, rng)
    for _ in range(int(rng.integers(1, 4))):
        chunk, what = pick(rng, chunks), rng.random()
        if what < 0.35:
            header = bytearray(chunks[0][1])
            at, width = pick(rng, ((0, 4), (4, 4), (8, 1), (9, 1), (10, 1), (11, 1), (12, 1)))
            header[at : at + width] = (int(pick(rng, INTEGERS)) & ((1 << 8 * width) - 1)).to_bytes(width, "big")
            chunks[0][1] = bytes(header)
        elif what < 0.6:
            chunk[1] = pick(rng, BYTES)(chunk[1], rng)
        elif what < 0.8:
            bomb = zlib.compress(bytes(int(pick(rng, (10**5, 10**7)))))
            kinds = (
                (b"zTXt", b"holodriver\0\0"),
                (b"iCCP", b"p\0\0"),
                (b"iTXt", b"holodriver\0\1\0\0\0"),
                (b"IDAT", b""),
            )
            name, start = pick(rng, kinds)
            chunks.insert(1, [name, start + bomb])
        else:
            chunks.append(chunks.pop(int(rng.integers(len(chunks)))))
    packed = [data[:8]]
    for name, content in chunks:
        packed.append(struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content)))
    return b"".join(packed)


def boxes(data: bytes, rng: Rng) -> bytes:
    """Remove, duplicate, rename or resize boxes of an MP4 or HEIF file, or change numbers in them."""
    found = list(_boxes(data, 0, len(data), 0))
    if not found:
        return flip(data, rng)
    made = bytearray(data)
    start, end = pick(rng, found)
    what = rng.random()
    if what < 0.15:
        return bytes(made[:start] + made[end:])
    if what < 0.25:
        return bytes(made[:end] + made[start:end] + made[end:])
    if what < 0.45:
        made[start : start + 4] = (int(pick(rng, INTEGERS)) & 0xFFFFFFFF).to_bytes(4, "big")
    elif what < 0.5:
        made[start + 4 : start + 8] = pick(rng, (b"free", b"moov", b"stbl", b"dref", b"hvcC", b"iprp"))
    else:
        for _ in range(int(rng.integers(1, 5))):
            at = start + 8 + 4 * int(rng.integers(max(1, (end - start - 8) // 4)))
            made[at : at + 4] = (int(pick(rng, INTEGERS)) & 0xFFFFFFFF).to_bytes(4, "big")
    return bytes(made)


_PARENTS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"udta", b"dinf", b"meta", b"iprp", b"ipco")


def _boxes(data: bytes, start: int, end: int, depth: int) -> Any:
    while start + 8 <= end and depth < 8:
        size, kind = struct.unpack(">I4s", data[start : start + 8])
        if size < 8 or start + size > end:
            return
        yield start, start + size
        if kind in _PARENTS:
            yield from _boxes(data, start + (12 if kind == b"meta" else 8), start + size, depth + 1)
        start += size


def zipped(data: bytes, rng: Rng) -> bytes:
    """Repack a zip file with other names, contents, compression and sizes."""
    made = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
            for entry in source.infolist():
                content, name = source.read(entry), entry.filename
                if rng.random() < 0.3:
                    content = pick(rng, (*BYTES, json_tree))(content, rng)
                if rng.random() < 0.15:
                    content = bytes(int(pick(rng, (10**6, 3 * 10**7))))
                if rng.random() < 0.25:
                    name = pick(
                        rng, ("../" + name, "/etc/" + name, "..", name + "/", "a\\b", "C:x.png", "ä" * 200, name)
                    )
                for _ in range(int(pick(rng, (1, 1, 1, 2)))):
                    target.writestr(name, content, pick(rng, (0, 8, 8, 12, 14)))
    except (zipfile.BadZipFile, ValueError, OSError, UserWarning):
        return flip(data, rng)
    packed = made.getvalue()
    return pick(rng, (number, flip))(packed, rng) if rng.random() < 0.5 else packed


def safetensors_header(data: bytes, rng: Rng) -> bytes:
    """Change the JSON header of a safetensors file, mostly with the correct length."""
    (length,) = struct.unpack("<Q", data[:8])
    header = json_tree(data[8 : 8 + length], rng)
    count = len(header) if rng.random() < 0.9 else int(pick(rng, INTEGERS)) & ((1 << 64) - 1)
    return struct.pack("<Q", count) + header + data[8 + length :]


def exr_header(data: bytes, rng: Rng) -> bytes:
    """Change attributes of an OpenEXR header: windows, compression, channels, names, sizes."""
    attributes: list[list[bytes]] = []
    at = 8
    while at < len(data) and data[at] and len(attributes) < 100:
        names = data[at:].split(b"\0", 2)[:2]
        begin = at + len(names[0]) + len(names[-1]) + 2
        if begin + 4 > len(data):
            break
        (size,) = struct.unpack("<i", data[begin : begin + 4])
        attributes.append([*names, data[begin + 4 : begin + 4 + size]])
        at = begin + 4 + max(0, size)
    if not attributes:
        return flip(data, rng)
    rest = data[at:]
    for _ in range(int(rng.integers(1, 4))):
        chosen, what = pick(rng, attributes), rng.random()
        if what < 0.6 and len(chosen[2]) >= 4:
            place = 4 * int(rng.integers(len(chosen[2]) // 4))
            value = int(pick(rng, (*INTEGERS, -1, -2))) & 0xFFFFFFFF
            chosen[2] = chosen[2][:place] + struct.pack("<I", value) + chosen[2][place + 4 :]
        elif what < 0.8:
            chosen[2] = pick(rng, BYTES[:8])(chosen[2], rng)
        elif what < 0.9:
            chosen[1] = pick(rng, (b"int", b"box2i", b"chlist", b"string", b"compression", b"preview", b"stringvector"))
        else:
            attributes.append(chosen)
    version = (
        data[:8]
        if rng.random() < 0.9
        else data[:4] + struct.pack("<I", int(pick(rng, (2, 0x202, 0x402, 0x802, 0x1A02))))
    )
    header = b"".join(
        name + b"\0" + kind + b"\0" + struct.pack("<i", len(value)) + value for name, kind, value in attributes
    )
    if rng.random() < 0.2 and len(rest) > 9:  # the table of offsets comes next
        rest = rest[:1] + number(rest[1:200], rng) + rest[200:]
    return version + header + rest


def swapped(folder: Path, rng: Rng) -> None:
    """Replace a file of a folder by a link out of the folder or by something that is not a regular file."""
    path = pick(rng, sorted(folder.iterdir()))
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    what = rng.random()
    if what < 0.3:
        path.symlink_to(pick(rng, ("/etc/passwd", "/dev/zero", "..", path.name, "/proc/self/mem")))
    elif what < 0.5:
        os.mkfifo(path)
    elif what < 0.7:
        path.mkdir()
