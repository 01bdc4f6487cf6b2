"""Videos of changing focus: there and back, render left and hologram right, as video and as GIF."""

import numpy as np
import pytest
from PIL import Image

from holodriver.cli.app import main
from holodriver.files.images import srgb_pixels
from holodriver.files.video.video import VideoReader
from holodriver.viewer.focus_film import FilmColumn, focus_frames, there_and_back

SCALE = 6  # 64 px are enlarged to 384
LEFT, TOP, GAP = 20, 20, 12


def test_the_end_meets_the_start() -> None:
    assert there_and_back(4, 2) == [0, 0, 0, 1, 2, 3, 3, 3, 2, 1]


def test_frames_hold_the_pictures_and_a_marker_that_moves() -> None:
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (40, 401, 3), np.uint8) for _ in range(3)]
    frames = focus_frames([FilmColumn("a", pictures, ["", "", "30.1 dB"])], [0, 0.5, 1], ["2 D", "1 D", "0 D"])
    assert all(side % 2 == 0 for side in frames[0].shape[:2])
    for frame, picture in zip(frames, pictures, strict=True):
        assert np.array_equal(frame[TOP : TOP + 40, LEFT : LEFT + 401], picture)
    bright = [np.flatnonzero(frame[TOP + 40 + 60, :, 0] > 200).mean() for frame in frames]
    assert bright[1] == pytest.approx((bright[0] + bright[2]) / 2, abs=1)
    assert bright[0] < bright[2] - 200


def test_a_video_shows_the_stack_beside_the_hologram(viewed, tmp_path) -> None:
    path = tmp_path / "sweep.mp4"
    arguments = ["reconstruct", str(viewed.folder / "sharp.holo"), "--against", str(viewed.folder / "scene.stack")]
    assert main([*arguments, "-o", str(path), "--rate", "10"]) == 0
    with VideoReader(path) as video:
        frames = [frame.pixels for frame in video.frames()]
        assert float(video.info.rate) == pytest.approx(10)
    order = there_and_back(5, 5) * 2
    assert len(frames) == len(order)
    seen = viewed.content.methods[1].pictures
    for at, plane in ((0, 0), (7, 2), (9, 4), (len(order) - 1, 1)):
        assert order[at] == plane
        for column, picture in enumerate((srgb_pixels(viewed.stack.images[plane]), seen[plane])):
            left = LEFT + column * (64 * SCALE + GAP)
            shown = frames[at][TOP : TOP + 64 * SCALE, left : left + 64 * SCALE].astype(float)
            blocks = shown.reshape(64, SCALE, 64, SCALE, 3).mean((1, 3))
            assert np.abs(blocks - picture).mean() < 8  # the video halves the resolution of colour


def test_a_gif_begins_again_for_ever(viewed, tmp_path) -> None:
    path = tmp_path / "sweep.gif"
    assert (
        main(["reconstruct", str(viewed.folder / "sharp.holo"), "-o", str(path), "--planes", "3", "--rate", "4"]) == 0
    )
    with Image.open(path) as film:
        assert film.info["loop"] == 0
        durations = []
        for number in range(film.n_frames):
            film.seek(number)
            durations.append(film.info["duration"])
    assert sum(durations) == 250 * len(there_and_back(3, 2))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sharp.holo", "-o", "x", "--against", "scene.stack"], "for films"),
        (["sharp.holo", "-o", "x.mp4", "--focus", "0.5"], "shows all focal planes"),
        (["sharp.holo", "-o", "x.mp4", "--against", "scene.stack", "--planes", "4"], "--planes"),
        (["flat.holo", "-o", "x.mp4"], "no panel frames"),
        (["sharp.holo", "-o", "x.mp4", "--against", "gone.stack"], "gone.stack"),
        (["sharp.holo", "-o", "view.html"], "is a file"),
    ],
)
def test_bad_input_is_one_line_and_changes_nothing(viewed, monkeypatch, capsys, arguments, said) -> None:
    monkeypatch.chdir(viewed.folder)
    before = sorted(viewed.folder.rglob("*"))
    assert main(["--progress", "none", "reconstruct", *arguments]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert said in lines[0]
    assert sorted(viewed.folder.rglob("*")) == before
