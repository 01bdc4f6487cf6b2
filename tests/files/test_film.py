"""Films of rendered frames, read back by FFmpeg's decoder."""

from fractions import Fraction

import numpy as np
import pytest

from holodriver.errors import InputError, OutputExistsError
from holodriver.files.film import Film

av = pytest.importorskip("av")


def flat(color: tuple[int, int, int], height: int = 32, width: int = 48) -> np.ndarray:
    return np.full((height, width, 3), color, np.uint8)


def test_colours_and_times_come_back(tmp_path):
    path = tmp_path / "a.mp4"
    colors = [(200, 40, 40), (40, 200, 40), (40, 40, 200), (128, 128, 128)]
    with Film(path, Fraction(25)) as film:
        for color in colors:
            film.add(flat(color))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        assert stream.codec_context.name == "h264"
    assert [round(float(frame.time), 3) for frame in frames] == [0.0, 0.04, 0.08, 0.12]
    for frame, color in zip(frames, colors, strict=True):
        seen = frame.to_ndarray(format="rgb24").reshape(-1, 3).mean(axis=0)
        assert np.abs(seen - color).max() < 6  # 8-bit BT.709 in limited range
    with pytest.raises(OutputExistsError), Film(path, Fraction(25)):
        pass


def test_what_an_error_stops_leaves_nothing(tmp_path):
    def write(*widths: int) -> None:
        with Film(tmp_path / "a.mp4", Fraction(25)) as film:
            for width in widths:
                film.add(flat((0, 0, 0), width=width))

    with pytest.raises(InputError, match="a frame is 50 × 32 pixels"):
        write(48, 50)
    with pytest.raises(InputError, match="frames are 49 × 32 pixels"):
        write(49)
    assert list(tmp_path.iterdir()) == []
