"""Arrays of NumPy and MATLAB: read as written, and refused if they contain anything except numbers."""

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from holodriver.errors import FileFormatError
from holodriver.files.arrays import read_array

FIELD = (np.arange(24).reshape(2, 3, 4) + 1j * np.arange(24).reshape(2, 3, 4)[::-1]).astype(np.complex128)


def write_mat_73(path, variables: dict[str, np.ndarray], **options) -> None:
    """A `.mat` file as MATLAB 7.3 writes it: axes reversed, complex numbers as records, a head of 512 bytes."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, values in variables.items():
            values = values.T
            if np.iscomplexobj(values):
                record = np.empty(values.shape, [("real", values.real.dtype), ("imag", values.real.dtype)])
                record["real"], record["imag"] = values.real, values.imag
                values = record
            file.create_dataset(name, data=values, **options).attrs["MATLAB_class"] = np.bytes_("double")
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Mon Nov 30 2026 HDF5 schema 1.00 .".ljust(116))


@pytest.mark.parametrize("dtype", ["<c8", "<c16", ">c16", "<f4", ">f8", "u1", ">u2"])
def test_npy_of_every_kind_of_number(tmp_path, dtype):
    values = (FIELD if "c" in dtype else FIELD.real).astype(dtype)
    np.save(tmp_path / "a.npy", values)
    found, name = read_array(tmp_path / "a.npy")
    assert name is None
    assert found.dtype == np.dtype(dtype).newbyteorder("<")
    assert np.array_equal(found, values)


def test_npy_in_the_order_of_fortran(tmp_path):
    np.save(tmp_path / "a.npy", np.asfortranarray(FIELD))
    assert np.array_equal(read_array(tmp_path / "a.npy").values, FIELD)


@pytest.mark.parametrize("packed", [False, True])
def test_mat_of_version_5(tmp_path, packed):
    savemat(tmp_path / "a.mat", {"U": FIELD, "comment": "made by hand"}, do_compression=packed)
    found, name = read_array(tmp_path / "a.mat")
    assert name == "U"
    assert np.array_equal(found, FIELD)


@pytest.mark.parametrize("options", [{}, {"compression": "gzip", "chunks": True}])
@pytest.mark.parametrize("dtype", [np.complex64, np.complex128, np.float64])
def test_mat_of_version_73_has_the_axes_that_matlab_counts(tmp_path, dtype, options):
    values = (FIELD if np.issubdtype(dtype, np.complexfloating) else FIELD.real).astype(dtype)
    write_mat_73(tmp_path / "a.mat", {"U": values}, **options)
    found, name = read_array(tmp_path / "a.mat")
    assert name == "U"
    assert found.dtype == dtype
    assert np.array_equal(found, values)


@pytest.mark.parametrize("write", [savemat, write_mat_73])
def test_of_several_variables_one_must_be_named(tmp_path, write):
    path = tmp_path / "a.mat"
    write(path, {"U": FIELD, "phase": FIELD.real})
    with pytest.raises(FileFormatError, match=r"has 2 variables of numbers.*'U'.*'phase'.*name the variable"):
        read_array(path)
    assert np.array_equal(read_array(path, "phase").values, FIELD.real)
    with pytest.raises(FileFormatError, match="has no variable 'V' of numbers; there are: 'U', 'phase'"):
        read_array(path, "V")


class Trap:
    """Would write a file if it were unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_an_array_of_python_objects_is_refused_and_not_unpickled(tmp_path):
    trap = tmp_path / "sprung"
    np.save(tmp_path / "a.npy", np.array([Trap(trap)], dtype=object), allow_pickle=True)
    with pytest.raises(FileFormatError, match="holds values of type 'object'"):
        read_array(tmp_path / "a.npy")
    assert not trap.exists()


@pytest.mark.parametrize(
    "values", [np.array(["text"]), np.zeros(3, [("a", "f4")]), np.zeros(3, bool), np.zeros(3, int)]
)
def test_what_is_no_number_of_a_field_is_refused(tmp_path, values):
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(FileFormatError, match="holds values of type"):
        read_array(tmp_path / "a.npy")


def test_a_header_that_promises_more_than_there_is(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, FIELD)
    content = path.read_bytes()
    path.write_bytes(content[:-8])
    with pytest.raises(FileFormatError, match="has 376 bytes of numbers, expected 384: it is cut short"):
        read_array(path)
    path.write_bytes(
        content.replace(b"(2, 3, 4)", b"(9999999,999999)"[:16]).replace(b"(9999999,999999)       ", b"(9999999,999999)")
    )
    with pytest.raises(FileFormatError):
        read_array(path)


def test_a_damaged_mat_file_is_one_line(tmp_path):
    path = tmp_path / "a.mat"
    savemat(path, {"U": FIELD})
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(FileFormatError, match=r"is not a \.mat file that can be read"):
        read_array(path)


def test_values_that_lie_in_another_file_are_refused(tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["U"] = FIELD.real
    path = tmp_path / "a.mat"
    write_mat_73(path, {})
    with h5py.File(path, "r+") as file:
        file["U"] = h5py.ExternalLink("secret.h5", "U")
    with pytest.raises(FileFormatError, match="has 0 variables of numbers"):
        read_array(path)
