"""How many channels DEHNet needs: networks of several sizes, taken from a folder or trained alike for a short while."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from holodriver.dehnet.architecture import DEHNet, DEHNetShape, NetworkOptics, network_input
from holodriver.errors import InputError
from holodriver.files.network import COLOURS
from holodriver.files.weights import load_weights, save_weights
from holodriver.optics.display import REFERENCE, DisplayProfile
from holodriver.optics.field import WaveField
from holodriver.scene.stack import FocalStack
from holodriver.scores.psnr_ssim import StackScores
from holodriver.scores.table import score_field
from holodriver.study.drawing import WIDTH, curves, marked, save, styled
from holodriver.study.settings import shown_on
from holodriver.study.work import Outcome, Work
from holodriver.synthesis.baselines import flat_phase

Network = Callable[[NDArray[np.floating]], NDArray[np.floating]]
"""Of (1, 2, H, W), amplitude and depth, the real and imaginary part (1, 2, H, W)."""

SIZES = (4, 8, 12, 16)
"""Channels of the networks that are trained."""
GREEN = 1
HEADINGS = ("network", "channels", "convolutions", "fold", "multiplications a pixel", "share of the largest",
            "PSNR dB", "PSNR dB sd", "dB lost")  # fmt: skip


def channels(work: Work, path: Path) -> Outcome:
    """Quality over channels, with networks of `--networks`, or with some that learn equally many steps."""
    scenes = work.scenes.several()
    folder = work.settings.networks or _trained(work)
    rows, shapes, shown, colours = sizes([scene.stack for scene in scenes], folder, work.display)
    numbers = {f"{row[1]} channels psnr": float(row[6]) for row in rows}
    floor = float(np.mean([_flat(scene.stack, work.display, shown) for scene in scenes]))
    numbers["flat phase psnr"] = floor
    with styled() as plt:
        figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 2.4), layout="constrained", sharey=True)
        order = sorted(range(len(rows)), key=lambda n: shapes[n].channels)
        values = [rows[n][6] for n in order]
        curves(left, [shapes[n].channels for n in order], {"DEHNet": values})
        marked(left, 12, "paper")
        curves(right, [shapes[n].multiplications for n in order], {"DEHNet": values})
        for axes, text in ((left, "channels"), (right, "multiplications a pixel and colour")):
            axes.axhline(floor, color="#9a9a9a", linewidth=1, linestyle="--")
            axes.set(xlabel=text, ylabel="PSNR, dB")
        left.annotate("flat phase", (1, floor), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=7)
        save(figure, path)
    how = (
        f"networks in {work.settings.networks}"
        if work.settings.networks
        else f"trained here, {work.settings.training_steps} steps of the quick recipe each, from the same seed and pool"
    )
    of = f"{len(scenes)} scenes of {scenes[0].size}, {scenes[0].stack.planes} planes"
    says = (f"{of}; {', '.join(colours)} alone; {how}.",)
    return Outcome("Channels of DEHNet", HEADINGS, rows, numbers, says)


def sizes(
    stacks: Sequence[FocalStack], folder: Path, display: DisplayProfile = REFERENCE
) -> tuple[list[tuple], list[DEHNetShape], list[int], list[str]]:
    """Networks of several sizes, each a folder in `folder`, scored on stacks in the colours that all of them have.

    Returns:
        rows under `HEADINGS`, the largest network first; their shapes; numbers and names of the colours.

    Raises:
        InputError: no networks of one colour in several sizes.
    """
    folders = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    has = [[c for c in range(3) if (path / f"{COLOURS[c]}.safetensors").is_file()] for path in folders]
    folders = [path for path, colours in zip(folders, has, strict=True) if colours]
    shared = sorted(set.intersection(*(set(c) for c in has if c))) if folders else []
    if not shared:
        raise InputError("holds no networks of one colour in several sizes", where=folder)
    held = [one_colour(stack, shared) for stack in stacks]
    found = []
    for path in folders:
        loaded = [torch_network(path / f"{COLOURS[c]}.safetensors", c, display) for c in shared]
        networks = [network for network, _ in loaded]
        scores = [_scored(networks, stack, display, shared) for stack in held]
        found.append((loaded[0][1], path.name, [score.means()["psnr"] for score in scores]))
    found.sort(key=lambda item: -item[0].multiplications)
    largest, _, best = found[0]
    rows = [
        (
            name,
            shape.channels,
            shape.convolutions,
            shape.fold,
            shape.multiplications,
            round(shape.multiplications / largest.multiplications, 3),
            round(float(np.mean(values)), 3),
            round(float(np.std(values)), 3),
            round(float(np.mean(best) - np.mean(values)), 3),
        )
        for shape, name, values in found
    ]
    return rows, [shape for shape, _, _ in found], shared, [COLOURS[c] for c in shared]


def one_colour(stack: FocalStack, colours: Sequence[int]) -> FocalStack:
    """A stack in some of its colours."""
    return replace(stack, images=stack.images[:, colours], all_in_focus=stack.all_in_focus[colours])


def torch_network(path: Path, colour: int, display: DisplayProfile = REFERENCE) -> tuple[Network, DEHNetShape]:
    """A network by PyTorch, from what training wrote.

    Raises:
        InputError: it was trained for other optics.
    """
    weights = load_weights(path)
    NetworkOptics(**weights.optics).check_fits(display, colour)
    shape = DEHNetShape(**weights.shape)
    network = DEHNet(shape, norm=weights.norm)
    network.load_state_dict(weights.tensors)
    network.eval()

    @torch.inference_mode()
    def run(pixels: NDArray[np.floating]) -> NDArray[np.floating]:
        return network(torch.from_numpy(pixels)).numpy()

    return run, shape


def field_of(networks: Sequence[Network], stack: FocalStack, profile: DisplayProfile, fold: int = 4) -> WaveField:
    """What networks make of the all-in-focus image and depth of a stack, one a colour."""
    height, width = stack.shape
    depth = torch.from_numpy(stack.all_in_focus_depth)
    values = []
    for network, light in zip(networks, stack.all_in_focus, strict=True):
        pixels = network_input(torch.from_numpy(light)[None], depth[None])
        # sides that are no multiple of the network's fold are continued by their last pixels
        more = (0, -width % fold, 0, -height % fold)
        pixels = torch.nn.functional.pad(pixels, more, mode="replicate")
        real, imaginary = network(pixels.numpy())[0, :, :height, :width]
        values.append((real + 1j * imaginary).astype(np.complex64))
    return WaveField(np.stack(values), profile)


def profile_of(stack: FocalStack, colours: Sequence[int], display: DisplayProfile = REFERENCE) -> DisplayProfile:
    """The display at a stack's size, in some of its colours."""
    return replace(shown_on(display, stack.shape), wavelengths=tuple(display.wavelengths[c] for c in colours))


def _scored(
    networks: Sequence[Network], stack: FocalStack, display: DisplayProfile, colours: Sequence[int]
) -> StackScores:
    return score_field("", field_of(networks, stack, profile_of(stack, colours, display)), stack)


def _flat(stack: FocalStack, display: DisplayProfile, colours: Sequence[int]) -> float:
    """PSNR (dB) of flat phase in some of the colours."""
    held = one_colour(stack, colours)
    field = flat_phase(held, profile_of(held, colours, display))
    return score_field("", field, held).means()["psnr"]


def _trained(work: Work) -> Path:
    """A folder with a folder of green weights for each of `SIZES`, trained here; killed, it goes on."""
    from holodriver.dehnet.training.making import layered_stack
    from holodriver.dehnet.training.pool import Pool, PoolSize
    from holodriver.dehnet.training.recipe import QUICK
    from holodriver.dehnet.training.train import Trainer

    s = work.settings
    size = PoolSize(s.training_records, s.training_size, s.planes, 3, work.display.coc_max)
    room = work.store.folder / f"pool-{size.records}x{size.size}x{size.planes}"
    pool = Pool(room, size if not (room / "pool.json").exists() else None)
    for number in pool.missing().tolist():
        pool.put(number, layered_stack(number, size))
        work.progress("Making scenes to learn from", size.records - len(pool.missing()), size.records)
    optics = NetworkOptics.of(work.display, GREEN)
    recipe = replace(QUICK, steps=s.training_steps)
    paths = []
    for count in SIZES:
        shape = DEHNetShape(count)
        inputs = {"shape": asdict(shape), "recipe": asdict(recipe), "pool": asdict(size), "optics": asdict(optics)}

        def write(path: Path, shape: DEHNetShape = shape) -> None:
            trainer = Trainer(pool, shape, optics, recipe, validate_every=max(1, min(500, recipe.steps // 4)))
            checkpoint = path.with_suffix(".checkpoint")
            if checkpoint.exists():
                trainer.resume(checkpoint)
            save_weights(path, trainer.run(checkpoint, progress=work.progress))

        made, key = work.store.made(f"network-{count}", inputs, ".safetensors", write)
        paths.append((count, made, key))
    folder = work.store.folder / f"networks-{'-'.join(key[:6] for _, _, key in paths)}"
    for count, made, _ in paths:
        target = folder / f"{count:02d}" / f"{COLOURS[GREEN]}.safetensors"
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            save_weights(target, load_weights(made))
    return folder
