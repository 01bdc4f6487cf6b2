"""Test pictures: exact pixels, and the pattern `signal` carries its signal."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image
from programs import need_programs
from rig.screens import seen, virtual_screen

from holodriver.cli.app import main
from holodriver.errors import InputError
from holodriver.rig.panel.patterns import (
    BRIGHT_STEPS,
    DARK_STEPS,
    MIDDLE_STEPS,
    PATTERNS,
    PatternSettings,
    draw_pattern,
    signal_fields,
)

SHAPE = (120, 192)


def field(picture: np.ndarray, name: str) -> np.ndarray:
    (found,) = [entry for entry in signal_fields(picture.shape[:2]) if entry.name == name]
    return picture[found.rows, found.columns].astype(int)


def limited(picture: np.ndarray) -> np.ndarray:
    """A sink that takes full-range levels for limited ones (CTA-861: 16 is black, 235 white)."""
    return np.clip((picture.astype(float) - 16) * 255 / 219, 0, 255).round().astype(np.uint8)


def subsampled(picture: np.ndarray) -> np.ndarray:
    """4:2:0 and back."""
    return cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420), cv2.COLOR_YUV2RGB_I420)


def six_bits(picture: np.ndarray, threshold: np.ndarray) -> np.ndarray:
    """A panel of 6 bits that adds a threshold (0 to 3) a pixel before it drops the last two."""
    raised = np.minimum(picture.astype(int) + threshold[..., None], 255)
    return (raised // 4 * 4).astype(np.uint8)


def steps_seen(picture: np.ndarray) -> int:
    """Steps on black and white that differ from what they lie on."""
    dark = sum(field(picture, f"level {level}").mean() > picture[0, 0].mean() + 0.5 for level in DARK_STEPS)
    bright = sum(field(picture, f"level {level}").mean() < picture[0, -1].mean() - 0.5 for level in BRIGHT_STEPS)
    return dark + bright


def clean_lines(picture: np.ndarray, name: str) -> bool:
    """Whether every pixel is clean red or clean blue, and half of them each."""
    red, blue = (field(picture, name)[:, 4:-4, channel] for channel in (0, 2))
    clean = ((red > 200) & (blue < 50)) | ((blue > 200) & (red < 50))
    return bool(clean.all() and 0.4 < (red > 200).mean() < 0.6)


def even(picture: np.ndarray) -> bool:
    return all(np.ptp(field(picture, f"level {level}")) == 0 for level in MIDDLE_STEPS)


def levels(picture: np.ndarray) -> int:
    return len({field(picture, f"level {level}").mean().round(2) for level in MIDDLE_STEPS})


def test_signal_tells_full_range_rgb_from_each_of_the_others():
    full = draw_pattern("signal", SHAPE)
    assert (steps_seen(full), levels(full), even(full)) == (16, 8, True)
    assert all(clean_lines(full, name) for name in ("columns", "rows", "wide columns"))
    assert steps_seen(limited(full)) == 0
    assert levels(limited(full)) == 8
    chroma = subsampled(full)
    assert not clean_lines(chroma, "columns")
    assert not clean_lines(chroma, "rows")
    assert levels(six_bits(full, np.zeros(SHAPE, int))) == 2
    bayer = np.tile([[0, 2], [3, 1]], (SHAPE[0] // 2, SHAPE[1] // 2))
    dithered = six_bits(full, bayer)
    assert not even(dithered)
    assert np.array_equal(dithered, six_bits(full, bayer)), "it stands still"
    controlled = [six_bits(full, (bayer + frame) % 4) for frame in range(4)]
    assert not np.array_equal(field(controlled[0], "level 125"), field(controlled[1], "level 125")), "it does not"


def test_gratings_have_their_period_and_no_other():
    for name, harmonics in (("grating", {8, 24}), ("sine", {8})):
        picture = draw_pattern(name, (64, 64), PatternSettings(period=8))
        spectrum = np.abs(np.fft.fft2(picture.astype(float)))
        rounding = 0.5 * picture.size  # of 8 bits, were it all in one order
        assert set(np.flatnonzero(spectrum[0, 1:33] > rounding) + 1) == harmonics
        assert np.array_equal(draw_pattern(name, (64, 64), PatternSettings(period=8, axis="y")), picture.T)


def test_crosses_tell_every_turn_and_mirror_image_apart():
    picture = draw_pattern("crosses", (120, 120))
    looks = [np.rot90(side, turn).tobytes() for side in (picture, picture[:, ::-1]) for turn in range(4)]
    assert len(set(looks)) == 8


def test_pixels_are_single_and_reach_all_corners():
    picture = draw_pattern("pixels", SHAPE)
    assert {picture[row, column] for row in (0, -1) for column in (0, -1)} == {255}
    lone = cv2.connectedComponentsWithStats((picture > 0).astype(np.uint8))[2][1:, cv2.CC_STAT_AREA]
    assert set(lone) == {1}


@pytest.mark.parametrize("name", PATTERNS)
def test_every_pattern_is_written_as_it_is(tmp_path, name, capsys):
    assert main(["pattern", name, "-o", str(tmp_path / "p.png"), "--size", "192x120"]) == 0
    with Image.open(tmp_path / "p.png") as image:
        np.testing.assert_array_equal(np.asarray(image), draw_pattern(name, SHAPE))
    assert main(["pattern", name, "-o", str(tmp_path / "p.png"), "--size", "192x120"]) == 2, "nothing is overwritten"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["grey"], "say where it goes"),
        (["grey", "-o", "p.jpg"], "ends in .png"),
        (["grey", "-o", "p.png", "--size", "20x10"], "too few"),
        (["stripes", "-o", "p.png"], "stripes"),
    ],
)
def test_a_wrong_call_is_one_line(tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    assert main(["pattern", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert said in error
    assert not list(tmp_path.iterdir())


def test_no_such_pattern():
    with pytest.raises(InputError, match="no pattern 'stripes': grey, checker"):
        draw_pattern("stripes", SHAPE)


def test_on_a_monitor_it_is_what_is_in_the_file(monkeypatch, capsys):
    need_programs("Xvfb")
    with virtual_screen(*SHAPE[::-1]) as display:
        monkeypatch.setenv("DISPLAY", display)
        assert main(["pattern", "signal", "--monitor", "0"]) == 1
        assert "primary monitor" in capsys.readouterr().err
        looks = []
        monkeypatch.setattr(
            "holodriver.rig.panel.window.WindowPanel.rest",
            lambda panel: looks.append(seen(display, 0, 0, *SHAPE[::-1])),
        )
        assert main(["pattern", "signal", "--monitor", "0", "--force-primary", "--duration", "0.05"]) == 0
        np.testing.assert_array_equal(looks[0], draw_pattern("signal", SHAPE))
        assert "flips do not wait" in capsys.readouterr().err
        assert main(["pattern", "sync", "--monitor", "screen", "--force-primary", "--duration", "0.2"]) == 0
        assert "frames shown" in capsys.readouterr().out
        assert main(["monitors", "--json"]) == 0
        (listed,) = json.loads(capsys.readouterr().out)["monitors"]
        assert (listed["connector"], listed["width"], listed["height"], listed["gamma"]) == ("screen", 192, 120, "none")
