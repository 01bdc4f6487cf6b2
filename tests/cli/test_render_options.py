"""Options of `holodriver render` that need no render."""

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
        (["stack", "demo"], "Missing option '-o'"),
        (["rgbd", "demo", "-o", "a", "--format", "gif"], "RGB-D format is gif"),
        (["rgbd", "demo", "-o", "a", "--planes", "3"], "No such option: --planes"),
        (["stack", "demo", "-o", "a.stack", "--route", "magic"], "'magic' is not one of 'planes', 'refocus'"),
        (["stack", "demo", "-o", "a.stack", "--device", "CUDA=a", "--device", "HIP"], "--device: is of several types"),
        (["stack", "demo", "-o", "a.json", "--frames", "1-3"], "the scene 'demo' has no animation"),
        (["quilt", "demo", "-o", "a.png", "--display", "16"], "there is no Looking Glass '16'"),
        (["dataset", "-o", "a", "--scenes", "0"], "no scenes are asked for"),
        (["dataset", "-o", "a", "--scenes", "1", "--route", "refocus"], "add --mapping dioptric"),
        (["dataset", "-o", "a", "--scenes", "1", "--depth-samples", "0"], "depth_samples is 0"),
        (["dataset", "-o", "a", "--scenes", "1", "--jobs", "0"], "--jobs"),
    ],
)
def test_wrong_calls_are_one_line(arguments, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["render", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_gpus_and_scenes_by_name_are_fields_of_the_job(tmp_path, monkeypatch):
    asked = []

    def render_stack(job, path, **_):
        asked.append(job)
        raise InputError("enough")

    monkeypatch.setattr("holodriver.blender.stack.render_stack", render_stack)
    gpus = ["--device", "OPTIX=first: 0000", "--device", "OPTIX=second"]
    assert main(["render", "stack", "random-train", "-o", str(tmp_path / "a.stack"), *gpus]) == 2
    assert main(["render", "stack", "random", "-o", str(tmp_path / "a.stack"), "--device", "HIP"]) == 2
    found = [(job.scene, job.split, job.device, job.devices) for job in asked]
    assert found == [("random", "train", "OPTIX", ("first: 0000", "second")), ("random", "test", "HIP", ())]
