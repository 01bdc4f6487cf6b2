"""Measure the quality of DEHNet's holograms, on scenes that it was not trained on.

    python scripts/bench/dehnet_quality.py quality STACK…          OPT, OPT of RGB-D, DEHNet float and int8, nCGH, flat
    python scripts/bench/dehnet_quality.py front STACK… --sizes F  networks of several sizes: multiplications, dB lost
    python scripts/bench/dehnet_quality.py holdout STACK… -o F     depth with errors: dark lines

`--weights` is a folder with red, green and blue `.safetensors` (float) or `.onnx`, and `_int8.onnx`; a method without
its files is left out, with a message. Scores of methods without a network are computed once and kept in a folder
`kept` beside the stacks. OPT stops as in the driver: converged, or after 500 steps. OPT gets the whole focal stack;
"OPT of RGB-D" gets the inputs of DEHNet, one picture with depth, from which `synth --method opt` makes a focal stack.
Each command takes `--record`.
"""

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in the command line

import cv2
import numpy as np
import record

from holodriver.cli import console
from holodriver.errors import HolodriverError, InputError
from holodriver.files.manifest import StackManifest
from holodriver.files.stack import read_stack
from holodriver.optics.colour import srgb_encode
from holodriver.optics.display import DisplayProfile
from holodriver.optics.field import WaveField
from holodriver.scene.cut import layers_of
from holodriver.scene.layered import focal_stack
from holodriver.scene.rgbd import RgbdImage
from holodriver.scene.stack import FocalStack
from holodriver.scores.psnr_ssim import StackScores
from holodriver.scores.table import score_field
from holodriver.study.depth_errors import DepthErrors, EdgeLight, darkest, edge_light, in_focus, noisy
from holodriver.study.sweeps.channels import HEADINGS, Network, field_of, profile_of, torch_network
from holodriver.study.sweeps.channels import sizes as network_sizes
from holodriver.synthesis.baselines import flat_phase, ncgh
from holodriver.synthesis.optimise import synthesise
from holodriver.system.quiet import import_onnxruntime

COLOURS = ("red", "green", "blue")
KEPT = "kept"
OPT, FULL, SAME = "OPT", "OPT to the cap", "OPT of RGB-D"
FLOAT, INT8, NCGH, FLAT = "DEHNet float", "DEHNet int8", "nCGH", "flat phase"
ORDER = (OPT, FULL, SAME, FLOAT, INT8, NCGH, FLAT)
SCORES = {"psnr": "PSNR dB", "ssim": "SSIM", "psnr_srgb": "PSNR sRGB dB", "ssim_srgb": "SSIM sRGB"}
GOALS = (
    (INT8, NCGH, 6.5),
    (INT8, FLAT, 4.5),
    (FLOAT, OPT, -0.2),
    (FLOAT, SAME, -0.2),
    (INT8, FLOAT, -0.3),
)
"""Goals: a method, another method, and the smallest wanted difference of PSNR (first minus second), dB."""

NOISE_SEED = 7
CROP, ENLARGED = 96, 4

Method = Callable[[FocalStack, DisplayProfile], WaveField]


def onnx_network(path: Path) -> Network:
    """Load a network into ONNX Runtime on the CPU, independent of the driver's own runtimes."""
    onnxruntime = import_onnxruntime()

    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda pixels: np.asarray(session.run(None, {name: pixels})[0], np.float32)


def network_methods(folder: Path | None) -> dict[str, Method]:
    """List the methods whose networks of three colours are in a folder; print which are missing."""
    found: dict[str, Method] = {}
    if folder is None:
        console.say("no --weights: only baselines are measured")
        return found
    for name, endings in ((FLOAT, (".safetensors", ".onnx")), (INT8, ("_int8.onnx",))):
        for ending in endings:
            paths = [folder / f"{colour}{ending}" for colour in COLOURS]
            if all(path.is_file() for path in paths):
                if ending == ".safetensors":
                    networks = [torch_network(path, colour)[0] for colour, path in enumerate(paths)]
                else:
                    networks = [onnx_network(path) for path in paths]
                found[name] = partial(_run, networks)
                break
        else:
            console.say(f"{name}: left out, because {folder} lacks one of {', '.join(c + endings[0] for c in COLOURS)}")
    return found


def _run(networks: Sequence[Network], stack: FocalStack, profile: DisplayProfile) -> WaveField:
    return field_of(networks, stack, profile)


def baseline_methods(names: Sequence[str], iterations: int) -> dict[str, Method]:
    """Methods that need no network, by name."""
    methods: dict[str, Method] = {
        OPT: lambda stack, profile: synthesise(stack, profile, iterations=iterations).field,
        FULL: lambda stack, profile: synthesise(stack, profile, iterations=iterations, tolerance=0).field,
        SAME: lambda stack, profile: synthesise(_imagined(stack), profile, iterations=iterations).field,
        NCGH: ncgh,
        FLAT: flat_phase,
    }
    return {name: methods[name] for name in names}


def _imagined(stack: FocalStack) -> FocalStack:
    """Make a focal stack from the all-in-focus picture and the depth of `stack`; hidden surfaces are invented."""
    image = RgbdImage(stack.all_in_focus, stack.all_in_focus_depth, stack.mapping)
    return focal_stack(layers_of(image, stack.coc_max), stack.positions, stack.coc_max)


def kept_scores(path: Path, stack: FocalStack, name: str, method: Method, iterations: int) -> StackScores:
    """Scores of a baseline: the kept ones, or new ones if there are none or the stack has changed."""
    manifest = path / StackManifest.FILE_NAME
    about = f"{name} {iterations if name in (OPT, FULL, SAME) else ''} {manifest.stat().st_mtime_ns}"
    text = about + manifest.read_text(encoding="utf-8")
    kept = path.parent / KEPT / f"{path.stem}_{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"
    if kept.is_file():
        held = json.loads(kept.read_text(encoding="utf-8"))
        return StackScores.from_dict(held)
    result = scored(name, method, stack)
    kept.parent.mkdir(exist_ok=True)
    temporary = kept.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps(result.as_dict()), encoding="utf-8")
    temporary.replace(kept)
    return result


def scored(name: str, method: Method, stack: FocalStack) -> StackScores:
    """Compute a hologram and its scores."""
    start = time.perf_counter()
    field = method(stack, profile_of(stack, range(3)))
    return score_field(name, field, stack, seconds=time.perf_counter() - start)


def quality(
    paths: Sequence[Path], folder: Path | None, iterations: int, results: record.Section, *, full: bool = False
) -> dict[str, list[StackScores]]:
    """Measure all methods on all stacks, and write tables of scores and goals."""
    methods = network_methods(folder)
    names = (OPT, *((FULL,) if full else ()), SAME, NCGH, FLAT)
    found: dict[str, list[StackScores]] = {}
    for path in paths:
        stack = read_stack(path).exposed()
        for warning in stack.warnings():
            console.say(f"{path.name}: {warning}")
        for name, method in baseline_methods(names, iterations).items():
            found.setdefault(name, []).append(kept_scores(path, stack, name, method, iterations))
        for name, method in methods.items():
            found.setdefault(name, []).append(scored(name, method, stack))
        told = ", ".join(f"{name} {mean_of(values[-1], 'psnr'):.2f}" for name, values in found.items())
        console.say(f"{path.name}: {told} dB")
    order = [name for name in ORDER if name in found]
    rows = [
        (name, *(f"{mean_of(value, 'psnr'):.2f}" for value in found[name]), told_mean(found[name], "psnr"))
        for name in order
    ]
    results.table(("PSNR dB", *(path.stem for path in paths), "mean ± sd"), rows)
    rows = [(name, *(told_mean(found[name], score) for score in SCORES)) for name in order]
    results.table(("mean ± sd of scenes", *SCORES.values()), rows, title=f"{len(paths)} scenes")
    goals(found, results)
    return found


def mean_of(result: StackScores, score: str) -> float:
    """Mean of a score over planes."""
    return result.means()[score]


def told_mean(results: Sequence[StackScores], score: str) -> str:
    """Mean and standard deviation of a score over scenes, as a cell of a table."""
    values = [mean_of(result, score) for result in results]
    digits = 2 if score.startswith("psnr") else 3
    return f"{np.mean(values):.{digits}f} ± {np.std(values):.{digits}f}"


def goals(found: Mapping[str, Sequence[StackScores]], results: record.Section) -> None:
    """Write the table of goals and reached differences."""
    rows = []
    for one, other, goal in GOALS:
        if one in found and other in found:
            pairs = zip(found[one], found[other], strict=True)
            gains = [mean_of(a, "psnr") - mean_of(b, "psnr") for a, b in pairs]
            met = "yes" if np.mean(gains) >= goal else "no"
            rows.append((f"{one} − {other}", f"{np.mean(gains):+.2f} ± {np.std(gains):.2f}", f"≥ {goal:+.1f}", met))
        else:
            rows.append((f"{one} − {other}", "not measured", f"≥ {goal:+.1f}", ""))
    results.table(("PSNR dB", "reached", "goal", "met"), rows)


def front(paths: Sequence[Path], sizes: Path, results: record.Section) -> None:
    """Write the table of networks of several sizes, each a folder in `sizes`, scored in the colours that all have."""
    stacks = [read_stack(path).exposed() for path in paths]
    rows, _, _, colours = network_sizes(stacks, sizes)
    results.table(HEADINGS, rows, title=f"{', '.join(colours)}; {len(stacks)} scenes")


def holdout(paths: Sequence[Path], folder: Path | None, output: Path, iterations: int, results: record.Section) -> None:
    """Compare each stack with its true depth and with errors in it: scores, light along depth edges, enlarged crops.

    Args:
        paths: focal stacks.
        folder: networks of three colours; None for only the baselines.
        output: folder for the crops, PNG files.
        iterations: largest number of steps of OPT, which gets the stack itself; 0 leaves OPT out.
        results: section for the table.
    """
    output.mkdir(parents=True, exist_ok=True)
    methods = baseline_methods((NCGH, FLAT), iterations) | network_methods(folder)
    rows = []
    for path in paths:
        stack = read_stack(path).exposed()
        rough = replace(stack, all_in_focus_depth=noisy(stack.all_in_focus_depth, DepthErrors(), NOISE_SEED))
        error = float(np.abs(rough.all_in_focus_depth - stack.all_in_focus_depth).mean())
        console.say(f"{path.name}: mean error of the depth with errors: {error:.3f}")
        crops: list[tuple[str, np.ndarray]] = []
        rows.append((path.stem, "rendered", "", "", "", *told(edge_light(stack.images, stack))))
        crops.append(("all in focus", stack.all_in_focus))
        crops.append(("rendered", in_focus(stack.images, stack)))
        runs = [(name, "errors", method, rough) for name, method in methods.items() if name != FLAT]
        runs += [(name, "true", method, stack) for name, method in methods.items()]
        if iterations:
            runs += [(OPT, "true", baseline_methods((OPT,), iterations)[OPT], stack)]
        place: tuple[int, int] | None = None
        for name, kind, method, given in runs:
            start = time.perf_counter()
            field = method(given, profile_of(stack, range(3)))
            seconds = time.perf_counter() - start
            mean = score_field(name, field, stack).means()
            images = field.intensities(stack.positions.tolist())
            light = told(edge_light(images, stack))
            rows.append((path.stem, name, kind, f"{mean['psnr']:.2f}", f"{mean['ssim']:.3f}", *light))
            console.say(f"{path.name}, {name}, {kind} depth: {mean['psnr']:.2f} dB ({seconds:.1f} s)")
            if place is None:  # the worst place of the first method (nCGH with errors), used for all methods
                place = darkest(images, stack, CROP)
            crops.append((f"{name}, {kind}", in_focus(images, stack)))
        assert place is not None
        write_crops(output / f"{path.stem}_edges.png", crops, place)
    headings = ("stack", "method", "depth", "PSNR dB", "SSIM", "light at edges", "dark at edges", "dark elsewhere")
    results.table(headings, rows, title="Image with every place in focus, against the all-in-focus image")


def told(light: EdgeLight) -> tuple[str, str, str]:
    """Write the light along depth edges as cells of a table."""
    return f"{light.mean:.3f}", f"{100 * light.dark:.2f} %", f"{100 * light.elsewhere:.2f} %"


def write_crops(path: Path, crops: Sequence[tuple[str, Any]], place: tuple[int, int]) -> None:
    """Write one place of all pictures (C, H, W), enlarged and with their names, in rows of four, as a PNG file."""
    top, left = place
    tiles = []
    for name, picture in crops:
        crop = srgb_encode(np.clip(picture[:, top : top + CROP, left : left + CROP], 0, 1))
        pixels = np.rint(255 * crop).astype(np.uint8).transpose(1, 2, 0)[..., ::-1]
        large = pixels.repeat(ENLARGED, 0).repeat(ENLARGED, 1)
        tile = np.full((large.shape[0] + 36, large.shape[1] + 8, 3), 255, np.uint8)
        tile[28:-8, 4:-4] = large
        cv2.putText(tile, name, (6, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (30, 30, 30), 1, cv2.LINE_AA)
        tiles.append(tile)
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % 4)
    sheet = np.concatenate([np.concatenate(tiles[i : i + 4], 1) for i in range(0, len(tiles), 4)])
    if not cv2.imwrite(str(path), sheet):
        raise InputError("cannot be written", where=path)
    console.say(f"{path}: {CROP} × {CROP} pixels at row {top}, column {left}")


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    methods = commands.add_parser("quality", help="scores of all methods")
    sized = commands.add_parser("front", help="networks of several sizes")
    rough = commands.add_parser("holdout", help="dark lines from errors of depth")
    for command in (methods, sized, rough):
        command.add_argument("stacks", type=Path, nargs="+", help="focal stacks")
    for command in (methods, rough):
        command.add_argument("--weights", type=Path, help="folder of networks; if left out, only baselines")
    methods.add_argument("--iterations", type=int, default=500, help="largest number of steps of OPT")
    methods.add_argument(
        "--full", action="store_true", help="also run OPT to the largest number of steps, even if it converged before"
    )
    sized.add_argument("--sizes", type=Path, required=True, help="folder that contains a folder for each network")
    rough.add_argument("--iterations", type=int, default=0, help="largest number of steps of OPT; 0 leaves OPT out")
    rough.add_argument("-o", "--output", type=Path, required=True, help="folder for the crops")
    record.add_option(methods, sized, rough)
    given = parser.parse_args()
    heading = {
        "quality": "DEHNet on scenes that it was not trained on",
        "front": "DEHNet: quality against cost",
        "holdout": "DEHNet given depth with errors",
    }[given.command]
    with record.section(f"dehnet_quality {given.command}", heading, write=given.record) as results:
        if given.command == "quality":
            quality(given.stacks, given.weights, given.iterations, results, full=given.full)
        elif given.command == "front":
            front(given.stacks, given.sizes, results)
        else:
            holdout(given.stacks, given.weights, given.output, given.iterations, results)


if __name__ == "__main__":
    try:
        main()
    except HolodriverError as error:
        sys.exit(f"dehnet_quality.py: {error}")
