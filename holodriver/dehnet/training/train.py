"""The training loop: samples from a pool, Eq. 2, Adam; checkpoints from which it goes on as if nothing had happened."""

import copy
import csv
import hashlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from holodriver.dehnet.architecture import TOLERANCE, DEHNet, DEHNetShape, NetworkOptics, network_input
from holodriver.dehnet.training import parallel
from holodriver.dehnet.training.fake_quantise import rounding
from holodriver.dehnet.training.muon import Muon
from holodriver.dehnet.training.objective import ALL, Objective, Sample
from holodriver.dehnet.training.pool import Pool, Record
from holodriver.dehnet.training.recipe import Recipe
from holodriver.errors import FileFormatError, SynthesisError
from holodriver.files.atomic import written_file
from holodriver.files.weights import NetworkWeights
from holodriver.progress import Progress, silent
from holodriver.synthesis.loss import LossWeights
from holodriver.system.devices import torch_device

BORDER = 8
"""Pixels of a crop that do not count: light moves by less between the hologram plane and any focal plane."""

VALIDATION = 32
"""Last records of the pool, which are never learned from."""

LEAST_VARIANCE = 2e-3
"""Samples with less variance do not count more than this."""

STAGE = "Training"

ROUNDED = 2
"""Number of the stage that follows those of `State`; rounding has no bfloat16."""

RAW = "parametrizations.weight.original"
"""Name of a kernel while it is rounded."""


@dataclass
class State:
    """Where a training stands."""

    stage: int = 0
    """0 with batch normalisation, 1 without."""
    step: int = 0
    """Within the stage."""
    best: float = float("inf")
    """Lowest validation loss of the stage."""
    stale: int = 0
    """Validations since."""
    seconds: float = 0.0
    """Of all stages so far."""
    history: list[dict[str, float]] = field(default_factory=list)


class Trainer:
    """Trains one network for one colour.

    Args:
        pool: what to learn from; may still grow.
        shape: the network's size.
        optics: the display that it is for.
        recipe: how.
        colours: colours of the pool that samples are taken from.
        seed: of the initial weights and of the order of samples.
        device: torch device.
        start: weights to start from, of the same shape, in place of random ones.
        validate_every: steps between validations.
    """

    def __init__(
        self,
        pool: Pool,
        shape: DEHNetShape,
        optics: NetworkOptics,
        recipe: Recipe,
        *,
        seed: int = 0,
        device: torch.device | str = "cpu",
        start: NetworkWeights | None = None,
        validate_every: int = 500,
    ):
        self.pool, self.recipe, self.optics = pool, recipe, optics
        self.device = torch_device(device)
        self.seed, self.validate_every = seed, validate_every
        self.begun_from = None if start is None else _digest(start)
        torch.manual_seed(seed)
        self.state = State(stage=0 if recipe.norm and start is None else 1)
        self.network = DEHNet(shape, norm=self.state.stage == 0)
        if start is not None:
            try:
                self.network.load_state_dict(start.tensors)
            except RuntimeError as error:
                said = f"the weights to start from are of another network: {' '.join(str(error).split())[:200]}"
                raise FileFormatError(said) from error
        planes = pool.size.planes
        self.objective = Objective(optics, LossWeights.for_planes(planes), BORDER)
        self._held = list(range(pool.size.records - min(VALIDATION, pool.size.records // 4), pool.size.records))
        self._place()

    def _place(self) -> None:
        self.network.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.network)
        self._new_optimiser()

    def _new_optimiser(self) -> None:
        kind = Muon if self.recipe.optimiser == "muon" else torch.optim.Adam
        self.optimiser: torch.optim.Optimizer = kind(self.network.parameters(), lr=self.recipe.learning_rate)

    def run(
        self,
        checkpoint: Path | None = None,
        *,
        deadline: Callable[[], bool] = lambda: False,
        progress: Progress = silent,
    ) -> NetworkWeights:
        """Train to the end of the recipe, or until `deadline` says so; returns the best weights there are.

        Raises:
            SynthesisError: the loss is not a number.
        """
        begun = time.monotonic()
        before = self.state.seconds
        over, late = parallel.decided(self._stage_over(), False)
        while not late:
            if over:
                if self.state.stage == 1:
                    break
                self._fuse()
            self._reset_if_due()
            loss = self._step()
            self.state.step += 1
            self.state.seconds = before + time.monotonic() - begun
            progress(STAGE, self.state.step, self.recipe.steps)
            late = deadline()
            if late or self.state.step >= self.recipe.steps or self.state.step % self.validate_every == 0:
                self._validated(loss)
                if checkpoint is not None and parallel.rank() == 0:
                    self.save(checkpoint)
            over, late = parallel.decided(self._stage_over(), late)
        if self.recipe.rounded_steps and self.state.stage == 1:
            self._rounded(progress)
        return self.weights()

    def _stage_over(self) -> bool:
        """Whether the stage has come to its end, here or before it was resumed."""
        patience = self.recipe.patience
        return self.state.step >= self.recipe.steps or (patience > 0 and self.state.stale >= patience)

    def weights(self) -> NetworkWeights:
        """The averaged weights, without batch normalisation."""
        network = self.average.fused() if self.state.stage == 0 else self.average
        tensors = {name: tensor.float() for name, tensor in network.state_dict().items()}
        training = {
            "recipe": asdict(self.recipe),
            "seed": self.seed,
            "pool": asdict(self.pool.size),
            "steps": self.state.step,
            "validation": self.state.history[-1:],
            "seconds": round(self.state.seconds),
        }
        return NetworkWeights(tensors, asdict(network.shape), False, asdict(self.optics), training)

    def save(self, path: Path) -> None:
        """Write a checkpoint, from which `resume` goes on."""
        tensors: dict[str, Tensor] = {}
        for kind, module in (("network", self.network), ("average", self.average)):
            tensors |= {f"{kind}.{name}": tensor for name, tensor in module.state_dict().items()}
        for number, moments in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{number}.{name}": torch.as_tensor(value) for name, value in moments.items()}
        about = json.dumps(
            {
                "state": asdict(self.state),
                "shape": asdict(self.network.shape),
                "recipe": asdict(self.recipe),
                "optics": asdict(self.optics),
                "seed": self.seed,
                "start": self.begun_from,
            }
        )
        with written_file(path, overwrite=True) as temporary:
            held = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
            save_file(held, temporary, metadata={"holodriver": about})
        with path.with_suffix(".csv").open("w", newline="") as file:
            rows = csv.DictWriter(file, ["stage", "step", "seconds", "loss", "validation", "rate"])
            rows.writeheader()
            rows.writerows(self.state.history)

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint of the same shape, optics, seed and optimiser; steps and rates may be others.

        Raises:
            FileFormatError: it is not one, or was begun from other weights than those to start from.
        """
        try:
            with safe_open(path, "pt") as file:
                about = json.loads((file.metadata() or {})["holodriver"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
            state = State(**about["state"])
            if about["shape"] != asdict(self.network.shape):
                raise ValueError(f"it is of a network of {about['shape']}")
            self._check_same(about)
        except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise FileFormatError(
                f"is no checkpoint of this training: {error}", where=path, remedy="delete it or name another"
            ) from None
        self.state = state
        self.begun_from = about.get("start")
        self.network = DEHNet(self.network.shape, norm=state.stage == 0)
        self._place()
        try:
            for kind, module in (("network", self.network), ("average", self.average)):
                prefix = f"{kind}."
                module.load_state_dict({n[len(prefix) :]: t for n, t in tensors.items() if n.startswith(prefix)})
            moments: dict[int, dict[str, Any]] = {}
            for name, tensor in tensors.items():
                if name.startswith("optimiser."):
                    _, number, what = name.split(".")
                    moments.setdefault(int(number), {})[what] = tensor
            if moments:
                self.optimiser.load_state_dict(self.optimiser.state_dict() | {"state": moments})
        except (RuntimeError, ValueError, KeyError) as error:
            raise FileFormatError(
                f"is no checkpoint of this training: {' '.join(str(error).split())[:200]}",
                where=path,
                remedy="delete it or name another",
            ) from None

    def _check_same(self, about: dict[str, Any]) -> None:
        """Raise a ValueError that names what a checkpoint has otherwise; older ones say neither optics nor seed."""
        optics = about.get("optics", {})
        for name, wanted in asdict(self.optics).items() if optics else ():
            if not math.isclose(optics[name], wanted, rel_tol=TOLERANCE, abs_tol=1e-12):
                raise ValueError(f"its {name} is {optics[name]:.6g}, expected {wanted:.6g}")
        optimiser, seed = about["recipe"].get("optimiser", "adam"), about.get("seed", self.seed)
        if optimiser != self.recipe.optimiser:
            raise ValueError(f"its optimiser is {optimiser}, expected {self.recipe.optimiser}")
        if seed != self.seed:
            raise ValueError(f"its seed is {seed}, expected {self.seed}")
        if self.begun_from is not None and about.get("start") != self.begun_from:
            raise ValueError("it was not begun from the weights given to start from")

    def _step(self) -> float:
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.rate(self.state.step)
        self.optimiser.zero_grad(set_to_none=True)
        total = self._gradients(self.network, (self.state.stage, self.state.step))
        self.optimiser.step()
        keep = min(self.recipe.average, (self.state.step + 1) / (self.state.step + 10))
        with torch.no_grad():
            for mean, now in zip(self.average.state_dict().values(), self.network.state_dict().values(), strict=True):
                if mean.is_floating_point():
                    mean.lerp_(now, 1 - keep)
                else:
                    mean.copy_(now)
        return total

    def _gradients(self, network: nn.Module, moment: tuple[int, int]) -> float:
        """Fill in the gradients of a step, which a stage and a number in it name; returns the loss."""
        network.train()
        total = 0.0
        rng = np.random.default_rng([self.seed, *moment, parallel.rank()])
        made = self.pool.made()
        usable = made[made < self._held[0]]
        every = self.recipe.every_plane
        for _ in range(self.recipe.accumulate):
            numbers = rng.choice(usable, self.recipe.batch)
            samples = [self._augmented(self.pool.get(int(number)), rng) for number in numbers]
            planes = slice(int(rng.integers(every)) if every > 1 else 0, None, every)
            loss = self._losses(network, samples, planes, exact=moment[0] == ROUNDED).mean() / self.recipe.accumulate
            loss.backward()
            total += float(loss.detach())
        parallel.average_gradients(network)
        if not np.isfinite(total):
            raise SynthesisError("the training's loss is not a number", remedy="lower the learning rate")
        if self.recipe.clip:
            nn.utils.clip_grad_norm_(network.parameters(), self.recipe.clip)
        return total

    def _rounded(self, progress: Progress) -> None:
        """Let the averaged weights learn to be rounded; a checkpoint is from before, and this begins anew from it."""
        recipe = replace(
            self.recipe, steps=self.recipe.rounded_steps, learning_rate=self.recipe.rounded_rate, schedule="cosine"
        )
        network, mean = self.average, copy.deepcopy(self.average)
        keep = max(0.0, min(self.recipe.average, 1 - 5 / recipe.steps))
        with rounding(network):
            learnt = {name.replace(RAW, "weight"): value for name, value in network.named_parameters()}
            optimiser = torch.optim.Adam(learnt.values(), lr=recipe.learning_rate)
            for step in range(recipe.steps):
                for group in optimiser.param_groups:
                    group["lr"] = recipe.rate(step)
                optimiser.zero_grad(set_to_none=True)
                self._gradients(network, (ROUNDED, step))
                optimiser.step()
                now = min(keep, (step + 1) / (step + 10))
                with torch.no_grad():
                    for name, average in mean.named_parameters():
                        average.lerp_(learnt[name], 1 - now)
                progress("Training rounded", step + 1, recipe.steps)
        self.average = mean

    def _losses(self, network: nn.Module, samples: list[Sample], planes: slice = ALL, *, exact: bool = False) -> Tensor:
        inputs = torch.stack([network_input(s.all_in_focus[None], s.all_in_focus_depth[None])[0] for s in samples]).to(
            memory_format=torch.channels_last
        )
        with torch.autocast(self.device.type, torch.bfloat16, enabled=not exact):
            fields = network(inputs)
        scales = [max(sample.variance, LEAST_VARIANCE) for sample in samples]
        return self.objective(fields.float(), samples, scales, planes)

    def _validated(self, loss: float) -> None:
        self.average.eval()
        losses: list[float] = []
        with torch.no_grad():
            for number in self._held:
                if number in self.pool.made():
                    sample = sample_of(self.pool.get(number), number % self.pool.size.colours, self.device)
                    losses += self._losses(self.average, [sample]).tolist()
        value = float(np.mean(losses)) if losses else loss
        state = self.state
        state.stale = 0 if value < state.best * 0.999 else state.stale + 1
        state.best = min(state.best, value)
        rate = self.recipe.rate(state.step)
        row = {"stage": state.stage, "step": state.step, "seconds": round(state.seconds, 1)}
        state.history.append({**row, "loss": loss, "validation": value, "rate": rate})

    def _reset_if_due(self) -> None:
        every = self.recipe.reset_epochs * (self.pool.size.records // (self.recipe.batch * self.recipe.accumulate))
        if self.state.stage == 1 and every and self.state.step and self.state.step % every == 0:
            self._new_optimiser()

    def _fuse(self) -> None:
        self.network = self.average.fused()
        self.state = State(1, seconds=self.state.seconds, history=self.state.history)
        self._place()

    def _augmented(self, record: Record, rng: np.random.Generator) -> Sample:
        """One colour of a record: turned, mirrored, darkened."""
        colour = rng.integers(record.images.shape[1])
        light = float(rng.uniform(0.4, 1.0))
        turns, mirror = int(rng.integers(4)), bool(rng.integers(2))

        def posed(values: np.ndarray) -> Tensor:
            values = np.rot90(values, turns, (-2, -1))
            values = values[..., ::-1] if mirror else values
            return torch.from_numpy(np.ascontiguousarray(values, np.float32)).to(self.device)

        return Sample(
            posed(record.images[:, colour]).mul_(light),
            posed(record.depths),
            posed(record.all_in_focus[colour]).mul_(light),
            posed(record.all_in_focus_depth),
        )


def _digest(weights: NetworkWeights) -> str:
    """What tells weights from others."""
    held = hashlib.sha256()
    for name, tensor in sorted(weights.tensors.items()):
        held.update(name.encode() + tensor.float().cpu().numpy().tobytes())
    return held.hexdigest()


def sample_of(record: Record, colour: int, device: torch.device) -> Sample:
    """One colour of a record as it is."""

    def here(values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)).to(device)

    return Sample(
        here(record.images[:, colour]),
        here(record.depths),
        here(record.all_in_focus[colour]),
        here(record.all_in_focus_depth),
    )
