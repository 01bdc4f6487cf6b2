"""Check of the input that all methods of synthesis share."""

from holodriver.errors import InputError
from holodriver.optics.display import DisplayProfile
from holodriver.scene.stack import FocalStack


def check_fits(stack: FocalStack, profile: DisplayProfile) -> None:
    """Refuse a focal stack whose size or number of colours is not the display's.

    Raises:
        InputError: the size or the number of colours differs; the message gives both.
    """
    colours = len(profile.wavelengths)
    if stack.images.shape[1] != colours:
        raise InputError(f"focal stack has {stack.images.shape[1]} colours, the display profile {colours}")
    if stack.shape != profile.shape:
        raise InputError(f"focal stack has {stack.shape} pixels, the display profile {profile.shape}")
