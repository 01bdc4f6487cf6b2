"""Evaluation: scores equal scikit-image's, for the right planes and the bench's images."""

import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from layered import layered_stack
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from holodriver.cli.app import main
from holodriver.errors import InputError
from holodriver.files.hologram import Hologram, write_hologram
from holodriver.files.stack import read_stack, write_stack
from holodriver.optics.display import REFERENCE
from holodriver.panel.behind_slit import camera_exposure, camera_field
from holodriver.panel.encoder import automatic_gains, encode
from holodriver.panel.frames import simulated_bench
from holodriver.panel.lut import AmplitudeLut
from holodriver.scores import lpips
from holodriver.scores.evaluation import evaluate
from holodriver.synthesis.baselines import flat_phase, ncgh

SIZE = 64
PROFILE = REFERENCE.resized(SIZE, SIZE)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a focal stack and its nCGH, encoded for a panel that turns blue too far."""
    folder = tmp_path_factory.mktemp("evaluation")
    write_stack(layered_stack(SIZE, planes=5), folder / "a.stack")
    stack = read_stack(folder / "a.stack").exposed()
    field = ncgh(stack, PROFILE)
    frames = encode(field, automatic_gains([field]), AmplitudeLut.simulated_panel(PROFILE.wavelengths))
    write_hologram(folder / "a.holo", Hologram(field, frames))
    return folder


def srgb(light: np.ndarray) -> np.ndarray:
    light = light.astype(np.float64).clip(0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def by_scikit_image(images: np.ndarray, targets: np.ndarray) -> dict[str, list[float]]:
    """PSNR and SSIM in both spaces, of the part of each plane that a border of ⌈15 / 2⌉ px leaves."""
    inside = (slice(None), slice(8, -8), slice(8, -8))
    figures: dict[str, list[float]] = {"psnr": [], "ssim": [], "psnr_srgb": [], "ssim_srgb": []}
    for image, target in zip(images, targets, strict=True):
        for end, space in (("", lambda light: light.astype(np.float64)), ("_srgb", srgb)):
            a, b = space(image[inside]), space(target[inside])
            figures[f"psnr{end}"].append(peak_signal_noise_ratio(b, a, data_range=1))
            figures[f"ssim{end}"].append(
                structural_similarity(
                    a, b, channel_axis=0, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
                )
            )
    return figures


def test_the_command_gives_scikit_image_s_figures(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the field as it propagates and of the picture of the bench, each plane, to 1e-6."""
    output = work / "scores.json"
    assert main(["evaluate", str(work / "a.holo"), "--against", str(work / "a.stack"), "--json", str(output)]) == 0
    found = json.loads(output.read_text(encoding="utf-8"))
    stack = read_stack(work / "a.stack").exposed()
    field = ncgh(stack, PROFILE)
    frames = encode(field, automatic_gains([field]), AmplitudeLut.simulated_panel(PROFILE.wavelengths))
    bench, exposure = simulated_bench(frames), camera_exposure(PROFILE, frames.gains)
    seen = {
        "wave field": np.stack([field.intensity(float(t)) for t in stack.positions]),
        "panel frames": np.stack([bench.picture(frames.pixels, float(t), exposure) for t in stack.positions]),
    }
    mine = {one["seen"]: one for one in found["results"] if one["name"].endswith("a.holo")}
    assert set(mine) == set(seen)
    shown = camera_field(frames)
    same = np.stack([shown.intensity(float(t)) for t in stack.positions])  # as the bench, but in float32
    for name, images, tolerance in (
        ("wave field", seen["wave field"], 1e-6),
        ("panel frames", seen["panel frames"], 1e-4),
        ("panel frames", same, 1e-6),
    ):
        for score, values in by_scikit_image(images, stack.images).items():
            assert mine[name]["planes"][score] == pytest.approx(values, abs=tolerance)
            assert mine[name]["mean"][score] == pytest.approx(np.mean(values), abs=tolerance)
    assert [one["name"] for one in found["results"][2:]] == ["flat phase", "flat phase"]
    printed = capsys.readouterr().out
    assert main(["info", "--json", str(output)]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["kind"] == "evaluation"
    assert facts["mean"]["flat phase, wave field"] == found["results"][2]["mean"]
    assert f"{mine['panel frames']['mean']['psnr']:.2f}" in printed
    assert f"{PROFILE.dioptres(0):.2f}" in printed


def test_a_camera_s_field_is_what_the_bench_shows() -> None:
    stack = layered_stack(SIZE, planes=3).exposed()
    field = flat_phase(stack, PROFILE)
    frames = encode(field, automatic_gains([field]), AmplitudeLut.simulated_panel(PROFILE.wavelengths))
    bench, exposure = simulated_bench(frames), camera_exposure(PROFILE, frames.gains)
    shown = camera_field(frames)
    for t in (0.0, 0.4, 1.0):
        picture = bench.picture(frames.pixels, t, exposure)
        assert np.abs(shown.intensity(t) - picture).max() < 1e-4 * picture.max()


def test_a_field_without_frames_is_encoded_and_says_so() -> None:
    stack = layered_stack(SIZE, planes=3).exposed()
    field, panel = evaluate("flat", Hologram(flat_phase(stack, PROFILE)), stack)
    assert (field.seen, panel.seen) == ("wave field", "panel frames")
    assert "encoded here" in panel.note
    assert panel.means()["psnr"] == pytest.approx(field.means()["psnr"], abs=3)


def test_another_size_is_refused() -> None:
    stack = layered_stack(SIZE, planes=3).exposed()
    hologram = Hologram(flat_phase(stack, PROFILE))
    with pytest.raises(InputError, match="64 × 64 pixels in 3 colours, the focal stack has 48 × 48"):
        evaluate("a.holo", hologram, layered_stack(48, planes=3))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a.holo", "--against", "gone.stack"], "gone.stack"),
        (["gone.holo", "--against", "a.stack"], "gone.holo"),
        (["a.holo", "--against", "a.stack", "--json", "a.holo"], "--overwrite"),
    ],
)
def test_bad_input_is_one_line(work, monkeypatch, capsys, arguments, said) -> None:
    monkeypatch.chdir(work)
    assert main(["evaluate", *arguments]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert said in lines[0]


def test_lpips_that_is_not_installed_is_an_error_only_if_it_was_asked_for(work, monkeypatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, "lpips", None)
    assert main(["evaluate", str(work / "a.holo"), "--against", str(work / "a.stack"), "--lpips"]) == 1
    assert "pip install lpips" in capsys.readouterr().err
    assert main(["evaluate", str(work / "a.holo"), "--against", str(work / "a.stack")]) == 0
    assert "LPIPS" not in capsys.readouterr().out
    monkeypatch.setattr(lpips, "is_available", lambda: True)  # installed, and broken
    assert main(["evaluate", str(work / "a.holo"), "--against", str(work / "a.stack")]) == 0
    assert "LPIPS is left out" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["{", "[]", '{"format": "holodriver evaluation", "version": 1, "results": 3}'])
def test_what_is_no_evaluation_is_refused(tmp_path, capsys, text) -> None:
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    assert main(["info", str(tmp_path / "a.json")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_lpips_gets_encoded_light_between_minus_one_and_one(monkeypatch) -> None:
    """The package's interface, with a distance in its place that can be worked out."""
    given = []

    class Network(torch.nn.Module):
        def __init__(self, net: str, verbose: bool):
            super().__init__()

        def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
            given.append((a, b))
            return (a - b).abs().mean().reshape(1, 1, 1, 1)

    module = ModuleType("lpips")
    module.LPIPS = Network
    monkeypatch.setitem(sys.modules, "lpips", module)
    image, target = np.zeros((1, 3, 32, 32), np.float32), np.ones((1, 3, 32, 32), np.float32)
    found = lpips.lpips_of_planes(image, target, 8.0, lpips.load_lpips())
    assert found == pytest.approx((2.0,))
    assert given[0][0].shape == (1, 3, 24, 24)
    assert given[0][0].min() == -1
    assert float(given[0][1].max()) == pytest.approx(1)
