"""Looking Glass displays: the table, the order of views in a quilt, and quilts recognised by name."""

from pathlib import Path

import numpy as np
import pytest

from holodriver.errors import InputError
from holodriver.optics.lookingglass import (
    LOOKING_GLASSES,
    LookingGlass,
    looking_glass,
    parse_quilt_name,
    quilt_path,
)


@pytest.mark.parametrize(
    ("name", "size", "grid", "cone"),
    [("go", (4092, 4092), (11, 6), 54), ("portrait", (3360, 3360), (8, 6), 40), ("65", (8192, 8192), (8, 9), 40)],
)
def test_displays_are_as_their_maker_says(name, size, grid, cone):
    display = looking_glass(name)
    assert (display.quilt, (display.columns, display.rows), display.view_cone) == (size, grid, cone)


@pytest.mark.parametrize("display", LOOKING_GLASSES.values(), ids=LOOKING_GLASSES)
def test_tiles_cover_the_quilt_once(display):
    covered = np.zeros(display.used[::-1], np.uint8)
    for view in range(display.views):
        covered[display.place(view)] += 1
    assert covered.min() == covered.max() == 1
    left_over = [side - used for side, used in zip(display.quilt, display.used, strict=True)]
    assert left_over[0] < display.columns
    assert left_over[1] < display.rows


@pytest.mark.parametrize("display", LOOKING_GLASSES.values(), ids=LOOKING_GLASSES)
def test_video_quilts_have_even_sides(display):
    even = display.even()
    assert even.used == even.quilt
    assert [side % 2 for side in even.quilt] == [0, 0]


def test_views_span_the_cone_symmetrically():
    display = looking_glass("go")
    angles = [display.angle(view) for view in range(display.views)]
    assert (angles[0], angles[-1]) == (-27, 27)
    assert np.ptp(np.diff(angles)) < 1e-9


def test_names_of_displays_are_unambiguous():
    assert all(not other.startswith(f"{name}-") for name in LOOKING_GLASSES for other in LOOKING_GLASSES)
    with pytest.raises(InputError, match=r"there is no Looking Glass '16'.*16-gen3-landscape"):
        looking_glass("16")


@pytest.mark.parametrize("display", LOOKING_GLASSES.values(), ids=LOOKING_GLASSES)
def test_a_quilt_is_known_again_by_its_name(display):
    said = parse_quilt_name(quilt_path(Path("a.b/photo_qs1x9a2.png"), display))
    assert said is not None
    assert (said.columns, said.rows, said.aspect) == (display.columns, display.rows, display.aspect)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a_qs8x6a0.75.png", (8, 6, 0.75, None, None)),
        ("image_qs5x9a1.77z1.2f0.0.jpg", (5, 9, 1.77, 1.2, 0.0)),
        ("a_qs5x9a1.77f-0.5.mp4", (5, 9, 1.77, None, -0.5)),
        ("a_qs0x6a0.75.png", None),
        ("a_qs8x6a0.75_copy.png", None),
        ("qs8x6.png", None),
    ],
)
def test_names_as_looking_glass_writes_them(name, said):
    found = parse_quilt_name(Path(name))
    assert (found and (found.columns, found.rows, found.aspect, found.zoom, found.focus)) == said


@pytest.mark.parametrize(
    ("field", "value"),
    [("columns", 0), ("rows", 5000), ("quilt", (0, 10)), ("quilt", (5, 4096)), ("aspect", 0.0), ("view_cone", 180.0)],
)
def test_impossible_displays_are_refused_by_field(field, value):
    values = {"name": "x", "label": "x", "hardware": "", "screen": None, "columns": 11, "rows": 6}
    values |= {"quilt": (4092, 4092), "aspect": 0.5625, "view_cone": 54.0, field: value}
    with pytest.raises(InputError, match=f"field '(columns|{field})'|field 'rows'"):
        LookingGlass(**values)
