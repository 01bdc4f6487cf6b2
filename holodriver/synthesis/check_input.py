"""What every method of synthesis asks of its input before it begins."""

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
