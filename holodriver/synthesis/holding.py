"""What is held in memory from one pass over the planes to the next, so that a budget is kept.

A step passes twice over the planes: along the direction, to find how far to go, and with the gradient. A plane that
holds nothing is worked out anew in each pass, from the spectrum; the more it holds, the fewer transforms it costs.
"""

from enum import IntEnum

from holodriver.errors import SynthesisError


class Hold(IntEnum):
    """What one plane keeps; each kind keeps what those before it keep."""

    nothing = 0
    """4 transforms a step, and weight and target computed in both passes."""
    targets = 1
    """Weight and target: 4 transforms a step."""
    fields = 2
    """Its wave field: 3 transforms a step."""
    moves = 3
    """The field of the direction: 2 transforms a step, the least there is."""


WORKSPACE = 22
"""Complex fields of one plane that a step needs whatever is held: spectrum, direction, gradients, pairs of the
quasi-Newton method, preconditioner, transfer functions."""
WORKSPACE_A_THREAD = 8
"""Complex fields of one plane that each thread works with."""


def what_to_hold(planes: int, pixels: int, *, budget: float | None, complex_bytes: int, threads: int) -> list[Hold]:
    """What each plane holds so that a step fits a budget; the first planes hold more where not all can.

    Args:
        planes: number of planes.
        pixels: of one plane, padding included.
        budget: bytes beyond the focal stack itself; everything is held if None.
        complex_bytes: size of one complex value.
        threads: planes worked on at a time.

    Raises:
        SynthesisError: the budget is too small even if nothing is held; says how much is needed.
    """
    if budget is None:
        return [Hold.moves] * planes
    field = pixels * complex_bytes
    left = budget - least_bytes(pixels, complex_bytes=complex_bytes, threads=threads)
    if left < 0:
        needed = (budget - left) / 2**30
        raise SynthesisError(
            f"not enough memory: {pixels:,} pixels need at least {needed:.2f} GiB, there are {budget / 2**30:.2f}",
            remedy="close programs, allow more memory, or use a smaller picture or less padding",
        )
    steps = int(left // field)  # each kind of holding costs one complex field a plane
    everywhere, more = divmod(min(steps, len(Hold) * planes - planes), planes)
    return [Hold(everywhere + (n < more)) for n in range(planes)]


def least_bytes(pixels: int, *, complex_bytes: int, threads: int) -> int:
    """Bytes that a step needs though no plane holds anything."""
    return (WORKSPACE + WORKSPACE_A_THREAD * threads) * pixels * complex_bytes
