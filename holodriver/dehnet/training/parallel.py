"""Training on several devices: one process for each, started by `torchrun`; the processes share their gradients."""

import os
from datetime import timedelta
from functools import cache

import torch
from torch import distributed, nn

PATIENCE = timedelta(days=7)
"""Longest time that processes wait for each other in `meet`; the first process may have a pool to fill."""


def join() -> torch.device | None:
    """Join the processes that `torchrun` started; returns the device of this process, or None if it is alone."""
    if "WORLD_SIZE" not in os.environ:
        return None
    cuda = torch.cuda.is_available()
    distributed.init_process_group("nccl" if cuda else "gloo")
    _patient()
    if not cuda:
        return torch.device("cpu")
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    torch.cuda.set_device(device)
    return device


def leave() -> None:
    """Leave the group of processes."""
    if distributed.is_initialized():
        distributed.destroy_process_group()
        _patient.cache_clear()


def rank() -> int:
    """Number of this process, from 0; 0 if it is alone."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def meet() -> None:
    """Wait until every process has called this function, however long that takes."""
    if distributed.is_initialized():
        distributed.barrier(_patient())


@cache
def _patient() -> distributed.ProcessGroup:
    return distributed.new_group(timeout=PATIENCE, backend="gloo")


def decided(*answers: bool) -> list[bool]:
    """Answers of the first process, for all processes: their clocks and losses differ, and all must stop together."""
    if not distributed.is_initialized() or distributed.get_world_size() == 1:
        return list(answers)
    device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
    said = torch.tensor(answers, dtype=torch.uint8, device=device)
    distributed.broadcast(said, 0)
    return [bool(answer) for answer in said.tolist()]


def average_gradients(network: nn.Module) -> None:
    """Replace the gradients by their mean over all processes."""
    if not distributed.is_initialized() or distributed.get_world_size() == 1:
        return
    gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(flat)
    flat /= distributed.get_world_size()
    for gradient, part in zip(gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))
