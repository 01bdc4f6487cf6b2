"""Readings as CSV: files of this program, files that people wrote, and invalid files."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holodriver.errors import FileFormatError
from holodriver.files.readings import read_readings, write_readings
from holodriver.panel.response import DARK, Readings

SOME = [
    Readings(
        np.array([DARK, 0, 140, 255]), np.array([1e-9, 0.1 + 0.2, 5.0, 9.0]), np.array([False, False, True, False])
    ),
    Readings(np.array([DARK, 3]), np.array([0.0, -1e-7]), np.array([False, False])),
]


def test_what_was_written_is_read_back(tmp_path):
    write_readings(tmp_path / "r.csv", SOME)
    for got, wanted in zip(read_readings(tmp_path / "r.csv"), SOME, strict=True):
        for name in ("greys", "values", "references"):
            np.testing.assert_array_equal(getattr(got, name), getattr(wanted, name))


def test_a_spreadsheet_is_read(tmp_path):
    rows = "\ufeffReading;Colour;Grey;Note\r\n0.01;RED;dark;lamp off\r\n\r\n1.5e-3;red;12;\r\n"
    (tmp_path / "r.csv").write_text(rows, encoding="utf-8", newline="")
    (red,) = read_readings(tmp_path / "r.csv")
    assert red.greys.tolist() == [DARK, 12]
    assert red.values.tolist() == [0.01, 1.5e-3]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("red,256,1,", "grey level is '256'"),
        ("red,-1,1,", "grey level is '-1'"),
        ("violet,3,1,", "colour is 'violet'"),
        ("red,3,nan,", "reading is 'nan'"),
        ("red,3,,", "reading is ''"),
        ("red,3,1e999,", "reading is '1e999'"),
        ("red,3,1,other", "kind is 'other'"),
        ("blue,3,1,", "colours [0, 2]"),
    ],
)
def test_a_wrong_row_is_named(tmp_path, row, says):
    (tmp_path / "r.csv").write_text(f"colour,grey,reading,kind\nred,dark,0,\n{row}\n")
    with pytest.raises(FileFormatError) as caught:
        read_readings(tmp_path / "r.csv")
    assert says in caught.value.what
    assert "line 3" in str(caught.value.where) or "colours [" in says


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=300),
        st.lists(st.text('redgnblu,;\t"\n0123456789.eE-+dark ', max_size=30), max_size=12).map(
            lambda lines: ("colour,grey,reading\n" + "\n".join(lines)).encode()
        ),
    )
)
def test_whatever_is_in_it_it_is_read_or_refused_in_words(tmp_path, data):
    (tmp_path / "r.csv").write_bytes(data)
    try:
        found = read_readings(tmp_path / "r.csv")
    except FileFormatError:
        return
    assert all(np.isfinite(one.values).all() for one in found)
