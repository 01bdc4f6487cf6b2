"""`holodriver rgbd` from the command line."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from transformers import DPTConfig, DPTForDepthEstimation
from videos import even_times, make_video, picture

from holodriver.cli.app import COMMANDS, main
from holodriver.cli.options import parse_whole
from holodriver.errors import InputError

RNG = np.random.default_rng(0)
QUICK = ["--pyr", "64"]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny DPT as the hub has it."""
    torch.manual_seed(0)
    config = DPTConfig(
        hidden_size=32,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=64,
        image_size=96,
        neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=16,
        backbone_out_indices=[0, 1, 2, 3],
    )
    folder = tmp_path_factory.mktemp("model") / "dpt"
    network = DPTForDepthEstimation(config)
    torch.nn.init.ones_([m for m in network.head.modules() if isinstance(m, torch.nn.Conv2d)][-1].bias)
    network.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text('{"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}')
    return str(folder)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    Image.fromarray(picture(0)).save(tmp_path / "a.jpg")
    return tmp_path / "a.jpg"


def test_photo_video_and_folder(tmp_path: Path, photo: Path, model: str, capsys) -> None:
    make_video(tmp_path / "b.mp4", even_times(5))
    assert main(["rgbd", str(tmp_path), "--backend", model, *QUICK, "-o", str(tmp_path / "out")]) == 0
    made = {"a_depth.png", "a_rgbd_lr.png", "b_rgbd_lr.mp4", "rgbd.batch.jsonl"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == made
    assert "depth position Right" in capsys.readouterr().out
    assert main(["rgbd", str(photo), "--backend", model, *QUICK, "-o", str(tmp_path / "out")]) == 2
    assert "already exists" in capsys.readouterr().err


def test_resuming_replaces_no_depth_that_is_not_its_own(photo: Path, model: str, capsys) -> None:
    call = ["rgbd", str(photo), "--backend", model, *QUICK, "--resume"]
    mine, pair = photo.with_name("a_depth.png"), photo.with_name("a_rgbd_lr.png")
    Image.fromarray(np.zeros((48, 64), np.uint16)).save(mine)
    before = mine.read_bytes()
    assert main(call) == 2
    assert "a_depth.png: already exists" in capsys.readouterr().err
    assert mine.read_bytes() == before
    assert main([*call, "--overwrite"]) == 0
    pair.unlink()
    assert main(call) == 0
    assert pair.exists()


def test_resuming_leaves_out_a_video_only_if_all_of_it_is_there(tmp_path: Path, model: str, capsys) -> None:
    call = ["rgbd", str(make_video(tmp_path / "b.mp4", even_times(2))), "--backend", model, *QUICK, "--resume"]
    (tmp_path / "b_rgbd_lr.mp4").touch()
    assert main(call) == 0
    assert main(["rgbd-video", *call[1:], "--save-depth-video"]) == 2
    assert "b_rgbd_lr.mp4: already exists" in capsys.readouterr().err


def test_overwriting_makes_videos_of_a_batch_anew(tmp_path: Path, photo: Path, model: str) -> None:
    make_video(tmp_path / "b.mp4", even_times(3))
    command = ["rgbd", str(tmp_path), "--backend", model, "-o", str(tmp_path / "out"), *QUICK]
    made = tmp_path / "out" / "b_rgbd_lr.mp4"
    made.parent.mkdir()
    made.write_bytes(b"of other settings")
    assert main([*command, "--overwrite"]) == 0
    with av.open(str(made)) as container:
        assert len(list(container.decode(video=0))) == 3


OPTIONS = [
    "--backend {0} --backend {0} --tta --refine-strength 0.5 --invert --precision fp32",
    "--backend {0} --refiner crf",
    "--backend {0} --refiner none --polarity distance --device cpu --precision bf16",
    "--backend {0} --refiner smooth --pyr 64,96",
]


@pytest.mark.parametrize("options", OPTIONS)
def test_options_of_photos(photo: Path, model: str, options: str) -> None:
    arguments = ["rgbd", str(photo), *QUICK, *(part.format(model) for part in options.split())]
    assert main(arguments) == 0
    assert cv2.imread(str(photo.with_name("a_depth.png")), -1).dtype == np.uint16


def test_options_of_videos(tmp_path: Path, model: str) -> None:
    make_video(tmp_path / "b.mp4", even_times(12))
    options = ["--stride", "2", "--resize-long", "32", "--max-frames", "4", "--save-depth-video", "--codec", "h265"]
    assert main(["rgbd-video", str(tmp_path / "b.mp4"), "--backend", model, *QUICK, *options]) == 0
    with av.open(str(tmp_path / "b_rgbd_lr.mp4")) as container:
        assert container.streams.video[0].codec_context.name == "hevc"
        assert len(list(container.decode(video=0))) == 4
    assert (tmp_path / "b_depth.mp4").exists()


def test_videos_are_taken_from_among_photos(tmp_path: Path, photo: Path, model: str, capsys) -> None:
    command = ["rgbd-video", "--backend", model, *QUICK, "--max-frames", "1"]
    assert main([*command, str(photo)]) == 2
    assert "no video was named" in capsys.readouterr().err
    make_video(tmp_path / "b.mp4", even_times(2))
    assert main([*command, str(tmp_path), "-o", str(tmp_path / "out")]) == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b_rgbd_lr.mp4"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no input was named"),
        (["gone.jpg"], "gone.jpg: does not exist"),
        (["a.jpg", "--pyr", "big"], "--pyr: is 'big'"),
        (["a.jpg", "--pyr", "4"], "size is 4, expected pixels"),
        (["a.jpg", "--device", "toaster"], "device 'toaster' cannot be used"),
        (["a.jpg", "--depth", "gone.png"], "gone.png: does not exist"),
        (["notes.txt"], "notes.txt: is not of a kind that can be read"),
        (["cut.jpg"], "cut.jpg: is damaged or truncated"),
        (["empty.mp4"], "empty.mp4: is empty"),
        (["a.jpg", "--backend", "./no/model"], "is not a folder with a model"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(
    photo: Path, model: str, arguments: list[str], said: str, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photo.parent)
    monkeypatch.delenv("DISPLAY", raising=False)
    Path("notes.txt").write_text("hello")
    Path("empty.mp4").touch()
    Path("cut.jpg").write_bytes(photo.read_bytes()[:700])
    backend = [] if "--backend" in arguments else ["--backend", model]
    assert main(["rgbd", *arguments, *backend]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ")
    assert said in error


def test_a_batch_with_a_bad_file_goes_on_and_ends_with_1(photo: Path, model: str, capsys) -> None:
    photo.with_name("b.jpg").write_bytes(b"junk")
    assert main(["rgbd", str(photo.with_name("b.jpg")), str(photo), "--backend", model, *QUICK]) == 1
    captured = capsys.readouterr()
    assert "wrote" in captured.out
    assert captured.err.strip().splitlines()[-1] == "error: 1 of 2 failed: b.jpg"


@pytest.mark.skipif(os.name == "nt", reason="signals to one process are Unix'")
def test_ctrl_c_leaves_a_playable_file_and_resume_completes_it(tmp_path: Path, model: str) -> None:
    source = make_video(tmp_path / "b.mp4", even_times(150))
    options = ["--backend", model, *QUICK]
    command = [sys.executable, "-m", "holodriver", "--progress", "json", "rgbd", str(source), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if '"progress"' in line and '"done": 0' not in line:
            process.send_signal(signal.SIGINT)
            break
    process.stdout.read()
    assert process.wait() == 130
    with av.open(str(tmp_path / "b_rgbd_lr.mp4")) as container:
        assert 0 < len(list(container.decode(video=0))) < 150
    assert main(["rgbd", str(source), "--backend", model, *QUICK, "--resume"]) == 0
    with av.open(str(tmp_path / "b_rgbd_lr.mp4")) as container:
        assert len(list(container.decode(video=0))) == 150
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.mp4", "b_rgbd_lr.mp4"]


def test_without_input_the_files_are_picked_in_a_dialog(photo: Path, model: str, monkeypatch) -> None:
    tkinter = pytest.importorskip("tkinter")

    class Root:
        def withdraw(self) -> None: ...
        def destroy(self) -> None: ...

    monkeypatch.setattr(tkinter, "Tk", Root)
    monkeypatch.setattr("tkinter.filedialog.askopenfilenames", lambda **options: (str(photo),))
    assert main(["rgbd", "--backend", model, *QUICK]) == 0
    assert photo.with_name("a_rgbd_lr.png").exists()


def test_sizes() -> None:
    assert parse_whole("384,512, 640", ",", None, "--pyr") == (384, 512, 640)
    with pytest.raises(InputError):
        parse_whole("384;512", ",", None, "--pyr")


def test_it_is_among_the_commands() -> None:
    assert "rgbd" in COMMANDS
