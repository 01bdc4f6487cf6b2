"""The commands on real files, as a user runs them one after another."""

import json
import shutil
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from layered import layered_stack

from holodriver.cli.app import main
from holodriver.files.frames import read_frames_folder
from holodriver.files.hologram import Hologram, read_hologram, write_hologram
from holodriver.files.images import write_picture
from holodriver.files.profile import write_profile
from holodriver.files.stack import read_stack, write_stack
from holodriver.optics.display import REFERENCE
from holodriver.optics.field import WaveField
from holodriver.panel.behind_slit import read_back
from holodriver.panel.frames import PanelFrames
from holodriver.scene.stack import FocalStack
from holodriver.scores.psnr_ssim import psnr
from holodriver.synthesis.loss import ColourLoss, LossWeights

STACK = layered_stack(64)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a focal stack, its hologram, encoded, and the frames."""
    folder = tmp_path_factory.mktemp("work")
    write_stack(STACK, folder / "a.stack")
    assert (
        main(["synth", str(folder / "a.stack"), "-o", str(folder / "a.holo"), "--iterations", "30", "--tolerance", "0"])
        == 0
    )
    assert main(["encode", str(folder / "a.holo"), "--frames", str(folder / "a.frames")]) == 0
    return folder


def test_synth_keeps_what_it_did_and_how_good_it_is(work: Path) -> None:
    hologram = read_hologram(work / "a.holo")
    assert hologram.provenance["settings"]["iterations"] == [30, 30, 30]
    mean = hologram.provenance["scores"]["mean"]["psnr"]
    images = hologram.field.intensities(STACK.positions)
    border = (..., slice(8, -8), slice(8, -8))
    targets = read_stack(work / "a.stack").exposed().images
    assert mean == pytest.approx(np.mean([psnr(a[border], b[border]) for a, b in zip(images, targets, strict=True)]))


@pytest.mark.parametrize(("method", "worse_than_opt"), [("ncgh", 6.5), ("dcgh", 10), ("points", 6.5), ("flat", 4)])
def test_baselines_by_name(work: Path, method: str, worse_than_opt: float) -> None:
    output = work / f"{method}.holo"
    assert main(["synth", str(work / "a.stack"), "-o", str(output), "--method", method]) == 0
    mean = read_hologram(output).provenance["scores"]["mean"]["psnr"]
    assert mean <= read_hologram(work / "a.holo").provenance["scores"]["mean"]["psnr"] - worse_than_opt


def test_reconstruct_shows_near_and_far(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nearest = REFERENCE.dioptres(0)
    folder = work / "seen"
    arguments = ["reconstruct", str(work / "a.holo"), "-o", str(folder), "--focus", "1", "--dioptres", str(nearest)]
    assert main(arguments) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["focus_0.0000.png", "focus_1.0000.png"]
    for t, index in ((0, 0), (1, -1)):
        picture = cv2.imread(str(folder / f"focus_{t:.4f}.png"))[8:-8, 8:-8, ::-1] / 255
        target = STACK.exposed().images[index].transpose(1, 2, 0)[8:-8, 8:-8]
        encoded = np.where(target <= 0.0031308, 12.92 * target, 1.055 * target.clip(0.0031308, 1) ** (1 / 2.4) - 0.055)
        assert psnr(picture, encoded.clip(0, 1)) > 28
    assert f"{nearest:.2f}" in capsys.readouterr().out
    from_frames = work / "seen_frames"
    assert main(["reconstruct", str(work / "a.frames"), "-o", str(from_frames), "--focus", "1"]) == 0
    assert (from_frames / "focus_1.0000.png").read_bytes() == (folder / "focus_1.0000.png").read_bytes()


def test_a_field_is_looked_at_with_the_padding_that_it_was_computed_with(tmp_path: Path) -> None:
    values = np.exp(2j * np.pi * np.random.default_rng(0).random((3, 48, 48)))
    field = WaveField(values, REFERENCE.resized(48, 48))
    for padding in (0, 16):
        made = tmp_path / f"{padding}.holo"
        write_hologram(made, Hologram(field, provenance={"settings": {"padding": padding}}))
        assert main(["reconstruct", str(made), "--from-field", "--focus", "1", "-o", str(tmp_path / f"{padding}")]) == 0
        write_picture(tmp_path / f"{padding}.png", field.intensity(1.0, padding=padding))
        seen = (tmp_path / f"{padding}" / "focus_1.0000.png").read_bytes()
        assert seen == (tmp_path / f"{padding}.png").read_bytes()
    assert seen != (tmp_path / "0.png").read_bytes()


def test_play_shows_the_frames_under_their_lasers(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record, sequence = work / "record", work / "sequence"
    sequence.mkdir()
    for name in ("a2.holo", "a10.holo"):
        shutil.copy(work / "a.holo", sequence / name)
    arguments = ["play", str(sequence), "--cycles", "1", "--refresh", "20", "--record", str(record), "--overwrite"]
    for _ in range(3):  # a machine that stalls trips the lasers' watchdog, as it should: once more
        if (code := main(arguments)) == 0:
            break
    assert code == 0
    frames = read_frames_folder(work / "a.frames")
    for number, (colour, name) in product((0, 1), enumerate(("red", "green", "blue"))):
        seen = cv2.imread(str(record / f"hologram_{number:04d}_{name}.png"), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(seen, frames.pixels[colour])
    capsys.readouterr()
    assert main(["info", "--json", str(record)]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["kind"], facts["flips"], facts["wrong colours"]) == ("recording of a play", 6, 0)


def test_info_describes_each_kind_of_file(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_profile(work / "p.toml", REFERENCE, overwrite=True)
    for name, kind in (
        ("a.holo", "hologram"),
        ("a.stack", "focal stack"),
        ("a.frames", "panel frames"),
        ("p.toml", "display profile"),
    ):
        capsys.readouterr()
        assert main(["info", "--json", str(work / name)]) == 0
        assert json.loads(capsys.readouterr().out)["kind"] == kind
        assert main(["info", str(work / name)]) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["synth", "gone.stack", "-o", "b.holo"], "gone.stack"),
        (["synth", "a.stack", "-o", "a.holo"], "--overwrite"),
        (["synth", "a.stack", "-o", "b.holo", "--profile", "gone.toml"], "gone.toml"),
        (["synth", "a.holo", "-o", "b.holo"], "a.holo"),
        (["encode", "a.holo"], "--overwrite"),
        (["encode", "a.stack"], "a.stack"),
        (["encode", "a.holo", "--overwrite", "--panel", "x"], "--calibration"),
        (["encode", "a.holo", "--overwrite", "--force"], "--calibration"),
        (["encode", "a.holo", "--overwrite", "--gain", "1", "--gain", "2"], "--gain"),
        (["reconstruct", "a.holo", "--dioptres", "9", "-o", "x"], "9 D"),
        (["reconstruct", "a.holo", "-o", ".", "--overwrite"], "would lose"),
        (["encode", "a.holo", "--overwrite", "--frames", "a.stack"], "would lose"),
        (["synth", "a.stack", "-o", ".", "--overwrite"], "is a folder"),
        (["synth", "a.stack", "-o", "b.holo", "--device", "abacus"], "abacus"),
        (["reconstruct", "a.frames", "--from-field", "-o", "x"], "--from-field"),
        (["info", "gone"], "gone"),
        (["play", "a.stack"], "a.stack"),
        (["demo", "-o", ".", "--size", "64"], "holds no demo"),
        (["demo", "-o", "x", "--size", "64y"], "64y"),
        (["demo", "-o", "x", "--blender", "gone"], "gone"),
    ],
)
def test_bad_input_is_one_line_and_changes_nothing(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(work)
    before = sorted(work.rglob("*"))
    capsys.readouterr()
    code = main(arguments)
    said_lines = capsys.readouterr().err.strip().splitlines()
    lines = [line for line in said_lines if not line.startswith("warning: ")]
    assert code in (1, 2)
    assert len(lines) == 1, lines
    assert lines[0].startswith("error: ")
    assert said in lines[0]
    assert sorted(work.rglob("*")) == before


def test_refined_frames_show_the_stack_better(work: Path, tmp_path: Path) -> None:
    hologram = read_hologram(work / "a.holo")
    path = tmp_path / "a.holo"
    write_hologram(path, Hologram(hologram.field))
    assert main(["encode", str(path), "--refine", str(work / "a.stack")]) == 0
    refined = read_hologram(path).frames
    assert refined.gains == hologram.frames.gains
    assert not np.array_equal(refined.pixels, hologram.frames.pixels)
    assert mean_loss(refined) < mean_loss(hologram.frames)


def mean_loss(frames: PanelFrames) -> float:
    """Eq. 2 of what the frames give back, mean over colours."""
    stack, field = STACK.exposed(), read_back(frames)
    losses = []
    for colour in range(3):
        loss = ColourLoss(stack, colour, frames.profile, LossWeights.for_planes(stack.planes))
        spectrum = torch.fft.fft2(torch.from_numpy(field.values[colour]), norm="ortho")
        losses.append(loss.at(spectrum)[0])
    return float(np.mean(losses))


def test_a_sequence_is_encoded_with_one_gain(work: Path, tmp_path: Path) -> None:
    hologram = read_hologram(work / "a.holo")
    paths = [tmp_path / "0.holo", tmp_path / "1.holo"]
    for path, brightness in zip(paths, (1.0, 0.4), strict=True):
        write_hologram(path, Hologram(WaveField(hologram.field.values * brightness, hologram.profile)))
    assert main(["encode", *map(str, paths)]) == 0
    first, second = (read_hologram(path).frames for path in paths)
    assert first.gains == second.gains
    swing = [np.ptp(frames.pixels.astype(int)) for frames in (first, second)]
    assert swing[1] == pytest.approx(0.4 * swing[0], rel=0.1)


def test_clipped_and_uneven_stacks_warn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = STACK.images.copy()
    images[0] *= 1.1
    uneven = FocalStack(
        images, STACK.depths, STACK.all_in_focus, STACK.all_in_focus_depth, STACK.positions, "linear", 15.0
    )
    write_stack(uneven, tmp_path / "u.stack")
    arguments = ["synth", str(tmp_path / "u.stack"), "-o", str(tmp_path / "u.holo"), "--method", "flat"]
    assert main(arguments) == 0
    assert "energy" in capsys.readouterr().err
