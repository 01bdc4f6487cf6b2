"""`holodriver synth` on pictures with depth and on folders of focal stacks."""

import json
from pathlib import Path

import numpy as np
import pytest
from layered import layered_stack, texture

from holodriver.cli.app import main
from holodriver.files import photos
from holodriver.files.hologram import read_hologram
from holodriver.files.rgbd import write_rgbd
from holodriver.files.stack import write_stack
from holodriver.scene.cut import layers_of
from holodriver.scene.layered import focal_stack
from holodriver.scene.rgbd import RgbdImage
from holodriver.scores.psnr_ssim import psnr
from holodriver.tasks.hologram import is_picture

SIZE = 48


def picture(size: int = SIZE) -> RgbdImage:
    y, x = np.mgrid[:size, :size] / size - 0.5
    return RgbdImage(texture(np.random.default_rng(6), size), np.where(np.hypot(x, y) < 0.25, 0.0, 1.0))


@pytest.fixture
def stacks(tmp_path: Path) -> Path:
    """A folder of two focal stacks and something else."""
    folder = tmp_path / "stacks"
    for seed in (1, 2):
        write_stack(layered_stack(32, planes=5, coc_max=4.0, seed=seed, rays=12), folder / f"{seed}.stack")
    (folder / "notes.txt").write_text("…")
    return folder


def synth(*arguments: object) -> int:
    return main(["synth", *map(str, arguments)])


@pytest.mark.parametrize("method", ["opt", "net"])
def test_too_little_memory_allowed_is_wrong_input(tmp_path: Path, capsys: pytest.CaptureFixture, method: str) -> None:
    write_rgbd(picture(), tmp_path / "a.exr")
    arguments = ["-o", tmp_path / "a.holo", "--method", method, "--planes", 5, "--memory", 1e-5]
    assert synth(tmp_path / "a.exr", *arguments) == 2
    assert "allow more with --memory" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["a.png", "a_rgbd_lr.png", "a.exr"])
def test_a_picture_with_depth_becomes_a_hologram(tmp_path: Path, name: str) -> None:
    write_rgbd(picture(), tmp_path / name)
    assert synth(tmp_path / name, "-o", tmp_path / "a.holo", "--method", "opt", "--planes", 5, "--iterations", 15) == 0
    hologram = read_hologram(tmp_path / "a.holo")
    assert hologram.provenance["hidden surfaces"] == "invented"
    assert hologram.provenance["stack"] == name
    assert hologram.field is not None
    coc_max = hologram.profile.coc_max
    stack = focal_stack(layers_of(picture(), coc_max), np.linspace(0, 1, 5), coc_max).exposed()
    seen = hologram.field.intensities([0.0, 1.0])
    inside = (..., slice(8, -8), slice(8, -8))
    for image, right, wrong in ((seen[0], 0, -1), (seen[1], -1, 0)):  # near and far are not exchanged
        assert psnr(image[inside], stack.images[right][inside]) > psnr(image[inside], stack.images[wrong][inside]) + 3


def test_polarity_is_what_the_user_says(tmp_path: Path) -> None:
    image = picture()
    write_rgbd(image, tmp_path / "a.png")
    inverted = RgbdImage(image.color, 1 - image.depth)
    write_rgbd(inverted, tmp_path / "b.png")
    options = ("--method", "flat", "--planes", 5)
    assert synth(tmp_path / "a.png", "-o", tmp_path / "a.holo", *options) == 0
    depth = tmp_path / "b_depth.png"
    assert synth(tmp_path / "a.png", "-o", tmp_path / "b.holo", "--depth", depth, "--near", "white", *options) == 0
    first, second = (read_hologram(tmp_path / f"{name}.holo").provenance["scores"]["planes"] for name in "ab")
    assert first == second


def test_a_flat_depth_warns_and_still_works(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_rgbd(RgbdImage(picture().color, np.full((SIZE, SIZE), 0.5)), tmp_path / "a.png")
    assert synth(tmp_path / "a.png", "-o", tmp_path / "a.holo", "--method", "flat", "--planes", 17) == 0
    assert "0.5 everywhere" in capsys.readouterr().err


def test_a_folder_of_stacks_becomes_a_folder_of_holograms(
    stacks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "holograms"
    assert synth(stacks, "-o", output, "--method", "flat") == 0
    assert sorted(path.name for path in output.iterdir()) == ["1.holo", "2.holo", "synth.batch.jsonl"]
    assert read_hologram(output / "2.holo").provenance["stack"] == "2.stack"
    assert "2.holo" in capsys.readouterr().out
    # what is there stays, what is not is made
    (output / "1.holo").unlink()
    before = (output / "2.holo").stat().st_mtime_ns
    assert synth(stacks, "-o", output, "--method", "flat") == 0
    assert (output / "1.holo").exists()
    assert (output / "2.holo").stat().st_mtime_ns == before
    assert "left out 1" in capsys.readouterr().out
    assert synth(stacks, "-o", output, "--method", "flat", "--overwrite") == 0
    assert (output / "2.holo").stat().st_mtime_ns > before


def test_one_that_fails_is_told_at_the_end_and_the_rest_goes_on(
    stacks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (stacks / "1.stack" / "plane_03.exr").write_bytes(b"no")
    assert synth(stacks, "-o", tmp_path / "out", "--method", "flat") == 1
    assert [path.name for path in (tmp_path / "out").glob("*.holo")] == ["2.holo"]
    captured = capsys.readouterr()
    lines = captured.err.strip().splitlines()
    assert "plane_03.exr" in captured.out
    assert lines[-1].startswith("error: 1 of 2 failed: 1.holo")


def test_progress_goes_over_the_whole_folder(stacks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--progress", "json", "synth", str(stacks), "-o", str(tmp_path / "out"), "--method", "flat"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    whole = [event for event in events if event["event"] == "progress" and event["stage"] == "Computing holograms"]
    assert (whole[0]["done"], whole[-1]["done"], whole[-1]["total"]) == (0, 2, 2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("a.png", "-o", "a.holo"), "a_depth.png"),
        (("gone.png", "-o", "a.holo"), "gone.png"),
        (("a.png", "-o", "a.holo", "--depth", "gone.png"), "gone.png"),
        (("stacks", "-o", "a.holo"), "a.holo"),
        (("stacks", "-o", "a.png"), "a.png"),
        (("stacks", "-o", "out", "--near", "white"), "stacks"),
        (("stacks/1.stack", "-o", "a.holo", "--depth", "a.png"), "1.stack"),
        (("empty", "-o", "out"), "stack.json"),
        (("stacks/1.stack", "-o", "a.holo", "--method", "ncgh", "--within-slit"), "--within-slit is nothing that"),
        (("stacks/1.stack", "-o", "a.holo", "--method", "net", "--padding", "8"), "--method opt or net+opt"),
    ],
)
def test_bad_input_is_one_line_and_changes_nothing(
    stacks: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_rgbd(picture(16), tmp_path / "a.png")
    (tmp_path / "a_depth.png").unlink()
    (tmp_path / "empty").mkdir()
    before = sorted(tmp_path.rglob("*"))
    assert synth(*arguments) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    assert said in lines[0]
    assert sorted(tmp_path.rglob("*")) == before


def test_photos_of_every_kind_that_rgbd_reads_are_pictures() -> None:
    assert all(is_picture(Path(f"a{suffix}")) for suffix in photos.SUFFIXES)
