"""Options of `holodriver render` that no render is needed for."""

import pytest

from holodriver.cli.app import main
from holodriver.cli.options import parse_frames
from holodriver.errors import InputError


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        ("3", (3,)),
        ("5,3,3", (3, 5)),
        ("1-4", (1, 2, 3, 4)),
        ("1-9:3", (1, 4, 7)),
        ("-2-1, 8", (-2, -1, 0, 1, 8)),
    ],
)
def test_frames_are_numbers_and_ranges(text, frames):
    assert parse_frames(text) == frames


@pytest.mark.parametrize("text", ["", "a", "4-1", "1-3:0", "1-", "1.5", "0-999999"])
def test_other_frames_are_refused(text):
    with pytest.raises(InputError, match="--frames"):
        parse_frames(text)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["demo"], "--output: is missing"),
        (["demo", "--rgbd", "--range"], "give one of --stack, --rgbd"),
        (["demo", "-o", "a.stack", "--format", "exr"], "--format: is for RGB-D images"),
        (["demo", "-o", "a", "--rgbd", "--format", "gif"], "RGB-D format is gif"),
        (["demo", "-o", "a.stack", "--route", "magic"], "route is 'magic'"),
    ],
)
def test_wrong_calls_are_one_line(arguments, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["render", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
