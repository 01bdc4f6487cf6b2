"""Turn valid HDF5 files into malicious ones, with the HDF5 library, for readers.py."""

import io
import json
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np
from mutations import VALUES, Rng, flip, pick, tree

NAMES = ("field", "frames/pixels", "frames/gains", "frames/amplitudes")


def rewritten(data: bytes, rng: Rng) -> bytes:
    """Change one to three objects of an HDF5 file."""
    file = io.BytesIO(data)
    try:
        with h5py.File(file, "r+") as opened:
            for _ in range(int(rng.integers(1, 4))):
                pick(rng, CHANGES)(opened, rng)
    except Exception:  # a change that is impossible after another change
        return flip(data, rng)
    made = file.getvalue()
    return flip(made, rng) if rng.random() < 0.2 else made


def _attribute(file: h5py.File, rng: Rng) -> None:
    name = pick(rng, ("format", "version", "profile", "provenance"))
    values: tuple[Any, ...] = (
        *(3, 1.5, "text", np.zeros(5), np.zeros((2, 2), "S3"), b"\xff\xfe", h5py.Empty("f"), np.bool_(True)),
        *(np.array(["a", "b"], h5py.string_dtype()), "x" * 50_000, np.int8(1), np.uint64(2**63)),
    )
    if rng.random() < 0.5 and name in ("profile", "provenance"):
        file.attrs[name] = json.dumps(tree(json.loads(file.attrs[name]), rng))
    elif rng.random() < 0.2:
        del file.attrs[name]
    else:
        value = pick(rng, values)
        file.attrs[name] = file.ref if rng.random() < 0.05 else value


def _replaced(file: h5py.File, rng: Rng) -> None:
    name = pick(rng, NAMES)
    old = file[name]
    shape, dtype = old.shape, old.dtype
    del file[name]
    kind = pick(
        rng, ("shape", "type", "huge", "chunks", "group", "external", "virtual", "soft", "outside", "filter", "values")
    )
    if kind == "shape":
        file.create_dataset(name, pick(rng, ((), (0,), shape[::-1], (*shape, 1), shape[:-1])), dtype)
    elif kind == "type":
        kinds = (
            "f2",
            "f8",
            ">c8",
            "S4",
            "u2",
            h5py.string_dtype(),
            h5py.vlen_dtype("i4"),
            h5py.ref_dtype,
            [("r", "f4"), ("i", "f4")],
        )
        file.create_dataset(name, shape, pick(rng, kinds))
    elif kind == "huge":
        file.create_dataset(name, (10**6, 10**6, 3), dtype, chunks=(1, 10**4, 3))
    elif kind == "chunks":
        file.create_dataset(name, shape, dtype, chunks=shape, maxshape=tuple(None for _ in shape), compression="gzip")
    elif kind == "group":
        file.create_group(name)
    elif kind == "external":
        file.create_dataset(name, shape, dtype, external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])
    elif kind == "virtual":
        layout = h5py.VirtualLayout(shape, dtype)
        layout[...] = h5py.VirtualSource("/tmp/other.h5", "data", shape)
        file.create_virtual_dataset(name, layout)
    elif kind == "soft":
        file[name] = h5py.SoftLink(pick(rng, ("/frames", "/field", "/nowhere", "/" + name)))
    elif kind == "outside":
        file[name] = h5py.ExternalLink("/etc/passwd", "/data")
    elif kind == "filter":
        file.create_dataset(
            name, data=np.zeros(shape, dtype), chunks=shape, compression=pick(rng, ("lzf", "gzip")), fletcher32=True
        )
    else:
        values = np.full(shape, pick(rng, (np.nan, np.inf, -1, 0, 300)), np.float64)
        with np.errstate(all="ignore"):
            file[name] = values.astype(dtype)


def _left_out(file: h5py.File, rng: Rng) -> None:
    del file[pick(rng, (*NAMES, "frames"))]


def _json(file: h5py.File, rng: Rng) -> None:
    name = pick(rng, ("profile", "provenance"))
    file.attrs[name] = (
        json.dumps({"a": pick(rng, VALUES)}) if rng.random() < 0.3 else pick(rng, ("[" * 50_000, "{", "NaN"))
    )


CHANGES: tuple[Callable[[h5py.File, Rng], None], ...] = (_attribute, _attribute, _replaced, _replaced, _left_out, _json)
