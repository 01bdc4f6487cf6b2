"""Measure the estimation of depth from pictures and videos, on rendered scenes with exact depth.

    python scripts/bench/depth.py render FOLDER      render six scenes and a clip of two shots with Blender
    python scripts/bench/depth.py photos FOLDER      gain of each stage, compared with the reference script
    python scripts/bench/depth.py refiners FOLDER    every refiner on identical fused depth
    python scripts/bench/depth.py clips FOLDER       flicker, temporal alignment, cuts
    python scripts/bench/depth.py throughput         time of all steps except the network at full HD

The depth estimator is simulated (`depth_simulation.py`), fixed, and equal for all rows. The scenes are from a split
that was not used to choose the pipeline's constants. All commands except `render` take `--record`.
"""

import argparse
import json
import math
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import record
from depth_simulation import Clip, Floats, Picture, Scores, SimulatedEstimator, read_clip, read_frame, score

import holodriver
from holodriver.blender.find import blender_environment, find_blender
from holodriver.depth.fusion import fuse
from holodriver.depth.pipeline import DepthSettings, estimate, percentile_range, to_range
from holodriver.depth.refine import METHODS, refine
from holodriver.depth.size import resized, shrunk
from holodriver.depth.temporal import Stabiliser

SCENES_SCRIPT = Path(__file__).parent / "inside_blender" / "depth_scenes.py"
SCENES = 6
FRAMES = 20
PHOTO, CLIP = "photos", "clip"
LOW_CONTRAST = 0.3
PYRAMID = DepthSettings().sizes
HEADINGS = {
    "photos": "Depth of photos: what each stage adds",
    "refiners": "Depth of photos: refiners",
    "clips": "Depth of videos: flicker",
    "throughput": "Depth of videos: speed",
}


def render(folder: Path) -> None:
    """Render the scenes and the clip into `folder`."""
    blender = find_blender()
    package = Path(holodriver.__file__).parent
    common = {"packages": [str(package), str(package.parent / "blender_addon")], "split": "test"}
    stills = [{"seed": seed, "path": [[0, 0, 0]]} for seed in range(1, SCENES + 1)]
    along = [[-0.25 + 0.5 * i / (FRAMES - 1), 0.1 * math.sin(i / 4), 0] for i in range(FRAMES)]
    towards = [[0.3 * math.sin(i / 5), -0.2 + 0.02 * i, -0.04 * i] for i in range(FRAMES)]
    shots = [{"seed": 7, "path": along}, {"seed": 8, "path": towards}]
    for name, job in (
        (PHOTO, {"width": 640, "height": 360, "samples": 16, "zoom": 2.5, "shots": stills}),
        (CLIP, {"width": 480, "height": 272, "samples": 8, "zoom": 2.0, "shots": shots}),
    ):
        target = folder / name
        target.mkdir(parents=True, exist_ok=True)
        file = target / "job.json"
        file.write_text(json.dumps({**common, **job, "folder": str(target.resolve())}), encoding="utf-8")
        command = blender.command(SCENES_SCRIPT, [str(file.resolve())])
        subprocess.run(command, env=blender_environment(), check=True, stdout=subprocess.DEVNULL)


def script(estimator: SimulatedEstimator, picture: Picture) -> Floats:
    """Compute depth as the reference script does.

    The script averages three identical predictions of a square of 384 × 384 pixels, keeps 8 bits, and applies a guided
    filter whose eps is 65025 times smaller than intended, because the guide's values go up to 255.
    """
    shape = picture.shape[:2]
    depth = cv2.resize(estimator.squashed(picture, 384), shape[::-1], interpolation=cv2.INTER_CUBIC)
    low, high = percentile_range(np.asarray(depth, np.float32))
    depth = np.rint(np.clip((depth - low) / (high - low), 0, 1) * 255).astype(np.float32) / 255
    return np.asarray(cv2.ximgproc.guidedFilter(picture, depth, 8, 1e-3), np.float32)


def unit(inverse: Floats) -> Floats:
    """Scale inverse depth by percentiles without clipping; the scores align it again."""
    return to_range(*percentile_range(inverse))(inverse)


def photos(folder: Path, spoil: dict[str, float], results: record.Section) -> None:
    """Write the table of the gain of each stage."""

    def row(sizes: tuple[int, ...], *, tta: bool = False, refiner: str = "none") -> Callable[..., Floats]:
        settings = DepthSettings(sizes=sizes, tta=tta)
        return lambda estimator, picture: refine(
            unit(estimate([picture], [estimator], settings)[0]),
            picture,
            refiner,  # type: ignore[arg-type]
        )

    stages: dict[str, Callable[[SimulatedEstimator, Picture], Floats]] = {
        "network at 384": row((384,)),
        "network at 640": row((640,)),
        "reference script": script,
        "mean of 384, 512, 640": lambda estimator, picture: plain_mean(estimator, picture),
        "fused 384, 512, 640": row(PYRAMID),
        "… and mirrored": row(PYRAMID, tta=True),
        "network at 384, refined": row((384,), refiner="edges"),
        "fused, refined (the default)": row(PYRAMID, refiner="edges"),
        "fused, mirrored, refined": row(PYRAMID, tta=True, refiner="edges"),
        "… and 768": row((*PYRAMID, 768), tta=True, refiner="edges"),
    }
    show(folder, stages, spoil, results)


def plain_mean(estimator: SimulatedEstimator, picture: Picture) -> Floats:
    """Mean of the predictions of all sizes, without alignment."""
    found = [estimator.predict([picture], size)[0] for size in PYRAMID]
    return np.mean([resized(values, picture.shape[:2]) for values in found], axis=0, dtype=np.float32)


def refiners(folder: Path, spoil: dict[str, float], results: record.Section) -> None:
    """Write the table of every refiner, applied to identical fused depth."""

    def row(method: str) -> Callable[[SimulatedEstimator, Picture], Floats]:
        def work(estimator: SimulatedEstimator, picture: Picture) -> Floats:
            found = [estimator.predict([picture], size)[0] for size in PYRAMID]
            return refine(unit(fuse(found, picture)), picture, method)  # type: ignore[arg-type]

        return work

    show(folder, {name: row(name) for name in METHODS}, spoil, results)


def show(
    folder: Path,
    stages: dict[str, Callable[[SimulatedEstimator, Picture], Floats]],
    spoil: dict[str, float],
    results: record.Section,
) -> None:
    """Score every stage on every scene, at full contrast and at low contrast."""
    table: dict[str, list[str]] = {name: [] for name in stages}
    for contrast in (1.0, LOW_CONTRAST):
        found: dict[str, list[Scores]] = {name: [] for name in stages}
        for scene in range(SCENES):
            picture, truth, _ = read_frame(folder / PHOTO, scene, 0, contrast)
            estimator = SimulatedEstimator(**spoil)
            estimator.learn(picture, truth)
            for name, stage in stages.items():
                found[name].append(score(resized(stage(estimator, picture), truth.shape), truth))
        for name, scores in found.items():
            for field in ("abs_rel", "delta_1", "boundary_f1", "edge_abs_rel"):
                table[name].append(f"{np.mean([getattr(one, field) for one in scores]):.3f}")
    columns = ("AbsRel", "δ₁", "F1", "edge")
    headings = ("stage", *columns, *(f"{name}, low" for name in columns))
    rows = [(name, *values) for name, values in table.items()]
    results.table(headings, rows, title=f"Mean of {SCENES} scenes, 640 × 360; low: contrast × {LOW_CONTRAST}")


def clips(folder: Path, results: record.Section) -> None:
    """Write the table of flicker and temporal alignment of a clip of two shots, and the effect of the cut."""
    clip = read_clip(folder / CLIP)
    estimator = SimulatedEstimator()
    for frame in clip.frames:
        estimator.learn(frame.picture, frame.inverse)
    raw = [estimate([frame.picture], [estimator], DepthSettings())[0] for frame in clip.frames]
    ways = {
        "normalised per frame": [to_range(*percentile_range(inverse))(inverse) for inverse in raw],
        "running mean of the range": running_range(raw),
        "stable": stable(clip, raw),
        "exact depth": [frame.inverse for frame in clip.frames],
    }
    rows = []
    for name, sequence in ways.items():
        for refined in (False, True):
            if refined and name == "exact depth":
                continue
            shown = [
                refine(values, frame.picture, "edges" if refined else "none")
                for values, frame in zip(sequence, clip.frames, strict=True)
            ]
            judged = clip.judged(shown)
            rows.append((f"{name}{', refined' if refined else ''}", *(f"{value:.4f}" for value in judged)))
    headings = ("way", "flicker", "flicker at edges", "alignment error", "AbsRel")
    results.table(headings, rows, title=f"{len(clip.frames)} frames, {clip.shots} shots, a moving camera")
    second = clip.frames_of(1)
    alone = stable(Clip(second, clip.cameras[1:]), raw[-len(second) :])
    apart = max(float(np.abs(a - b).max()) for a, b in zip(ways["stable"][-len(second) :], alone, strict=True))
    results.say(f"After the cut the second shot differs by at most {apart:.2g} of the range from that shot on its own.")


def running_range(raw: list[Floats], decay: float = 0.75) -> list[Floats]:
    """Scale video frames by range percentiles that are smoothed by an exponential mean, even over cuts."""
    made, mean = [], np.array(percentile_range(raw[0]))
    for inverse in raw:
        mean = decay * mean + (1 - decay) * np.array(percentile_range(inverse))
        made.append(to_range(*mean)(inverse))
    return made


def stable(clip: Clip, raw: list[Floats]) -> list[Floats]:
    """Stabilise video frames as the conversion of videos does."""
    stabiliser, found = Stabiliser(), []
    for frame, inverse in zip(clip.frames, raw, strict=True):
        found += stabiliser.push(frame.picture, inverse)
    found += stabiliser.finish()
    return [to_range(one.low, one.high)(one.inverse) for one in found]


def throughput(frames: int, results: record.Section) -> None:
    """Write the table of times of a full-HD video's steps, and of a network as big as dpt-large, ms per video frame."""
    from holodriver.files.halves import joined
    from holodriver.files.video.video import VideoReader
    from holodriver.files.video.writer import VideoWriter, codec_for

    rng = np.random.default_rng(0)
    texture = shrunk(rng.integers(0, 256, (180, 320, 3), np.uint8), (1350, 2400))
    ramp = np.linspace(0.2, 0.6, 1080, dtype=np.float32)[:, None] * np.ones((1, 1920), np.float32)
    cv2.circle(ramp, (900, 500), 320, 1.0, -1)
    times: dict[str, list[float]] = {}

    @contextmanager
    def timed(name: str) -> Iterator[None]:
        begun = time.perf_counter()
        yield
        times.setdefault(name, []).append(1e3 * (time.perf_counter() - begun))

    with tempfile.TemporaryDirectory() as name:
        source, target = Path(name, "in.mp4"), Path(name, "out.mp4")

        def written(path: Path, width: int) -> VideoWriter:
            codec = codec_for(width, 1080)
            return VideoWriter(path, (width, 1080), rate=Fraction(25), time_base=Fraction(1, 12800), codec=codec)

        with written(source, 1920) as writer:
            for i in range(frames):
                writer.write(np.ascontiguousarray(texture[2 * i : 2 * i + 1080, 5 * i : 5 * i + 1920]), Fraction(i, 25))
        estimator, stabiliser, last = SimulatedEstimator(), Stabiliser(), None
        with VideoReader(source) as reader, written(target, 3840) as writer:
            decoded = reader.frames()
            while True:
                with timed("decode"):
                    frame = next(decoded, None)
                if frame is None:
                    break
                small = shrunk(frame.pixels, (720, 1280))
                estimator.learn(small, ramp)
                found = [estimator.predict([small], size)[0] for size in PYRAMID]
                with timed("fuse"):
                    fused = fuse(found, frame.pixels)
                with timed("stabilise"):
                    stabiliser.push(frame.pixels, fused)
                with timed("refine"):
                    near = np.clip(refine(unit(fused), frame.pixels), 0, 1)
                with timed("encode"):
                    writer.write(joined(frame.pixels, near), frame.time)
                last = frame.pixels
    assert last is not None
    medians = {name: statistics.median(values[2:]) for name, values in times.items()}
    whole = sum(medians.values())
    rows = [(name, f"{value:.0f}") for name, value in medians.items()]
    results.table(
        ("step", "ms a frame"), [*rows, ("all but the network", f"{whole:.0f}")], title="1920 × 1080, medians"
    )
    network = network_time(last)
    results.say(
        f"All steps except the network run at {1e3 / whole:.1f} frames a second. A network as big as dpt-large takes "
        f"{network:.0f} ms a frame for {len(PYRAMID)} sizes on this processor, so the other steps are "
        f"{whole / (whole + network):.1%} of the total."
    )


def network_time(picture: Picture) -> float:
    """Time of a DPT as big as Intel/dpt-large, with random weights, for one picture at all sizes, ms."""
    import torch
    from transformers import DPTConfig, DPTForDepthEstimation

    from holodriver.depth.networks import Network

    with torch.device("meta"):
        model = DPTForDepthEstimation(
            DPTConfig(
                hidden_size=1024,
                num_hidden_layers=24,
                num_attention_heads=16,
                intermediate_size=4096,
                backbone_out_indices=[5, 11, 17, 23],
                neck_hidden_sizes=[256, 512, 1024, 1024],
            )
        )
    model = model.to_empty(device="cpu").eval()
    for parameter in model.parameters():
        parameter.data.normal_(0, 0.01)
    network = Network(model, mean=[0.5] * 3, std=[0.5] * 3, polarity="inverse")
    begun = 0.0
    with torch.inference_mode():
        for size in PYRAMID:
            shape = [round(size * 9 / 16 / 32) * 32, size]
            pixels = torch.nn.functional.interpolate(
                torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 255, shape
            )
            start = time.perf_counter()
            network(pixels)
            begun += time.perf_counter() - start
    return 1e3 * begun


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("render", *HEADINGS))
    parser.add_argument("folder", nargs="?", type=Path, help="folder of the rendered scenes")
    parser.add_argument(
        "--blur", type=float, default=1.5, help="blur of the simulated network, standard deviation in features"
    )
    parser.add_argument(
        "--misplaced",
        type=float,
        default=0,
        help="distance of the simulated network's edges from the true edges, pixels",
    )
    parser.add_argument("--frames", type=int, default=16, help="number of frames of the full-HD video")
    record.add_option(parser)
    given = parser.parse_args()
    if given.part != "throughput" and given.folder is None:
        parser.error("give the folder of the scenes")
    if given.part == "render":
        render(given.folder)
        return
    spoil = {"blur": given.blur, "misplaced": given.misplaced}
    with record.section(f"depth {given.part}", HEADINGS[given.part], write=given.record) as results:
        if given.part == "throughput":
            throughput(given.frames, results)
        elif given.part == "clips":
            clips(given.folder, results)
        else:
            {"photos": photos, "refiners": refiners}[given.part](given.folder, spoil, results)


if __name__ == "__main__":
    main()
