"""Contact sheets show every picture under its heading, and details where focus matters."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from holodriver.errors import InputError
from holodriver.optics.colour import srgb_encode
from holodriver.viewer.contact_sheet import Column, contact_sheet, details


def half_sharp(left: bool, size: int = 96) -> np.ndarray:
    texture = np.random.default_rng(3).random((3, size, size))
    blurred = gaussian_filter(texture, (0, 3, 3))
    columns = np.arange(size) < size // 2
    return np.where(columns if left else ~columns, texture, blurred)


def test_details_are_where_each_focus_is_sharper() -> None:
    first, second = details(half_sharp(True), half_sharp(False))
    middle = 48
    assert first[1] + first[2] <= middle + 4
    assert second[1] >= middle - 4


def test_every_picture_stands_in_its_cell() -> None:
    levels = np.linspace(0.2, 0.9, 6).reshape(2, 3)
    columns = [
        Column(f"method {c}", [np.full((3, 40, 50), levels[r, c]) for r in range(2)], ["", ""]) for c in range(3)
    ]
    sheet = contact_sheet(["front", "rear"], columns, "title")
    wanted = np.rint(srgb_encode(levels) * 255).astype(int)
    found = {}
    for value in wanted.ravel():
        y, x = np.nonzero((sheet == value).all(-1))
        assert len(y) > 5000
        found[value] = (np.median(y), np.median(x))
    for row in range(2):
        places = [found[value] for value in wanted[row]]
        assert places == sorted(places, key=lambda place: place[1])
    assert found[wanted[0, 0]][0] < found[wanted[1, 0]][0]


def test_pictures_of_different_sizes_are_refused() -> None:
    with pytest.raises(InputError):
        contact_sheet(["a"], [Column("x", [np.zeros((3, 9, 9))], [""]), Column("y", [np.zeros((3, 8, 9))], [""])], "")
    with pytest.raises(InputError):
        contact_sheet(["a", "b"], [Column("x", [np.zeros((3, 9, 9))], [""])], "")
