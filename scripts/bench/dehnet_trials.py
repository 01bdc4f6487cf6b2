"""Try choices that the paper leaves open about DEHNet: train one network for each choice and compare them.

    python scripts/bench/dehnet_trials.py POOL RESULTS.jsonl [--steps 800] [--only NAME…] [--record]

POOL is a pool of layered stacks (`holodriver train pool` makes one). Each trial changes one property of DEHNet, trains
it from random weights by the quick recipe, for green light unless stated otherwise, and measures it on the pool's last
records, which no network is trained on. The loss is Eq. 2 divided by the variance of each sample; that of flat phase is
given for comparison. Trials whose lines are already in RESULTS are not run again, so a stopped run can be continued.
"""

import argparse
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import record
import torch
from torch import Tensor, nn

from holodriver.cli import console
from holodriver.dehnet.architecture import MIDDLE, DEHNet, DEHNetShape, NetworkOptics, network_input
from holodriver.dehnet.training.objective import ALL, Sample
from holodriver.dehnet.training.pool import Pool, Record
from holodriver.dehnet.training.recipe import QUICK, Recipe
from holodriver.dehnet.training.train import LEAST_VARIANCE, Trainer, sample_of
from holodriver.optics.display import REFERENCE
from holodriver.progress import Progress

Activation = Callable[[Tensor], Tensor]
PLAIN = DEHNetShape()
RED, GREEN, BLUE = (NetworkOptics.of(REFERENCE, colour) for colour in range(3))


@dataclass(frozen=True)
class Trial:
    """A network and its training, with one property changed."""

    name: str
    shape: DEHNetShape = PLAIN
    norm: bool = False
    optics: NetworkOptics = GREEN
    wrapped: Callable[[DEHNet], nn.Module] | None = None
    recipe: Recipe = QUICK
    joint: bool = False
    """Whether one network computes red, green and blue together from one colour image."""


class Answer(nn.Module):
    """A DEHNet whose output has another meaning.

    Args:
        network: the network that computes the output.
        residual: whether the output is added to √I.
        polar: whether the output is amplitude and phase.
    """

    def __init__(self, network: DEHNet, *, residual: bool = True, polar: bool = False):
        super().__init__()
        self.network, self.residual, self.polar = network, residual, polar
        self.shape = network.shape

    def forward(self, amplitude_and_depth: Tensor) -> Tensor:
        """Wave field (B, 2, H, W) of amplitude and depth (B, 2, H, W)."""
        amplitude = amplitude_and_depth[:, :1]
        added = self.network(amplitude_and_depth) - torch.cat((amplitude, torch.zeros_like(amplitude)), 1)
        first, second = added[:, :1], added[:, 1:]
        if self.residual:
            first = first + amplitude
        if self.polar:
            # one unit of the output is half a turn, so that amplitude and phase are of equal size
            first, second = first * torch.cos(math.pi * second), first * torch.sin(math.pi * second)
        return torch.cat((first, second), 1)


class Depth(nn.Module):
    """A DEHNet that gets depth in another scale."""

    def __init__(self, network: DEHNet, change: Activation):
        super().__init__()
        self.network, self.change, self.shape = network, change, network.shape

    def forward(self, amplitude_and_depth: Tensor) -> Tensor:
        """Wave field (B, 2, H, W) of amplitude and depth (B, 2, H, W)."""
        changed = self.change(amplitude_and_depth[:, 1:])
        return cast(Tensor, self.network(torch.cat((amplitude_and_depth[:, :1], changed), 1)))


class Activated(nn.Module):
    """A DEHNet with another activation instead of ReLU."""

    def __init__(self, network: DEHNet, activation: Activation):
        super().__init__()
        self.network, self.activation, self.shape = network, activation, network.shape

    def forward(self, amplitude_and_depth: Tensor) -> Tensor:
        """Wave field (B, 2, H, W) of amplitude and depth (B, 2, H, W)."""
        network, act = self.network, self.activation
        centred = amplitude_and_depth - MIDDLE
        features = act(network.first(centred))
        for pair in network.pairs:
            one, two = cast(Any, pair).one, cast(Any, pair).two
            features = act(features + two(act(one(features))))
        amplitude = amplitude_and_depth[:, :1]
        added = network.last(torch.cat((features, centred), 1))
        return cast(Tensor, added + torch.cat((amplitude, torch.zeros_like(amplitude)), 1))


class Joint(nn.Module):
    """A DEHNet for three colours at once, from amplitudes and depth (B, 4, H, W) to three fields (B, 6, H, W)."""

    def __init__(self, network: DEHNet):
        super().__init__()
        self.shape, self.pairs = network.shape, network.pairs
        channels = network.shape.channels
        self.first = nn.Conv2d(4, channels, 3, padding=1)
        self.last = nn.Conv2d(channels + 4, 6, 3, padding=1)
        nn.init.kaiming_normal_(self.first.weight, nonlinearity="relu")
        with torch.no_grad():
            self.last.weight.mul_(0.1)
            for convolution in (self.first, self.last):
                assert convolution.bias is not None
                convolution.bias.zero_()

    def forward(self, amplitudes_and_depth: Tensor) -> Tensor:
        """Wave fields (B, 6, H, W) of three amplitudes and a depth (B, 4, H, W)."""
        centred = amplitudes_and_depth - MIDDLE
        features = nn.functional.relu(self.first(centred))
        for pair in self.pairs:
            features = pair(features)
        added = self.last(torch.cat((features, centred), 1)).unflatten(1, (3, 2))
        amplitude = amplitudes_and_depth[:, :3, None]
        return (added + torch.cat((amplitude, torch.zeros_like(amplitude)), 2)).flatten(1, 2)


def _moved(share: float) -> NetworkOptics:
    """Optics of green light with the hologram plane at `share` of the depth range from the range's far end."""
    return replace(GREEN, depth_offset=-share * GREEN.depth_span)


TRIALS = (
    Trial("as it is"),
    Trial("Adam", recipe=replace(QUICK, optimiser="adam")),
    Trial("every third plane", recipe=replace(QUICK, every_plane=3)),
    Trial("no skips", DEHNetShape(skips=False)),
    Trial("batch normalisation", norm=True),
    Trial("not added to √I", wrapped=lambda net: Answer(net, residual=False)),
    Trial("amplitude and phase", wrapped=lambda net: Answer(net, polar=True)),
    Trial("leaky ReLU", wrapped=lambda net: Activated(net, lambda x: nn.functional.leaky_relu(x, 0.1))),
    Trial("GELU", wrapped=lambda net: Activated(net, nn.functional.gelu)),
    Trial("depth −1 to 1", wrapped=lambda net: Depth(net, lambda t: 2 * t - MIDDLE)),
    Trial("depth −2 to 2", wrapped=lambda net: Depth(net, lambda t: 4 * t - 3 * MIDDLE)),
    Trial("hologram plane at the far end", optics=_moved(0.0)),
    Trial("hologram plane at the near end", optics=_moved(1.0)),
    Trial("8 × 36", DEHNetShape(8, 36)),
    Trial("17 × 18", DEHNetShape(17, 18)),
    Trial("8 × 74", DEHNetShape(8, 74)),
    *(Trial(f"{c} × {n}", DEHNetShape(c, n)) for c, n in ((16, 20), (16, 26), (24, 10), (28, 8), (32, 8), (32, 10))),
    Trial("red", optics=RED),
    Trial("blue", optics=BLUE),
    Trial("joint: 12 × 34 for three colours", wrapped=Joint, joint=True),
    Trial("joint: 20 × 34 for three colours", DEHNetShape(20), wrapped=Joint, joint=True),
    Trial("24 × 34, folded by 2", DEHNetShape(24, 34, fold=2)),
)


class TrialTrainer(Trainer):
    """Trainer of a network that differs from a plain DEHNet."""

    def __init__(self, pool: Pool, trial: Trial, recipe: Recipe, seed: int):
        super().__init__(pool, trial.shape, trial.optics, recipe, seed=seed, validate_every=recipe.steps)
        if trial.norm:
            torch.manual_seed(seed)
            self.network = DEHNet(trial.shape, norm=True)
        if trial.wrapped is not None:
            self.network = cast(DEHNet, trial.wrapped(self.network))
        self._place()


class JointTrainer(TrialTrainer):
    """Trainer whose samples are three colours of one scene."""

    def _augmented(self, record: Record, rng: np.random.Generator) -> Any:
        state = rng.bit_generator.state
        colours = []
        for colour in range(3):  # turned, mirrored and darkened in the same way
            rng.bit_generator.state = state
            colours.append(super()._augmented(_one_colour(record, colour), rng))
        return colours

    def _losses(self, network: nn.Module, samples: Any, planes: slice = ALL, *, exact: bool = False) -> Tensor:
        inputs = torch.stack(
            [torch.stack([*(c.all_in_focus.clamp_min(0).sqrt() for c in s), s[0].all_in_focus_depth]) for s in samples]
        )
        with torch.autocast(self.device.type, torch.bfloat16, enabled=not exact):
            fields = network(inputs.to(memory_format=torch.channels_last)).float()
        losses = [
            replace(self.objective, optics=optics)(
                fields[:, 2 * colour : 2 * colour + 2],
                [sample[colour] for sample in samples],
                [max(sample[colour].variance, LEAST_VARIANCE) for sample in samples],
                planes,
            )
            for colour, optics in enumerate((RED, GREEN, BLUE))
        ]
        return torch.stack(losses).mean(0)

    def _validated(self, loss: float) -> None:
        self.average.eval()
        with torch.no_grad():
            losses = [
                self._losses(self.average, [[sample_of(self.pool.get(n), colour, self.device) for colour in range(3)]])
                for n in self._held
            ]
        self.state.history.append({"validation": float(torch.cat(losses).mean())})


def _one_colour(record: Record, colour: int) -> Record:
    part = slice(colour, colour + 1)
    return replace(record, images=record.images[:, part], all_in_focus=record.all_in_focus[part])


def measured(pool: Pool, trial: Trial, steps: int, seed: int, progress: Progress) -> dict[str, Any]:
    """Train one trial; return its loss and settings, as a line of RESULTS."""
    recipe = replace(trial.recipe, steps=steps, rounded_steps=0)
    trainer = (JointTrainer if trial.joint else TrialTrainer)(pool, trial, recipe, seed)
    while trainer.state.step < steps:
        trainer._step()
        trainer.state.step += 1
        progress(trial.name, trainer.state.step, steps)
    trainer._validated(math.nan)
    return {
        "trial": trial.name,
        "steps": steps,
        "seed": seed,
        "loss": round(trainer.state.history[-1]["validation"], 4),
        "flat phase": round(_flat(trainer), 4),
        "multiplications": trial.shape.multiplications,
    }


def _flat(trainer: Trainer) -> float:
    """Loss of √I, the field without phase."""
    losses = []
    for number in trainer._held:
        sample: Sample = sample_of(trainer.pool.get(number), number % trainer.pool.size.colours, trainer.device)
        amplitude = network_input(sample.all_in_focus[None], sample.all_in_focus_depth[None])[:, :1]
        field = torch.cat((amplitude, torch.zeros_like(amplitude)), 1)
        losses += trainer.objective(field, [sample], [max(sample.variance, LEAST_VARIANCE)]).tolist()
    return float(np.mean(losses))


def read(path: Path) -> list[dict[str, Any]]:
    """Read the lines of RESULTS; an empty list if there is no such file."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pool", type=Path, help="folder of the pool")
    parser.add_argument("results", type=Path, help="file to which a line is added for each trial")
    parser.add_argument("--steps", type=int, default=800, help="training steps of each trial")
    parser.add_argument("--seed", type=int, default=1, help="seed of weights and samples")
    parser.add_argument("--only", nargs="+", choices=[trial.name for trial in TRIALS], help="run only these trials")
    parser.add_argument("--threads", type=int, default=1, help="threads to train with")
    record.add_option(parser)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    pool = Pool(given.pool)
    there = {(line["trial"], line["steps"], line["seed"]) for line in read(given.results)}
    about = "One change each, equal training from random weights; loss (Eq. 2 over the variance) of held-out layers."
    with record.section("dehnet_trials", "DEHNet: one choice at a time", about=about, write=given.record) as results:
        for trial in TRIALS:
            if (trial.name, given.steps, given.seed) in there or (given.only and trial.name not in given.only):
                continue
            with console.reporting() as progress:
                result = measured(pool, trial, given.steps, given.seed, progress)
            with given.results.open("a") as file:
                file.write(json.dumps(result, ensure_ascii=False) + "\n")
            console.say(f"{trial.name}: {result['loss']} (flat phase {result['flat phase']})")
        columns = ("trial", "steps", "seed", "loss", "flat phase", "multiplications")
        results.table(columns, [tuple(line[column] for column in columns) for line in read(given.results)])


if __name__ == "__main__":
    main()
