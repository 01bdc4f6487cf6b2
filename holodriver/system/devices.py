"""Which processor computes: the CPU, or a GPU by its name in torch."""

import torch

from holodriver.errors import InputError, first_line


def torch_device(name: torch.device | str | None) -> torch.device:
    """The torch device of that name; the best one that this machine has if None.

    Raises:
        InputError: there is no such device here.
    """
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        said = f"device '{name}' cannot be used: {first_line(error)}"
        raise InputError(said, remedy="use the device cpu, or see: holodriver doctor") from error
    return device
