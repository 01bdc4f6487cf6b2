"""What every method of synthesis asks of its input before it begins."""

import torch

from holodriver.errors import InputError
from holodriver.optics.display import DisplayProfile
from holodriver.scene.stack import FocalStack


def check_fits(stack: FocalStack, profile: DisplayProfile) -> None:
    """Refuse a focal stack that is not of the display's size and colours.

    Raises:
        InputError: says which of the two and what was expected.
    """
    colours = len(profile.wavelengths)
    if stack.images.shape[1] != colours:
        raise InputError(f"focal stack has {stack.images.shape[1]} colours, the display profile {colours}")
    if stack.shape != profile.shape:
        raise InputError(f"focal stack has {stack.shape} pixels, the display profile {profile.shape}")


def check_device(name: torch.device | str) -> torch.device:
    """The torch device of that name.

    Raises:
        InputError: there is no such device here.
    """
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0] if str(error) else "unknown"
        raise InputError(f"the device '{name}' cannot be used: {reason}", remedy="see: holodriver doctor") from error
    return device
