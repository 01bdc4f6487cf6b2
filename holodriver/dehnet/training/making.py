"""Processes that fill a pool with focal stacks of random layered scenes while the network already learns."""

import os
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import torch

from holodriver.dehnet.training.pool import Pool, PoolSize
from holodriver.errors import InputError
from holodriver.files.stack import read_stack
from holodriver.scene.layered import focal_stack
from holodriver.scene.random_layers import random_scene
from holodriver.scene.stack import FocalStack

RAYS = 96
"""Number of points on the aperture: half the pixels of the largest blur circle; each pixel has 16 samples."""


def layered_stack(seed: int, size: PoolSize, *, device: torch.device | str = "cpu") -> FocalStack:
    """Focal stack of the random layers of a seed, always with the same result."""
    for attempt in range(100):
        scene = random_scene(np.random.default_rng([seed, attempt]), size.size)
        positions = np.linspace(0, 1, size.planes, dtype=np.float32)
        stack = focal_stack(scene, positions, size.coc_max, rays=RAYS, device=device)
        if np.percentile(stack.all_in_focus, 99.9) > 0.01:
            return stack
    raise InputError(f"seed {seed} gives black scenes only", where="seed")


def fill(folder: Path, workers: int, *, device: str = "cpu") -> list[BaseProcess]:
    """Start processes that make the missing records of a pool; they end when the pool is full or the parent ends."""
    if not workers or not len(Pool(folder).missing()):
        return []
    context = get_context("spawn")
    processes: list[BaseProcess] = []
    for worker in range(workers):
        process = context.Process(target=_work, args=(folder, worker, workers, device, os.getpid()), daemon=True)
        process.start()
        processes.append(process)
    return processes


def _work(folder: Path, worker: int, workers: int, device: str, parent: int) -> None:
    torch.set_num_threads(1)
    pool = Pool(folder)
    for number in _share(pool.missing().tolist(), worker, workers):
        if os.getppid() != parent:
            return
        pool.put(number, layered_stack(number, pool.size, device=device))


def _share(numbers: Sequence[int], worker: int, workers: int) -> list[int]:
    return [number for number in numbers if number % workers == worker]


def add_rendered(pool: Pool, stacks: Sequence[Path], crops: int, seed: int) -> int:
    """Replace the pool's first records by crops of rendered focal stacks; returns the number of records replaced.

    Args:
        pool: the pool; the stacks must have its planes and its blur.
        stacks: folders NAME.stack.
        crops: number of crops of each stack, at random places.
        seed: seed of the random places.

    Raises:
        InputError: a stack has other planes, another blur or is smaller than a crop, or the pool is too small.
    """
    size = pool.size
    if len(stacks) * crops > size.records // 2:
        raise InputError(
            f"{len(stacks)} stacks with {crops} crops each do not fit in half of {size.records} records",
            where=pool.folder,
            remedy="use fewer crops or a larger pool",
        )
    number = 0
    for path in stacks:
        stack = read_stack(path).exposed()
        if stack.planes != size.planes or not np.isclose(stack.coc_max, size.coc_max) or min(stack.shape) < size.size:
            raise InputError(
                f"has {stack.planes} planes, a blur of {stack.coc_max:g} px and {stack.shape} pixels; expected "
                f"{size.planes}, {size.coc_max:g} and at least {size.size} × {size.size}",
                where=path,
            )
        rng = np.random.default_rng([seed, number])
        for _ in range(crops):
            y, x = (int(rng.integers(side - size.size + 1)) for side in stack.shape)
            inside = (..., slice(y, y + size.size), slice(x, x + size.size))
            crop = replace(
                stack,
                images=stack.images[inside],
                depths=stack.depths[inside],
                all_in_focus=stack.all_in_focus[inside],
                all_in_focus_depth=stack.all_in_focus_depth[inside],
            )
            if np.percentile(crop.all_in_focus, 99.9) > 0.01:
                pool.put(number, crop)
                number += 1
    return number
