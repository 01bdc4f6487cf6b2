"""The common check of values: right values pass, and errors name the wrong value and the expected one."""

import math
from dataclasses import dataclass

import numpy as np
import pytest

from holodriver.errors import InputError, check, check_fields, numbers, one_of


@pytest.mark.parametrize(
    ("expected", "text", "good", "bad"),
    [
        (numbers(), "a number", (0, -1e300, 2.5, np.float32(1), np.float64(1)), (math.nan, math.inf, True, "1", None)),
        (numbers(above=0, kind="metres"), "metres above 0", (1e-9,), (0, -1, math.inf)),
        (numbers(0, 255, whole=True), "a whole number from 0 to 255", (0, 255), (-1, 256, 1.0, False)),
        (numbers(2, whole=True), "a whole number from 2", (2, 10**30), (1, 10**400)),
        (numbers(above=0, most=0.5), "a number above 0, at most 0.5", (0.5,), (0, 0.51)),
        (numbers(0, below=1), "a number from 0, below 1", (0, 0.99), (1, -0.1)),
        (numbers(below=180, kind="degrees"), "degrees below 180", (-1, 179.9), (180,)),
        (numbers(above=0, optional=True), "a number above 0", (None, 1), (0,)),
        (one_of("x", "y"), "'x' or 'y'", ("x",), ("z", 1, None, ["x"])),
        (one_of(1, -1), "1 or -1", (1,), (True, 1.0, 0)),
        (one_of(0, 90, 180), "0, 90 or 180", (90,), (45,)),
    ],
)
def test_what_is_expected_is_said_and_held(expected, text, good, bad):
    assert expected.text == text
    assert all(map(expected.holds, good))
    assert not any(map(expected.holds, bad))


def test_the_error_names_field_value_and_what_was_expected():
    with pytest.raises(InputError) as caught:
        check("--fps", -2.0, numbers(above=0), where="a play")
    assert str(caught.value) == "a play: --fps is -2.0, expected a number above 0"


def test_fields_are_judged_by_name():
    @dataclass(frozen=True)
    class Bench:
        order: int
        pupil: float | None

    rules = {"order": one_of(1, -1), "pupil": numbers(above=0, optional=True, kind="metres")}
    check_fields(Bench(1, None), "bench", **rules)
    with pytest.raises(InputError, match=r"^bench field 'pupil' is 0, expected metres above 0$"):
        check_fields(Bench(1, 0), "bench", **rules)
